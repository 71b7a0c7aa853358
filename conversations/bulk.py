"""One text to many: rows of the outbox like any other, that move one at a time behind everybody else.

A broadcast rings no doorbell a message. Its channel says when its bulk moves next (`next_bulk_at`), and
`pump` (on the queue "bulk") sends what is due, at most BATCH or SECONDS at a time, and goes to the end of its
queue: so the broadcasts of many businesses take turns, and each holds one thread of the workers for a moment.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Min, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from conversations import outbox, pacing, rules
from conversations.models import Channel, Conversation, Message
from tenants import audit, live
from tenants.background import enqueue, task
from tenants.models import User

BATCH = 20
SECONDS = 2.0


@transaction.atomic(durable=True)
def broadcast(
    *,
    conversation_ids: Sequence[int],
    text: str,
    now: datetime,
    user: User | None = None,
    content: Mapping[str, Any] | None = None,
) -> list[int]:
    """Queue one message to each of these threads, behind everything else; returns the messages' ids.

    `content` may carry a template of the channel. A thread named twice gets one, and who opted out gets
    none. What is refused when its moment comes (a closed window, an opt-out since) is said on that message.
    """
    found = Conversation.objects.select_related("channel", "contact").in_bulk(set(conversation_ids))
    threads = [thread for _, thread in sorted(found.items()) if _may_hear(thread)]
    rows = [_row(thread, text, content=content, user=user, now=now) for thread in threads]
    messages = Message.objects.bulk_create(rows, batch_size=500)
    Conversation.objects.filter(pk__in=[thread.pk for thread in threads]).update(
        last_message_at=now, last_message_text=text[:160]
    )
    for channel_id in {thread.channel_id for thread in threads}:
        pacing.bulk_due(channel_id, now)
    audit.record("message.broadcast", actor=user, messages=len(messages))
    live.publish("messages.posted", count=len(messages))
    enqueue(pump)
    return [message.pk for message in messages]


def _may_hear(thread: Conversation) -> bool:
    return thread.channel.is_active and thread.contact.opted_out_at is None


def _row(
    thread: Conversation, text: str, *, content: Mapping[str, Any] | None, user: User | None, now: datetime
) -> Message:
    return Message(
        conversation=thread,
        direction=Message.Direction.OUT,
        author_kind=Message.Author.PERSON if user else Message.Author.PROGRAM,
        author=user,
        body=text,
        content=dict(content or {}),
        provider_key=f"{thread.channel_id.hex}:true:{outbox.new_unique_id()}",
        status=Message.Status.QUEUED,
        priority=pacing.BULK,
        created_at=now,
    )


@task()
def pump() -> None:
    """Send the bulk of this tenant that may leave now, a few, and come again for the rest."""
    if (quiet := rules.quiet_until(now=timezone.now())) is not None:
        return _rest_until(quiet)
    until = time.monotonic() + SECONDS
    for message_id in islice(_due(), BATCH):
        outbox.send_now(message_id)
        if time.monotonic() > until:
            break
    pending = list(Channel.objects.exclude(next_bulk_at=None).order_by("next_bulk_at"))
    waits = [wait for channel in pending if (wait := _rest(channel, now=timezone.now())) is not None]
    if waits:
        enqueue(pump, countdown=max(0.0, min(waits)))


def _rest_until(moment: datetime) -> None:
    """Nothing moves in the owner's quiet hours; the sweep rings when they are over."""
    Channel.objects.filter(next_bulk_at__lt=moment).update(next_bulk_at=moment)


def _due() -> Iterator[int]:
    """The bulk messages that may leave now, number by number, each with its place taken."""
    for channel in Channel.objects.filter(next_bulk_at__lte=timezone.now()).order_by("next_bulk_at"):
        while not pacing.others_wait(channel, now=timezone.now()):
            message_id = pacing.next_bulk(channel, now=timezone.now())
            if message_id is None or not pacing.take_bulk(channel, now=timezone.now()):
                break
            yield message_id


@transaction.atomic(durable=True)
def _rest(channel: Channel, *, now: datetime) -> float | None:
    """Seconds until the number's bulk moves again; None when none is left. Locked: a broadcast may be new."""
    row = Channel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
    bulk = Message.objects.filter(
        conversation__channel=row, status=Message.Status.QUEUED, priority=pacing.BULK
    )
    first = bulk.aggregate(first=Min(Coalesce("send_after", Value(now))))["first"]
    row.next_bulk_at = max(first, row.next_bulk_at or now) if first else None
    row.save(update_fields=["next_bulk_at"])
    if row.next_bulk_at is None:
        return None
    return max(pacing.BREATH, (row.next_bulk_at - now).total_seconds() - pacing.bulk_slack(row))
