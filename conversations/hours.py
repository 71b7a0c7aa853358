"""When the business is open, and when nothing may be started unasked. Pure.

Hours are wall-clock times in the business's zone; every question is decided on instants. A clock that is put
back or forward moves an opening by what it moves, and `is_open` and `opens_at` can never disagree.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

Span = tuple[int, int]  # minutes from midnight; one that ends after midnight ends beyond 1440
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
HORIZON_DAYS = 400  # a business that does not open for so long has not said when it does
_SPAN = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*$")


class BadHours(ValueError):
    """What was written is no span of time, or two spans overlap."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans by weekday (0 is Monday), and days that differ. Without any weekday it is always open."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    exceptions: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)

    def spans(self, day: date) -> tuple[Span, ...]:
        """What is open on this day of the calendar."""
        if day in self.exceptions:
            return self.exceptions[day]
        return self.week[day.weekday()] if any(self.week) else ((0, DAY),)


def parse(*, week: Mapping[str, Any], exceptions: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> Hours:
    """From the shapes of ChatRules; raises BadHours."""
    return Hours(
        zone=zone,
        week=tuple(parse_spans(week.get(day, ())) for day in DAYS),
        exceptions={
            date.fromisoformat(str(one["date"])): parse_spans(one.get("spans", ())) for one in exceptions
        },
    )


def parse_spans(texts: Iterable[str]) -> tuple[Span, ...]:
    """["09:00-12:00", "13:30-18:00"], in order and without overlap; raises BadHours."""
    spans = sorted(_span(text) for text in texts)
    for (_start, end), (start, _end) in pairwise(spans):
        if start < end:
            raise BadHours(f"{written((start, _end))} begins before the span ahead of it ends")
    if spans and spans[-1][1] - DAY > spans[0][0]:
        raise BadHours(f"{written(spans[-1])} is longer than a day")
    return tuple(spans)


def _span(text: str) -> Span:
    found = _SPAN.match(text)
    if found is None:
        raise BadHours(f"{text!r} is not a span such as 09:00-18:00")
    hour, minute, last_hour, last_minute = (int(part) for part in found.groups())
    start, end = hour * 60 + minute, last_hour * 60 + last_minute
    if minute > 59 or last_minute > 59 or start >= DAY or end > DAY:
        raise BadHours(f"{text!r} has a time that no clock shows")
    return (start, end if end > start else end + DAY)


def written(span: Span) -> str:
    """The span as people write it."""
    start, end = span
    last = end if end <= DAY else end - DAY
    return f"{start // 60:02}:{start % 60:02}-{last // 60:02}:{last % 60:02}"


def is_open(hours: Hours, now: datetime) -> bool:
    """Whether people are there at this instant."""
    today = now.astimezone(hours.zone).date()
    days = (today - timedelta(days=1), today, today + timedelta(days=1))
    return any(start <= now < end for start, end in _instants(hours, days))


def opens_at(hours: Hours, now: datetime) -> datetime | None:
    """`now` when it is open, else the next opening; None when none is known."""
    if is_open(hours, now):
        return now
    today = now.astimezone(hours.zone).date()
    days = (today + timedelta(days=n) for n in range(-1, HORIZON_DAYS))
    return next((start for start, _end in _instants(hours, days) if start > now), None)


def later(hours: Hours, since: datetime, *, minutes: float) -> datetime:
    """The instant at which the business has been open for so many minutes since then.

    One that does not open within the horizon has no hours to count in: then the clock on the wall counts.
    """
    left, seen = timedelta(minutes=minutes), since
    for start, end in _instants(hours, _days_from(hours, since)):
        begun = max(start, seen)
        if begun >= end:
            continue
        if left <= end - begun:
            return begun + left
        left, seen = left - (end - begun), end
    return since + timedelta(minutes=minutes)


def open_time(hours: Hours, since: datetime, until: datetime) -> timedelta:
    """How long the business was open between these two instants."""
    total, seen = timedelta(), since
    for start, end in _instants(hours, _days_from(hours, since)):
        if start >= until:
            break
        begun, ended = max(start, seen), min(end, until)
        if begun < ended:
            total, seen = total + (ended - begun), ended
    return total


def _days_from(hours: Hours, moment: datetime) -> Iterator[date]:
    """The days of the calendar from the one before this instant, as far as is looked ahead."""
    today = moment.astimezone(hours.zone).date()
    return (today + timedelta(days=n) for n in range(-1, HORIZON_DAYS))


def _instants(hours: Hours, days: Iterable[date]) -> Iterator[tuple[datetime, datetime]]:
    """The spans of these days as instants, in order; one that a changed clock swallows is not there."""
    for day in days:
        for start, end in hours.spans(day):
            began, ended = _at(day, start, hours.zone), _at(day, end, hours.zone)
            if began < ended:
                yield began, ended


def _at(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant at which the wall clock of this day has gone so many minutes."""
    day += timedelta(days=minutes // DAY)
    wall = time(minutes % DAY // 60, minutes % 60)
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def quiet_until(since: time | None, until: time | None, *, zone: ZoneInfo, now: datetime) -> datetime | None:
    """When the quiet hours that hold now are over; None when none hold."""
    if since is None or until is None or since == until:
        return None
    start, end = since.hour * 60 + since.minute, until.hour * 60 + until.minute
    quiet: Sequence[Span] = [(start, end if end > start else end + DAY)]
    today = now.astimezone(zone).date()
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        for first, last in ((_at(day, a, zone), _at(day, b, zone)) for a, b in quiet):
            if first <= now < last:
                return last
    return None
