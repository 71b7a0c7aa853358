"""Channels in the business file, and the test chat that a new business starts with."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal

from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Field

from agents.models import Agent
from conversations import trial
from conversations.models import Channel
from tenants import addresses, blueprints, provisioning
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret
from tenants.models import Tenant, WebhookRoute

FIELDS = ("base_url", "session", "api_key", "hmac_secret")


class ChannelPart(Part):
    """A WhatsApp number behind a WAHA gateway."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["waha"] = "waha"
    base_url: str = Field(pattern=r"^https?://\S+$", max_length=200)
    session: str = Field(pattern=r"^[A-Za-z0-9_-]{1,54}$")
    api_key: Secret
    hmac_secret: Secret
    active: bool = True


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
    tests = Channel.objects.filter(kind=Channel.Kind.TEST) if context.tenant else Channel.objects.none()
    taken = set(tests.values_list("name", flat=True)) if context.tenant else set()
    for number, part in enumerate(value):
        if part.name in taken:
            yield (number, "name"), "another channel has this name"
        taken.add(part.name)


def _apply(value: list[ChannelPart], context: Context) -> None:
    for part in value:
        _apply_one(part, context)


def _apply_one(part: ChannelPart, context: Context) -> None:
    assert context.tenant is not None, "apply runs inside a business"
    fields: dict[str, Any] = {name: getattr(part, name) for name in FIELDS} | {"is_active": part.active}
    fields["base_url"] = fields["base_url"].rstrip("/")
    first = {"kind": part.kind, "agent": Agent.objects.order_by("pk")[0], "created_at": context.now}
    channel, _made = Channel.objects.update_or_create(
        name=part.name, defaults=fields, create_defaults=fields | first
    )
    # The same id in the public schema: the door finds the tenant by it, and by nothing else.
    WebhookRoute.objects.get_or_create(
        pk=channel.pk, defaults={"tenant": context.tenant, "created_at": context.now}
    )


def _export(context: Context) -> list[dict[str, Any]] | None:
    channels = Channel.objects.filter(kind=Channel.Kind.WAHA).order_by("created_at", "name")
    return [_channel(channel) for channel in channels] or None


def _channel(channel: Channel) -> dict[str, Any]:
    data: dict[str, Any] = {"name": channel.name, "kind": channel.kind}
    data |= {"base_url": channel.base_url, "session": channel.session}
    data |= {"api_key": Hidden(channel.api_key), "hmac_secret": Hidden(channel.hmac_secret)}
    return data if channel.is_active else data | {"active": False}


def _report(context: Context) -> list[dict[str, Any]]:
    channels = Channel.objects.filter(kind=Channel.Kind.WAHA).order_by("created_at", "name")
    return [
        {"name": c.name, "kind": c.kind, "id": str(c.pk), "webhook_url": webhook_url(c)} for c in channels
    ]
