"""Connecting a number through a WAHA gateway: its session there, the pairing, and what an owner does with it.

Every call goes over the network, so none stands in a transaction; the row is written before the session is
made, so that the session's first event finds its channel.
"""

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from agents.models import Agent
from conversations import health
from conversations.channel_words import said
from conversations.channels.waha import client_of
from conversations.models import Channel, WebhookEvent
from providers import waha
from providers.addresses import check_outbound, names_host
from providers.errors import ProviderError, ProviderRejected
from tenants import addresses, audit, live
from tenants.models import Tenant, User, WebhookRoute

log = structlog.get_logger(__name__)
CODE_SECONDS = 160  # a pairing code is good for about three minutes
DELETABLE = (Channel.Kind.WAHA, Channel.Kind.WEB, Channel.Kind.CLOUD)
AT_REST = ("STOPPED", "FAILED", "")
CONFIRM = "PASSKEY_CONFIRMATION_REQUIRED"


class Refused(Exception):
    """The gateway cannot be used as it was entered; `field` is the one to mend."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class InUse(Exception):
    """There are threads on this channel, or something came in that was not read yet."""


class SessionTaken(Exception):
    """The gateway has a session of this name, and perhaps somebody uses it."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a person who connects a phone sees at this moment. `qr` is a PNG as data URL."""

    status: str
    qr: str = ""
    code: str = ""
    compare: str = ""
    error: str = ""


def webhook_url(channel: Channel) -> str:
    """Where the gateway delivers; the id is the secret part, so any host of the installation will do."""
    return addresses.public_url(f"/hooks/waha/{channel.pk}")


def add(
    *, tenant: Tenant, by: User, name: str, base_url: str, api_key: str, session: str, agent: Agent,
    take_over: bool, now: datetime,
) -> Channel:  # fmt: skip
    """A new channel with its session at the gateway; after Refused or SessionTaken there is none."""
    channel = Channel(
        kind=Channel.Kind.WAHA, name=name, agent=agent, session=session, base_url=base_url.rstrip("/"),
        api_key=api_key, hmac_secret=secrets.token_urlsafe(32), created_at=now,
    )  # fmt: skip
    exists = _look_around(channel)
    if exists and not take_over:
        raise SessionTaken(session)
    _write(channel, tenant=tenant, by=by, now=now)
    try:
        _ensure(channel, exists=exists)
    except ProviderError as error:
        _unwrite(channel)
        raise _refusal(error) from error
    return channel


def _look_around(channel: Channel) -> bool:
    """Whether the gateway is one, lets us in, and has a session of this name."""
    try:
        private = names_host(channel.base_url, settings.GATEWAY_PRIVATE_HOSTS)
        check_outbound(channel.base_url, allow_private=private)
        found = client_of(channel).get_session(session=channel.session)
    except waha.NotFound:
        return False
    except ProviderError as error:
        raise _refusal(error) from error
    if not found.status:
        raise Refused("base_url", _("What answers at this address is no WAHA gateway."))
    return True


def _refusal(error: ProviderError) -> Refused:
    """Which field an error is about."""
    if isinstance(error, waha.KeyRefused):
        return Refused("api_key", said(error))
    if isinstance(error, waha.NotFound):
        return Refused("base_url", _("What answers at this address is no WAHA gateway."))
    if isinstance(error, waha.AlreadyThere):
        return Refused("session", said(error))
    return Refused("base_url", said(error))


@transaction.atomic(durable=True)
def _write(channel: Channel, *, tenant: Tenant, by: User, now: datetime) -> None:
    channel.save(force_insert=True)
    WebhookRoute.objects.create(pk=channel.pk, tenant=tenant, created_at=now)
    audit.record("channel.add", actor=by, target=channel.pk, kind=channel.kind, name=channel.name)
    live.publish("channel.changed", id=str(channel.pk))


@transaction.atomic(durable=True)
def _unwrite(channel: Channel) -> None:
    """As if it had not been added: nobody could have written on it yet."""
    WebhookRoute.objects.filter(pk=channel.pk).delete()
    Channel.objects.filter(pk=channel.pk, conversations=None).delete()


def _ensure(channel: Channel, *, exists: bool) -> None:
    """The session at the gateway, with our settings, on its way to work."""
    ours: dict[str, Any] = {
        "session": channel.session,
        "webhook_url": webhook_url(channel),
        "hmac_key": channel.hmac_secret,
        "metadata": {"channel": str(channel.pk)},
    }
    client = client_of(channel)
    if exists:
        client.update_session(**ours)
        client.start_session(session=channel.session)
    else:
        client.create_session(**ours)


def connect(channel: Channel, *, now: datetime) -> str:
    """Bring the session to work or to its pairing, made anew when the gateway lost it; its state then."""
    client = client_of(channel)
    try:
        found = client.get_session(session=channel.session)
    except waha.NotFound:
        _ensure(channel, exists=False)
        return look(channel, now=now)
    if webhook_url(channel) not in found.webhooks:
        _ensure(channel, exists=True)
    elif found.status in AT_REST:
        # A session that gave up needs a restart; for one that stopped that is the same as a start.
        client.restart_session(session=channel.session)
    return look(channel, now=now)


def restart(channel: Channel, *, now: datetime) -> str:
    """Start the session again; the phone stays paired."""
    client_of(channel).restart_session(session=channel.session)
    return look(channel, now=now)


def log_out(channel: Channel, *, now: datetime) -> str:
    """Drop the pairing; the threads stay, and the number can be paired again."""
    client_of(channel).logout_session(session=channel.session)
    cache.delete(_code_key(channel))
    return look(channel, now=now)


def look(channel: Channel, *, now: datetime) -> str:
    """Ask the gateway for the session's state, and remember it with whose number it is."""
    found = client_of(channel).get_session(session=channel.session)
    with transaction.atomic(durable=True):
        Channel.objects.filter(pk=channel.pk).update(probe_failures=0, probe_error="")
        if found.me and (number := _number(found.me)) != channel.number:
            Channel.objects.filter(pk=channel.pk).update(number=number)
            channel.number = number
        if health.note_status(channel, found.status, now=now):
            health.weigh(channel.pk, now=now)
    return found.status


def _number(chat_id: str) -> str:
    digits = chat_id.partition("@")[0].partition(":")[0]
    return f"+{digits}" if digits.isdigit() else digits[:40]


def pairing(channel: Channel, *, now: datetime) -> Pairing:
    """What to show to who connects a phone; never raises for the gateway's failures."""
    try:
        status = look(channel, now=now)
        if status == "SCAN_QR_CODE":
            return Pairing(status, qr=_qr(channel), code=str(cache.get(_code_key(channel)) or ""))
        if status == CONFIRM:
            return Pairing(status, compare=client_of(channel).passkey_code(session=channel.session))
        return Pairing(status)
    except ProviderError as error:
        return Pairing(channel.status, error=said(error))


def _qr(channel: Channel) -> str:
    """The code of this moment as an image that stands in the page; empty while there is none."""
    try:
        image = client_of(channel).qr_image(session=channel.session)
    except ProviderError as error:
        log.info("pairing.no_code", channel=str(channel.pk), error=type(error).__name__)
        return ""
    return f"data:image/png;base64,{base64.b64encode(image).decode()}" if image else ""


def request_code(channel: Channel, phone: str) -> str:
    """A code to type on the phone instead of scanning; raises ProviderRejected for what is no number."""
    digits = re.sub(r"[\s().+-]", "", phone)
    if not re.fullmatch(r"[1-9][0-9]{7,14}", digits):
        raise ProviderRejected("This is no phone number: write it as +55 11 98888-7777.")
    code = client_of(channel).request_code(session=channel.session, phone=digits)
    cache.set(_code_key(channel), code, CODE_SECONDS)
    live.publish("channel.changed", id=str(channel.pk))
    return code


def _code_key(channel: Channel) -> str:
    return f"pairing-code:{channel.pk}"


def confirm(channel: Channel, *, now: datetime) -> str:
    """The owner saw the same code on the phone."""
    client_of(channel).passkey_confirm(session=channel.session)
    return look(channel, now=now)


def switch(channel: Channel, *, on: bool, by: User, now: datetime) -> None:
    """Let it carry messages, or not. Off, its light and its alarms are out too; the threads stay."""
    with transaction.atomic(durable=True):
        fresh = {"health": "", "health_reason": "", "health_since": None, "alarmed_at": None}
        Channel.objects.filter(pk=channel.pk).update(is_active=on, probe_failures=0, probe_error="", **fresh)
        audit.record("channel.on" if on else "channel.off", actor=by, target=channel.pk)
        live.publish("channel.changed", id=str(channel.pk))
    channel.is_active = on
    if channel.kind == Channel.Kind.WAHA:
        connect(channel, now=now) if on else client_of(channel).stop_session(session=channel.session)


def change_gateway(channel: Channel, *, base_url: str, api_key: str, by: User, now: datetime) -> None:
    """Another address or key of the gateway, once it was seen to work; raises Refused."""
    channel.base_url, channel.api_key = base_url.rstrip("/"), api_key or channel.api_key
    _look_around(channel)
    with transaction.atomic(durable=True):
        channel.save(update_fields=["base_url", "api_key"])
        audit.record("channel.gateway", actor=by, target=channel.pk)
    try:
        connect(channel, now=now)
    except ProviderError as error:
        raise _refusal(error) from error


def remove(channel: Channel, *, by: User) -> str:
    """Delete a channel on which nobody has written; words when its session could not be deleted too.

    Raises InUse when something would be lost: the threads are kept, and so is their channel.
    """
    try:
        _delete(channel, by=by)
    except (ProtectedError, IntegrityError) as error:
        raise InUse from error
    if channel.kind != Channel.Kind.WAHA:
        return ""
    try:
        client_of(channel).delete_session(session=channel.session)
    except waha.NotFound:
        return ""
    except ProviderError as error:
        return said(error)
    return ""


@transaction.atomic(durable=True)
def _delete(channel: Channel, *, by: User) -> None:
    row = Channel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
    unread = WebhookEvent.objects.filter(channel=row).exclude(status=WebhookEvent.Status.DONE)
    if row.identities.exists() or unread.exists():
        raise InUse
    audit.record("channel.delete", actor=by, target=row.pk, name=row.name)
    WebhookRoute.objects.filter(pk=row.pk).delete()
    row.delete()
    live.publish("channel.changed", id=str(channel.pk))
