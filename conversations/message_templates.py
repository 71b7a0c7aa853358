"""WhatsApp's message templates: read from the business account, kept, chosen and filled in by a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations import outbox, template_parts
from conversations.channels.cloud import client_of
from conversations.events import TemplateChanged, clean
from conversations.models import Channel, Conversation, Message, MessageTemplate
from providers.errors import ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task
from tenants.models import User

log = structlog.get_logger(__name__)
STALE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Found:
    """One template as WhatsApp has it."""

    name: str
    language: str
    category: str
    status: str
    reason: str
    components: Sequence[Any]


# -- reading them


@task()
def sync() -> None:
    """Read the templates of this business's channels that were not read for a day, or changed since."""
    for channel in list(stale(now=timezone.now())):
        try:
            read(channel, now=timezone.now())
        except ProviderError as error:  # the other channels must not wait for it; the next round tries again
            log.warning("templates.not_read", channel=str(channel.pk), reason=type(error).__name__)


@public_task()
def sync_stale() -> None:
    """Ring wherever templates were not read for a day: the round that forgives lost doorbells."""
    now = timezone.now()
    for schema in ready_schemas():
        with schema_context(schema):
            is_due = stale(now=now).exists()
        if is_due:
            ring(sync, schema=schema)


def stale(*, now: datetime) -> QuerySet[Channel]:
    """The channels whose templates are to be read."""
    due = Q(templates_synced_at=None) | Q(templates_synced_at__lt=now - STALE)
    return Channel.objects.filter(due, kind=Channel.Kind.CLOUD, is_active=True)


def read(channel: Channel, *, now: datetime) -> int:
    """Take over what WhatsApp has now, and forget what it no longer has; how many those are.

    Raises ProviderError, ProviderRejected.
    """
    data = client_of(channel).templates()
    with transaction.atomic(durable=True):
        return take_over(channel, data, now=now)


def take_over(channel: Channel, data: Sequence[Mapping[str, Any]], *, now: datetime) -> int:
    """Keep exactly these templates; in the caller's transaction."""
    found = [one for raw in data if (one := _found(raw)) is not None]
    kept = [_keep(channel, one, now=now).pk for one in found]
    channel.templates.exclude(pk__in=kept).delete()
    Channel.objects.filter(pk=channel.pk).update(templates_synced_at=now)
    live.publish("channel.changed", id=str(channel.pk))
    return len(kept)


def _found(data: Mapping[str, Any]) -> Found | None:
    name, language = _words(data, "name", 512), _words(data, "language", 20)
    if not name or not language:
        return None
    components = data.get("components")
    reason = _words(data, "rejected_reason", 200)
    return Found(
        name=name,
        language=language,
        category=_words(data, "category", 30),
        status=_words(data, "status", 30),
        reason="" if reason == "NONE" else reason,
        components=components if isinstance(components, list) else [],
    )


def _words(data: Mapping[str, Any], name: str, length: int) -> str:
    value = data.get(name)
    return clean(value)[:length] if isinstance(value, str) else ""


def _keep(channel: Channel, found: Found, *, now: datetime) -> MessageTemplate:
    fields = {
        "category": found.category,
        "status": found.status,
        "reason": found.reason,
        "body": template_parts.body_of(found.components),
        "components": found.components,
        "parameters_count": len(template_parts.blanks(found.components)),
        "is_usable": template_parts.is_usable(found.components),
        "synced_at": now,
    }
    template, _made = MessageTemplate.objects.update_or_create(
        channel=channel, name=found.name, language=found.language, defaults=fields
    )
    return template


def note_change(channel: Channel, changed: TemplateChanged, *, now: datetime) -> str:
    """WhatsApp judged a template anew; one that is not known here is read. In the caller's transaction."""
    known = channel.templates.filter(name=changed.name, language=changed.language)
    if not known.update(status=changed.status, reason=changed.reason, synced_at=now):
        Channel.objects.filter(pk=channel.pk).update(templates_synced_at=None)
        enqueue(sync)
    live.publish("channel.changed", id=str(channel.pk))
    return f"template is {changed.status.lower()}"


# -- sending one


def to_choose(channel_id: UUID) -> QuerySet[MessageTemplate]:
    """The templates that may be sent from here now."""
    approved = MessageTemplate.objects.filter(channel=channel_id, status=MessageTemplate.APPROVED)
    return approved.filter(is_usable=True)


@transaction.atomic(durable=True)
def post_by_person(
    conversation_id: int,
    *,
    template: MessageTemplate,
    values: Mapping[str, str],
    user: User,
    now: datetime,
    key: str = "",
) -> Message:
    """A person sends a template, once a `key`; the caller has taken the conversation over.

    Raises template_parts.Unfilled, or ProviderRejected when it may not be sent (any more).
    """
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)
    if not to_choose(conversation.channel_id).filter(pk=template.pk).exists():
        raise ProviderRejected("This template may not be sent on this channel.")
    content = {"template": sendable(template, values)}
    if key and (same := outbox.wished(conversation, key)) is not None:
        return same
    return outbox.post(
        conversation,
        template_parts.filled(template.components, values),
        now=now,
        author=Message.Author.PERSON,
        user=user,
        content=content,
        wish=key,
    )


def sendable(template: MessageTemplate, values: Mapping[str, str]) -> dict[str, Any]:
    """What an outbound message keeps as `content["template"]`; raises template_parts.Unfilled."""
    components = template_parts.to_send(template.components, values)
    return {
        "name": template.name,
        "language": template.language,
        "category": template.category.lower(),
        "components": components,
    }
