"""Everything that comes in passes here: stored once, in its thread, and an answer made due."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents import mood
from conversations import (
    accounting,
    changes,
    channels,
    choices,
    consent,
    debounce,
    desk_clocks,
    desk_ratings,
    desk_todos,
    events,
    handoff,
    health,
    hooks,
    identities,
    media,
    message_templates,
    outbox,
    restrictions,
    team_phones,
    transcripts,
    turns,
)  # fmt: skip
from conversations.events import (
    Called,
    Edited,
    Event,
    Reacted,
    Receipt,
    Revoked,
    Said,
    SessionStatus,
    Skipped,
    TemplateChanged,
    Typing,
    Unreadable,
    Voted,
)
from conversations.models import Channel, Conversation, Message, WebhookEvent
from tenants import live, written
from tenants.background import enqueue, task
from tenants.db import connection
from tenants.written import slot

log = structlog.get_logger(__name__)
BATCH = 25
SECONDS = 1.0  # that one business has a thread for itself
MAX_ATTEMPTS = 5
RECEIVED = "received"
AGAIN_AFTER = timedelta(seconds=2)
MOOD_LASTS = timedelta(days=1)  # through plain words: who asked for something in anger is angry still
TO_THE_SECOND = timedelta(seconds=1)  # when a channel last brought something: its row is one for many threads
PATIENCE = timedelta(seconds=30)  # after that a message that is changed will not come any more
OFFERS_LOOKED_AT = 3  # of our latest messages, for the options that an answer may mean
OF_A_MOMENT = (SessionStatus, TemplateChanged, Typing, Called)
_CLOSE = """
UPDATE conversations_webhookevent AS event
SET status = CASE WHEN done.again THEN 'new' ELSE 'done' END,
  again_at = CASE WHEN done.again THEN %(later)s END,
  outcome = done.outcome, traces = done.traces::jsonb, read_at = %(now)s
FROM unnest(%(ids)s::bigint[], %(outcomes)s::text[], %(traces)s::text[], %(agains)s::bool[])
  AS done(id, outcome, traces, again)
WHERE event.id = done.id
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a delivery, in a few words, and of each message's id in it, for the ledger.

    `again`: it changes a message that has not come yet, and is to be read once more.
    """

    outcome: str
    traces: Sequence[dict[str, str]] = ()
    again: bool = False


@task()
def drain() -> None:
    """Read this tenant's stored deliveries, oldest first; a long backlog lets others' come in between."""
    until = time.monotonic() + SECONDS
    while _drain_batch(now=timezone.now()) == BATCH:
        if time.monotonic() > until:
            return enqueue(drain)


def _drain_batch(*, now: datetime) -> int:
    try:
        return _read_batch(now=now)
    except Exception:
        # One of them is poison: go one by one, so that it cannot hold back the others.
        log.exception("inbox.batch_failed")
        return sum(
            _read_alone(pk, now=now) for pk in list(_new_events().values_list("pk", flat=True)[:BATCH])
        )


@transaction.atomic(durable=True)
def _read_batch(*, now: datetime) -> int:
    """Read up to BATCH deliveries in one commit. One reader a tenant, so that threads keep their order."""
    if not _only_reader():
        return 0
    deliveries = list(_claimable()[:BATCH])
    known = Channel.objects.select_related("agent").in_bulk({one.channel_id for one in deliveries})
    done = [(one.pk, read(one, known.get(one.channel_id), now=now)) for one in deliveries]
    _close_batch(done, now=now)
    return len(deliveries)


def _close_batch(done: Sequence[tuple[int, Done]], *, now: datetime) -> None:
    """One statement a batch writes down what became of each delivery and of each id in it."""
    if not done:
        return
    values = {
        "ids": [pk for pk, _ in done],
        "outcomes": [one.outcome[:200] for _, one in done],
        "traces": [json.dumps(one.traces) for _, one in done],
        "agains": [one.again for _, one in done],
        "now": now,
        "later": now + AGAIN_AFTER,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, values)
    if any(one.again for _, one in done):
        enqueue(drain, countdown=AGAIN_AFTER.total_seconds())


def _read_alone(pk: int, *, now: datetime) -> int:
    try:
        with transaction.atomic(durable=True):
            if _only_reader() and (event := _claimable().filter(pk=pk).first()) is not None:
                channel = Channel.objects.select_related("agent").filter(pk=event.channel_id).first()
                _close_batch([(event.pk, read(event, channel, now=now))], now=now)
        return 0
    except Exception as error:
        log.exception("inbox.event_failed", event_id=pk)
        _count_failure(pk, reason=type(error).__name__)
        return 0


def _count_failure(pk: int, *, reason: str) -> None:
    """After MAX_ATTEMPTS a delivery is parked where a person can see it and try again."""
    with transaction.atomic(durable=True):
        event = WebhookEvent.objects.select_for_update().get(pk=pk)
        event.attempts += 1
        parked = event.attempts >= MAX_ATTEMPTS
        _close(event, WebhookEvent.Status.PARKED if parked else WebhookEvent.Status.NEW, reason)


def read_again(pk: int) -> bool:
    """Have a parked delivery read once more, in the caller's transaction; False when it is not parked."""
    parked = WebhookEvent.objects.filter(pk=pk, status=WebhookEvent.Status.PARKED)
    again = parked.update(status=WebhookEvent.Status.NEW, attempts=0)
    if again:
        enqueue(drain)
    return bool(again)


def replay(pk: int) -> bool:
    """Have a delivery read once more that was read before or parked, in the caller's transaction.

    It does nothing twice: what is kept is found again by its id, and what told of a moment is left out.
    """
    over = [WebhookEvent.Status.DONE, WebhookEvent.Status.PARKED]
    again = WebhookEvent.objects.filter(pk=pk, status__in=over)
    found = again.update(status=WebhookEvent.Status.NEW, attempts=0, again_at=None)
    if found:
        enqueue(drain)
    return bool(found)


def _claimable() -> Any:
    return _new_events().select_for_update(skip_locked=True)


def _new_events() -> QuerySet[WebhookEvent]:
    """What is to be read now, oldest first."""
    due = Q(again_at=None) | Q(again_at__lte=timezone.now())
    return WebhookEvent.objects.filter(due, status="new").order_by("pk")


def _close(event: WebhookEvent, status: str, outcome: str) -> None:
    event.status, event.outcome = status, outcome[:200]
    event.save(update_fields=["status", "outcome", "attempts", "traces", "read_at"])


def _only_reader() -> bool:
    """One reads and one waits behind it. Who finds both there may go: the one who waits will see its row."""
    reads, waits = (f"inbox:{word}:{connection.schema_name}" for word in ("reads", "waits"))
    if _locked("SELECT pg_try_advisory_xact_lock(hashtext(%s))", reads):
        return True
    if not _locked("SELECT pg_try_advisory_lock(hashtext(%s))", waits):
        return False
    _locked("SELECT pg_advisory_xact_lock(hashtext(%s))", reads)
    # From here on a new row may not be seen by us: its doorbell needs somebody else to wait.
    return _locked("SELECT pg_advisory_unlock(hashtext(%s))", waits)


def _locked(statement: str, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [name])
        return bool(cursor.fetchone()[0])


def read(event: WebhookEvent, channel: Channel | None, *, now: datetime) -> Done:
    """Do what one stored delivery asks for; say in a few words what that was, and of each id in it."""
    if channel is None:
        return Done("ignored: channel is gone")
    try:
        happened = channels.transport(channel).read(channel, bytes(event.body))
    except Unreadable as error:
        return Done(f"unreadable: {error}")
    is_replay = event.read_at is not None  # what told of a moment is over by now
    if is_replay:
        happened = [one for one in happened if not isinstance(one, OF_A_MOMENT)]
    outcomes = [_act(channel, one, now=now) for one in happened]
    if changes.NOT_YET in outcomes and now - event.received_at < PATIENCE:
        return Done(changes.NOT_YET, again=True)
    if not is_replay:
        health.note_heard(channel, happened, now=now)
    traces = [accounting.trace(channel, *pair) for pair in zip(happened, outcomes, strict=True)]
    return Done("; ".join(dict.fromkeys(outcomes)) or "ignored: empty", [one for one in traces if one])


def _act(channel: Channel, event: Event, *, now: datetime) -> str:
    match event:
        case Skipped(reason=reason):
            return f"ignored: {reason}"
        case Receipt() as receipt:
            return outbox.note_receipt(channel, receipt, now=now)
        case SessionStatus() as told:
            restrictions.note(channel, told.detail, now=now)
            return health.note_told(channel, told, now=now)
        case Said(from_me=True, source="api") as said:
            return _note_echo(channel, said, now=now)
        case Said() as said:
            return receive(channel, said, now=now)
        case Typing() as typing:
            return note_typing(channel, typing, now=now)
        case TemplateChanged() as changed:
            return message_templates.note_change(channel, changed, now=now)
        case Edited() | Revoked() | Reacted() | Voted() | Called():
            return _change(channel, event, now=now)


def _change(channel: Channel, event: Edited | Revoked | Reacted | Voted | Called, *, now: datetime) -> str:
    """What happened to a message that is here, or to nobody's phone."""
    match event:
        case Edited():
            return changes.edited(channel, event, now=now)
        case Revoked():
            return changes.revoked(channel, event, now=now)
        case Reacted():
            return changes.reacted(channel, event, now=now)
        case Called():
            return changes.called(channel, event, now=now)
    said = changes.voted(channel, event, now=now)
    return said if isinstance(said, str) else receive(channel, said, now=now)


def _note_echo(channel: Channel, said: Said, *, now: datetime) -> str:
    """Our own message came back. Of a file the gateway chose the id, and its echo may tell it first."""
    if said.has_media:
        outbox.adopt(channel, said)
    return outbox.note_echo(channel, said.unique_id, now=now)


def note_typing(channel: Channel, typing: Typing, *, now: datetime) -> str:
    """The contact writes right now: the answer waits, under its ceiling, and staff sees it."""
    ours = {"contact__identities__channel": channel, "contact__identities__value": typing.chat}
    known = Conversation.objects.select_for_update(of=("self",)).filter(channel=channel, **ours)
    conversation = known.first()
    if conversation is None:
        return "ignored: typing of a stranger"
    conversation.channel = channel
    if (due := debounce.while_writing(conversation, now=now)) is not None:
        Conversation.objects.filter(pk=conversation.pk).update(reply_due_at=due)
        turns.ring_at(conversation, due, now=now)
    live.publish("contact.typing", conversation=conversation.pk)
    return "contact is typing"


def receive(channel: Channel, said: Said, *, now: datetime) -> str:
    """Put one utterance into its thread, once however often it comes; in the caller's transaction."""
    key = provider_key(channel, from_me=said.from_me, unique_id=said.unique_id)
    if _KNOWN(key=key):
        return "ignored: repeated"
    conversation = identities.thread_of(channel, said, now=now)
    message = _store(conversation, said, key=key, now=now)
    if said.from_me:
        handoff.answered_by_phone(conversation, now=now)
        desk_todos.hear(conversation, message, now=now)
    elif not (
        team_phones.hear(conversation, message, now=now)
        or consent.hear(conversation, message, now=now)
        or desk_ratings.hear(conversation, message, now=now)
    ):
        _make_due(conversation, message, now=now)
    _remember_last(conversation, message, now=now)
    hooks.message("message.sent" if said.from_me else "message.received", message, now=now)
    live.publish("message.received", id=message.pk, conversation=conversation.pk)
    return RECEIVED


_KNOWN = written.Values(lambda: Message.objects.filter(provider_key=slot("key")).values_list("pk"))


def provider_key(channel: Channel, *, from_me: bool, unique_id: str) -> str:
    """What makes a message itself, over repeated deliveries and both of a person's addresses."""
    return f"{channel.pk.hex}:{'true' if from_me else 'false'}:{unique_id}"


def _store(conversation: Conversation, said: Said, *, key: str, now: datetime) -> Message:
    """The new message. Its unique key is what makes it once: a race ends in IntegrityError and a retry."""
    message = Message(
        conversation=conversation,
        direction=Message.Direction.OUT if said.from_me else Message.Direction.IN,
        author_kind=Message.Author.PERSON if said.from_me else Message.Author.CONTACT,
        kind=events.kind_of(said),
        body=said.text,
        media_type=said.media.mimetype if said.media else "",
        media_name=said.media.filename if said.media else "",
        media_source=said.media.url[:500] if said.media else "",
        media=said.media.stored if said.media else "",
        provider_key=key,
        reply_to=_quoted(conversation, said),
        content=_content(conversation, said),
        status=Message.Status.SENT if said.from_me else Message.Status.RECEIVED,
        provider_at=said.at,
        created_at=now,
    )
    written.add(message)
    if message.media_source:
        enqueue(media.fetch, message_id=message.pk)
    if message.kind == Message.Kind.AUDIO and not said.from_me:
        transcripts.expect(message, now=now)
        if message.media:
            transcripts.file_came(message, now=now)
    return message


def _quoted(conversation: Conversation, said: Said) -> Message | None:
    if not said.reply_to:
        return None
    channel = conversation.channel
    keys = [provider_key(channel, from_me=ours, unique_id=said.reply_to) for ours in (True, False)]
    return conversation.messages.filter(provider_key__in=keys).first()


def _content(conversation: Conversation, said: Said) -> dict[str, Any]:
    """What words cannot hold, and which of the options offered lately it means."""
    content = dict(said.content)
    if said.from_me or not (said.choice or choices.is_number(said.text)):
        return content
    ours = conversation.messages.filter(direction=Message.Direction.OUT).order_by("-pk")
    for offer in ours.values_list("content", flat=True)[:OFFERS_LOOKED_AT]:
        if (option := choices.chosen(offer, text=said.text, row=said.choice)) is not None:
            return content | {"choice": {"id": option["id"], "title": option["title"]}}
    return content | ({"choice": {"id": said.choice, "title": said.text[:200]}} if said.choice else {})


def _make_due(conversation: Conversation, message: Message, *, now: datetime) -> None:
    """Ask for an answer when the customer has finished; or say at once who has it."""
    conversation.unread_count += 1
    conversation.status = Conversation.Status.OPEN
    if conversation.handler != Conversation.Handler.AGENT:
        message.outcome = Message.Outcome.HANDED_OVER
        message.outcome_reason = "a person has this conversation"
        message.terminal_at = now
        message.save(update_fields=["outcome", "outcome_reason", "terminal_at"])
        desk_clocks.wrote(conversation, now=now)
        return
    conversation.reply_due_at = debounce.after_bubble(conversation, message.body, now=now)
    turns.ring_at(conversation, conversation.reply_due_at, now=now)


def _remember_last(conversation: Conversation, message: Message, *, now: datetime) -> None:
    if message.direction == Message.Direction.IN and message.body:
        conversation.sentiment = _mood(conversation, message.body, now=now)
    conversation.last_message_at = now
    conversation.last_message_text = message.body[:160]
    _REMEMBERED(pk=conversation.pk, **{name: getattr(conversation, name) for name in REMEMBERED})
    last = conversation.channel.last_in_at
    if message.direction == Message.Direction.IN and (last is None or now - last > TO_THE_SECOND):
        health.note(conversation.channel, "last_in_at", now=now)


REMEMBERED = (
    "last_message_at", "last_message_text", "unread_count", "status", "reply_due_at", "sentiment",
)  # fmt: skip
_REMEMBERED = written.Change(lambda: Conversation.objects.filter(pk=slot("pk")), *REMEMBERED)


def _mood(conversation: Conversation, text: str, *, now: datetime) -> int:
    """How they feel now: by these words, or still as before when these say nothing of it."""
    felt, before, last = mood.of(text), conversation.sentiment, conversation.last_message_at
    lasts = last is not None and now - last < MOOD_LASTS
    return before if before is not None and not felt and lasts else felt
