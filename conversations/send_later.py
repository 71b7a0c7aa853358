"""A person's message that goes at a moment of their choice; until then it can be changed, stopped, sent now.

The row and its way are the follow-up's (`conversations.follow_ups`): it survives restarts, and goes once. It
does not take the chat over: who wrote it may be asleep when it goes, and the customer's answer must find
somebody.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from conversations import consent, follow_ups, handoff, outbox, window
from conversations.models import Channel, Conversation, FollowUp, Message
from tenants import live
from tenants.background import enqueue
from tenants.current import tenant
from tenants.models import User

LATEST = timedelta(days=90)
MOST_WAITING = 20  # in one thread
LONGEST = 4000
STOPPED = "a person stopped it"
MORNING = time(9)
Status = FollowUp.Status


class Unfit(ValueError):
    """It cannot be sent then; the words are for the person who tried."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A moment that people often choose; `value` as a form's field takes it."""

    words: str
    value: str


def choices(*, now: datetime) -> list[Choice]:
    """In an hour, this evening, tomorrow and on Monday morning, in the business's time."""
    local = now.astimezone(ZoneInfo(tenant().timezone)).replace(second=0, microsecond=0)
    morning = local.replace(hour=MORNING.hour, minute=0)
    evening = local.replace(hour=18, minute=0)
    found = [(_("In an hour"), local + timedelta(hours=1))]
    if evening > local + timedelta(hours=2):
        found.append((_("This evening"), evening))
    found.append((_("Tomorrow morning"), morning + timedelta(days=1)))
    if local.weekday() not in (6, 0):  # tomorrow, or today
        found.append((_("Monday morning"), morning + timedelta(days=7 - local.weekday())))
    return [Choice(words, f"{at:%Y-%m-%dT%H:%M}") for words, at in found]


@transaction.atomic(durable=True)
def plan(
    conversation_id: int, *, text: str, due_at: datetime, if_silent: bool, key: str, user: User, now: datetime
) -> FollowUp:
    """Keep these words for this moment, once a key; raises Unfit."""
    conversation = handoff.locked(conversation_id)
    whole = f"{user.pk}:{key}"[:64]
    if (same := FollowUp.objects.filter(key=whole).first()) is not None:
        return same
    _check(conversation, text, due_at, now=now)
    if conversation.follow_ups.filter(status=Status.WAITING).count() >= MOST_WAITING:
        raise Unfit(_("As many messages as can be wait for this customer already."))
    row = FollowUp.objects.create(
        conversation=conversation, key=whole, text=text, author=user, due_at=due_at, if_silent=if_silent,
        created_at=now,
    )  # fmt: skip
    _ring_at(row, now=now)
    return row


@transaction.atomic(durable=True)
def change(row: FollowUp, *, text: str, due_at: datetime, if_silent: bool, now: datetime) -> None:
    """Other words or another moment; raises Unfit, also when it has left already."""
    conversation = handoff.locked(row.conversation_id)
    _check(conversation, text, due_at, now=now)
    waiting = FollowUp.objects.filter(pk=row.pk, status=Status.WAITING)
    if not waiting.update(text=text, due_at=due_at, if_silent=if_silent, created_at=now):
        raise Unfit(_("It has left already, or was stopped."))
    row.due_at = due_at
    _ring_at(row, now=now)


@transaction.atomic(durable=True)
def stop(row: FollowUp, *, now: datetime) -> bool:
    """Do not send it; False when it has left already."""
    waiting = FollowUp.objects.filter(pk=row.pk, status=Status.WAITING)
    stopped = waiting.update(status=Status.DROPPED, reason=STOPPED, ended_at=now)
    _tell(row)
    return bool(stopped)


@transaction.atomic(durable=True)
def go_on(row: FollowUp, *, now: datetime) -> bool:
    """Send it after all, at its moment; False when that has passed or nobody had stopped it."""
    stopped = FollowUp.objects.filter(pk=row.pk, status=Status.DROPPED, reason=STOPPED, due_at__gt=now)
    brought = stopped.update(status=Status.WAITING, reason="", ended_at=None)
    if brought:
        _ring_at(row, now=now)
    return bool(brought)


def send_now(row: FollowUp, *, now: datetime) -> Message | None:
    """Send it at once; None when it has left or was dropped meanwhile."""
    FollowUp.objects.filter(pk=row.pk, status=Status.WAITING, due_at__gt=now).update(due_at=now)
    message = follow_ups.carry_out(row.pk, now=now)
    if message is not None:
        with transaction.atomic(durable=True):
            enqueue(outbox.deliver, message_id=message.pk)
    return message


def moment(text: str) -> datetime:
    """What a form's field says, in the business's time; raises Unfit."""
    try:
        local = datetime.fromisoformat(text.strip()[:16])
    except ValueError:
        raise Unfit(_("Choose a day and a time.")) from None
    return local.replace(tzinfo=ZoneInfo(tenant().timezone))


def ended(conversation: Conversation, *, most: int = 5) -> Sequence[FollowUp]:
    """What was not sent after all, the latest first."""
    dropped = conversation.follow_ups.filter(status=Status.DROPPED).exclude(reason=STOPPED)
    return list(dropped.select_related("author").order_by("-ended_at")[:most])


def _check(conversation: Conversation, text: str, due_at: datetime, *, now: datetime) -> None:
    """Raises Unfit when it is known now that it could not go then."""
    if not 0 < len(text) <= LONGEST:
        raise Unfit(_("Write between 1 and 4,000 characters."))
    if due_at < now + timedelta(minutes=1):
        raise Unfit(_("This moment has passed: choose a later one."))
    if due_at > now + LATEST:
        raise Unfit(_("Choose a moment within the next 90 days."))
    if consent.is_out(conversation) is not None:
        raise Unfit(_("This customer asked not to get messages that they did not ask for."))
    channel = conversation.channel
    if channel.kind != Channel.Kind.CLOUD or channel.late_template:
        return
    until = window.open_until(conversation)
    if until is None or due_at >= until:
        raise Unfit(_closed(until))


def _closed(until: datetime | None) -> str:
    if until is None:
        return _("The customer has not written yet: only a template can go.")
    at = formats.date_format(timezone.localtime(until), "SHORT_DATETIME_FORMAT")
    return _("WhatsApp lets free words through until %(until)s only; later a template is needed.") % {
        "until": at
    }


def _ring_at(row: FollowUp, *, now: datetime) -> None:
    """The sweep finds it at its moment; one that comes soon has a doorbell, to be in time to the second."""
    left = (row.due_at - now).total_seconds()
    if left < 3600:
        enqueue(follow_ups.say, countdown=max(0.0, left), follow_up_id=row.pk)
    _tell(row)


def _tell(row: FollowUp) -> None:
    live.publish("conversation.changed", id=row.conversation_id, conversation=row.conversation_id)
