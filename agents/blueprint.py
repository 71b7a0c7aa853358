"""The assistant and its models in the business file, and the assistant that a new business starts with."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Field, field_validator

from agents import hiring, publishing
from agents.models import Agent, ModelProvider
from agents.routing import TIERS
from tenants import blueprints, provisioning
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret
from tenants.models import Tenant

SECONDS = ("debounce_seconds", "debounce_ceiling_seconds")


class ProviderPart(Part):
    """Where models are asked."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=40)
    vendor: Literal["anthropic", "openai", "extractive"]
    base_url: str = Field("", pattern=r"^(https?://\S+)?$", max_length=200)
    api_key: Secret | None = None
    model: str = Field("", max_length=120)
    speech_model: str = Field("", max_length=120)
    reads_images: bool | None = None
    headers: dict[str, Secret] = {}
    default: bool = False


class TierPart(Part):
    """The model of one tier; without a provider the default one, without a model the provider's."""

    provider: str = ""
    model: str = ""


class RulePart(Part):
    """What the assistant must or must not do, and how that sounds."""

    rule: str = Field(min_length=1, max_length=500)
    example: str = Field("", max_length=500)


class AssistantPart(Part):
    """Who answers, and what it was told."""

    name: str = Field(min_length=1, max_length=80)
    persona: str = ""
    rules: list[RulePart] = []
    greeting: str = ""
    tone: str = Field("", max_length=200)
    source_line: bool = True
    memory_messages: int = Field(20, ge=0, le=50)
    memory_minutes: int = Field(30, ge=1, le=10080)
    debounce_seconds: float | None = Field(None, ge=0, le=30)
    debounce_ceiling_seconds: float | None = Field(None, ge=0, le=120)
    tiers: dict[str, TierPart] = {}

    @field_validator("rules", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> Any:
        """A rule without an example may be written as its words alone."""
        if not isinstance(value, list):
            return value
        return [{"rule": one} if isinstance(one, str) else one for one in value]

    @field_validator("tiers")
    @classmethod
    def _tiers(cls, value: dict[str, TierPart]) -> dict[str, TierPart]:
        unknown = set(value) - set(TIERS)
        if unknown:
            raise ValueError(f"there is no tier {', '.join(sorted(unknown))}; tiers are {', '.join(TIERS)}")
        return value


def register() -> None:
    """Tell the business file and new businesses about assistants."""
    provisioning.on_create(start)
    blueprints.register(
        blueprints.Section(
            "providers",
            list[ProviderPart],
            apply=_apply_providers,
            export=_export_providers,
            check=_check_providers,
        )
    )
    blueprints.register(
        blueprints.Section(
            "assistant",
            AssistantPart,
            apply=_apply_assistant,
            export=_export_assistant,
            check=_check_assistant,
        )
    )


def start(tenant: Tenant, *, now: datetime) -> None:
    """The first assistant of a new business, published."""
    with translation.override(tenant.language):
        name = _("Assistant")
    publishing.first_agent(name=name, now=now, persona=hiring.usual_persona(tenant))


# -- providers


def _check_providers(value: list[ProviderPart], context: Context) -> Iterable[tuple[Steps, str]]:
    seen: set[str] = set()
    for number, part in enumerate(value):
        if part.name in seen:
            yield (number, "name"), "stands here twice"
        seen.add(part.name)
        if part.vendor != "extractive" and not (part.api_key or _has_key(part.name, context)):
            yield (number,), "api_key: is missing"
        if part.speech_model and part.vendor != "openai":
            yield (number, "speech_model"), "only the vendor openai hears voice notes"
    if sum(part.default for part in value) > 1:
        yield (), "only one provider can be the default"


def _has_key(name: str, context: Context) -> bool:
    stored = ModelProvider.objects.filter(name=name).first() if context.tenant else None
    return bool(stored and stored.api_key)


def _apply_providers(value: list[ProviderPart], context: Context) -> None:
    if any(part.default for part in value):
        ModelProvider.objects.filter(is_default=True).update(is_default=False)
    for part in value:
        fields = part.model_dump(exclude_unset=True, exclude={"name", "default"})
        fields = {key: field for key, field in fields.items() if field is not None}
        if "default" in part.model_fields_set:
            fields["is_default"] = part.default
        ModelProvider.objects.update_or_create(name=part.name, defaults=fields)


def _export_providers(context: Context) -> list[dict[str, Any]] | None:
    return [_provider(provider) for provider in ModelProvider.objects.order_by("pk")] or None


def _provider(provider: ModelProvider) -> dict[str, Any]:
    data: dict[str, Any] = {"name": provider.name, "vendor": provider.vendor}
    data |= {key: value for key in ("base_url", "model", "speech_model") if (value := getattr(provider, key))}
    if provider.api_key:
        data["api_key"] = Hidden(provider.api_key)
    if provider.reads_images is not None:
        data["reads_images"] = provider.reads_images
    if provider.headers:
        data["headers"] = {name: Hidden(value) for name, value in provider.headers.items()}
    return data | ({"default": True} if provider.is_default else {})


# -- assistant


def _check_assistant(value: AssistantPart, context: Context) -> Iterable[tuple[Steps, str]]:
    known = {part.name for part in context.values.get("providers", [])}
    if context.tenant:
        known |= set(ModelProvider.objects.values_list("name", flat=True))
    for tier, part in value.tiers.items():
        if part.provider and part.provider not in known:
            yield ("tiers", tier, "provider"), f"there is no provider {part.provider!r}"


def _apply_assistant(value: AssistantPart, context: Context) -> None:
    agent = Agent.objects.order_by("pk").first() or publishing.first_agent(name=value.name, now=context.now)
    if agent.name != value.name:
        agent.name = value.name
        agent.save(update_fields=["name"])
    content = value.model_dump(exclude_unset=True, exclude={"name"})
    if "tiers" in content:
        content["tiers"] = {tier: _set(part) for tier, part in content["tiers"].items()}
    for field in SECONDS:
        if content.get(field) is not None:
            content[field] = Decimal(str(round(content[field], 1)))
    publishing.publish_at_once(agent, content=content, user=context.actor, now=context.now)


def _set(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if value}


def _export_assistant(context: Context) -> dict[str, Any] | None:
    agent = Agent.objects.order_by("pk").first()
    version = agent.published if agent else None
    if agent is None or version is None:
        return None
    content = publishing.content_of(version)
    content |= {field: float(content[field]) for field in SECONDS if content[field] is not None}
    filled = {key: value for key, value in content.items() if value not in ("", {}, [], None)}
    return {"name": agent.name, **filled}
