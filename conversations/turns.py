"""One answer by the agent: begin (locked), answer (no transaction), finish (locked)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import structlog
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents import handing, routing, safety
from agents import language as languages
from agents.lines import Line
from agents.models import AgentVersion
from billing import credits, limits, low, pricing, usage
from billing.models import Price
from conversations import (
    attention,
    channels,
    citing,
    conduct,
    engine,
    handoff,
    hooks,
    outbox,
    profiles,
    reserving,
    routes,
    settled,
    spending,
    teaching,
    understanding,
    used_for,
    versions,
    wording,
)
from conversations.models import Channel, Contact, Conversation, Message, Transcript, Turn, TurnPassage
from knowledge import likeness, pinned
from knowledge.models import PinnedAnswer
from providers import llm
from providers.errors import ProviderError, ProviderRejected
from tenants import live, written
from tenants.background import enqueue, task
from tenants.current import tenant as current_tenant
from tenants.written import slot

log = structlog.get_logger(__name__)
MAX_ATTEMPTS = 3
LONGEST_WAIT = 60.0  # seconds between two attempts, whatever a vendor asks for
QUESTION_CHARACTERS = 8_000
FREE = (settled.VENDOR, routes.REFUSED)  # nobody was asked
UNPAID = {
    Line.NO_CREDITS: "There are no credits.",
    Line.SPEND_LIMIT: "A spending limit of the day is reached.",
}
MOST_MERGES = 2  # drafts given up in a row; after that the answer goes out, and who wrote meanwhile waits
REMEMBERED = (
    "body", "direction", "created_at", "transcript__text", "transcript__confirmed", "transcript__confidence",
    "content", "reactions",
)  # fmt: skip
SOURCE_LINES = {
    "pt": "Fonte: {title}",
    "en": "Source: {title}",
    "es": "Fuente: {title}",
    "fr": "Source : {title}",
}
PAGES = {"pt": ", p. {page}", "en": ", p. {page}", "es": ", pág. {page}", "fr": ", p. {page}"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What was thought of, and what it leaves open."""

    thought: engine.Thought
    unanswered: str = ""  # the question, where this could not answer one

    @property
    def completion(self) -> llm.Completion:
        return self.thought.completion


@dataclass(frozen=True, slots=True)
class Begun:
    """An open turn, and the messages that it answers, oldest first."""

    turn: Turn
    messages: Sequence[Message]
    saves: bool = False  # credits are few: the least model answers


@task()
def take(conversation_id: int) -> None:
    """Answer what the contact has said since the last turn, if an answer is due."""
    started = time.monotonic()
    try:
        begun = begin(conversation_id, now=timezone.now())
    except credits.LimitReached as error:
        limits.reached(error.limit, now=timezone.now())
        return _without_credits(conversation_id, Line.SPEND_LIMIT, started=started)
    except credits.InsufficientCredits:
        low.ran_out(now=timezone.now())
        return _without_credits(conversation_id, Line.NO_CREDITS, started=started)
    if begun is None:
        return
    try:
        reply = answer(begun, started=started)
    except Exception as error:
        return _failed(begun.turn, error)
    _send(begun, reply)


def _send(begun: Begun, reply: Reply) -> None:
    message = finish(begun.turn, reply, now=timezone.now())
    if message is not None:
        outbox.deliver_here(message)  # another doorbell would only cost time


def _without_credits(conversation_id: int, line: Line, *, started: float) -> None:
    """What was settled, and what documents say in their own words, costs nothing; else a person is called."""
    begun = begin(conversation_id, now=timezone.now(), free=True)
    if begun is None:
        return
    try:
        thought = engine.say_unpaid(_question(begun), started=started)
    except Exception as error:
        return _failed(begun.turn, error)
    if thought is not None:
        return _send(begun, Reply(thought))
    abandon(begun.turn.pk, reason=UNPAID[line], again=False, line=line, now=timezone.now())


def _failed(turn: Turn, error: Exception) -> None:
    """What the vendor refused is not asked again; a failure of any other kind, a bug of ours too, is."""
    if not isinstance(error, ProviderError):
        log.error("turn.failed", turn_id=turn.pk, exc_info=error)
    reason = str(error) if isinstance(error, ProviderError) else type(error).__name__
    again = not isinstance(error, ProviderRejected)
    after = error.retry_after or 0.0 if isinstance(error, ProviderError) else 0.0
    abandon(turn.pk, reason=reason, again=again, after=after, route=turn.route, now=timezone.now())


@transaction.atomic(durable=True)
def begin(conversation_id: int, *, now: datetime, free: bool = False) -> Begun | None:
    """Decide who answers; for the agent, reserve credits and open the turn. None when nothing is due.

    With `free` nothing is reserved; otherwise raises InsufficientCredits.
    """
    conversation = handoff.locked_if_there(conversation_id)
    if conversation is None or not _is_due(conversation, now=now):
        return None
    messages = understanding.unanswered(conversation)
    conversation.reply_due_at = None
    _settle_language(conversation, messages)
    _TAKEN_UP(pk=conversation.pk, language=conversation.language)
    if not messages or _handed_over(conversation, _urgent(messages), now=now):
        return None
    if _is_a_persons(conversation, messages, now=now):
        return None
    if _waits(conversation, messages, now=now) or conduct.forbids(conversation, messages, now=now):
        return None
    understood = _understood(conversation, messages, now=now)
    if not understood:
        return None
    free = free or versions.is_rehearsed(conversation)
    return _open(conversation, understood, now=now, free=free)


def _is_due(conversation: Conversation, *, now: datetime) -> bool:
    due = conversation.reply_due_at
    if due is None or due > now or conversation.handler != Conversation.Handler.AGENT:
        return False
    # finish() asks again when it sees that the contact wrote meanwhile.
    return not _RUNNING(conversation=conversation.pk)


_TAKEN_UP = written.Change(lambda: Conversation.objects.filter(pk=slot("pk")), "language", reply_due_at=None)
_RUNNING = written.Values(
    lambda: Turn.objects.filter(conversation=slot("conversation"), status=Turn.Status.RUNNING).values_list(
        "pk"
    )
)


def _handed_over(conversation: Conversation, line: Line | None, *, now: datetime) -> bool:
    if line is not None:
        handoff.queue(conversation, reason=line, now=now)
    return line is not None


def _urgent(messages: Sequence[Message]) -> Line | None:
    """Safety first, in text and in what was heard, sure or not; then the wish for a person."""
    for message in messages:
        if alarm := safety.check(message.words):
            return Line(alarm.danger.value)
    return Line.ASKED if any(routing.wants_person(message.words) for message in messages) else None


def _is_a_persons(conversation: Conversation, messages: Sequence[Message], *, now: datetime) -> bool:
    """Whether the words meet a case that the owner gives to a person: then it is theirs from here on."""
    version = versions.of(conversation)
    case = handing.matched(version.handover, question_of(messages)) if version else None
    if case is not None:
        handoff.queue(conversation, reason=Line.OWNERS_CASE, now=now, text=str(case.get("say", "")))
    return case is not None


def _understood(conversation: Conversation, messages: list[Message], *, now: datetime) -> list[Message]:
    """What a model is to be asked about; empty when we asked back or called a person."""
    asked_back = conversation.asked_back_at is not None
    if asked_back:
        messages = understanding.take_up(conversation, messages, now=now)
    if not messages or _handed_over(conversation, _beyond_us(conversation, messages, asked_back), now=now):
        return []
    if understanding.badly_heard(messages):
        understanding.ask_back(conversation, messages, now=now)
        return []
    return messages


def _beyond_us(conversation: Conversation, messages: Sequence[Message], asked_back: bool) -> Line | None:
    """The yes to an offered person, and what no model here can read or hear, after a second try."""
    if not asked_back and routing.accepts_offer(messages[-1].words) and _offered_person(conversation):
        return Line.ASKED
    if asked_back and understanding.badly_heard(messages):
        return Line.MEDIA
    types = _types_read(conversation, messages)
    return Line.MEDIA if understanding.needs_eyes(messages, types) else None


def _types_read(conversation: Conversation, messages: Sequence[Message]) -> frozenset[str]:
    version = versions.of(conversation)
    return understanding.types_read(version, routes.by_words(version, question_of(messages)).tier, messages)


def _waits(conversation: Conversation, messages: Sequence[Message], *, now: datetime) -> bool:
    """Whether a file or its words are on their way: who brings them makes the answer due earlier.

    Before the rules of conduct: an emergency that is only heard in a moment must not meet a closed door.
    """
    until = understanding.waits_until(messages, _types_read(conversation, messages), now=now)
    if until is None:
        return False
    conversation.reply_due_at = until
    conversation.save(update_fields=["reply_due_at"])
    ring_at(conversation, until, now=now)
    return True


def ring_at(conversation: Conversation, due: datetime, *, now: datetime) -> None:
    """Have an answer taken up at this moment; after the caller's commit."""
    wait = max(0.0, (due - now).total_seconds())
    enqueue(take, countdown=wait, conversation_id=conversation.pk)


def _offered_person(conversation: Conversation) -> bool:
    """Whether the last answer said that it does not know and offered a person."""
    last = conversation.turns.filter(status=Turn.Status.DONE).order_by("-pk").first()
    return last is not None and not last.supported


def _open(conversation: Conversation, messages: Sequence[Message], *, now: datetime, free: bool) -> Begun:
    version = versions.of(conversation)
    route = routes.by_words(version, question_of(messages))
    earlier, failed, merged = _earlier_turns(messages), Turn.Status.FAILED, Turn.Status.MERGED
    turn = Turn(
        conversation=conversation,
        agent_version=version,
        tier=route.tier,
        route_reason=route.reasons[-1].code,
        attempt=max((turn.attempt + (turn.status == failed) for turn in earlier), default=1),
        merges=max((turn.merges + (turn.status == merged) for turn in earlier), default=0),
        started_at=now,
    )
    written.add(turn)
    for message in messages:
        _TAKEN_BY(pk=message.pk, turn=turn.pk)
    live.publish("turn.started", id=turn.pk, conversation=conversation.pk)
    attention.ring(conversation, messages[-1])
    reserved = reserving.carried_over(earlier, now=now)
    if reserved.hold is None and not free:
        wanted = reserving.need(
            version,
            question_of(messages),
            files=sum(message.kind in understanding.SHOWN for message in messages),
            value=routes.value_of(conversation),
            now=now,
        )
        reserved = reserving.reserve(turn, wanted, now=now)  # late: all wait for this row
    turn.hold = reserved.hold
    _RESERVED(pk=turn.pk, hold=turn.hold_id)
    return Begun(turn, messages, saves=reserved.saves)


_TAKEN_BY = written.Change(lambda: Message.objects.filter(pk=slot("pk")), "turn")
_RESERVED = written.Change(lambda: Turn.objects.filter(pk=slot("pk")), "hold")


def _earlier_turns(messages: Sequence[Message]) -> list[Turn]:
    """The turns that had some of these messages and did not answer: they failed, or were merged into this."""
    tried = {message.turn_id for message in messages if message.turn_id}
    return list(Turn.objects.filter(pk__in=tried).select_related("hold").order_by("pk")) if tried else []


def answer(begun: Begun, *, started: float) -> Reply:
    """Retrieve and generate. No transaction is open here; raises ProviderError or ProviderRejected."""
    question = _question(begun)
    try:
        thought = engine.think(question, started=started)
    except ProviderError:
        begun.turn.route = question.trail.as_json()  # who gives the turn up keeps it
        raise
    known = thought.completion.supported or question.rehearsed
    unanswered = "" if known else _asked_for(begun, question.words)
    return Reply(thought, unanswered)


def _question(begun: Begun) -> engine.Question:
    turn, conversation = begun.turn, begun.turn.conversation
    if turn.agent_version is None:
        raise ProviderRejected("This assistant has no published version.")
    spoken = history(turn.agent_version, before=begun.messages[0])
    return engine.Question(
        words=question_of(begun.messages),
        language=conversation.language,
        version=turn.agent_version,
        tier=turn.tier,
        history=[
            *profiles.told(conversation),
            *spoken,
        ],
        own_words="\n".join(one.text for one in spoken if one.role == "user"),
        attachments=_attachments(turn, begun.messages),
        files=any(message.kind not in (Message.Kind.TEXT, Message.Kind.AUDIO) for message in begun.messages),
        conversation_id=conversation.pk,
        contact_id=conversation.contact_id,
        turn_id=turn.pk,
        attempt=turn.attempt,
        exchange=str(begun.messages[0].pk),
        asked_at=begun.messages[0].created_at,
        rehearsed=versions.is_rehearsed(conversation),
        greets=conversation.channel.kind != Channel.Kind.WEB,
        value=routes.value_of(conversation),
        saves=begun.saves,
    )


def _asked_for(begun: Begun, question: str) -> str:
    """The question for the owner to answer once; empty for small talk, and where a file says the half."""
    if any(message.kind not in (Message.Kind.TEXT, Message.Kind.AUDIO) for message in begun.messages):
        return ""
    spoken = begun.turn.conversation.language[:2]
    return likeness.core(question) if likeness.is_question(question, language=spoken) else ""


def _attachments(turn: Turn, messages: Sequence[Message]) -> list[llm.Attachment]:
    """The files that came with the question, as they are; raises ProviderRejected when they are too much."""
    types = understanding.types_read(turn.agent_version, turn.tier, messages)
    files = [message for message in messages if understanding.shown(message, types) and message.media]
    if len(files) > llm.MOST_ATTACHMENTS:
        raise ProviderRejected("There are too many files for the model.")
    return [_attachment(message) for message in files]


def _attachment(message: Message) -> llm.Attachment:
    mimetype = understanding.media_type(message)
    with default_storage.open(str(message.media.name)) as file:
        content = file.read(llm.largest(mimetype) + 1)
    if len(content) > llm.largest(mimetype):
        raise ProviderRejected("A file is too large for the model.")
    return llm.Attachment(mimetype=mimetype, content=content, name=message.media_name)


@transaction.atomic(durable=True)
def finish(turn: Turn, reply: Reply, *, now: datetime) -> Message | None:
    """Settle the hold and post the reply, together or not at all; the message that is now to be sent."""
    conversation = _LOCKED.one(pk=turn.conversation_id)
    conversation.channel = turn.conversation.channel
    # A person may have taken over while the model was thinking.
    silent = conversation.handler != Conversation.Handler.AGENT
    price = credits.price_for(reply.completion.model, at=now)
    if not silent and not _has_acted(reply) and _is_overtaken(conversation, turn):
        _merge(conversation, turn, reply, price=price, now=now)
        return None
    rehearsed = versions.is_rehearsed(conversation)
    free = rehearsed or _asked_nobody(reply.thought)
    cost = 0 if free else pricing.cost(price, reply.completion.usage)
    status = Turn.Status.DONE if not silent else _silence(reply)
    if not _close(turn, reply, status=status, cost=cost, now=now):
        return None  # the sweeper gave it up as dead, and another turn has these messages
    message = None if silent else _post(conversation, turn, reply, now=now)
    _keep_passages(turn, reply)
    teaching.note(turn, conversation, reply.unanswered, now=now)
    if reply.thought.pinned is not None and message is not None and not rehearsed:
        pinned.given(reply.thought.pinned.id, now=now)
    _go_on(conversation)
    hooks.turn(turn, conversation, now=now)
    live.publish("turn.finished", id=turn.pk, conversation=conversation.pk)
    _charge(turn, reply, price=price, cost=cost, now=now)  # last: every answer waits for the account's row
    return message


_LOCKED = written.Rows(lambda: Conversation.objects.filter(pk=slot("pk")).select_for_update())


def _has_acted(reply: Reply) -> bool:
    """Whether a tool did something: the customer hears of it now, whatever they wrote meanwhile."""
    return any(run.is_done and run.tool is not None and run.tool.claims for run in reply.thought.runs)


def _silence(reply: Reply) -> str:
    """Why nothing is said: the assistant called a person itself, or one took over."""
    return Turn.Status.HANDED_OVER if reply.thought.handed_over else Turn.Status.SILENT


def _is_overtaken(conversation: Conversation, turn: Turn) -> bool:
    """Whether the contact has said more than this answer knows of, and may be waited for once more."""
    if conversation.reply_due_at is None or turn.merges >= MOST_MERGES:
        return False
    newer = Q(turn=None) | Q(turn=turn, edited_at__gt=turn.started_at)
    return conversation.messages.filter(newer, direction=Message.Direction.IN, outcome="").exists()


def _merge(conversation: Conversation, turn: Turn, reply: Reply, *, price: Price, now: datetime) -> None:
    """Nothing was sent yet: the next turn answers everything at once, and this draft is on the house.

    The reserved credits stay reserved for that turn. Why the draft is free: docs/adr/0007-one-answer.md.
    """
    if not _close(turn, reply, status=Turn.Status.MERGED, cost=0, now=now):
        return
    _note_usage(turn, reply, price=price, cost=0, now=now)
    if turn.hold is not None:
        credits.keep(turn.hold, now=now)
    _go_on(conversation)
    live.publish("turn.finished", id=turn.pk, conversation=conversation.pk)


def _asked_nobody(thought: engine.Thought) -> bool:
    """Whether the answer was there already: then nothing is charged."""
    return thought.vendor in FREE or thought.saved is not None or thought.unpaid


def _close(turn: Turn, reply: Reply, *, status: str, cost: int, now: datetime) -> bool:
    """Write down how the turn went; False when it is not running any more."""
    completion, usage = reply.completion, reply.completion.usage
    running = Turn.objects.filter(pk=turn.pk, status=Turn.Status.RUNNING)
    return bool(
        running.update(
            status=status,
            finished_at=now,
            vendor=reply.thought.vendor,
            model=completion.model,
            supported=completion.supported,
            # A person may have deleted it while this was being said.
            pinned=PinnedAnswer.objects.filter(pk=reply.thought.pinned.id).values("pk")
            if reply.thought.pinned
            else None,
            credits=cost,
            latency_ms=reply.thought.latency_ms,
            tier=reply.thought.tier,
            **routes.kept(reply.thought),
            steps=[asdict(step) for step in reply.thought.steps],
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            **spending.kept(reply.thought, at=now),
        )
    )


def _post(conversation: Conversation, turn: Turn, reply: Reply, *, now: datetime) -> Message:
    """Queue the answer, and end the messages that it answers."""
    source = _source_line(turn, reply, conversation.language)
    closing = conduct.closing_line(conversation, now=now)
    limits = channels.transport(conversation.channel).limits
    room = limits.text - sum(len(line) + 2 for line in (source, closing) if line)
    text = wording.fit(reply.completion.text, markup=limits.markup, limit=room)
    citing.keep(turn, reply.completion, text)
    text = f"{text}\n\n{closing}" if closing else text
    message = outbox.post(conversation, text, turn=turn, source_line=source, now=now, ring=False)
    if _ANSWERED(turn=turn.pk, terminal_at=now) > 1:
        _note_merged(turn)
    return message


_ANSWERED = written.Change(
    lambda: Message.objects.filter(turn=slot("turn"), direction=Message.Direction.IN, outcome=""),
    "terminal_at",
    outcome=Message.Outcome.ANSWERED,
)


def _note_merged(turn: Turn) -> None:
    """All bubbles but the last were answered as part of something larger."""
    answered = turn.messages.filter(direction=Message.Direction.IN, outcome=Message.Outcome.ANSWERED)
    last = answered.order_by("-pk").values("pk")[:1]
    answered.exclude(pk__in=last).update(outcome_reason=f"merged into turn {turn.pk}")


def _go_on(conversation: Conversation) -> None:
    """The contact wrote again meanwhile, and that take() found this turn running."""
    if conversation.reply_due_at:
        wait = max(0.0, (conversation.reply_due_at - timezone.now()).total_seconds())
        enqueue(take, countdown=wait, conversation_id=conversation.pk)


@transaction.atomic(durable=True)
def abandon(
    turn_id: int, *, reason: str, again: bool, now: datetime, after: float = 0.0, line: Line = Line.FAILED,
    route: Mapping[str, Any] | None = None,
) -> Turn:  # fmt: skip
    """Give a turn up: it is free. Try again a little later, and after a few tries call a person."""
    conversation_id = Turn.objects.values_list("conversation_id", flat=True).get(pk=turn_id)
    conversation = handoff.locked(conversation_id)
    turn = Turn.objects.select_for_update(of=("self",)).select_related("hold").get(pk=turn_id)
    if turn.status != Turn.Status.RUNNING:
        return turn
    if turn.hold:
        credits.release(turn.hold, now=now)
    turn.status, turn.error, turn.finished_at = Turn.Status.FAILED, reason[:200], now
    turn.route, turn.intent = route or turn.route, (route or {}).get("intent", "")
    turn.tier = (route or {}).get("tier", turn.tier)
    turn.save(update_fields=["status", "error", "finished_at", "route", "intent", "tier"])
    log.warning("turn.abandoned", turn_id=turn.pk, attempt=turn.attempt)
    if conversation.handler == Conversation.Handler.AGENT:
        _after_failure(conversation, turn, again=again, after=after, line=line, now=now)
    hooks.turn(turn, conversation, now=now)
    live.publish("turn.finished", id=turn.pk, conversation=conversation.pk)
    return turn


def _after_failure(
    conversation: Conversation, turn: Turn, *, again: bool, after: float, line: Line, now: datetime
) -> None:
    if not again or turn.attempt >= MAX_ATTEMPTS:
        handoff.queue(conversation, reason=line, now=now)
        return
    wait = max(2.0 ** (turn.attempt - 1), min(after, LONGEST_WAIT))
    conversation.reply_due_at = now + timedelta(seconds=wait)
    conversation.save(update_fields=["reply_due_at"])
    enqueue(take, countdown=wait, conversation_id=conversation.pk)


def question_of(messages: Sequence[Message]) -> str:
    """What the contact asks: the bubbles since the last answer, in the order in which they were said.

    Of more than one can ask in earnest only the latest: who writes without end costs no more than anybody.
    """
    ordered = sorted(messages, key=lambda m: (m.provider_at or m.created_at, m.pk))
    said = "\n".join(message.words for message in ordered if message.words)
    return said[-QUESTION_CHARACTERS:]


def history(version: AgentVersion, *, before: Message) -> list[llm.ChatMessage]:
    """What was said earlier, as far back as this version remembers and no silence was too long."""
    recent = _earlier(version.memory_messages)(conversation=before.conversation_id, before=before.pk)
    return _within_silence(recent, before=before.created_at, minutes=version.memory_minutes)


@cache
def _earlier(most: int) -> written.Rows[Message]:
    """What was said before a message, the newest first."""
    spoken = ~Q(body="") | Q(transcript__status=Transcript.Status.DONE)

    def described() -> QuerySet[Message]:
        ours = Message.objects.filter(spoken, conversation=slot("conversation"), pk__lt=slot("before"))
        known = ours.filter(revoked_at=None).select_related("transcript").only(*REMEMBERED)
        return known.order_by("-pk")[:most]

    return written.Rows(described)


def _within_silence(recent: Sequence[Message], *, before: datetime, minutes: int) -> list[llm.ChatMessage]:
    """The newest messages without a gap longer than `minutes`, oldest first; `recent` comes newest first."""
    kept: list[llm.ChatMessage] = []
    for message in recent:
        if before - message.created_at > timedelta(minutes=minutes):
            break
        role: Literal["user", "assistant"] = (
            "user" if message.direction == Message.Direction.IN else "assistant"
        )
        if words := understanding.sure_words(message):
            text = "\n".join(part for part in (words[:2000], message.in_memory) if part)
            kept.append(llm.ChatMessage(role=role, text=text))
        before = message.created_at
    return kept[::-1]


def _charge(turn: Turn, reply: Reply, *, price: Price, cost: int, now: datetime) -> None:
    """Settle what was used at the price of this moment, which stays on the usage row."""
    if _asked_nobody(reply.thought):
        return credits.release(turn.hold, now=now) if turn.hold is not None else None
    _note_usage(turn, reply, price=price, cost=cost, now=now)
    if turn.hold is not None:
        credits.settle(turn.hold, cost=cost, key=f"turn:{turn.pk}", reason="answer", now=now)


def _note_usage(turn: Turn, reply: Reply, *, price: Price, cost: int, now: datetime) -> None:
    """What was used stays on record, with its price and the conversation that it was for."""
    completion, prices = reply.completion, reply.thought.price_list
    usage.of_tokens(
        key=f"turn:{turn.pk}",
        model=completion.model,
        tokens=completion.usage,
        cost=cost,
        price=price,
        whose=used_for.whose(turn.conversation, turn.agent_version),
        price_list=prices,
        now=now,
    )


def _keep_passages(turn: Turn, reply: Reply) -> None:
    """What the answer was made from, as it was read; a later edit of the document changes nothing here."""
    quotes = {citation.passage: citation.quote for citation in reply.completion.citations}
    passages = (
        TurnPassage(
            turn=turn,
            chunk_id=p.chunk_id,
            document_id=p.document_id,
            document_title=p.document_title[:200],
            heading=" › ".join(p.heading)[:300],
            page=p.page,
            text=p.text,
            quote=quotes.get(rank, ""),
            score=p.score,
            rank=rank,
            cited=rank in quotes,
        )
        for rank, p in enumerate(reply.thought.found.passages)
    )
    written.add(*passages)


def _source_line(turn: Turn, reply: Reply, language: str) -> str:
    """The document that the answer rests on, when the business wants it named."""
    citations = reply.completion.citations
    if not citations or turn.agent_version is None or not turn.agent_version.source_line:
        return ""
    best = reply.thought.found.passages[citations[0].passage]
    short = language[:2]
    line = SOURCE_LINES.get(short, SOURCE_LINES["en"]).format(title=best.document_title)
    return line + (PAGES.get(short, PAGES["en"]).format(page=best.page) if best.page else "")


def _settle_language(conversation: Conversation, messages: Sequence[Message]) -> None:
    """The customer's language, unless the assistant has one of its own.

    Detected from enough words, remembered, the business's own until then.
    """
    version = versions.of(conversation) if messages else None
    fixed = version.language if version else ""
    spoken = languages.sure_of("\n".join(understanding.sure_words(message) for message in messages))
    before = conversation.language
    conversation.language = (
        fixed or spoken or before or conversation.contact.language or current_tenant().language[:2]
    )
    if spoken and spoken not in (before, fixed):
        _SPEAKS(pk=conversation.contact_id, language=spoken)


_SPEAKS = written.Change(lambda: Contact.objects.filter(pk=slot("pk")), "language")
