"""Numbers: what a time brought, beside the time before. Every figure is a part of the list of talks.

A figure and its list are the same condition on the same rows (`SHOWS`), so they cannot differ.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db.models import Avg, Count, F, Q, QuerySet, Sum
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay, Trunc
from django.utils import timezone

from billing.models import LedgerEntry
from conversations import figure_periods
from conversations.figure_periods import Period
from conversations.models import Talk, Theme, Unanswered
from conversations.route_figures import Percentile

TIERS = ("fast", "balanced", "advanced", "premium")
PERSON = Q(handed_at__isnull=False) | Q(person_messages__gt=0)
# What a list can show, and what each figure counts: the very same conditions.
SHOWS: dict[str, Q] = {
    "all": Q(),
    "resolved": Q(answers__gt=0, unknown=0, handed_at=None, person_messages=0),
    "person": PERSON,
    "unknown": Q(unknown__gt=0),
    "silent": Q(answers=0, person_messages=0, handed_at=None),
    "replied": Q(reply_seconds__isnull=False),
    "solved": Q(resolve_seconds__isnull=False),
    "rated": Q(score__isnull=False),
    "pleased": Q(score__gte=4),
    "liked": Q(liked=True, disliked=False),
    "disliked": Q(disliked=True),
    "answered": Q(answers__gt=0),
    "paid": Q(credits__gt=0),
    "unpriced": Q(unpriced__gt=0),
    "unasked": Q(unasked__gt=0),
    **{tier: Q(**{f"{tier}__gt": 0}) for tier in TIERS},
}
MOST_ROWS = 12  # of a table on the page; the file has all


@dataclass(frozen=True, slots=True)
class Part:
    """Which talks are looked at, beyond their time. None: all."""

    channel: uuid.UUID | None = None
    agent: int | None = None
    version: int | None = None
    show: str = "all"
    reason: str | None = None
    theme: int | None = None  # 0: those without one
    weekday: int | None = None  # 1 is Monday
    hour: int | None = None  # of the business's own time

    @property
    def filters(self) -> "Part":
        """Only what holds for the whole page."""
        return Part(channel=self.channel, agent=self.agent, version=self.version)


def talks(start: datetime, end: datetime, part: Part) -> QuerySet[Talk]:
    """The talks that began in this time."""
    found = Talk.objects.filter(SHOWS[part.show], started_at__gte=start, started_at__lt=end)
    wishes: dict[str, Any] = {
        "channel": part.channel,
        "version__agent": part.agent,
        "version": part.version,
        "handed_reason": part.reason,
    }
    found = found.filter(**{name: wish for name, wish in wishes.items() if wish is not None})
    if part.theme is not None:
        found = found.filter(theme=part.theme or None)
    if part.weekday is not None:
        found = found.annotate(weekday=ExtractIsoWeekDay("started_at")).filter(weekday=part.weekday)
    if part.hour is not None:
        found = found.annotate(hour=ExtractHour("started_at")).filter(hour=part.hour)
    return found


def listed(period: Period, part: Part) -> QuerySet[Talk]:
    """The same as a list, the latest first, with all that a row shows."""
    found = talks(period.start, period.end, part)
    related = found.select_related("conversation__contact", "channel", "version__agent", "theme")
    return related.defer("theme__vector").order_by("-started_at", "-pk")


# -- the totals


def _counted(name: str) -> Count:
    return Count("pk", filter=SHOWS[name])


TOTALS: Mapping[str, Any] = {
    **{f"n_{name}": _counted(name) for name in SHOWS if name != "all"},
    "n_all": Count("pk"),
    "reply_half": Percentile("reply_seconds", 0.5),
    "reply_most": Percentile("reply_seconds", 0.9),
    "resolve_half": Percentile("resolve_seconds", 0.5),
    "resolve_most": Percentile("resolve_seconds", 0.9),
    "mean_score": Avg("score"),
    "sum_credits": Sum("credits", default=0),
    "sum_cost": Sum("provider_cost", default=0),
    "sum_answers": Sum("answers", default=0),
    "sum_unpriced": Sum("unpriced", default=0),
    "sum_unasked": Sum("unasked", default=0),
    **{f"sum_{tier}": Sum(tier, default=0) for tier in TIERS},
}


def totals(start: datetime, end: datetime, part: Part) -> dict[str, Any]:
    """All figures of one time; times in seconds, the vendor's price in millionths of a US dollar."""
    return talks(start, end, part).aggregate(**TOTALS)


def spent(start: datetime, end: datetime) -> int:
    """All credits that the business used, also for what belongs to no talk."""
    entries = LedgerEntry.objects.filter(
        kind__in=LedgerEntry.SPENT, created_at__gte=start, created_at__lt=end
    )
    return -(entries.aggregate(total=Sum("amount"))["total"] or 0)


# -- by time


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of the time: a bar of the charts, a row of their table."""

    start: datetime
    first: date
    last: date
    conversations: int = 0
    resolved: int = 0
    person: int = 0
    spent: int = 0
    reply_half: float | None = None
    reply_most: float | None = None

    @property
    def others(self) -> int:
        return self.conversations - self.resolved - self.person


def series(period: Period, part: Part) -> list[Piece]:
    """Every piece of the time, those without a talk too."""
    zone = timezone.get_current_timezone()
    cut = Trunc("started_at", period.bucket, tzinfo=zone)
    rows = talks(period.start, period.end, part).annotate(piece=cut).order_by("piece").values("piece")
    told: Any = rows.annotate(**_of_piece())
    found = {row["piece"]: {name: row[name] for name in row if name != "piece"} for row in told}
    pieces = []
    for begun in figure_periods.buckets(period, zone=zone):
        first, last = figure_periods.bucket_days(period, begun)
        pieces.append(Piece(begun, first, last, **found.get(begun, {})))
    return pieces


def _of_piece() -> dict[str, Any]:
    return {
        "conversations": Count("pk"),
        "resolved": _counted("resolved"),
        "person": _counted("person"),
        "reply_half": Percentile("reply_seconds", 0.5),
        "reply_most": Percentile("reply_seconds", 0.9),
        "spent": Sum("credits", default=0),
    }


@dataclass(frozen=True, slots=True)
class Heat:
    """How many talks began in each hour of each day of the week, and how warm that is: 0 to 4."""

    rows: Sequence[tuple[int, Sequence[tuple[int, int, int]]]]  # (weekday, ((hour, count, warmth), ...))
    most: int


def heat(period: Period, part: Part) -> Heat:
    """The busiest hours, in the business's own time."""
    zone = timezone.get_current_timezone()
    rows = talks(period.start, period.end, part).annotate(
        day=ExtractIsoWeekDay("started_at", tzinfo=zone), at=ExtractHour("started_at", tzinfo=zone)
    )
    counted = rows.order_by("day", "at").values_list("day", "at").annotate(n=Count("pk"))
    found = {(day, at): n for day, at, n in counted}
    most = max(found.values(), default=0)
    return Heat(
        [
            (day, [(at, n := found.get((day, at), 0), _warmth(n, most)) for at in range(24)])
            for day in range(1, 8)
        ],
        most,
    )


def _warmth(count: int, most: int) -> int:
    """Of five shades: none, and four equal steps up to the most."""
    return -(-4 * count // most) if count else 0


# -- by what it was about, and by whom


def reasons(period: Period, part: Part) -> list[tuple[str, int]]:
    """Why a person was needed, the commonest first; empty where a person came by themselves."""
    handed = talks(period.start, period.end, replace(part, show="person"))
    rows = (
        handed.order_by().values_list("handed_reason").annotate(n=Count("pk")).order_by("-n", "handed_reason")
    )
    return list(rows)


@dataclass(frozen=True, slots=True)
class Group:
    """The talks of one channel, assistant, version or topic."""

    key: Any
    name: str
    conversations: int
    resolved: int
    person: int
    unknown: int
    reply_half: float | None
    score: float | None
    credits: int


def themes(period: Period, part: Part) -> list[Group]:
    """What customers asked about, what most asked first; those without a topic are last, with key 0."""
    groups = _groups(period, part, "theme")
    names = dict(Theme.objects.filter(pk__in=[key for key, _row in groups if key]).values_list("pk", "name"))
    named = [_group(key or 0, names.get(key, ""), row) for key, row in groups]
    return sorted(named, key=lambda one: (one.key == 0, -one.conversations, one.key))


def by_channel(period: Period, part: Part, names: Mapping[uuid.UUID, str]) -> list[Group]:
    return [_group(key, names.get(key, ""), row) for key, row in _groups(period, part, "channel")]


def by_agent(period: Period, part: Part, names: Mapping[int, str]) -> list[Group]:
    """By the assistant that answered first; those that none answered have the key None."""
    return [_group(key, names.get(key, ""), row) for key, row in _groups(period, part, "version__agent")]


def by_version(period: Period, part: Part, names: Mapping[int, str]) -> list[Group]:
    return [_group(key, names.get(key, ""), row) for key, row in _groups(period, part, "version") if key]


def _groups(period: Period, part: Part, field: str) -> list[tuple[Any, dict[str, Any]]]:
    rows = talks(period.start, period.end, part).order_by().values(field)
    rows = rows.annotate(
        conversations=Count("pk"),
        **{name: _counted(name) for name in ("resolved", "person")},
        # An annotation may not have the name of a column.
        unknown_talks=_counted("unknown"),
        reply_half=Percentile("reply_seconds", 0.5),
        mean_score=Avg("score"),
        spent=Sum("credits", default=0),
    ).order_by(F("conversations").desc(), field)
    return [(row.pop(field), row) for row in rows]


def _group(key: Any, name: str, row: Mapping[str, Any]) -> Group:
    return Group(
        key=key,
        name=name,
        conversations=row["conversations"],
        resolved=row["resolved"],
        person=row["person"],
        unknown=row["unknown_talks"],
        reply_half=row["reply_half"],
        score=row["mean_score"],
        credits=row["spent"],
    )


@dataclass(frozen=True, slots=True)
class Missing:
    """A question without an answer, and how many customers asked it in this time."""

    gap_id: int
    question: str
    status: str
    customers: int


def gaps(period: Period, *, most: int | None = MOST_ROWS) -> list[Missing]:
    """What nobody could answer, what most customers asked first."""
    asked = Unanswered.objects.filter(created_at__gte=period.start, created_at__lt=period.end)
    asked = asked.exclude(gap=None).exclude(turn__conversation__channel__kind="test")
    rows = asked.order_by().values_list("gap", "gap__question", "gap__status")
    counted = rows.annotate(n=Count("contact", distinct=True)).order_by("-n", "gap")
    return [Missing(*row) for row in counted[:most]]
