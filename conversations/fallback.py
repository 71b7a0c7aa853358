"""What a customer gets when something that we need is down: another model, a quotation, or a word to wait.

In this order: the model of the turn's tier; the next tier's model where it is another provider's; the
sentences of the business's own documents, when they support an answer. With none of these the turn fails, is
tried again, and then a person is called. Whoever waits for longer than the owner's bound hears so, once.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from agents import replies
from agents.claims import Receipt
from agents.guarding import Breach
from agents.lines import Line, say
from agents.models import AgentVersion
from conversations import breakers, consent, handoff, outbox, routes, rules, settled
from conversations.models import Breaker, Conversation, Message
from knowledge import reranking, retrieval
from knowledge.models import Reranker
from knowledge.pinned import Pinned
from providers import llm
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected
from tenants.background import task
from tenants.current import tenant
from tenants.db import connection

log = structlog.get_logger(__name__)
TOTAL_SECONDS = 25.0  # for all models of one turn
LEAST_SECONDS = 3.0  # no model answers in less
QUICK_SECONDS = 5.0  # a first failure so soon is worth a second try before documents are quoted
EMBEDDING, RERANKER = "embedding", "reranker"
ELSEWHERE = (About.MODEL, About.ADDRESS)  # refused for what is set up, not for what was asked
PASSAGES = 6  # that an answer is made from


@dataclass(frozen=True, slots=True)
class Asked:
    """A question for whoever answers; `quotable` when documents support it."""

    request: llm.Request
    quotable: bool
    attempt: int
    started: float  # on the monotonic clock
    settled: Pinned | None = None  # in another language: said by a model, or else as it stands
    tried: list[routes.Attempt] = field(default_factory=list)  # who was asked in vain
    known: tuple[str, ...] = ()  # what an answer may repeat beside the passages: tools' results
    receipts: tuple[Receipt, ...] = ()  # what it may say was done
    rephrases: bool = False  # who asks has the claim of a deed said otherwise, before documents are quoted

    def check(self, version: AgentVersion, completion: llm.Completion) -> None:
        """Raise replies.Unfit for what no customer may read; a call of tools is not read by any."""
        if not completion.calls:
            replies.check(version, self.request, completion, known=self.known, receipts=self.receipts)

    def of(self, speaker: replies.Speaker) -> llm.Request:
        """As this model is to be asked; who can only quote sees what supports an answer, or nothing."""
        shown = self.request.passages if self.quotable or speaker.vendor != "extractive" else ()
        return replace(self.request, model=speaker.model, passages=shown)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and whose."""

    completion: llm.Completion
    vendor: str
    tier: str = ""  # whose model it was; empty for a quotation
    price_list: str = ""  # whose prices the vendor takes; empty where nobody takes any


def find(question: str, *, language: str, agent_id: int, known: Mapping[str, Breaker]) -> retrieval.Retrieved:
    """The passages that this assistant may use; by their words alone while no vectors can be had."""
    ranker = reranking.chosen()
    most = reranking.LOOKED_AT if ranker else PASSAGES
    found = _found(question, language=language, agent_id=agent_id, limit=most, known=known)
    if ranker is None or settled.is_spoken(found.pinned, language):
        return found
    return _reranked(ranker, question, found, known=known)


def _found(
    question: str, *, language: str, agent_id: int, limit: int, known: Mapping[str, Breaker]
) -> retrieval.Retrieved:
    row = known.get(EMBEDDING)
    if breakers.allows(row, now=timezone.now()):
        try:
            found = retrieval.search(question=question, language=language, agent_id=agent_id, limit=limit)
        except ProviderError as error:
            breakers.failed(EMBEDDING, error, now=timezone.now())
        else:
            breakers.succeeded(row)
            return found
    log.warning("retrieval.words_only")
    return retrieval.search_words(question=question, language=language, agent_id=agent_id, limit=limit)


def _reranked(
    ranker: Reranker, question: str, found: retrieval.Retrieved, *, known: Mapping[str, Breaker]
) -> retrieval.Retrieved:
    """The vendor's order of the passages, or our own while the vendor does not answer."""
    row, passages = known.get(RERANKER), found.passages
    if len(passages) > 1 and breakers.allows(row, now=timezone.now()):
        connection.close_if_unusable_or_obsolete()  # as for a model
        try:
            passages = reranking.ordered(ranker, question, passages)
        except ProviderError as error:
            breakers.failed(RERANKER, error, now=timezone.now())
        else:
            breakers.succeeded(row)
    return replace(found, passages=passages[:PASSAGES])


def complete(version: AgentVersion, tier: str, asked: Asked, *, known: Mapping[str, Breaker]) -> Answered:
    """Ask the models that may be asked, in their order, then the documents; raises the last ProviderError."""
    error = ProviderError("No model may be asked at this moment.")
    for name in replies.tiers_to_try(version, tier):
        left = TOTAL_SECONDS - (time.monotonic() - asked.started)
        if left < LEAST_SECONDS:
            break
        try:
            return _by_tier(version, name, asked, known, seconds=left)
        except replies.Unfit as unfit:
            log.warning("answer.kept_back", breach=unfit.breach.value)
            if asked.rephrases and unfit.breach is Breach.ACTION:
                raise
            error = unfit  # talked into it once, the next model may be, too
            break
        except AccountRefused as refused:
            error = refused
        except ProviderRejected as rejected:
            if rejected.about not in ELSEWHERE:
                raise
            error = rejected
        except ProviderError as failed:
            error = failed
    soon = asked.attempt == 1 and time.monotonic() - asked.started < QUICK_SECONDS
    if soon and not isinstance(error, ProviderRejected | Paused):
        raise error  # a breath later it may answer
    quoted = _quoted(asked)
    if quoted is None:
        raise error
    asked.check(version, quoted.completion)  # a document may hold such words, too
    return quoted


def _by_tier(
    version: AgentVersion, tier: str, asked: Asked, known: Mapping[str, Breaker], *, seconds: float
) -> Answered:
    """Ask the model of one tier; that it was asked in vain is noted."""
    since, speaker = time.monotonic(), replies.speaker_for(version, tier)
    try:
        answered = _ask(speaker, asked, known, seconds=seconds)
        asked.check(version, answered.completion)
    except ProviderError as error:
        ms = int((time.monotonic() - since) * 1000)
        asked.tried.append(routes.Attempt(tier, speaker.vendor, speaker.model, str(error)[:200], ms))
        raise
    return replace(answered, tier=tier)


class Paused(ProviderError):
    """The vendor failed too often a moment ago, and is not asked."""


def _ask(speaker: replies.Speaker, asked: Asked, known: Mapping[str, Breaker], *, seconds: float) -> Answered:
    """Ask one model, and remember whether it answered."""
    if speaker.vendor == "extractive":
        return _own_words(asked, speaker)
    row = known.get(speaker.account)
    if not breakers.allows(row, now=timezone.now()):
        assert row is not None, "a vendor without a row may always be asked"
        if row.cause == Breaker.Cause.ACCOUNT:  # it waits for the owner, and no customer should
            raise AccountRefused("The model's account was refused a moment ago.")
        raise Paused("The model is not asked for a moment.", retry_after=_after(row))
    request = asked.of(speaker)
    request = replace(request, timeout=min(request.timeout, seconds))
    # The model may think for seconds: a connection of the pool is not ours to keep meanwhile.
    connection.close_if_unusable_or_obsolete()
    try:
        completion = speaker.adapter.complete(request)
    except ProviderError as error:
        if isinstance(error, AccountRefused) or not isinstance(error, ProviderRejected):
            breakers.failed(speaker.account, error, now=timezone.now())
        raise
    breakers.succeeded(row)
    return Answered(completion, speaker.vendor, price_list=speaker.price_list)


def ask_plainly(speaker: replies.Speaker, request: llm.Request) -> Answered:
    """Ask one model for what no customer reads before a person has: nothing is checked and nothing quoted.

    Raises ProviderError; the vendor's breaker counts as for an answer.
    """
    asked = Asked(request, quotable=False, attempt=1, started=time.monotonic())
    return _ask(speaker, asked, breakers.all_known(), seconds=TOTAL_SECONDS)


def _after(row: Breaker) -> float:
    return breakers.closes_in(row, now=timezone.now()) + 0.5


def _quoted(asked: Asked) -> Answered | None:
    """The business's own sentences, where they support an answer; a greeting needs none."""
    answered = _own_words(asked, replies.quoter())
    return answered if answered.completion.supported else None


def quoted(version: AgentVersion, asked: Asked) -> Answered | None:
    """As who needs no vendor answers; None where documents do not, or say what no customer may read."""
    answered = _quoted(asked)
    try:
        if answered is not None:
            asked.check(version, answered.completion)
    except replies.Unfit as unfit:
        log.warning("answer.kept_back", breach=unfit.breach.value)
        return None
    return answered


def _own_words(asked: Asked, speaker: replies.Speaker) -> Answered:
    """What was settled, as it stands, or else a quotation."""
    if asked.settled is not None:
        return Answered(settled.said(asked.settled), settled.VENDOR)
    return Answered(speaker.adapter.complete(asked.of(speaker)), speaker.vendor)


# -- who waits too long hears so


def late(*, now: datetime, within: timedelta) -> list[tuple[int, float]]:
    """Where somebody will have waited for too long `within` this time: ids, with seconds left."""
    bound = rules.current().holding_seconds
    if not bound:
        return []
    waiting = Message.objects.filter(
        direction=Message.Direction.IN,
        outcome="",
        created_at__lt=now + within - timedelta(seconds=bound),
        conversation__handler=Conversation.Handler.AGENT,
    ).select_related("conversation")
    due: dict[int, float] = {}
    for message in waiting.order_by("-pk"):
        told = message.conversation.held_at
        if told is None or told < message.created_at:
            left = bound - (now - message.created_at).total_seconds()
            due[message.conversation_id] = max(0.0, left)
    return list(due.items())


@task()
def hold(conversation_id: int) -> None:
    """Tell a customer who has waited for longer than the owner's bound that the answer is late."""
    hold_line(conversation_id, now=timezone.now())


@transaction.atomic(durable=True)
def hold_line(conversation_id: int, *, now: datetime) -> Message | None:
    """As `hold`: once for all that is open; never beside an answer, since both take the same lock."""
    conversation = handoff.locked_if_there(conversation_id)
    bound = rules.current().holding_seconds
    if conversation is None or not bound:
        return None
    if conversation.handler != Conversation.Handler.AGENT or consent.is_out(conversation):
        return None
    unheld = conversation.messages.filter(direction=Message.Direction.IN, outcome="")
    if conversation.held_at is not None:
        unheld = unheld.filter(created_at__gt=conversation.held_at)
    if not unheld.filter(created_at__lte=now - timedelta(seconds=bound)).exists():
        return None
    conversation.held_at = now
    conversation.save(update_fields=["held_at"])
    text = say(Line.HOLDING, conversation.language or tenant().language)
    return outbox.post(conversation, text, author=Message.Author.SYSTEM, now=now)
