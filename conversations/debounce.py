"""When an answer is due: after the customer's silence since the last bubble, and never after the ceiling."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from agents import pauses
from conversations.models import Channel, Conversation, Message
from tenants import written
from tenants.written import slot

# A sign of writing counts for so long: phones and our own chat repeat it every few seconds.
WRITING = 5.0


def seconds(channel: Channel) -> float:
    """The usual silence after which a customer is taken to have finished."""
    if channel.kind in (Channel.Kind.TEST, Channel.Kind.API):  # who asks there has finished
        return 0.0
    version = channel.agent.published
    own = version.debounce_seconds if version else None
    return float(settings.DEBOUNCE_SECONDS if own is None else own)


def ceiling(channel: Channel) -> float:
    """The longest that a customer waits to be read, in seconds after the first unread bubble."""
    version = channel.agent.published
    own = version.debounce_ceiling_seconds if version else None
    return max(seconds(channel), float(settings.DEBOUNCE_CEILING_SECONDS if own is None else own))


def after_bubble(conversation: Conversation, text: str, *, now: datetime) -> datetime:
    """When to answer, since this bubble has just come; the caller has the conversation locked."""
    wait = seconds(conversation.channel) * pauses.judge(text).value
    return _under_ceiling(conversation, now + timedelta(seconds=wait), now=now)


def while_writing(conversation: Conversation, *, now: datetime) -> datetime | None:
    """When to answer, since the customer writes right now; None when nothing waits or nothing changes."""
    due, usual = conversation.reply_due_at, seconds(conversation.channel)
    if due is None or not usual or conversation.handler != Conversation.Handler.AGENT:
        return None
    later = _under_ceiling(conversation, now + timedelta(seconds=max(usual, WRITING)), now=now)
    return later if later > due else None


def after_reading(conversation: Conversation, *, now: datetime) -> datetime:
    """When to answer, since what the turn waited for (a file, a transcript) is there."""
    last = _unread(conversation).select_related("transcript").order_by("-pk").first()
    if last is None:
        return now
    silence = timedelta(seconds=seconds(conversation.channel) * pauses.judge(last.words).value)
    return max(now, _under_ceiling(conversation, last.created_at + silence, now=now))


def _under_ceiling(conversation: Conversation, due: datetime, *, now: datetime) -> datetime:
    first = _first_unread(conversation, now=now) if conversation.reply_due_at else now
    return max(now, min(due, first + timedelta(seconds=ceiling(conversation.channel))))


def _first_unread(conversation: Conversation, *, now: datetime) -> datetime:
    found = _FIRST(conversation=conversation.pk)
    return found[0][0] if found else now  # a failed turn waits for its next try


_UNREAD = {"direction": Message.Direction.IN, "outcome": "", "turn": None}  # what no turn has begun to answer
_FIRST = written.Values(
    lambda: (
        Message.objects.filter(conversation=slot("conversation"), **_UNREAD)
        .order_by("pk")
        .values_list("created_at")[:1]
    )
)


def _unread(conversation: Conversation) -> QuerySet[Message]:
    return conversation.messages.filter(**_UNREAD)
