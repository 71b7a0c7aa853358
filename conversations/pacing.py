"""How fast we talk: a pace for each number and for each person, and bulk behind everybody else.

A row says when it is free again (`next_send_at`), and who wants to send moves it by a conditional UPDATE: the
database serialises the claims, so two workers never take one place. Nothing sleeps: who must wait is queued
again with a `send_after`, and a person's words a place later than an answer. A bulk send
(`conversations.bulk`) takes a place only while nobody else on that number wants one.
"""

import random
import uuid
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.functions import Coalesce, Least

from conversations import channels
from conversations.channels import Pace
from conversations.models import Channel, Conversation, Message
from tenants.db import connection

BULK = Message.Priority.BULK
BREATH = 0.5  # seconds between two looks at bulk that has to stand back
SECOND = 1.0
_TAKE_NUMBER = """
UPDATE conversations_channel SET next_send_at = greatest(coalesce(next_send_at, %(now)s), %(now)s) + %(step)s
WHERE id = %(id)s AND (next_send_at IS NULL OR next_send_at <= %(now)s + %(slack)s)
"""
_TAKE_BULK = """
UPDATE conversations_channel SET next_bulk_at = greatest(next_bulk_at, %(now)s) + %(step)s
WHERE id = %(id)s AND next_bulk_at <= %(now)s + %(slack)s
"""


def pace_of(channel: Channel) -> Pace:
    return channels.transport(channel).limits.pace


def wait(message: Message, *, now: datetime) -> float:
    """Seconds until this message may leave; at zero its places, of number and person, are taken."""
    conversation, channel = message.conversation, message.conversation.channel
    pace = pace_of(channel)
    if pace.person_seconds and (seconds := _until(conversation.next_send_at, now)):
        return seconds
    if pace.a_second and not _take_number(channel, pace, now=now):
        return _number_free_in(channel, pace, message.priority, now=now)
    if pace.person_seconds and not _take_person(conversation, pace, now=now):
        return pace.person_seconds
    return 0.0


def _until(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0


def _take_number(channel: Channel, pace: Pace, *, now: datetime) -> bool:
    """A token bucket in one column: it may run ahead of the clock by the burst, and no further."""
    step = 1.0 / pace.a_second
    return _moved(_TAKE_NUMBER, channel, step=step, slack=step * (pace.burst - 1), now=now)


def _moved(statement: str, channel: Channel, *, step: float, slack: float, now: datetime) -> bool:
    values = {"now": now, "step": timedelta(seconds=step), "slack": timedelta(seconds=slack)}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"id": channel.pk, **values})
        return bool(cursor.rowcount)


def _number_free_in(channel: Channel, pace: Pace, priority: int, *, now: datetime) -> float:
    """When to come again: the next free place, a place later for a person's words than for an answer."""
    step = 1.0 / pace.a_second
    free_at = Channel.objects.values_list("next_send_at", flat=True).get(pk=channel.pk)
    return max(step, _until(free_at, now) - step * (pace.burst - 1)) + step * priority


def _take_person(conversation: Conversation, pace: Pace, *, now: datetime) -> bool:
    free = Q(next_send_at=None) | Q(next_send_at__lte=now)
    until = now + timedelta(seconds=pace.person_seconds)
    return bool(Conversation.objects.filter(free, pk=conversation.pk).update(next_send_at=until))


# -- bulk


def bulk_due(channel_id: uuid.UUID, at: datetime) -> None:
    """There is bulk on this number that may move at this moment, or already might before it."""
    earlier = Least(Coalesce("next_bulk_at", Value(at)), Value(at))
    Channel.objects.filter(pk=channel_id).update(next_bulk_at=earlier)


def take_bulk(channel: Channel, *, now: datetime) -> bool:
    """Whether it is this caller who sends the number's next bulk message; the pause after it begins now."""
    step = random.uniform(*pace_of(channel).bulk_seconds)
    return _moved(_TAKE_BULK, channel, step=step, slack=bulk_slack(channel), now=now)


def bulk_slack(channel: Channel) -> float:
    """Where the pauses are shorter than a second, a second's worth may go in one breath."""
    return SECOND if pace_of(channel).bulk_seconds[1] < SECOND else 0.0


def others_wait(channel: Channel, *, now: datetime) -> bool:
    """Whether an answer or a person's words want to leave by this number now."""
    due = Q(send_after=None) | Q(send_after__lte=now)
    first = Message.objects.filter(due, status=Message.Status.QUEUED, priority__lt=BULK)
    return first.filter(conversation__channel=channel).exists()


def next_bulk(channel: Channel, *, now: datetime) -> int | None:
    """The number's oldest bulk message that may leave; None when there is none now.

    A thread in which something else is on its way is passed over: its bulk comes when that has ended.
    """
    due = Q(send_after=None) | Q(send_after__lte=now)
    unsent = [Message.Status.QUEUED, Message.Status.SENDING]
    thread = Message.objects.filter(conversation=OuterRef("conversation"), status__in=unsent)
    ahead = thread.exclude(status=Message.Status.QUEUED, priority=BULK)
    bulk = Message.objects.filter(due, status=Message.Status.QUEUED, priority=BULK)
    mine = bulk.filter(~Exists(ahead), conversation__channel=channel)
    return mine.order_by("pk").values_list("pk", flat=True).first()
