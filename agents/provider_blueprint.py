"""The vendors that a business has models of, in the business file."""

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from agents.models import ModelProvider, vendors
from providers import registry
from tenants import blueprints
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret

PLAIN = ("base_url", "model", "speech_model", "speaking_model", "voice")
DOES: dict[str, tuple[registry.Capability, str]] = {
    "speech_model": ("speech", "hears voice notes"),
    "speaking_model": ("speaking", "speaks"),
}


def _known(vendor: str) -> str:
    names = [name for name, _label in vendors()]
    if vendor not in names:
        raise ValueError(f"there is no vendor {vendor}; vendors are {', '.join(names)}")
    return vendor


class ProviderPart(Part):
    """Where models are asked."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)
    vendor: Annotated[str, AfterValidator(_known)]
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", max_length=200)
    api_key: Secret | None = None
    model: str = Field("", max_length=120)
    speech_model: str = Field("", max_length=120)
    speaking_model: str = Field("", max_length=120)
    voice: str = Field("", max_length=120)
    reads_images: bool | None = None
    headers: dict[str, Secret] = {}
    default: bool = False


def register() -> None:
    """Tell the business file about providers; before the assistants, which name them."""
    blueprints.register(
        blueprints.Section("providers", list[ProviderPart], apply=_apply, export=_export, check=_check)
    )


def _check(value: list[ProviderPart], context: Context) -> Iterable[tuple[Steps, str]]:
    seen: set[str] = set()
    for number, part in enumerate(value):
        if part.name in seen:
            yield (number, "name"), "stands here twice"
        seen.add(part.name)
        if _needs_key(part) and not (part.api_key or _has_key(part, context)):
            yield (number,), "api_key: is missing"
        for name, said in _cannot(part):
            yield (number, name), said
    if sum(part.default for part in value) > 1:
        yield (), "only one provider can be the default"


def _needs_key(part: ProviderPart) -> bool:
    return registry.all_known()[part.vendor].needs_key


def _cannot(part: ProviderPart) -> Iterable[tuple[str, str]]:
    """Models for what this vendor does not do."""
    for name, (capability, does) in DOES.items():
        able = [vendor.name for vendor in registry.having(capability)]
        if getattr(part, name) and part.vendor not in able:
            yield name, f"only the vendor {' or '.join(able)} {does}"


def _has_key(part: ProviderPart, context: Context) -> bool:
    """Whether the key that is there may be used: one goes to no other vendor or address than it was for."""
    stored = ModelProvider.objects.filter(name=part.name).first() if context.tenant else None
    if stored is None or not stored.api_key:
        return False
    where = part.base_url if "base_url" in part.model_fields_set else stored.base_url
    return (stored.vendor, stored.base_url) == (part.vendor, where)


def _apply(value: list[ProviderPart], context: Context) -> None:
    if any(part.default for part in value):
        ModelProvider.objects.filter(is_default=True).update(is_default=False)
    for part in value:
        fields = part.model_dump(exclude_unset=True, exclude={"name", "default"})
        fields = {key: field for key, field in fields.items() if field is not None}
        if "default" in part.model_fields_set:
            fields["is_default"] = part.default
        ModelProvider.objects.update_or_create(name=part.name, defaults=fields)


def _export(context: Context) -> list[dict[str, Any]] | None:
    return [_written(provider) for provider in ModelProvider.objects.order_by("pk")] or None


def _written(provider: ModelProvider) -> dict[str, Any]:
    data: dict[str, Any] = {"name": provider.name, "vendor": provider.vendor}
    data |= {key: value for key in PLAIN if (value := getattr(provider, key))}
    if provider.api_key:
        data["api_key"] = Hidden(provider.api_key)
    if provider.reads_images is not None:
        data["reads_images"] = provider.reads_images
    if provider.headers:
        data["headers"] = {name: Hidden(value) for name, value in provider.headers.items()}
    return data | ({"default": True} if provider.is_default else {})
