"""Channels in the business file, and the test chat that a new business starts with."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Discriminator, Field, Tag

from agents.models import Agent
from conversations import trial, web_chat
from conversations.models import Channel
from conversations.widget import Widget
from tenants import addresses, blueprints, provisioning
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret
from tenants.models import Tenant, WebhookRoute

FIELDS = ("base_url", "session", "api_key", "hmac_secret")
LOOK = frozenset(Widget.model_fields)


class WahaPart(Part):
    """A WhatsApp number behind a WAHA gateway."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["waha"] = "waha"
    base_url: str = Field(pattern=r"^https?://\S+$", max_length=200)
    session: str = Field(pattern=r"^[A-Za-z0-9_-]{1,54}$")
    api_key: Secret
    hmac_secret: Secret
    active: bool = True

    def columns(self) -> dict[str, Any]:
        """What of the channel's row the file says."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in FIELDS}
        return fields | {"base_url": self.base_url.rstrip("/")}


class WebPart(Widget, Part):
    """A chat on the business's own site."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["web"]
    active: bool = True

    def columns(self) -> dict[str, Any]:
        return {"widget": self.model_dump(include=set(LOOK))}


def _kind_of(part: Any) -> str:
    """A channel that does not say its kind is a WhatsApp number."""
    return str(part.get("kind", "waha") if isinstance(part, dict) else getattr(part, "kind", "waha"))


ChannelPart = Annotated[
    Annotated[WahaPart, Tag("waha")] | Annotated[WebPart, Tag("web")], Discriminator(_kind_of)
]


def register() -> None:
    """Tell the business file and new businesses about channels."""
    provisioning.on_create(start)
    blueprints.register(
        blueprints.Section(
            "channels", list[ChannelPart], apply=_apply, export=_export, check=_check, report=_report
        )
    )


def start(tenant: Tenant, *, now: datetime) -> None:
    """The test chat; the assistant is there already, its app comes first."""
    with translation.override(tenant.language):
        trial.create_channel(Agent.objects.order_by("pk")[0], name=_("Test chat"), now=now)


def webhook_url(channel: Channel) -> str:
    """Where the gateway delivers; the id is the secret part, so any host of the installation will do."""
    return addresses.public_url(f"/hooks/waha/{channel.pk}")


def _check(value: list[ChannelPart], context: Context) -> Iterable[tuple[Steps, str]]:
    channels = Channel.objects.values_list("name", "kind") if context.tenant else []
    kinds, seen = dict(channels), set()
    for number, part in enumerate(value):
        if part.name in seen or kinds.get(part.name, part.kind) != part.kind:
            yield (number, "name"), "another channel has this name"
        seen.add(part.name)


def _apply(value: list[ChannelPart], context: Context) -> None:
    for part in value:
        _apply_one(part, context)


def _apply_one(part: ChannelPart, context: Context) -> None:
    assert context.tenant is not None, "apply runs inside a business"
    fields = part.columns() | {"is_active": part.active}
    first = {"kind": part.kind, "agent": Agent.objects.order_by("pk")[0], "created_at": context.now}
    channel, _made = Channel.objects.update_or_create(
        name=part.name, defaults=fields, create_defaults=fields | first
    )
    # The same id in the public schema: the door finds the tenant by it, and by nothing else.
    WebhookRoute.objects.get_or_create(
        pk=channel.pk, defaults={"tenant": context.tenant, "created_at": context.now}
    )


def _export(context: Context) -> list[dict[str, Any]] | None:
    return [_channel(channel) for channel in _written()] or None


def _written() -> Iterable[Channel]:
    """The channels that a file can hold."""
    return Channel.objects.filter(kind__in=[Channel.Kind.WAHA, Channel.Kind.WEB]).order_by(
        "created_at", "name"
    )


def _channel(channel: Channel) -> dict[str, Any]:
    data: dict[str, Any] = {"name": channel.name, "kind": channel.kind}
    if channel.kind == Channel.Kind.WEB:
        data |= Widget.model_validate(channel.widget).model_dump()
    else:
        data |= {"base_url": channel.base_url, "session": channel.session}
        data |= {"api_key": Hidden(channel.api_key), "hmac_secret": Hidden(channel.hmac_secret)}
    return data if channel.is_active else data | {"active": False}


def _report(context: Context) -> list[dict[str, Any]]:
    return [{"name": c.name, "kind": c.kind, "id": str(c.pk)} | _address(c) for c in _written()]


def _address(channel: Channel) -> dict[str, str]:
    """What must be entered elsewhere: at the gateway, or on the business's site."""
    if channel.kind == Channel.Kind.WEB:
        return {"script": web_chat.script_tag(channel)}
    return {"webhook_url": webhook_url(channel)}
