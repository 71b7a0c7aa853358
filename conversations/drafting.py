"""Draft an answer to a gap from the nearest documents, for a person to check before any customer reads it."""

import time
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from agents import hiring, replies, routing
from agents.models import AgentVersion
from billing import credits, pricing, usage
from billing.models import Hold, LedgerEntry
from conversations import breakers, fallback, settled
from knowledge import gaps, retrieval
from knowledge.models import Gap
from providers import llm
from providers.errors import ProviderError
from tenants import live
from tenants.background import enqueue, task
from tenants.current import tenant

log = structlog.get_logger(__name__)
PASSAGES = 4
NEARLY = 0.8  # of the support that carries an answer: worth a person's look
TOKENS = 700
PAID_A_DAY = 30  # drafts; beyond them only those are paid that a person wants, and the rest are quoted, free
RULE = """\
This is a draft for the owner of the business, who checks and corrects it before any customer reads it. \
Write the best short answer that the passages allow, even where they answer only in part."""


def write_soon(gap_id: int) -> None:
    """Have a draft made in the background."""
    with transaction.atomic():
        enqueue(write, gap_id=gap_id)


@transaction.atomic(durable=True)
def ask_for(gap: Gap) -> None:
    """A person wants a new draft, from what the documents say now."""
    Gap.objects.filter(pk=gap.pk).update(drafted_at=None)
    enqueue(write, gap_id=gap.pk, wanted=1)
    live.publish("gap.changed", id=gap.pk)


@task()
def write(gap_id: int, wanted: int = 0) -> None:
    """Draft an answer to an open gap that has none; the sweep rings again while no vectors are had.

    `wanted` is 1 when a person asked for it: then the day's bound does not count.
    """
    gap = Gap.objects.filter(pk=gap_id, status=Gap.Status.OPEN, drafted_at=None).first()
    if gap is None:
        return
    version = _version(gap)
    agent_id = version.agent_id if version else None
    found = retrieval.search(question=gap.question, language=gap.language, limit=PASSAGES, agent_id=agent_id)
    paid = bool(wanted) or _may_cost(now=timezone.now())
    text = _text(gap, version, found, paid=paid, now=timezone.now()) if found.passages and version else ""
    with transaction.atomic(durable=True):
        gaps.drafted(gap.pk, text=text, passages=_shown(found), now=timezone.now())
        live.publish("gap.changed", id=gap.pk)


def _version(gap: Gap) -> AgentVersion | None:
    """Who is to write it: the assistant that was asked last, as it is published now."""
    last = gap.asked.select_related("turn__agent_version__agent").order_by("-created_at").first()
    if last is not None and last.turn.agent_version is not None:
        return last.turn.agent_version.agent.published
    return hiring.first().published


def _shown(found: retrieval.Retrieved) -> list[dict[str, Any]]:
    """The nearest passages, as the page lists them: `Gap.draft_from`."""
    return [
        {
            "document_id": one.document_id,
            "chunk_id": one.chunk_id,
            "title": one.document_title,
            "page": one.page,
            "text": one.text[:600],
            "score": round(one.score, 3),
        }
        for one in found.passages
    ]


def _may_cost(*, now: datetime) -> bool:
    """Whether a draft that nobody asked for may still be paid today: customers choose how many there are."""
    drafts = LedgerEntry.objects.filter(kind=LedgerEntry.Kind.DRAFT, created_at__gt=now - timedelta(days=1))
    return drafts.count() < PAID_A_DAY


def _text(gap: Gap, version: AgentVersion, found: retrieval.Retrieved, *, paid: bool, now: datetime) -> str:
    """The draft; empty when nothing near enough was found or nobody could write it."""
    request = _request(gap, version, found)
    key = f"draft:{gap.pk}:{int(now.timestamp() * 1000)}"
    hold = _hold(key, request, agent_id=version.agent_id, now=now) if paid else None
    asked = fallback.Asked(
        request,
        quotable=found.support >= NEARLY,
        attempt=2,  # nobody waits: what fails is quoted at once
        started=time.monotonic(),
    )
    try:
        answered = _quoted(asked) if hold is None else _complete(version, gap, asked)
    except ProviderError as error:
        log.warning("draft.failed", gap_id=gap.pk, reason=str(error))
        answered = None
    _pay(hold, answered, key=key, agent_id=version.agent_id, now=timezone.now())
    return _words(answered) if answered is not None and answered.completion.supported else ""


def _request(gap: Gap, version: AgentVersion, found: retrieval.Retrieved) -> llm.Request:
    passages = [
        llm.Passage(ref=n, title=p.document_title, text=p.text, page=p.page, heading=" › ".join(p.heading))
        for n, p in enumerate(found.passages)
    ]
    request = replies.compose(
        version=version,
        business=tenant().name,
        history=[llm.ChatMessage(role="user", text=gap.question)],
        passages=passages,
        language=gap.language,
        model="",
    )
    return replace(request, system=f"{request.system}\n\n{RULE}", max_tokens=TOKENS)


def _complete(version: AgentVersion, gap: Gap, asked: fallback.Asked) -> fallback.Answered:
    tier = routing.choose(gap.question, policy=version.routing, tiers=version.tiers).tier
    return fallback.complete(version, tier, asked, known=breakers.all_known())


def _quoted(asked: fallback.Asked) -> fallback.Answered:
    speaker = replies.quoter()
    return fallback.Answered(speaker.adapter.complete(asked.of(speaker)), speaker.vendor)


@transaction.atomic(durable=True)
def _hold(key: str, request: llm.Request, *, agent_id: int, now: datetime) -> Hold | None:
    """Reserve what a model would cost; None without credits: then the documents are quoted."""
    price = credits.price_for("*", at=now)
    characters = len(request.system) + sum(len(passage.text) for passage in request.passages)
    amount = pricing.estimate(price, characters=characters, max_tokens=TOKENS)
    try:
        return credits.hold(key=key, amount=amount, agent_id=agent_id, now=now)
    except credits.InsufficientCredits:
        return None


@transaction.atomic(durable=True)
def _pay(
    hold: Hold | None, answered: fallback.Answered | None, *, key: str, agent_id: int, now: datetime
) -> None:
    """Settle what a model used; a quotation and a failure are free."""
    if hold is None:
        return
    if answered is None or answered.vendor in ("extractive", settled.VENDOR):
        return credits.release(hold, now=now)
    completion = answered.completion
    price = credits.price_for(completion.model, at=now)
    cost = pricing.cost(price, completion.usage)
    usage.of_tokens(
        key=key,
        model=completion.model,
        tokens=completion.usage,
        cost=cost,
        price=price,
        whose=usage.Whose(agent_id),
        price_list=answered.price_list,
        now=now,
    )
    kind = LedgerEntry.Kind.DRAFT
    credits.settle(hold, cost=cost, key=key, reason="draft of an answer", now=now, kind=kind)


def _words(answered: fallback.Answered) -> str:
    """What was written; of a quotation the document's own words alone."""
    if answered.vendor == "extractive" and answered.completion.citations:
        return answered.completion.citations[0].quote
    return answered.completion.text
