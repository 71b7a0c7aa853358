"""Whether the passages found can carry an answer."""

from collections.abc import Sequence

from knowledge.joining import Found

# From `python -m bench.support`, for this version of the models.
SUPPORT = 0.175
COVERED_BY_WORDS = 0.05  # a passage that has all of the question's words may be a little further away
COVERED_ALONE = 0.5  # without a vector, half of the question's information must stand in the passage


def of(passages: Sequence[Found], *, common: float, model: str) -> float:
    """1.0 and above carries an answer: clearly nearer than what the question shares with every passage."""
    return max((_one(found, common=common) for found in passages[:3]), default=0.0)


def _one(found: Found, *, common: float) -> float:
    return (found.cosine - common + COVERED_BY_WORDS * found.coverage) / SUPPORT


def by_words(passages: Sequence[Found]) -> float:
    """As `of`, where there was no vector."""
    return max((found.coverage for found in passages[:1]), default=0.0) / COVERED_ALONE
