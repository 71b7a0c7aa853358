"""Connecting a number of WhatsApp Cloud API: checked at Meta, then written, then its deliveries asked for.

Every call goes over the network, so none stands in a transaction.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from agents.models import Agent
from conversations import health, message_templates
from conversations.channels.cloud import WORKING, client_of
from conversations.models import Channel
from providers.errors import ProviderError
from providers.whatsapp_cloud import AccessRefused, Number
from tenants import addresses, audit, live
from tenants.models import Tenant, User, WebhookRoute


class Refused(Exception):
    """WhatsApp does not know it as it was entered; `field` is the one to mend."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Access:
    """What opens a number: its ids, the access token, and the secret of the app that signs its webhooks."""

    phone_number_id: str
    waba_id: str
    token: str
    app_secret: str


def webhook_url(channel: Channel) -> str:
    """Where WhatsApp delivers; the id is unguessable, and what comes is signed besides."""
    return addresses.public_url(f"/hooks/cloud/{channel.pk}")


def new_verify_token() -> str:
    return secrets.token_urlsafe(24)


def add(*, tenant: Tenant, by: User, name: str, agent: Agent, access: Access, now: datetime) -> Channel:
    """A new channel, when WhatsApp knows the number and the account; else Refused, and there is none."""
    channel = Channel(kind=Channel.Kind.CLOUD, name=name, agent=agent, created_at=now)
    channel.verify_token = new_verify_token()
    _put(channel, access)
    number, templates = _look(channel)
    with transaction.atomic(durable=True):
        channel.number = number.display
        channel.save(force_insert=True)
        # The same id in the public schema: the door finds the tenant by it, and by nothing else.
        WebhookRoute.objects.create(pk=channel.pk, tenant=tenant, created_at=now)
        audit.record("channel.add", actor=by, target=channel.pk, kind=channel.kind, name=name)
        _settle(channel, number, templates, now=now)
    return channel


def change(channel: Channel, *, by: User, access: Access, now: datetime) -> None:
    """Another token, secret or account; an empty secret keeps the one that is there. Raises Refused."""
    _put(channel, access)
    number, templates = _look(channel)
    with transaction.atomic(durable=True):
        channel.number = number.display
        channel.save(update_fields=["phone_number_id", "waba_id", "api_key", "hmac_secret", "number"])
        audit.record("channel.edit", actor=by, target=channel.pk)
        _settle(channel, number, templates, now=now)


def ask_for_deliveries(channel: Channel) -> None:
    """Have WhatsApp deliver here; it looks at once whether we answer. Raises ProviderError."""
    client_of(channel).deliver_to(url=webhook_url(channel), verify_token=channel.verify_token)


def _put(channel: Channel, access: Access) -> None:
    channel.phone_number_id, channel.waba_id = access.phone_number_id, access.waba_id
    channel.api_key = access.token or channel.api_key
    channel.hmac_secret = access.app_secret or channel.hmac_secret


def _look(channel: Channel) -> tuple[Number, list[dict[str, Any]]]:
    """Whether WhatsApp lets us at the number and at its account."""
    try:
        number = client_of(channel).number()
    except ProviderError as error:
        raise Refused(_field(error, "phone_number_id"), str(error)) from error
    try:
        return number, client_of(channel).templates()
    except ProviderError as error:
        raise Refused(_field(error, "waba_id"), str(error)) from error


def _field(error: ProviderError, otherwise: str) -> str:
    return "token" if isinstance(error, AccessRefused) else otherwise


def _settle(channel: Channel, number: Number, templates: list[dict[str, Any]], *, now: datetime) -> None:
    Channel.objects.filter(pk=channel.pk).update(probe_failures=0, probe_error="")
    health.note_status(channel, WORKING.get(number.status, number.status), now=now)
    health.weigh(channel.pk, now=now)
    message_templates.take_over(channel, templates, now=now)
    live.publish("channel.changed", id=str(channel.pk))
