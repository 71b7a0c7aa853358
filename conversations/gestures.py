"""What a person of the team does to a message that is there: a reaction, other words, taking it back.

The vendor is asked first, outside of a transaction. What it did is then kept by the functions that read its
echo, so the echo changes nothing. Done twice, each is the same: who got no answer may try again.
"""

from datetime import datetime, timedelta

from django.db import transaction

from conversations import changes, channels
from conversations.events import Edited, Reacted, Revoked
from conversations.models import Message
from providers.errors import ProviderRejected
from tenants import audit
from tenants.models import User

REACTIONS = ("👍", "❤️", "😂", "😮", "😢", "🙏")
EDITABLE_FOR = timedelta(minutes=15)  # WhatsApp's own bounds
TAKEN_BACK_WITHIN = timedelta(hours=48)
REACHED = (Message.Status.SENT, Message.Status.DELIVERED, Message.Status.READ)
TOO_LATE = "It is too late for that: WhatsApp allows it only for a while."
NOT_HERE = "This channel cannot do that."


def may_react(message: Message) -> bool:
    """Whether the channel carries a reaction to this message."""
    transport = channels.transport(message.conversation.channel)
    return isinstance(transport, channels.Reactor) and _is_there(message)


def may_edit(message: Message, *, now: datetime) -> bool:
    """Whether its words may still be changed."""
    return (
        _is_changeable(message)
        and message.kind == Message.Kind.TEXT
        and not message.content
        and (now - (message.sent_at or message.created_at) < EDITABLE_FOR)
    )


def may_take_back(message: Message, *, now: datetime) -> bool:
    return _is_changeable(message) and now - (message.sent_at or message.created_at) < TAKEN_BACK_WITHIN


def _is_changeable(message: Message) -> bool:
    transport = channels.transport(message.conversation.channel)
    is_ours = message.direction == Message.Direction.OUT and message.status in REACHED
    return isinstance(transport, channels.Editor) and is_ours and _is_there(message)


def _is_there(message: Message) -> bool:
    return bool(message.provider_key) and message.revoked_at is None and not message.content.get("call")


def react(message: Message, text: str, *, now: datetime) -> None:
    """React with one of REACTIONS; an empty text takes ours away. Raises ProviderError, ProviderRejected."""
    channel = message.conversation.channel
    transport = channels.transport(channel)
    if not isinstance(transport, channels.Reactor) or not may_react(message):
        raise ProviderRejected(NOT_HERE)
    transport.react(channel, message, text)
    with transaction.atomic(durable=True):
        changes.reacted(channel, Reacted(message.unique_id, from_me=True, text=text, at=now), now=now)


def edit(message: Message, text: str, *, user: User, now: datetime) -> None:
    """Other words instead of these. Raises ProviderError, ProviderRejected."""
    channel = message.conversation.channel
    transport = channels.transport(channel)
    if not isinstance(transport, channels.Editor) or not may_edit(message, now=now):
        raise ProviderRejected(TOO_LATE)
    transport.edit(channel, message, f"{text}\n\n{message.source_line}" if message.source_line else text)
    with transaction.atomic(durable=True):
        changes.edited(channel, Edited(message.unique_id, from_me=True, text=text, at=now), now=now)
        audit.record("message.edit", actor=user, target=message.pk)


def take_back(message: Message, *, user: User, now: datetime) -> None:
    """For everybody. Raises ProviderError, ProviderRejected."""
    channel = message.conversation.channel
    transport = channels.transport(channel)
    if not isinstance(transport, channels.Editor) or not may_take_back(message, now=now):
        raise ProviderRejected(TOO_LATE)
    transport.take_back(channel, message)
    with transaction.atomic(durable=True):
        changes.revoked(channel, Revoked(message.unique_id, from_me=True, at=now), now=now)
        audit.record("message.take_back", actor=user, target=message.pk)
