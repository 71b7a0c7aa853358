"""Everything that goes out: a queued message is the outbox; claim, send, mark.

A send whose outcome is unknown is never repeated blindly: the gateway is asked first, by the id that is ours.

A thread keeps its order: a message leaves only when nothing ahead of it is queued or being sent. One of
unknown fate holds its thread too, since it may have to be sent again, but only for ORDER_SECONDS, which is
three questions to the gateway, and never before the first: one that a dead worker left is old when the sweep
finds it. A customer is worse served by silence than by two bubbles that changed places,
and a gateway that cannot be asked would otherwise hold the thread until a person came. Bulk holds nobody.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from psycopg.types.numeric import Int8

from conversations import (
    channels,
    desk_clocks,
    desk_todos,
    hooks,
    pacing,
    rules,
    telling_team,
    template_costs,
    undelivered,
)
from conversations.events import Receipt, Said
from conversations.models import Channel, Conversation, Message, Turn
from providers.errors import ProviderError, ProviderRejected
from tenants import audit, live, written
from tenants.background import enqueue, task
from tenants.db import connection, kept
from tenants.models import User
from tenants.written import slot

log = structlog.get_logger(__name__)
Status = Message.Status
MAX_ATTEMPTS = 8
UNSENT = (Status.QUEUED, Status.SENDING, Status.UNKNOWN)
ORDER_SECONDS = 20
OPTED_OUT = "This person asked not to get such messages."
NEVER_SENT = "The gateway took this several times and never sent it."
NOT_DELIVERED = "WhatsApp could not deliver the message."
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


_REACHED: dict[str, tuple[str, ...]] = {
    Status.SENT: (),
    Status.DELIVERED: ("delivered_at",),
    Status.READ: ("delivered_at", "read_at"),
}


_CLAIM = """
UPDATE conversations_message AS mine SET status = 'sending', claimed_at = %(now)s
WHERE mine.id = %(id)s AND mine.status = 'queued' AND (mine.send_after IS NULL OR mine.send_after <= %(now)s)
  AND NOT EXISTS (
    SELECT FROM conversations_message AS ahead
    WHERE ahead.conversation_id = mine.conversation_id AND ahead.id < mine.id AND ahead.direction = 'out'
      AND ahead.status IN ('queued', 'sending', 'unknown')
      AND (ahead.status = 'sending'
        OR ahead.status = 'queued' AND (ahead.priority < 2 OR mine.priority = 2)
        OR ahead.status = 'unknown' AND (ahead.claimed_at > %(patience)s OR ahead.attempts = 0)))
RETURNING (
  SELECT CASE WHEN count(*) FILTER (WHERE beside.claimed_at < %(slow)s) >= %(most_slow)s THEN %(long)s
    WHEN count(*) >= %(most)s THEN %(short)s ELSE 0 END
  FROM conversations_message AS beside
  JOIN conversations_conversation AS thread ON thread.id = beside.conversation_id
  WHERE beside.status = 'sending' AND beside.id <> mine.id AND beside.claimed_at > %(alive)s
    AND thread.channel_id = (SELECT whose.channel_id FROM conversations_conversation AS whose
      WHERE whose.id = mine.conversation_id)
)
"""
# A vendor that hangs holds a thread a message. So one number has so many at most, and fewer while what it has
# takes long; who must wait is put back. What is older was left by a worker that died, and holds nobody.
MOST_AT_ONCE, SLOW_AT_ONCE = 6, 3
SLOW, ALIVE = timedelta(seconds=3), timedelta(seconds=25)
SHORT_WAIT, LONG_WAIT = 0.3, 3.0


@dataclass(frozen=True, slots=True)
class Attached:
    """A file in the tenant's storage, to be sent: `path` is its name there, `kind` one of Message.Kind."""

    path: str
    kind: str
    mimetype: str
    filename: str


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
    reply_to: Message | None = None,
    attached: Attached | None = None,
    content: Mapping[str, Any] | None = None,
    unique_id: str = "",
    wish: str = "",
) -> Message:
    """Queue a message in the caller's transaction; it leaves after the commit, or by the caller's hand.

    `reply_to` is quoted, `attached` makes the text its caption, `content` is what words cannot hold, `wish`
    the key of the form that asked for it.
    """
    message = Message(
        conversation=conversation,
        turn=turn,
        direction=Message.Direction.OUT,
        author_kind=author,
        author=user,
        body=text,
        source_line=source_line[:200],
        reply_to=reply_to,
        content=dict(content or {}),
        provider_key=f"{conversation.channel_id.hex}:true:{unique_id or new_unique_id()}",
        wish=wish or None,
        status=Status.QUEUED,
        priority=_priority_of(author),
        created_at=now,
        **_file_of(attached),
    )
    written.add(message)
    seen = (text or message.media_name)[:160]
    changed: dict[str, Any] = {"last_message_at": now, "last_message_text": seen}
    changed |= _held(conversation, author, now=now)
    _note_last(conversation, changed)
    if author == Message.Author.PERSON:
        desk_clocks.replied(conversation, user=user, now=now)
    desk_todos.hear(conversation, message, now=now)
    if ring:
        enqueue(deliver, message_id=message.pk)
    live.publish("message.posted", id=message.pk, conversation=conversation.pk)
    return message


def _note_last(conversation: Conversation, changed: dict[str, Any]) -> None:
    if "person_until" in changed:
        Conversation.objects.filter(pk=conversation.pk).update(**changed)
    else:
        _SAID(pk=conversation.pk, **changed)


_SAID = written.Change(
    lambda: Conversation.objects.filter(pk=slot("pk")), "last_message_at", "last_message_text"
)


def _held(conversation: Conversation, author: str, *, now: datetime) -> dict[str, datetime]:
    """With each word of the person who has it, the time until the assistant answers again begins anew."""
    is_theirs = author == Message.Author.PERSON and conversation.handler == Conversation.Handler.PERSON
    if not is_theirs or not conversation.person_minutes:
        return {}
    conversation.person_until = now + timedelta(minutes=conversation.person_minutes)
    return {"person_until": conversation.person_until}


def _priority_of(author: str) -> int:
    """What a customer waits for goes first; what a person typed next; a program's own messages with those."""
    waits = author in (Message.Author.AGENT, Message.Author.SYSTEM)
    return Message.Priority.ANSWER if waits else Message.Priority.PERSON


def _file_of(attached: Attached | None) -> dict[str, str]:
    if attached is None:
        return {}
    return {
        "kind": attached.kind,
        "media": attached.path,
        "media_type": attached.mimetype[:80],
        "media_name": attached.filename[:120],
    }


def new_unique_id() -> str:
    """A message id in the gateway's own form, chosen by us so that a send can be recognised."""
    return "3EB0" + secrets.token_hex(9).upper()


def unique_id_for(conversation_id: int, key: str) -> str:
    """The id of what was asked for under this key of the asker: asked twice, it is the same message."""
    return "3EB0" + hashlib.sha256(f"{conversation_id}:{key}".encode()).hexdigest()[:18].upper()


@transaction.atomic(durable=True)
def post_by_person(
    conversation_id: int,
    *,
    user: User,
    text: str,
    now: datetime,
    reply_to_id: int | None = None,
    attached: Attached | None = None,
    content: Mapping[str, Any] | None = None,
    key: str = "",
) -> Message:
    """A person's own words, file or `content`, once a `key`; the caller has taken the conversation over."""
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)
    if key and (same := wished(conversation, key)) is not None:
        return same
    return post(
        conversation,
        text,
        now=now,
        author=Message.Author.PERSON,
        user=user,
        reply_to=conversation.messages.filter(pk=reply_to_id).first() if reply_to_id else None,
        attached=attached,
        content=content,
        wish=key,
    )


def wished(conversation: Conversation, key: str) -> Message | None:
    """The message that this form has asked for already, whatever the vendor calls it by now."""
    return conversation.messages.filter(wish=key).first()


def posted(conversation: Conversation, unique_id: str) -> Message | None:
    """The message of ours that has this id already."""
    key = f"{conversation.channel_id.hex}:true:{unique_id}"
    return Message.objects.filter(provider_key=key).first()


@transaction.atomic(durable=True)
def retry(message_id: int, *, now: datetime) -> Message:
    """Send again what failed or is unknown, because a person who saw it said so."""
    message = Message.objects.select_for_update(of=("self",)).get(
        pk=message_id, status__in=[Status.FAILED, Status.UNKNOWN], direction=Message.Direction.OUT
    )
    message.status, message.attempts, message.error, message.send_after = Status.QUEUED, 0, "", None
    message.terminal_at = message.typing_at = None
    if message.conversation.contact.opted_out_at is None:  # else it stays what it is, and is refused again
        message.priority = min(message.priority, Message.Priority.PERSON)  # somebody waits for it now
    message.save()
    enqueue(deliver, message_id=message.pk)
    return message


@transaction.atomic(durable=True)
def confirm(message_id: int, *, user: User, now: datetime) -> Message:
    """A person knows that a message of unknown fate arrived: it is not sent again."""
    message = Message.objects.select_for_update(of=("self",)).get(
        pk=message_id, status=Status.UNKNOWN, direction=Message.Direction.OUT
    )
    message.status, message.sent_at, message.terminal_at, message.error = Status.SENT, now, now, ""
    message.save(update_fields=["status", "sent_at", "terminal_at", "error"])
    audit.record("message.confirm", actor=user, target=message.pk)
    _tell(message)
    _ring_next(message)
    return message


@task()
def deliver(message_id: int) -> None:
    """Send one queued message, if it is its turn."""
    send_now(message_id)


def send_now(message_id: int) -> None:
    """As `deliver`, in this thread: claim, send, mark."""
    if (crowded := _claim(message_id, now=timezone.now())) is not None:
        _carry_out(Message.objects.select_related("conversation__channel").get(pk=message_id), crowded)


def deliver_here(message: Message) -> None:
    """As `deliver`, at once and in this thread, for who has just posted it and committed."""
    if (crowded := _claim(message.pk, now=timezone.now())) is not None:
        _carry_out(message, crowded)


def _carry_out(message: Message, crowded: float) -> None:
    now = timezone.now()
    if seconds := crowded or _hush(message, now=now) or _typing(message) or pacing.wait(message, now=now):
        return _put_back(message, seconds, now=now)
    connection.close_if_unusable_or_obsolete()  # not ours to keep while a gateway is slow
    try:
        sent_id = _send(message)
    except ProviderRejected as error:
        _mark_failed(message, reason=str(error))
    except ProviderError as error:
        _mark_unsure(message, error, now=timezone.now())
    else:
        _mark_sent(message, sent_id, now=timezone.now())


def _hush(message: Message, *, now: datetime) -> float:
    """Seconds until the owner's quiet hours are over, for what nobody waits for."""
    if message.priority != pacing.BULK or (until := rules.quiet_until(now=now)) is None:
        return 0.0
    return (until - now).total_seconds()


def _typing(message: Message) -> float:
    """Begin to type where the channel shows it; how long a person would take. No thread waits for that."""
    transport = channels.transport(message.conversation.channel)
    if message.typing_at or message.priority == pacing.BULK or not isinstance(transport, channels.Typist):
        return 0.0
    if seconds := transport.typing_seconds(message):
        connection.close_if_unusable_or_obsolete()
        transport.begin(message.conversation.channel, message)
        message.typing_at = timezone.now()
    return seconds


def _put_back(message: Message, seconds: float, *, now: datetime) -> None:
    """It is not its moment: queued again, with the moment on it."""
    again_at = now + timedelta(seconds=seconds)
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status=Status.SENDING).update(
            status=Status.QUEUED, send_after=again_at, typing_at=message.typing_at
        )
        _ring_later(message, seconds, now=now)


def _ring_later(message: Message, seconds: float, *, now: datetime) -> None:
    """Bulk has no doorbell of its own: it moves when its number says."""
    if message.priority == pacing.BULK:
        pacing.bulk_due(message.conversation.channel_id, now + timedelta(seconds=seconds))
    else:
        enqueue(deliver, countdown=seconds, message_id=message.pk)


def _claim(message_id: int, *, now: datetime) -> float | None:
    """Make the message ours by compare-and-set, not before the ones that stand ahead of it in its thread.

    Returns None when it is not, else the seconds that it has to wait because its number is crowded.
    """
    moments = {"patience": now - timedelta(seconds=ORDER_SECONDS), "slow": now - SLOW, "alive": now - ALIVE}
    bounds = {"most": Int8(MOST_AT_ONCE), "most_slow": Int8(SLOW_AT_ONCE)}
    waits = {"short": SHORT_WAIT, "long": LONG_WAIT}
    rows = kept(_CLAIM, {"id": Int8(message_id), "now": now, **moments, **bounds, **waits})
    return float(rows[0][0]) if rows else None


def _send(message: Message) -> str:
    """Through the channel's transport; returns the unique id that the vendor gave it."""
    conversation, channel = message.conversation, message.conversation.channel
    transport = channels.transport(channel)
    if _is_unwanted(message):
        raise ProviderRejected(OPTED_OUT)
    if reason := transport.refuses(conversation, message, now=timezone.now()):
        raise ProviderRejected(reason)
    if reason := template_costs.refusal(message, now=timezone.now()):
        raise ProviderRejected(reason)
    return transport.send(channel, message)


def _is_unwanted(message: Message) -> bool:
    """Whether it goes, unasked, to somebody who opted out; what a person answers them is never unasked."""
    by_program = message.author_kind == Message.Author.PROGRAM
    if message.priority != pacing.BULK and not by_program:
        return False
    conversation = message.conversation
    since = conversation.contact.opted_out_at
    if since is None:
        return False
    asked = conversation.messages.filter(direction=Message.Direction.IN, created_at__gt=since)
    return message.priority == pacing.BULK or not asked.exists()


def _mark_sent(message: Message, sent_id: str, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        if sent_id and sent_id != message.unique_id:
            channel_hex = message.conversation.channel_id.hex
            _NAMED(pk=message.pk, provider_key=f"{channel_hex}:true:{sent_id}")
        _SENT(pk=message.pk, sent_at=now, terminal_at=now)
        template_costs.sent(message, now=now)
        _note_answered(message.conversation.channel, now=now)
        hooks.message("message.sent", message, now=now)
        _tell(message)
        _ring_next(message)


def _note_answered(channel: Channel, *, now: datetime) -> None:
    """To the second is enough: many threads answer on one channel, and its row is one."""
    if channel.last_answered_at is None or now - channel.last_answered_at > timedelta(seconds=1):
        _CHANNEL_ANSWERED(pk=channel.pk, last_answered_at=now)


_NAMED = written.Change(lambda: Message.objects.filter(pk=slot("pk")), "provider_key")
_SENT = written.Change(
    lambda: Message.objects.filter(pk=slot("pk"), status__in=UNSENT),
    "sent_at",
    "terminal_at",
    status=Status.SENT,
    error="",
)
_CHANNEL_ANSWERED = written.Change(lambda: Channel.objects.filter(pk=slot("pk")), "last_answered_at")


def _mark_failed(message: Message, *, reason: str) -> None:
    with transaction.atomic(durable=True):
        now = timezone.now()
        unsent = Message.objects.filter(pk=message.pk, status__in=UNSENT)
        if unsent.update(status=Status.FAILED, error=reason[:200], terminal_at=now):
            telling_team.failed(message, now=now)
            undelivered.free(message, now=now)
        _tell(message)
        _ring_next(message)


def _mark_unsure(message: Message, error: ProviderError, *, now: datetime) -> None:
    """Nothing was sent: try later. Perhaps it was: ask the gateway first."""
    attempts = message.attempts + 1
    if attempts >= MAX_ATTEMPTS and not error.outcome_unknown:
        return _mark_failed(message, reason=str(error))
    wait = error.retry_after or min(2.0**attempts, 300.0)
    status = Status.UNKNOWN if error.outcome_unknown else Status.QUEUED
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status=Status.SENDING).update(
            status=status,
            attempts=attempts,
            error=str(error)[:200],
            send_after=now + timedelta(seconds=wait),
            claimed_at=now,
        )
        if error.outcome_unknown:
            enqueue(reconcile, countdown=wait, message_id=message.pk)
        else:
            _ring_later(message, wait, now=now)
        _tell(message)


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
        sent_id = found if isinstance(found, str) else message.unique_id
        return _mark_sent(message, sent_id, now=timezone.now())
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
        _ring_next(message)  # it may have held its thread for long enough


def _queue_again(message: Message) -> None:
    """It surely did not leave; a gateway that never sends it is not asked to for ever."""
    if message.attempts + 1 >= MAX_ATTEMPTS:
        return _mark_failed(message, reason=NEVER_SENT)
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk, status=Status.UNKNOWN).update(
            status=Status.QUEUED, send_after=None, attempts=message.attempts + 1
        )
        _ring_later(message, 0, now=timezone.now())


def adopt(channel: Channel, said: Said) -> None:
    """The gateway chose the id of a file that we sent, and its echo is quicker than the answer to the send.

    The oldest of the thread that is on its way with the same words takes the id.
    """
    key = f"{channel.pk.hex}:true:{said.unique_id}"
    ours = Message.objects.filter(conversation__channel=channel, direction=Message.Direction.OUT)
    on_its_way = ours.filter(status__in=[Status.SENDING, Status.UNKNOWN]).exclude(media="")
    person = Q(conversation__contact__identities__value__in=[said.chat, *(one.value for one in said.also)])
    if Message.objects.filter(provider_key=key).exists():
        return
    for message in on_its_way.filter(person).order_by("pk").distinct():
        if said.text in ("", message.whole_text):
            Message.objects.filter(pk=message.pk).update(provider_key=key)
            return


def note_echo(channel: Channel, unique: str, *, now: datetime) -> str:
    """Our own message came back through the webhook: it was sent."""
    ours = Message.objects.filter(provider_key=f"{channel.pk.hex}:true:{unique}")
    # One that is queued again, because the gateway did not know it when it was asked, is not sent twice.
    unsure = ours.filter(status__in=UNSENT)
    if not unsure.update(status=Status.SENT, sent_at=now, terminal_at=now, error=""):
        return "ignored: own message"
    message = ours.get()
    hooks.message("message.sent", message, now=now)
    _tell(message)
    _ring_next(message)
    return "own message confirmed"


def note_receipt(channel: Channel, receipt: Receipt, *, now: datetime) -> str:
    """Move a message forward to what the receipt says; never back."""
    status = PROGRESS.get(receipt.level)
    if status is None:
        return "ignored: unknown receipt"
    key = f"{channel.pk.hex}:true:{receipt.unique_id}"
    learned = bool(receipt.own_id) and _learn_id(channel, receipt, key)
    moved = Message.objects.filter(provider_key=key, status__in=BEHIND[status])
    if not moved.update(status=status, **_times(status, receipt, now=now)):
        return "ignored: receipt changes nothing"
    message = Message.objects.get(provider_key=key)
    if learned:
        _ring_next(message)  # it may have held its thread, of unknown fate
    if status == Status.FAILED:
        telling_team.failed(message, now=now)
        undelivered.free(message, now=now)
    else:
        template_costs.sent(message, now=now)
    if message.sent_at == now:  # the first that is heard of it
        hooks.message("message.sent", message, now=now)
    _tell(message)
    return f"message is {status}"


def _learn_id(channel: Channel, receipt: Receipt, key: str) -> bool:
    """The receipt is quicker than the answer to the send, or that was lost: the row takes the vendor's id."""
    ours = Message.objects.filter(provider_key=f"{channel.pk.hex}:true:{receipt.own_id}")
    return bool(ours.update(provider_key=key))


def _times(status: str, receipt: Receipt, *, now: datetime) -> dict[str, Any]:
    """What else a receipt tells of a message: when it came so far, and why it came no further."""
    if status == Status.FAILED:
        return {"terminal_at": now, "error": (receipt.error or NOT_DELIVERED)[:200]}
    reached: dict[str, Any] = {name: Coalesce(F(name), Value(now)) for name in ("sent_at", *_REACHED[status])}
    return reached | {"terminal_at": Coalesce(F("sent_at"), Value(now)), "error": ""}


def _tell(message: Message) -> None:
    live.publish("message.changed", id=message.pk, conversation=message.conversation_id)


def _ring_next(message: Message) -> None:
    for (following_id,) in _NEXT(conversation=message.conversation_id, after=message.pk):
        enqueue(deliver, message_id=following_id)


_NEXT = written.Values(
    lambda: (
        Message.objects.filter(conversation=slot("conversation"), pk__gt=slot("after"), status=Status.QUEUED)
        .order_by("pk")
        .values_list("pk")[:1]
    )
)
