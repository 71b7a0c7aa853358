"""An answer that was given is given again, where nothing could make it another one for this customer.

Reused only when all of these are the same: the question, but for case, accents and punctuation; the passages,
by their ids and their words, in their order; the rules that the model was given, with the published version
that they come from; the language; the audience. And only for the first words of a talk, without files, tools
or a settled answer, when neither question nor answer is about one person or one day
(`conversations.impersonal`). So what changes in the knowledge or in the version is asked anew at once.

A reused answer costs no credits, as a settled one: nobody was asked. It is kept for a business alone (the
cache's keys carry the tenant), under a keyed hash: what the customer wrote is in neither key nor value.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac

from agents.models import AgentVersion
from conversations import impersonal
from knowledge import retrieval
from knowledge.embeddings import folded
from knowledge.joining import Found
from knowledge.models import Audience
from providers import llm

if TYPE_CHECKING:
    from conversations.engine import Question
    from conversations.fallback import Answered

SHAPE = 1  # of what is kept: another one is not read
# What a question may have without its answer being another one.
INDIFFERENT = frozenset(
    {"conversation_id", "contact_id", "turn_id", "attempt", "exchange", "asked_at", "value", "trail"}
)
# What the key holds; `greets` by the rules that follow from it.
KEYED = frozenset({"words", "language", "version", "tier", "greets"})
WHOLE = frozenset({"end_turn", "stop_sequence", "stop"})


@dataclass(frozen=True, slots=True)
class Reused:
    """An answer from before, as if given now; `saved` is what it would have used."""

    completion: llm.Completion
    vendor: str
    price_list: str
    saved: llm.Usage


def look(question: "Question", found: retrieval.Retrieved, request: llm.Request) -> Reused | None:
    """What was answered to just this before; None asks a model."""
    if not _may_be_shared(question, found):
        return None
    kept = cache.get(_key(question, found, request))
    return _read(kept) if kept else None


def keep(
    question: "Question", found: retrieval.Retrieved, request: llm.Request, answered: "Answered", *, ran: bool
) -> None:
    """Remember an answer for whoever asks the same; most answers are nothing to remember."""
    if ran or not _may_be_shared(question, found) or not _is_worth(answered):
        return
    if impersonal.is_plain_answer(answered.completion.text, published=_published(request)):
        cache.set(_key(question, found, request), _written(answered), settings.ANSWERS_REUSED_SECONDS)


def _may_be_shared(question: "Question", found: retrieval.Retrieved) -> bool:
    """Whether the answer can be one for everybody, as far as is known before there is one."""
    if not settings.ANSWERS_REUSED_SECONDS or not found.supported or found.pinned is not None:
        return False
    # A field that somebody adds to questions forbids reuse where it says something, until it is looked at.
    others = (one.name for one in fields(question) if one.name not in KEYED | INDIFFERENT)
    if any(getattr(question, name) for name in others):
        return False
    if question.version.status != AgentVersion.Status.PUBLISHED:  # a draft changes under its number
        return False
    return impersonal.is_plain(question.words, language=question.language, published=_texts(found.passages))


def _is_worth(answered: "Answered") -> bool:
    """A whole answer of a model, with its sources; what quotes costs nothing and is made anew."""
    said = answered.completion
    return bool(
        answered.price_list
        and said.supported
        and said.citations
        and said.stop_reason in WHOLE
        and not said.calls
    )


def _key(question: "Question", found: retrieval.Retrieved, request: llm.Request) -> str:
    """Keyed: who reads the cache cannot find out what was asked by trying questions."""
    told = [
        SHAPE,
        folded(question.words),
        question.language,
        question.version.pk,
        question.tier,
        Audience.CUSTOMERS.value,
        request.system,
        [[one.chunk_id, one.document_title, one.heading, one.page, one.text] for one in found.passages],
    ]
    secret = salted_hmac("conversations.reuse", json.dumps(told), algorithm="sha256")
    return f"answer:{secret.hexdigest()}"


def _written(answered: "Answered") -> str:
    said = answered.completion
    return json.dumps(
        {
            "text": said.text,
            "model": said.model,
            "stop": said.stop_reason,
            "vendor": answered.vendor,
            "prices": answered.price_list,
            "usage": astuple(said.usage),
            "citations": [astuple(one) for one in said.citations],
            "spans": [astuple(one) for one in said.spans],
        }
    )


def _read(kept: str) -> Reused:
    said: dict[str, Any] = json.loads(kept)
    completion = llm.Completion(
        text=said["text"],
        usage=llm.Usage(),
        model=said["model"],
        citations=tuple(llm.Citation(*one) for one in said["citations"]),
        spans=tuple(llm.Span(start, end, tuple(passages)) for start, end, passages in said["spans"]),
        stop_reason=said["stop"],
    )
    return Reused(completion, said["vendor"], said["prices"], llm.Usage(*said["usage"]))


def _texts(passages: Sequence[Found]) -> str:
    return "\n".join(part for one in passages for part in (one.document_title, *one.heading, one.text))


def _published(request: llm.Request) -> str:
    """All that the model was given to read, but for the customer's words."""
    read = (part for one in request.passages for part in (one.title, one.heading, one.text))
    return "\n".join([request.system, *read])
