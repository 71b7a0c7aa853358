"""The figures of a run: where the golds stood, and what was refused. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

from bench.quality.sets import UNANSWERABLE_KINDS, Question

LOOKED_AT = 10  # passages of each question
ANSWERED = 0.9  # share of the answerable questions at which refusals are compared


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one way of searching made of a question: where the golds stood, and how sure it was."""

    question: Question
    places: tuple[int, ...]  # of each gold that was found, from 1
    strength: float  # of the best passage; comparable within one way only
    refused: bool | None = None  # by the product's own threshold

    @property
    def first(self) -> int:
        """The place of the first gold passage; 0 when none is among those looked at."""
        return min(self.places, default=0)


def found(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """hit@1, hit@5, MRR and nDCG@10 over the answerable questions."""
    asked = [one for one in outcomes if one.question.golds]
    if not asked:
        return {}
    return {
        "questions": len(asked),
        "hit@1": _mean(one.first == 1 for one in asked),
        "hit@5": _mean(0 < one.first <= 5 for one in asked),
        "mrr": _mean(1 / one.first if one.first else 0.0 for one in asked),
        "ndcg@10": _mean(_ndcg(one) for one in asked),
    }


def _ndcg(one: Outcome) -> float:
    gained = sum(1 / log2(place + 1) for place in one.places)
    best = sum(1 / log2(place + 1) for place in range(1, min(LOOKED_AT, len(one.question.golds)) + 1))
    return min(1.0, gained / best)  # one passage may hold several golds


def refused_by_itself(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Precision and recall of refusing at the product's own threshold; near and off where a set tells."""
    refused = [one for one in outcomes if one.refused]
    unanswerable = [one for one in outcomes if not one.question.golds]
    answerable = [one for one in outcomes if one.question.golds]
    figures = {
        "precision": _mean(not one.question.golds for one in refused),
        "recall": _mean(bool(one.refused) for one in unanswerable),
        "answered": _mean(not one.refused for one in answerable),
        "answered_with_gold_among_3": _mean(not one.refused and 0 < one.first <= 3 for one in answerable),
    }
    return figures | _by_unanswerable_kind(unanswerable, lambda one: bool(one.refused))


def refused_at_answered(outcomes: Sequence[Outcome], *, share: float = ANSWERED) -> dict[str, float]:
    """What is refused at the highest threshold that still answers this share of the answerable questions."""
    answerable = sorted((one.strength for one in outcomes if one.question.golds), reverse=True)
    unanswerable = [one for one in outcomes if not one.question.golds]
    if not answerable or not unanswerable:
        return {}
    threshold = answerable[ceil(share * len(answerable)) - 1]
    figures = {
        "threshold": round(threshold, 4),
        "refused": _mean(one.strength < threshold for one in unanswerable),
        "auc": auc(answerable, [one.strength for one in unanswerable]),
    }
    return figures | _by_unanswerable_kind(unanswerable, lambda one: one.strength < threshold)


def _by_unanswerable_kind(
    unanswerable: Sequence[Outcome], refused: Callable[[Outcome], bool]
) -> dict[str, float]:
    kinds = sorted({one.question.kind for one in unanswerable} & UNANSWERABLE_KINDS)
    return {k: _mean(refused(one) for one in unanswerable if one.question.kind == k) for k in kinds}


def auc(higher: Sequence[float], lower: Sequence[float]) -> float:
    """The chance that one of the first is above one of the second."""
    wins = sum((a > b) + 0.5 * (a == b) for a in higher for b in lower)
    return round(wins / (len(higher) * len(lower)), 4)


def by(outcomes: Sequence[Outcome], key: Callable[[Question], str]) -> dict[str, dict[str, float]]:
    """`found` for each value that `key` has among the answerable questions."""
    values = sorted({key(one.question) for one in outcomes if one.question.golds})
    return {value: found(one for one in outcomes if key(one.question) == value) for value in values}


def told(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All figures of one way of searching."""
    figures: dict[str, Any] = {
        "all": found(outcomes),
        "by_language": by(outcomes, lambda question: question.language),
        "by_kind": by(outcomes, lambda question: question.kind),
        "by_business": by(outcomes, lambda question: question.business),
        f"at_{ANSWERED:.0%}_answered": refused_at_answered(outcomes),
    }
    if any(one.refused is not None for one in outcomes):
        figures["own_threshold"] = refused_by_itself(outcomes)
        figures["own_threshold_by_language"] = {
            language: refused_by_itself([one for one in outcomes if one.question.language == language])
            for language in sorted({one.question.language for one in outcomes})
        }
    return figures


def beside(ways: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """The product's hit@5 beside the naive baseline's, and beside the better of its own parts, in points."""
    hits = {name: figures["all"].get("hit@5", 0.0) for name, figures in ways.items()}
    parts = max(hits["words"], hits["meaning"])
    naive = round(hits["product"] / hits["naive"], 3) if hits["naive"] else float("inf")
    return {"hit@5_beside_naive": naive, "points_above_best_part": round(100 * (hits["product"] - parts), 1)}


def _mean(values: Iterable[float]) -> float:
    held = list(values)
    return round(sum(held) / len(held), 4) if held else 0.0
