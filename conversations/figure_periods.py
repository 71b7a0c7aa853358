"""Which time the numbers are of, what they are compared with, and into which pieces it is cut. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

KINDS = ("day", "week", "month", "custom")
MOST_DAYS = 1100
LONGEST_BY_DAY, LONGEST_BY_WEEK = 62, 400
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A time of whole days in the business's own time zone, and the one that it is compared with.

    The end is the midnight after the last day. Where the time is not over, the one before ends as far in.
    """

    kind: str
    first: date
    last: date
    start: datetime
    end: datetime
    before_start: datetime
    before_end: datetime
    today: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def is_over(self) -> bool:
        return self.last < self.today

    @property
    def bucket(self) -> str:
        """The pieces that a chart of it shows."""
        if self.days == 1:
            return "hour"
        if self.days <= LONGEST_BY_DAY:
            return "day"
        return "week" if self.days <= LONGEST_BY_WEEK else "month"

    @property
    def asked(self) -> dict[str, str]:
        """How an address asks for it."""
        return self._asked(self.first, self.last)

    @property
    def earlier(self) -> dict[str, str]:
        """How an address asks for the one before."""
        return self._asked(self.first - timedelta(days=self.days), self.first - DAY)

    @property
    def later(self) -> dict[str, str] | None:
        """The same for the one after; None where that is the future."""
        if not self.is_over:
            return None
        following = self.last + timedelta(days=1 if self.kind == "month" else self.days)
        return self._asked(
            self.last + DAY, following if self.kind == "custom" else min(following, self.today)
        )

    def _asked(self, first: date, last: date) -> dict[str, str]:
        if self.kind == "custom":
            return {"by": "custom", "from": first.isoformat(), "to": last.isoformat()}
        return {"by": self.kind, "on": last.isoformat()}


def read(given: Mapping[str, str], *, now: datetime, zone: tzinfo) -> Period:
    """The time that an address asks for; seven days up to today where it asks for nothing, or nonsense."""
    today = now.astimezone(zone).date()
    kind = given.get("by", "")
    if kind == "custom" and (days := _between(_day(given.get("from")), _day(given.get("to")))):
        first, last = days
    else:
        kind = kind if kind in ("day", "month") else "week"
        first, last = _around(kind, _day(given.get("on")) or today)
    return _period(kind, first, last, now=now, zone=zone)


def of_days(first: date, last: date, *, now: datetime, zone: tzinfo) -> Period:
    """These days, both included."""
    return _period("custom", first, last, now=now, zone=zone)


def buckets(period: Period, *, zone: tzinfo) -> list[datetime]:
    """The beginnings of its pieces, as the database cuts them."""
    if period.bucket == "hour":
        start, end = period.start.astimezone(UTC), period.end.astimezone(UTC)  # days have 23 to 25 hours
        hours = round((end - start).total_seconds() / 3600)
        return [(start + timedelta(hours=n)).astimezone(zone) for n in range(hours)]
    days = [period.first + timedelta(days=n) for n in range(period.days)]
    return [_midnight(day, zone) for day in dict.fromkeys(_begins(day, period.bucket) for day in days)]


def bucket_days(period: Period, begun: datetime) -> tuple[date, date]:
    """The days of a piece, none of them outside the time."""
    first = begun.date()
    if period.bucket in ("hour", "day"):
        last = first
    elif period.bucket == "week":
        last = first + 6 * DAY
    else:
        last = (first.replace(day=28) + 4 * DAY).replace(day=1) - DAY
    return max(first, period.first), min(last, period.last)


def _begins(day: date, bucket: str) -> date:
    if bucket == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if bucket == "month" else day


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 2000 <= day.year <= 2200 else None


def _between(first: date | None, last: date | None) -> tuple[date, date] | None:
    """Two days in their order, not further apart than can be shown; None where one is missing."""
    if first is None or last is None:
        return None
    first, last = min(first, last), max(first, last)
    return max(first, last - timedelta(days=MOST_DAYS - 1)), last


def _around(kind: str, day: date) -> tuple[date, date]:
    """The day, the seven days that end with it, or its month."""
    if kind == "month":
        return day.replace(day=1), (day.replace(day=28) + 4 * DAY).replace(day=1) - DAY
    return (day, day) if kind == "day" else (day - 6 * DAY, day)


def _period(kind: str, first: date, last: date, *, now: datetime, zone: tzinfo) -> Period:
    start, end = _midnight(first, zone), _midnight(last + DAY, zone)
    before = _around("month", first - DAY)[0] if kind == "month" else first - (last - first) - DAY
    return Period(
        kind=kind,
        first=first,
        last=last,
        start=start,
        end=end,
        before_start=_midnight(before, zone),
        before_end=_as_far(before, first, now=now, start=start, end=end, zone=zone),
        today=now.astimezone(zone).date(),
    )


def _as_far(
    before: date, first: date, *, now: datetime, start: datetime, end: datetime, zone: tzinfo
) -> datetime:
    """Where the time before ends: with the last of its days, or as far in as we are in ours, by the clock."""
    whole = _midnight(first, zone)
    if not start <= now < end:
        return whole
    into = now.astimezone(zone).replace(tzinfo=None) - datetime.combine(first, time.min)
    return min(whole, (datetime.combine(before, time.min) + into).replace(tzinfo=zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)
