"""How long credits last at the pace of the last weeks, each weekday by its own. Pure.

A shop that is closed on Sundays spends nothing then, a clinic most on Mondays: what is left is walked down
day by day. One odd day changes little, a lasting change much within a week. Holidays are not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import fmean, median

WEEK = 7
WEEKS = 6  # that are looked at
WEEKDAYS_FROM = 2 * WEEK  # days that must be known before weekdays differ, and before anything is sure
USED_FROM = 7  # days with any use, for the same
HALF_LIFE = 5.0  # days after which a day counts half
ODD = 2.5  # times the usual: more of a single day is not believed
CLOSED = 0.15  # of an average day: a weekday below it says nothing of how much is going on
SCATTERED = 0.6  # mean distance from the pace, as a share of it, from which nobody can be sure
HORIZON = 365  # days; further nobody looks


@dataclass(frozen=True, slots=True)
class Runway:
    """`days` left, with a fraction, and the day on which credits end; None beyond a year or without use.

    `a_day` is the pace: credits on an average day. Not `is_sure`: few days are known, or no two are alike.
    """

    days: float | None = None
    ends_on: date | None = None
    a_day: float = 0.0
    is_sure: bool = False
    known: int = 0  # days that it was reckoned from


def reckon(
    spent: Mapping[date, int], *, today: date, available: int, gone: float = 0.0, so_far: int = 0
) -> Runway:
    """How long `available` credits last.

    `spent` has credits by complete day, 0 where nothing was used and no entry where nothing can be known
    (before the first use, or while credits were out). `gone` is the share of today that is over, and `so_far`
    what was spent in it: it only counts where no complete day is known.
    """
    days = {day: spent[day] for day in sorted(spent) if today - timedelta(WEEKS * WEEK) <= day < today}
    shape = _shape(days, today=today)
    pace = _pace(days, shape, today=today) if days else so_far / max(gone, 0.25)
    if pace <= 0:
        return Runway(known=len(days))
    left = _walk(available, pace=pace, shape=shape, today=today, gone=gone)
    return Runway(
        days=left,
        ends_on=None if left is None else today + timedelta(days=int(left + gone)),
        a_day=pace,
        is_sure=_is_sure(days, shape, pace),
        known=len(days),
    )


def _shape(days: Mapping[date, int], *, today: date) -> Sequence[float]:
    """How much of an average day each weekday is, Monday first; all 1 until two weeks are known.

    Within each week by itself, so that a week with more to do has no say in it; then the weeks' middle one,
    drawn a little towards 1 while few weeks are known.
    """
    ratios: list[list[float]] = [[] for _ in range(WEEK)]
    for week in _weeks(days, today=today):
        mean = fmean(week.values())
        if mean > 0:
            for day, value in week.items():
                ratios[day.weekday()].append(value / mean)
    if len(days) < WEEKDAYS_FROM or not all(ratios):
        return [1.0] * WEEK
    drawn = [_drawn(known) for known in ratios]
    return [share * WEEK / sum(drawn) for share in drawn]


def _drawn(ratios: Sequence[float]) -> float:
    """A weekday without any use is closed, and not a quiet one."""
    return (len(ratios) * median(ratios) + 0.5) / (len(ratios) + 0.5) if any(ratios) else 0.0


def _weeks(days: Mapping[date, int], *, today: date) -> list[dict[date, int]]:
    """The weeks that end yesterday, a week before, and so on, as far as every day of them is known."""
    found = []
    for number in range(WEEKS):
        of_week = [today - timedelta(days=number * WEEK + back) for back in range(1, WEEK + 1)]
        if all(day in days for day in of_week):
            found.append({day: days[day] for day in of_week})
    return found


def _pace(days: Mapping[date, int], shape: Sequence[float], *, today: date) -> float:
    """Credits on an average day: the last days count most, a busy weekday more, and no single day much."""
    level = list(_levelled(days, shape).values())
    if not level:
        return 0.0
    usual = median(level[-WEEKDAYS_FROM:])
    spent = weight = 0.0
    for day, value in days.items():
        share = shape[day.weekday()]
        recent = 0.5 ** ((today - day).days / HALF_LIFE)
        spent += recent * _bounded(value, usual * share)
        weight += recent * share
    return spent / weight


def _levelled(days: Mapping[date, int], shape: Sequence[float]) -> dict[date, float]:
    """Each day as if it were an average one; weekdays on which hardly anything happens are left out."""
    return {
        day: value / shape[day.weekday()] for day, value in days.items() if shape[day.weekday()] >= CLOSED
    }


def _bounded(value: float, usual: float) -> float:
    return min(max(value, usual / ODD), usual * ODD) if usual > 0 else value


def _walk(available: int, *, pace: float, shape: Sequence[float], today: date, gone: float) -> float | None:
    """Days, with a fraction, until the credits are used; None when that is a year away."""
    left, passed = float(available), 0.0
    for number in range(HORIZON):
        share = 1.0 - gone if number == 0 else 1.0
        needed = pace * shape[(today + timedelta(days=number)).weekday()] * share
        if needed > 0 and left < needed:
            return passed + share * max(left, 0.0) / needed
        left -= needed
        passed += share
    return None


def _is_sure(days: Mapping[date, int], shape: Sequence[float], pace: float) -> bool:
    if len(days) < WEEKDAYS_FROM or sum(value > 0 for value in days.values()) < USED_FROM:
        return False
    level = list(_levelled(days, shape).values())[-WEEKDAYS_FROM:]
    return fmean(abs(value - pace) for value in level) < SCATTERED * pace
