"""Whether two shares or two means differ for certain, or there is too little to say. Pure.

A comparison is looked at day after day, and whoever looks often finds a chance difference sooner or later: so
nothing counts as certain before a fixed number of customers, and then only at one in a hundred.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist, fmean, stdev

CERTAIN = 0.01  # the chance of such a difference where there is none
LEAST_CUSTOMERS = 50  # of each side
LEAST_OF_EACH = 5  # with and without, of each side: below it the test does not hold
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(0.975)


class Verdict(StrEnum):
    """What can be said."""

    TOO_FEW = "too_few"
    NO_DIFFERENCE = "no_difference"  # that could be told from chance
    FIRST_HIGHER = "first_higher"
    SECOND_HIGHER = "second_higher"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    count: int
    of: int

    @property
    def value(self) -> float:
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true share is with 95 % confidence (Wilson), 0 to 1."""
        return wilson(self.count, self.of)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two sides tell; `chance` is the p value, `seen` the difference that so many would show."""

    verdict: Verdict
    chance: float | None = None
    seen: float | None = None


def wilson(count: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share; everything is possible where nobody was counted."""
    if of == 0:
        return 0.0, 1.0
    share, square = count / of, _Z * _Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def compare(first: Share, second: Share) -> Comparison:
    """Two shares by the two-proportion test."""
    seen = detectable(first, second)
    if min(first.of, second.of) < LEAST_CUSTOMERS:
        return Comparison(Verdict.TOO_FEW, seen=seen)
    counted = first.count + second.count
    missing = first.of + second.of - counted
    if counted == 0 or missing == 0:
        return Comparison(Verdict.NO_DIFFERENCE, chance=1.0, seen=seen)
    cells = (first.count, first.of - first.count, second.count, second.of - second.count)
    pooled = counted / (first.of + second.of)
    expected = min(pooled, 1 - pooled) * min(first.of, second.of)
    if expected < LEAST_OF_EACH and min(cells) < LEAST_OF_EACH:
        return Comparison(Verdict.TOO_FEW, seen=seen)
    spread = math.sqrt(pooled * (1 - pooled) * (1 / first.of + 1 / second.of))
    return _told((first.value - second.value) / spread, seen=seen)


def compare_means(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Two means by Welch's test, with the normal distribution: there are enough of both."""
    if min(len(first), len(second)) < LEAST_CUSTOMERS:
        return Comparison(Verdict.TOO_FEW)
    spread = math.sqrt(stdev(first) ** 2 / len(first) + stdev(second) ** 2 / len(second))
    difference = fmean(first) - fmean(second)
    if spread == 0:
        same = Comparison(Verdict.NO_DIFFERENCE, chance=1.0)
        return same if difference == 0 else _told(math.copysign(99, difference))
    return _told(difference / spread)


def _told(z: float, *, seen: float | None = None) -> Comparison:
    chance = 2 * (1 - _NORMAL.cdf(abs(z)))
    if chance >= CERTAIN:
        return Comparison(Verdict.NO_DIFFERENCE, chance=chance, seen=seen)
    higher = Verdict.FIRST_HIGHER if z > 0 else Verdict.SECOND_HIGHER
    return Comparison(higher, chance=chance, seen=seen)


def detectable(first: Share, second: Share) -> float | None:
    """The difference of shares that so many customers show in four of five cases; None without customers."""
    if min(first.of, second.of) == 0:
        return None
    pooled = (first.count + second.count + 1) / (first.of + second.of + 2)
    z = _NORMAL.inv_cdf(1 - CERTAIN / 2) + _NORMAL.inv_cdf(0.8)
    return min(1.0, z * math.sqrt(pooled * (1 - pooled) * (1 / first.of + 1 / second.of)))
