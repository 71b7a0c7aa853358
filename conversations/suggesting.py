"""Words for a person of the team: a draft of an answer, their own words said otherwise, a translation.

A row that is due, one claim, one call, paid as an answer is. Nothing of it is ever sent by itself, and no
customer reads any of it before a person has. Who waits for it looks at the row; where the doorbell was lost,
looking rings it again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agents import hiring, replies, routing
from agents.models import AgentVersion
from billing import credits, pricing, usage
from billing.models import Hold, LedgerEntry
from conversations import (
    breakers,
    fallback,
    profiles,
    settled,
    suggestion_words,
    turns,
    used_for,
    versions,
)
from conversations.models import Conversation, Message
from conversations.models.answers import Suggestion
from knowledge import retrieval
from providers import llm
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.models import User

log = structlog.get_logger(__name__)
Kind, Status = Suggestion.Kind, Suggestion.Status
LONGEST = 4000
MOST_BUBBLES = 8  # of what the customer asks
NEARLY = 0.8  # of the support that carries an answer: worth a colleague's look
RING_AGAIN = timedelta(seconds=4)
DEAD = timedelta(seconds=60)  # all time-outs are below it
KEPT = timedelta(days=1)  # a translation for readers stays with its message
FREE = ("extractive", settled.VENDOR)
NOBODY, NO_CREDITS, NOTHING, DOWN = "nobody", "no credits", "nothing", "down"


class Failed(Exception):
    """There will be no words; the argument is one of the reasons above."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was written, from what, and what it used."""

    text: str
    answered: fallback.Answered
    passages: Sequence[Any] = ()


# -- asking


@transaction.atomic(durable=True)
def ask(
    conversation: Conversation, *, kind: str, key: str, user: User, now: datetime, given: str = "",
    language: str = "",
) -> Suggestion:  # fmt: skip
    """Have something written for this person, once a `key`."""
    _forget(now=now)
    return _ring_for(
        key=f"{user.pk}:{key}"[:90], now=now, conversation=conversation, kind=kind, user=user,
        given=given[:LONGEST], language=language,
    )  # fmt: skip


@transaction.atomic(durable=True)
def translate(message: Message, *, language: str, user: User, now: datetime) -> Suggestion:
    """Have a message translated for readers of this language; once for all of them, unless it failed."""
    key = f"read:{message.pk}:{language}"
    Suggestion.objects.filter(key=key, status=Status.FAILED).delete()
    return _ring_for(
        key=key, now=now, conversation=message.conversation, message=message, kind=Kind.READ, user=user,
        given=message.words[:LONGEST], language=language,
    )  # fmt: skip


def _ring_for(*, key: str, now: datetime, **fields: Any) -> Suggestion:
    row, is_new = Suggestion.objects.get_or_create(key=key, defaults={**fields, "created_at": now})
    if is_new:
        enqueue(write, suggestion_id=row.pk)
        _tell(row)
    return row


def _forget(*, now: datetime) -> None:
    """What was suggested and used or not is nobody's any more after a day."""
    Suggestion.objects.filter(created_at__lt=now - KEPT).exclude(kind=Kind.READ).delete()


def look(row: Suggestion, *, now: datetime) -> Suggestion:
    """As it stands for who waits: a lost doorbell is rung again, one whose worker died has failed."""
    with transaction.atomic():
        dead = Suggestion.objects.filter(pk=row.pk, status=Status.RUNNING, claimed_at__lt=now - DEAD)
        if dead.update(status=Status.FAILED, error=DOWN):
            row.status, row.error = Status.FAILED, DOWN
        if row.status == Status.DUE and row.created_at < now - RING_AGAIN:
            enqueue(write, suggestion_id=row.pk)
    return row


def problem(row: Suggestion) -> str:
    """Why there are no words, for a person; empty when there are or will be."""
    if row.status != Status.FAILED:
        return ""
    return {
        NOBODY: _(
            "No language model is connected that could write this. Connect one under Assistant, Models."
        ),
        NO_CREDITS: _("There are not enough credits for this, or today's spending limit is reached."),
        NOTHING: _("Your documents say nothing about this, and no language model is connected."),
    }.get(row.error, _("The model did not answer. Try again in a moment."))


# -- writing


@task()
def write(suggestion_id: int) -> None:
    """Write one suggestion, if it is due and nobody else is at it."""
    row = _claim(suggestion_id, now=timezone.now())
    if row is None:
        return
    key, hold = f"suggestion:{row.pk}", None
    try:
        version = _version(row.conversation)
        request, found = _request(row, version)
        hold = _hold(key, request, agent_id=version.agent_id, now=timezone.now())
        made = _made(row, version, request, found, paid=hold is not None)
    except Failed as failed:
        return _end(row, hold, None, error=str(failed), now=timezone.now())
    except Exception as error:
        if not isinstance(error, ProviderError):
            log.exception("suggestion.failed", suggestion_id=row.pk)
        return _end(row, hold, None, error=DOWN, now=timezone.now())
    _end(row, hold, made, error="", now=timezone.now())


def _claim(suggestion_id: int, *, now: datetime) -> Suggestion | None:
    """Ours by compare-and-set."""
    due = Suggestion.objects.filter(pk=suggestion_id, status=Status.DUE)
    if not due.update(status=Status.RUNNING, claimed_at=now):
        return None
    related = Suggestion.objects.select_related(
        "message", "conversation__channel__agent", "conversation__contact__profile"
    )
    return related.defer("conversation__contact__profile__embedding").get(pk=suggestion_id)


def _version(conversation: Conversation) -> AgentVersion:
    version = versions.of(conversation) or hiring.first().published
    if version is None:
        raise Failed(NOBODY)
    return version


def _request(row: Suggestion, version: AgentVersion) -> tuple[llm.Request, retrieval.Retrieved]:
    if row.kind != Kind.DRAFT:
        return suggestion_words.changed(row.kind, row.given, language=row.language), retrieval.NOTHING
    bubbles = _bubbles(row.conversation)
    question = turns.question_of(bubbles)
    found = retrieval.NOTHING
    language = row.conversation.language or tenant().language[:2]
    if question:
        found = fallback.find(
            question, language=language, agent_id=version.agent_id, known=breakers.all_known()
        )
    return _draft_request(row, version, bubbles, question, found, language=language), found


def _draft_request(
    row: Suggestion, version: AgentVersion, bubbles: Sequence[Message], question: str,
    found: retrieval.Retrieved, *, language: str,
) -> llm.Request:  # fmt: skip
    earlier = turns.history(version, before=bubbles[0]) if bubbles else []
    request = replies.compose(
        version=version,
        business=tenant().name,
        history=[
            *profiles.told(row.conversation),
            *earlier,
            llm.ChatMessage(role="user", text=question or "(The customer has not written yet.)"),
        ],
        passages=[
            llm.Passage(
                ref=n, title=p.document_title, text=p.text, page=p.page, heading=" › ".join(p.heading)
            )
            for n, p in enumerate(found.passages)
        ],
        language=language,
        model="",
        greets=False,
    )
    system = suggestion_words.drafting(request.system, row.given)
    return replace(request, system=system, greeting="", max_tokens=suggestion_words.TOKENS)


def _bubbles(conversation: Conversation) -> list[Message]:
    """What the customer has said since our last words; else the last that they said."""
    said = conversation.messages.filter(direction=Message.Direction.IN, revoked_at=None)
    said = said.select_related("transcript").order_by("-pk")
    ours = conversation.messages.filter(direction=Message.Direction.OUT).order_by("-pk")
    last = ours.values_list("pk", flat=True).first() or 0
    since = list(said.filter(pk__gt=last)[:MOST_BUBBLES])
    return (since or list(said[:1]))[::-1]


def _made(
    row: Suggestion, version: AgentVersion, request: llm.Request, found: retrieval.Retrieved, *, paid: bool
) -> Made:
    """Ask the models, or quote where nobody may be asked; raises Failed or ProviderError."""
    if row.kind != Kind.DRAFT:
        if not paid:
            raise Failed(NO_CREDITS if has_model(version) else NOBODY)
        answered = _ask(version, request)
        return Made(suggestion_words.plain(answered.completion.text), answered)
    if found.pinned is not None and settled.is_spoken(found.pinned, request.language):
        return Made(found.pinned.text, fallback.Answered(settled.said(found.pinned), settled.VENDOR))
    return _drafted(version, request, found, paid=paid)


def _drafted(version: AgentVersion, request: llm.Request, found: retrieval.Retrieved, *, paid: bool) -> Made:
    asked = fallback.Asked(request, quotable=found.support >= NEARLY, attempt=2, started=time.monotonic())
    if paid and has_model(version):
        tier = routing.choose(request.question, policy=version.routing, tiers=version.tiers).tier
        answered = fallback.complete(version, tier, asked, known=breakers.all_known())
    else:
        speaker = replies.quoter()
        answered = fallback.Answered(speaker.adapter.complete(asked.of(speaker)), speaker.vendor)
    if answered.vendor in FREE and not answered.completion.supported:
        raise Failed(NOTHING if not has_model(version) else DOWN if paid else NO_CREDITS)
    return Made(_own_words(answered), answered, found.passages)


def _own_words(answered: fallback.Answered) -> str:
    """What was written; of a quotation the document's own words alone."""
    if answered.vendor == "extractive" and answered.completion.citations:
        return answered.completion.citations[0].quote
    return answered.completion.text.strip()


def has_model(version: AgentVersion) -> bool:
    """Whether any model may be asked for this assistant: else there are only quotations."""
    try:
        return replies.speaker_for(version, routing.TIERS[0]).vendor != "extractive"
    except ProviderRejected:
        return False


def _ask(version: AgentVersion, request: llm.Request) -> fallback.Answered:
    """The cheapest model first, since this needs no knowledge; raises Failed or the last ProviderError."""
    error: ProviderError | None = None
    for tier in replies.tiers_to_try(version, routing.TIERS[0]):
        speaker = replies.speaker_for(version, tier)
        if speaker.vendor == "extractive":
            continue
        try:
            return fallback.ask_plainly(speaker, request)
        except ProviderError as failed:
            if isinstance(failed, ProviderRejected) and not isinstance(failed, AccountRefused):
                raise
            error = failed
    raise error or Failed(NOBODY)


# -- paying


@transaction.atomic(durable=True)
def _hold(key: str, request: llm.Request, *, agent_id: int, now: datetime) -> Hold | None:
    """Reserve what a model would cost; None without credits."""
    price = credits.price_for("*", at=now)
    texts = (request.system, *(m.text for m in request.history), *(p.text for p in request.passages))
    amount = pricing.estimate(price, characters=sum(map(len, texts)), max_tokens=request.max_tokens)
    try:
        return credits.hold(key=key, amount=amount, agent_id=agent_id, now=now)
    except credits.InsufficientCredits:
        return None


@transaction.atomic(durable=True)
def _end(row: Suggestion, hold: Hold | None, made: Made | None, *, error: str, now: datetime) -> None:
    """Keep the words and what they cost, together or not at all; a failure and a quotation are free."""
    running = Suggestion.objects.select_for_update().filter(pk=row.pk, status=Status.RUNNING).first()
    if running is None or made is None or made.answered.vendor in FREE:
        cost = 0
        if hold is not None:
            credits.release(hold, now=now)
    else:
        cost = _charge(row, hold, made.answered, now=now)
    if running is None:
        return
    running.status = Status.DONE if made else Status.FAILED
    running.error, running.credits = error[:200], cost
    if made:
        running.text, running.model = made.text, made.answered.completion.model[:120]
        running.passages = _shown(made)
    running.save()
    _tell(running)


def _charge(row: Suggestion, hold: Hold | None, answered: fallback.Answered, *, now: datetime) -> int:
    completion = answered.completion
    key, price = f"suggestion:{row.pk}", credits.price_for(completion.model, at=now)
    cost = pricing.cost(price, completion.usage)
    usage.of_tokens(
        key=key,
        model=completion.model,
        tokens=completion.usage,
        cost=cost,
        price=price,
        whose=used_for.whose(row.conversation),
        price_list=answered.price_list,
        now=now,
    )
    if hold is not None:
        kind = LedgerEntry.Kind.DRAFT
        credits.settle(hold, cost=cost, key=key, reason=_reason(row), now=now, kind=kind)
    return cost


def _reason(row: Suggestion) -> str:
    if row.kind == Kind.DRAFT:
        return "draft for a colleague"
    return "translation" if row.kind in (Kind.TRANSLATE, Kind.READ) else "words said otherwise"


def _shown(made: Made) -> list[dict[str, Any]]:
    """The passages as the page lists them, those that the draft rests on first."""
    cited = {citation.passage for citation in made.answered.completion.citations}
    rows = [
        {"title": p.document_title, "page": p.page, "text": p.text[:600], "cited": rank in cited}
        for rank, p in enumerate(made.passages)
    ]
    return sorted(rows, key=lambda one: not one["cited"])


def _tell(row: Suggestion) -> None:
    """A translation stands in the thread; the rest is waited for by one page."""
    if row.kind == Kind.READ:
        live.publish("message.changed", id=row.message_id or 0, conversation=row.conversation_id)
    else:
        live.publish("suggestion.changed", id=row.pk)
