"""Everything that goes out: a queued message is the outbox; claim, send, mark.

A send whose outcome is unknown is never repeated blindly: the gateway is asked first, by the id that is ours.
"""

import secrets
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from conversations import channels
from conversations.events import Receipt
from conversations.models import Channel, Conversation, Message, Turn
from providers.errors import ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, task
from tenants.db import connection
from tenants.models import User

log = structlog.get_logger(__name__)
Status = Message.Status
MAX_ATTEMPTS = 8
UNSENT = (Status.QUEUED, Status.SENDING, Status.UNKNOWN)
# How far a message has come; receipts arrive in any order and only ever move it forward.
PROGRESS = {
    -1: Status.FAILED,
    0: Status.SENT,
    1: Status.SENT,
    2: Status.DELIVERED,
    3: Status.READ,
    4: Status.READ,
}
BEHIND = {
    Status.FAILED: (*UNSENT, Status.SENT),
    Status.SENT: (*UNSENT, Status.FAILED),
    Status.DELIVERED: (*UNSENT, Status.SENT, Status.FAILED),
    Status.READ: (*UNSENT, Status.SENT, Status.DELIVERED, Status.FAILED),
}


_CLAIM = """
UPDATE conversations_message AS mine SET status = 'sending', claimed_at = %(now)s
WHERE mine.id = %(id)s AND mine.status = 'queued' AND (mine.send_after IS NULL OR mine.send_after <= %(now)s)
  AND NOT EXISTS (
    SELECT FROM conversations_message AS ahead
    WHERE ahead.conversation_id = mine.conversation_id AND ahead.id < mine.id
      AND ahead.direction = 'out' AND ahead.status IN ('queued', 'sending'))
"""


def post(
    conversation: Conversation,
    text: str,
    *,
    now: datetime,
    author: str = Message.Author.AGENT,
    user: User | None = None,
    turn: Turn | None = None,
    source_line: str = "",
    ring: bool = True,
) -> Message:
    """Queue a message in the caller's transaction; it leaves after the commit, or by the caller's hand."""
    message = Message.objects.create(
        conversation=conversation,
        turn=turn,
        direction=Message.Direction.OUT,
        author_kind=author,
        author=user,
        body=text,
        source_line=source_line[:200],
        provider_key=f"{conversation.channel_id.hex}:true:{new_unique_id()}",
        status=Status.QUEUED,
        created_at=now,
    )
    Conversation.objects.filter(pk=conversation.pk).update(last_message_at=now, last_message_text=text[:160])
    if ring:
        enqueue(deliver, message_id=message.pk)
    live.publish("message.posted", id=message.pk, conversation=conversation.pk)
    return message


def new_unique_id() -> str:
    """A message id in the gateway's own form, chosen by us so that a send can be recognised."""
    return "3EB0" + secrets.token_hex(9).upper()


@transaction.atomic(durable=True)
def post_by_person(conversation_id: int, *, user: User, text: str, now: datetime) -> Message:
    """A person's own words; the caller has taken the conversation over."""
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)
    return post(conversation, text, now=now, author=Message.Author.PERSON, user=user)


@transaction.atomic(durable=True)
def retry(message_id: int, *, now: datetime) -> Message:
    """Send again what failed or is unknown, because a person who saw it said so."""
    message = Message.objects.select_for_update(of=("self",)).get(
        pk=message_id, status__in=[Status.FAILED, Status.UNKNOWN], direction=Message.Direction.OUT
    )
    message.status, message.attempts, message.error, message.send_after = Status.QUEUED, 0, "", None
    message.save()
    enqueue(deliver, message_id=message.pk)
    return message


@task()
def deliver(message_id: int) -> None:
    """Send one queued message, if it is its turn."""
    if _claim(message_id, now=timezone.now()):
        _carry_out(Message.objects.select_related("conversation__channel").get(pk=message_id))


def deliver_here(message: Message) -> None:
    """As `deliver`, at once and in this thread, for who has just posted it and committed."""
    if _claim(message.pk, now=timezone.now()):
        _carry_out(message)


def _carry_out(message: Message) -> None:
    connection.close_if_unusable_or_obsolete()  # not ours to keep while a gateway is slow
    try:
        sent_id = _send(message)
    except ProviderRejected as error:
        _mark_failed(message, reason=str(error))
    except ProviderError as error:
        _mark_unsure(message, error, now=timezone.now())
    else:
        _mark_sent(message, sent_id, now=timezone.now())


def _claim(message_id: int, *, now: datetime) -> bool:
    """Make the message ours by compare-and-set; not before the ones that stand ahead of it in its thread."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"id": message_id, "now": now})
        return bool(cursor.rowcount)


def _send(message: Message) -> str:
    """Through the channel's transport; returns the unique id that the vendor gave it."""
    conversation, channel = message.conversation, message.conversation.channel
    transport = channels.transport(channel)
    if reason := transport.refuses(conversation, message, now=timezone.now()):
        raise ProviderRejected(reason)
    return transport.send(channel, message)


def _mark_sent(message: Message, sent_id: str, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        if sent_id and sent_id != message.unique_id:
            channel_hex = message.conversation.channel_id.hex
            Message.objects.filter(pk=message.pk).update(provider_key=f"{channel_hex}:true:{sent_id}")
        Message.objects.filter(pk=message.pk, status__in=UNSENT).update(
            status=Status.SENT, sent_at=now, error=""
        )
        _note_answered(message.conversation.channel, now=now)
        _tell(message)
        _ring_next(message)


def _note_answered(channel: Channel, *, now: datetime) -> None:
    """To the second is enough: many threads answer on one channel, and its row is one."""
    if channel.last_answered_at is None or now - channel.last_answered_at > timedelta(seconds=1):
        Channel.objects.filter(pk=channel.pk).update(last_answered_at=now)


def _mark_failed(message: Message, *, reason: str) -> None:
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status__in=UNSENT).update(
            status=Status.FAILED, error=reason[:200]
        )
        _tell(message)
        _ring_next(message)


def _mark_unsure(message: Message, error: ProviderError, *, now: datetime) -> None:
    """Nothing was sent: try later. Perhaps it was: ask the gateway first."""
    attempts = message.attempts + 1
    if attempts >= MAX_ATTEMPTS and not error.outcome_unknown:
        return _mark_failed(message, reason=str(error))
    wait = error.retry_after or min(2.0**attempts, 300.0)
    status = Status.UNKNOWN if error.outcome_unknown else Status.QUEUED
    follow_up = reconcile if error.outcome_unknown else deliver
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status=Status.SENDING).update(
            status=status,
            attempts=attempts,
            error=str(error)[:200],
            send_after=now + timedelta(seconds=wait),
            claimed_at=now,
        )
        enqueue(follow_up, countdown=wait, message_id=message.pk)
        _tell(message)
        if error.outcome_unknown:
            _ring_next(message)


@task()
def reconcile(message_id: int) -> None:
    """Ask the gateway whether a message of unknown fate was sent; only a clear no sends it again."""
    message = (
        Message.objects.select_related("conversation__channel")
        .filter(pk=message_id, status=Status.UNKNOWN)
        .first()
    )
    if message is None:
        return
    channel = message.conversation.channel
    try:
        found = channels.transport(channel).look_up(channel, message)
    except ProviderError as error:
        return _ask_later(message, reason=str(error), now=timezone.now())
    if found is None:
        return _ask_later(message, reason="The vendor cannot be asked.", now=timezone.now())
    if found:
        return _mark_sent(message, message.unique_id, now=timezone.now())
    _queue_again(message)


def _ask_later(message: Message, *, reason: str, now: datetime) -> None:
    """Keep asking for a while; after that it stays visible as unknown, for a person to decide."""
    attempts = message.attempts + 1
    wait = min(2.0**attempts, 300.0)
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status=Status.UNKNOWN).update(
            attempts=attempts, error=reason[:200], send_after=now + timedelta(seconds=wait)
        )
        if attempts < MAX_ATTEMPTS:
            enqueue(reconcile, countdown=wait, message_id=message.pk)


def _queue_again(message: Message) -> None:
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status=Status.UNKNOWN).update(
            status=Status.QUEUED, send_after=None, attempts=message.attempts + 1
        )
        enqueue(deliver, message_id=message.pk)


def note_echo(channel: Channel, unique: str, *, now: datetime) -> str:
    """Our own message came back through the webhook: it was sent."""
    key = f"{channel.pk.hex}:true:{unique}"
    changed = Message.objects.filter(provider_key=key, status__in=[Status.SENDING, Status.UNKNOWN]).update(
        status=Status.SENT, sent_at=now, error=""
    )
    return "own message confirmed" if changed else "ignored: own message"


def note_receipt(channel: Channel, receipt: Receipt, *, now: datetime) -> str:
    """Move a message forward to what the receipt says; never back."""
    status = PROGRESS.get(receipt.level)
    if status is None:
        return "ignored: unknown receipt"
    key = f"{channel.pk.hex}:true:{receipt.unique_id}"
    moved = Message.objects.filter(provider_key=key, status__in=BEHIND[status]).update(status=status)
    if not moved:
        return "ignored: receipt changes nothing"
    message = Message.objects.get(provider_key=key)
    _tell(message)
    return f"message is {status}"


def _tell(message: Message) -> None:
    live.publish("message.changed", id=message.pk, conversation=message.conversation_id)


def _ring_next(message: Message) -> None:
    following = Message.objects.filter(
        conversation=message.conversation_id, pk__gt=message.pk, status=Status.QUEUED
    ).order_by("pk")
    if (following_id := following.values_list("pk", flat=True).first()) is not None:
        enqueue(deliver, message_id=following_id)
