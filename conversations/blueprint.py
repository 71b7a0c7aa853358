"""Channels in the business file, and the test chat that a new business starts with."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Discriminator, Field, Tag

from agents import blueprint as assistants
from agents import hiring
from agents.models import Agent
from conversations import cloud_setup, message_templates, trial, web_chat
from conversations.models import Channel
from conversations.widget import Widget
from tenants import addresses, blueprints, provisioning
from tenants.background import enqueue
from tenants.blueprint_files import Hidden, Steps
from tenants.blueprints import Context, Part, Secret
from tenants.models import Tenant, WebhookRoute

FIELDS = ("base_url", "session", "api_key", "hmac_secret")
OPTIONAL = ("watchdog_minutes", "call_reply")  # what a file leaves out stays as it is
CLOUD_OPTIONAL = (*OPTIONAL, "late_template")
LOOK = frozenset(Widget.model_fields)


class WahaPart(Part):
    """A WhatsApp number behind a WAHA gateway."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["waha"] = "waha"
    base_url: str = Field(pattern=r"^https?://\S+$", max_length=200)
    session: str = Field(pattern=r"^[A-Za-z0-9_-]{1,54}$")
    api_key: Secret
    hmac_secret: Secret
    watchdog_minutes: int | None = Field(None, ge=5, le=1440)
    call_reply: str | None = Field(None, max_length=1000)
    assistant: str = Field("", max_length=80)
    active: bool = True

    def columns(self) -> dict[str, Any]:
        """What of the channel's row the file says."""
        fields: dict[str, Any] = {name: getattr(self, name) for name in FIELDS}
        said = {name: getattr(self, name) for name in OPTIONAL if getattr(self, name) is not None}
        return fields | said | {"base_url": self.base_url.rstrip("/")}


class CloudPart(Part):
    """A WhatsApp number at Meta's Cloud API."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["cloud"]
    phone_number_id: str = Field(pattern=r"^[0-9]{3,40}$")
    waba_id: str = Field(pattern=r"^[0-9]{3,40}$")
    token: Secret
    app_secret: Secret
    verify_token: Secret | None = None
    late_template: str | None = Field(None, pattern=r"^([a-z0-9_]+/[A-Za-z_]{2,20})?$", max_length=540)
    watchdog_minutes: int | None = Field(None, ge=5, le=1440)
    call_reply: str | None = Field(None, max_length=1000)
    assistant: str = Field("", max_length=80)
    active: bool = True

    def columns(self) -> dict[str, Any]:
        """What of the channel's row the file says."""
        fields: dict[str, Any] = {"phone_number_id": self.phone_number_id, "waba_id": self.waba_id}
        fields |= {"api_key": self.token, "hmac_secret": self.app_secret}
        said = {name: getattr(self, name) for name in ("verify_token", *CLOUD_OPTIONAL)}
        return fields | {name: value for name, value in said.items() if value is not None}


class WebPart(Widget, Part):
    """A chat on the business's own site."""

    name: str = Field(min_length=1, max_length=80)
    kind: Literal["web"]
    assistant: str = Field("", max_length=80)
    active: bool = True

    def columns(self) -> dict[str, Any]:
        return {"widget": self.model_dump(include=set(LOOK))}


def _kind_of(part: Any) -> str:
    """A channel that does not say its kind is a WhatsApp number."""
    return str(part.get("kind", "waha") if isinstance(part, dict) else getattr(part, "kind", "waha"))


ChannelPart = Annotated[
    Annotated[WahaPart, Tag("waha")] | Annotated[CloudPart, Tag("cloud")] | Annotated[WebPart, Tag("web")],
    Discriminator(_kind_of),
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
        trial.create_channel(hiring.first(), name=_("Test chat"), now=now)


def webhook_url(channel: Channel) -> str:
    """Where the gateway delivers; the id is the secret part, so any host of the installation will do."""
    return addresses.public_url(f"/hooks/{channel.kind}/{channel.pk}")


def _check(value: list[ChannelPart], context: Context) -> Iterable[tuple[Steps, str]]:
    channels = Channel.objects.values_list("name", "kind") if context.tenant else []
    kinds, seen = dict(channels), set()
    for number, part in enumerate(value):
        if part.name in seen or kinds.get(part.name, part.kind) != part.kind:
            yield (number, "name"), "another channel has this name"
        seen.add(part.name)
        if part.assistant and not assistants.named(part.assistant, context=context):
            yield (number, "assistant"), f"there is no assistant {part.assistant!r}"
        if isinstance(part, CloudPart) and _is_taken(part, value[:number], context):
            yield (number, "phone_number_id"), "another channel has this number"


def _is_taken(part: CloudPart, before: list[ChannelPart], context: Context) -> bool:
    """Whether a channel of another name has the number, in the file or in the business."""
    if any(isinstance(one, CloudPart) and one.phone_number_id == part.phone_number_id for one in before):
        return True
    same = Channel.objects.filter(kind=Channel.Kind.CLOUD, phone_number_id=part.phone_number_id)
    return bool(context.tenant) and same.exclude(name=part.name).exists()


def _apply(value: list[ChannelPart], context: Context) -> None:
    for part in value:
        _apply_one(part, context)


def _apply_one(part: ChannelPart, context: Context) -> None:
    assert context.tenant is not None, "apply runs inside a business"
    fields = part.columns() | {"is_active": part.active}
    first = {"kind": part.kind, "agent": hiring.first(), "created_at": context.now}
    if part.assistant:
        fields["agent"] = first["agent"] = Agent.objects.get(name=part.assistant)
    channel, _made = Channel.objects.update_or_create(
        name=part.name, defaults=fields, create_defaults=fields | first
    )
    if channel.kind == Channel.Kind.CLOUD:
        _settle_cloud(channel)
    # The same id in the public schema: the door finds the tenant by it, and by nothing else.
    WebhookRoute.objects.get_or_create(
        pk=channel.pk, defaults={"tenant": context.tenant, "created_at": context.now}
    )


def _settle_cloud(channel: Channel) -> None:
    """What a number at Meta needs beside what the file says: a verify token, and its templates read."""
    if not channel.verify_token:
        channel.verify_token = cloud_setup.new_verify_token()
        channel.save(update_fields=["verify_token"])
    if channel.templates_synced_at is None:
        enqueue(message_templates.sync)


def _export(context: Context) -> list[dict[str, Any]] | None:
    return [_channel(channel) for channel in _written()] or None


def _written() -> Iterable[Channel]:
    """The channels that a file can hold."""
    kinds = [Channel.Kind.WAHA, Channel.Kind.CLOUD, Channel.Kind.WEB]
    return Channel.objects.filter(kind__in=kinds).select_related("agent").order_by("created_at", "name")


def _channel(channel: Channel) -> dict[str, Any]:
    data: dict[str, Any] = {"name": channel.name, "kind": channel.kind}
    if channel.agent_id != hiring.first().pk:
        data["assistant"] = channel.agent.name
    if channel.kind == Channel.Kind.WEB:
        data |= Widget.model_validate(channel.widget).model_dump()
    elif channel.kind == Channel.Kind.CLOUD:
        data |= {"phone_number_id": channel.phone_number_id, "waba_id": channel.waba_id}
        data |= {"token": Hidden(channel.api_key), "app_secret": Hidden(channel.hmac_secret)}
        # Not the verify token: at another installation the address differs, so it is entered anew anyway.
        data |= {name: getattr(channel, name) for name in CLOUD_OPTIONAL if _is_own(channel, name)}
    else:
        data |= {"base_url": channel.base_url, "session": channel.session}
        data |= {"api_key": Hidden(channel.api_key), "hmac_secret": Hidden(channel.hmac_secret)}
        data |= {name: getattr(channel, name) for name in OPTIONAL if _is_own(channel, name)}
    return data if channel.is_active else data | {"active": False}


def _is_own(channel: Channel, name: str) -> bool:
    """Whether the business has chosen this value: what a new channel has anyway is not written."""
    return bool(getattr(channel, name) != getattr(Channel(), name))


def _report(context: Context) -> list[dict[str, Any]]:
    return [{"name": c.name, "kind": c.kind, "id": str(c.pk)} | _address(c) for c in _written()]


def _address(channel: Channel) -> dict[str, str]:
    """What must be entered elsewhere: at the gateway, or on the business's site."""
    if channel.kind == Channel.Kind.WEB:
        return {"script": web_chat.script_tag(channel)}
    return {"webhook_url": webhook_url(channel)}
