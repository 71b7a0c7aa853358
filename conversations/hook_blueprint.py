"""Event addresses in the business file."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field

from conversations import hooks
from conversations.models import HookEndpoint
from tenants import blueprints
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret


class HookPart(Part):
    """An address of the business's own systems."""

    name: str = Field(min_length=1, max_length=80)
    url: str = Field(pattern=r"^https?://\S+$", max_length=500)
    events: list[str] = Field(min_length=1)
    secret: Secret
    active: bool = True


def register() -> None:
    """Tell the business file about event addresses."""
    blueprints.register(
        blueprints.Section("hooks", list[HookPart], apply=_apply, export=_export, check=_check)
    )


def _check(value: list[HookPart], context: Context) -> Iterable[tuple[Steps, str]]:
    known, taken = [kind.name for kind in hooks.kinds()], set()
    for number, part in enumerate(value):
        if part.name in taken:
            yield (number, "name"), "another address has this name"
        taken.add(part.name)
        for place, event in enumerate(part.events):
            if event not in known:
                yield (number, "events", place), f"is no event; known are {', '.join(known)}"
        try:
            hooks.check_url(part.url)
        except hooks.Refused as error:
            yield (number, "url"), str(error)


def _apply(value: list[HookPart], context: Context) -> None:
    for part in value:
        hooks.keep(**part.model_dump(), now=context.now)


def _export(context: Context) -> list[dict[str, Any]] | None:
    return [_endpoint(endpoint) for endpoint in HookEndpoint.objects.order_by("created_at", "name")] or None


def _endpoint(endpoint: HookEndpoint) -> dict[str, Any]:
    data: dict[str, Any] = {"name": endpoint.name, "url": endpoint.url, "events": endpoint.events}
    data |= {"secret": Hidden(endpoint.secret)}
    return data if endpoint.is_active else data | {"active": False}
