"""How an answer is made: find, settle, ask models and tools. One engine for customers, Try and the gate.

Nothing here opens a transaction, charges or sends: whoever asks keeps what comes back, or throws it away.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.utils import timezone

from agents import replies
from agents.models import AgentVersion
from agents.routing import Decision
from conversations import breakers, fallback, receipts, reuse, routes, settled, talking, tooling
from conversations.models import Breaker
from knowledge import retrieval
from knowledge.pinned import Pinned
from providers import llm
from tenants.current import tenant as current_tenant

WITHOUT_WORDS = "(The customer sent this without a word.)"


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered, and for whom: ids come from the session, never from a model.

    `files` tells that something other than words came with it. With `rehearsed` no tool touches the world.
    `tier` is what the words alone chose; `value` is the customer's, 0 to 100, where known.
    """

    words: str
    language: str
    version: AgentVersion
    tier: str
    history: Sequence[llm.ChatMessage] = ()
    attachments: Sequence[llm.Attachment] = ()
    files: bool = False
    greets: bool = True  # whether the assistant's greeting was not read yet
    conversation_id: int | None = None
    contact_id: int | None = None
    turn_id: int | None = None
    attempt: int = 1
    rehearsed: bool = False
    value: int | None = None
    exchange: str = ""  # what is answered: the id of its first message, the same for every attempt
    asked_at: datetime | None = None  # when that message came
    own_words: str | None = None  # what the customer said earlier; None for all that the history has of them
    saves: bool = False  # credits are few: the least model answers whatever is asked
    trail: routes.Trail = field(default_factory=routes.Trail)  # filled on the way


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done on the way to an answer, for whoever asks why."""

    kind: Literal["route", "search", "settled", "cache", "model", "tool", "check"]
    name: str
    ms: int
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Thought:
    """An answer with what it was made of, and how long that took."""

    completion: llm.Completion
    found: retrieval.Retrieved
    vendor: str
    tier: str
    latency_ms: int
    steps: tuple[Step, ...] = ()
    pinned: Pinned | None = None  # what was settled for this question, and said
    route: Decision | None = None
    fallbacks: tuple[routes.Attempt, ...] = ()  # who was asked in vain
    price_list: str = ""  # whose prices the vendor takes; empty where nobody was asked
    saved: llm.Usage | None = None  # what was not used, as the answer was there (conversations.reuse)
    runs: tuple[receipts.Ran, ...] = ()  # what tools did for it
    handed_over: bool = False  # a tool called a person, and nothing more is to be said
    unpaid: bool = False  # documents were quoted, as no model could be paid: nothing is charged


def think(question: Question, *, started: float) -> Thought:
    """Retrieve and generate; raises ProviderError or ProviderRejected. `started` is a monotonic moment."""
    known = breakers.all_known()
    steps: list[Step] = []
    found = _find(question, steps, known=known)
    session = _session(question)
    as_settled = None if session.resumes else _as_settled(question, found, steps, started=started)
    if as_settled is not None:
        return as_settled
    to_say = None if session.resumes else settled.of(found, files=question.files)
    request = _request(question, found, to_say)
    reused = None if session.resumes else reuse.look(question, found, request)
    if reused is not None:
        return _again(question, found, reused, steps, started=started)
    decision = _routed(question, found, steps, known=known)
    if decision.refused and to_say is None and not session.resumes:
        return _refused(question, decision, steps, started=started)
    asked = fallback.Asked(
        request,
        quotable=found.supported,
        attempt=question.attempt,
        started=started,
        settled=to_say,
        tried=question.trail.fallbacks,
    )
    answered = talking.complete(
        question.version,
        decision.tier,
        asked,
        session,
        known=known,
        see=lambda seen: steps.append(_step(seen)),
    )
    reuse.keep(question, found, request, answered, ran=bool(session.ran))
    return Thought(
        settled.without_passage(answered.completion, ref=len(found.passages)),
        found,
        answered.vendor,
        answered.tier or decision.tier,
        latency_ms=_ms(started),
        steps=tuple(steps),
        pinned=to_say if answered.completion.supported else None,
        route=decision,
        fallbacks=tuple(question.trail.fallbacks),
        price_list=answered.price_list,
        runs=tuple(session.ran),
        handed_over=session.stopped,
    )


def _session(question: Question) -> tooling.Session:
    """The tools that may be used for this customer."""
    return talking.open_session(
        question.version,
        conversation_id=question.conversation_id,
        contact_id=question.contact_id,
        turn_id=question.turn_id,
        language=question.language,
        words=question.words,
        own_words=_own_words(question),
        exchange=question.exchange,
        since=question.asked_at,
        rehearsed=question.rehearsed,
        now=timezone.now(),
    )


def _own_words(question: Question) -> str:
    """What the customer wrote themselves, in this talk: tools keep and write to nothing else."""
    earlier = question.own_words
    if earlier is None:
        earlier = "\n".join(one.text for one in question.history if one.role == "user")
    return f"{earlier}\n{question.words}"


def say_unpaid(question: Question, *, started: float) -> Thought | None:
    """What is said without a model: a settled answer, else the documents' own words where they support one.

    None where a person has to answer: nothing fits, or a file came with it that nobody here can read.
    """
    steps: list[Step] = []
    found = _find(question, steps, known=breakers.all_known())
    as_settled = _as_settled(question, found, steps, started=started)
    if as_settled is not None or question.files:
        return as_settled
    to_say = settled.of(found, files=question.files)  # in another language: as it stands
    asked = fallback.Asked(
        _request(question, found, to_say),
        quotable=found.supported,
        attempt=question.attempt,
        started=started,
        settled=to_say,
    )
    answered = fallback.quoted(question.version, asked)
    if answered is None:
        return None
    return Thought(
        answered.completion,
        found,
        answered.vendor,
        question.tier,
        latency_ms=_ms(started),
        steps=tuple(steps),
        pinned=to_say,
        route=routes.unpaid(question),
        unpaid=True,
    )


def _find(question: Question, steps: list[Step], *, known: Mapping[str, Breaker]) -> retrieval.Retrieved:
    since = time.monotonic()
    found = fallback.find(
        question.words, language=question.language, agent_id=question.version.agent_id, known=known
    )
    detail = {"passages": len(found.passages), "support": round(found.support, 3), "enough": found.supported}
    steps.append(Step("search", "documents", _ms(since), detail))
    return found


def _routed(
    question: Question, found: retrieval.Retrieved, steps: list[Step], *, known: Mapping[str, Breaker]
) -> Decision:
    since = time.monotonic()
    decision = routes.decide(question, supported=found.supported, known=known)
    steps.append(Step("route", decision.tier, _ms(since), decision.as_json()))
    return decision


def _again(
    question: Question, found: retrieval.Retrieved, reused: reuse.Reused, steps: list[Step], *, started: float
) -> Thought:
    """What was answered to just this before: nobody is asked, and nothing is charged."""
    steps.append(Step("cache", reused.completion.model, 0, {"vendor": reused.vendor}))
    return Thought(
        reused.completion,
        found,
        reused.vendor,
        question.tier,
        latency_ms=_ms(started),
        steps=tuple(steps),
        price_list=reused.price_list,
        saved=reused.saved,
    )


def _refused(question: Question, decision: Decision, steps: list[Step], *, started: float) -> Thought:
    """What is none of the business's affairs: no model is asked, and nothing is charged."""
    return Thought(
        routes.refusal(question.language),
        retrieval.NOTHING,
        routes.REFUSED,
        decision.tier,
        latency_ms=_ms(started),
        steps=tuple(steps),
        route=decision,
    )


def _as_settled(
    question: Question, found: retrieval.Retrieved, steps: list[Step], *, started: float
) -> Thought | None:
    answer = settled.of(found, files=question.files)
    if answer is None or not settled.is_spoken(answer, question.language):
        return None
    steps.append(Step("settled", "", 0, {"answer": answer.id}))
    return Thought(
        settled.said(answer),
        retrieval.NOTHING,
        settled.VENDOR,
        question.tier,
        latency_ms=_ms(started),
        steps=tuple(steps),
        pinned=answer,
    )


def _request(question: Question, found: retrieval.Retrieved, to_say: Pinned | None) -> llm.Request:
    passages = _as_passages(found)
    if to_say:
        passages.append(settled.as_passage(to_say, ref=len(passages)))
    return replies.compose(
        version=question.version,
        business=current_tenant().name,
        history=[
            *question.history,
            llm.ChatMessage(role="user", text=question.words or WITHOUT_WORDS),
        ],
        passages=passages,
        language=question.language,
        model="",  # of whoever is asked
        attachments=question.attachments,
        settled=settled.TITLE if to_say else "",
        greets=question.greets,
    )


def _as_passages(found: retrieval.Retrieved) -> list[llm.Passage]:
    return [
        llm.Passage(ref=rank, title=p.document_title, text=p.text, page=p.page, heading=" › ".join(p.heading))
        for rank, p in enumerate(found.passages)
    ]


def _step(seen: talking.Seen) -> Step:
    if seen.ran is not None:
        ran = seen.ran
        detail = {"status": ran.status, "arguments": ran.arguments, "result": ran.result, "run": ran.run_id}
        return Step("tool", seen.name, seen.ms, detail)
    if seen.answered is not None:
        return _asked_model(seen.answered, ms=seen.ms)
    return Step("check", seen.name, seen.ms, {"reason": seen.reason})


def _asked_model(answered: fallback.Answered, *, ms: int) -> Step:
    usage = answered.completion.usage
    detail = {
        "vendor": answered.vendor,
        "read": usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens,
        "wrote": usage.output_tokens,
    }
    return Step("model", answered.completion.model, ms, detail)


def _ms(since: float) -> int:
    return int((time.monotonic() - since) * 1000)
