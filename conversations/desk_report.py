"""Agreed times, looked back at: how many were kept, by day, by kind and by person."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate
from django.utils import formats, timezone
from django.utils.translation import get_language, gettext_noop, override
from django.utils.translation import gettext as _

from conversations.models import SlaClock
from tenants.models import User

BATCH = 500
COLUMNS = (
    gettext_noop("Chat"),
    gettext_noop("Customer"),
    gettext_noop("What"),
    gettext_noop("Since"),
    gettext_noop("Due"),
    gettext_noop("Ended"),
    gettext_noop("Kept"),
    gettext_noop("Person"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One group of clocks: `label` says which."""

    label: str
    kept: int
    broken: int
    open: int
    left: int  # ended before anybody owed anything

    @property
    def share(self) -> int | None:
        """Percent kept, of those that ended one way or the other."""
        ended = self.kept + self.broken
        return round(100 * self.kept / ended) if ended else None


@dataclass(frozen=True, slots=True)
class Report:
    """Three ways to look at the same clocks, and all of them together."""

    total: Row
    days: Sequence[Row]
    kinds: Sequence[Row]
    people: Sequence[Row]


def clocks(since: datetime, until: datetime) -> QuerySet[SlaClock]:
    """The clocks that began in this time."""
    return SlaClock.objects.filter(started_at__gte=since, started_at__lt=until)


def of_time(since: datetime, until: datetime) -> Report:
    """The figures of this time; four statements."""
    found = clocks(since, until)
    zone = timezone.get_current_timezone()
    kinds = dict(SlaClock.Kind.choices)
    totals = found.aggregate(**_counts())
    return Report(
        total=_row(_("All"), totals),
        days=[
            _row(_day(row["day"]), row)
            for row in _grouped(found.annotate(day=TruncDate("started_at", tzinfo=zone)), "day")
        ],
        kinds=[_row(str(kinds[row["kind"]]).capitalize(), row) for row in _grouped(found, "kind")],
        people=_people(found),
    )


def _people(found: QuerySet[SlaClock]) -> list[Row]:
    rows = list(_grouped(found, "person"))
    names = {one.pk: str(one) for one in User.objects.filter(pk__in=[row["person"] for row in rows])}
    return [_row(names.get(row["person"], _("nobody")), row) for row in rows]


def _grouped(found: QuerySet[SlaClock], *by: str) -> Any:
    return found.values(*by).annotate(**_counts()).order_by(*by)


def _counts() -> dict[str, Count]:
    ended_for_nobody = Q(is_kept=None) & ~Q(stopped_at=None)
    return {
        "kept": Count("pk", filter=Q(is_kept=True)),
        "broken": Count("pk", filter=Q(is_kept=False)),
        "open": Count("pk", filter=Q(is_kept=None, stopped_at=None)),
        "left": Count("pk", filter=ended_for_nobody),
    }


def _row(label: str, counts: dict[str, Any]) -> Row:
    return Row(label, counts["kept"], counts["broken"], counts["open"], counts["left"])


def _day(day: date) -> str:
    return formats.date_format(day, "SHORT_DATE_FORMAT")


# -- one by one


STATES = {
    "broken": Q(is_kept=False),
    "kept": Q(is_kept=True),
    "open": Q(is_kept=None, stopped_at=None),
}


def listed(since: datetime, until: datetime, *, state: str) -> QuerySet[SlaClock]:
    """The clocks behind a figure, the newest first; `state` is one of STATES, anything else is all."""
    found = clocks(since, until).filter(STATES.get(state, Q()))
    return found.select_related("conversation__contact", "person").order_by("-started_at", "-pk")


def as_table(since: datetime, until: datetime, *, state: str) -> Iterator[list[list[str]]]:
    """The same as rows of a file, batch by batch, in the language and the time of who asks for it.

    They are read after the request is over: what it was asked in is remembered here.
    """
    read = partial(_in_language, get_language() or "", timezone.get_current_timezone())
    return _batches(listed(since, until, state=state).order_by("pk"), read)


def _batches(found: QuerySet[SlaClock], read: Callable[..., list[list[str]]]) -> Iterator[list[list[str]]]:
    yield read(lambda: [[_(name) for name in COLUMNS]])
    last = 0
    while batch := list(found.filter(pk__gt=last)[:BATCH]):
        last = batch[-1].pk
        yield read(partial(_rows_of, batch))


def _rows_of(batch: Sequence[SlaClock]) -> list[list[str]]:
    return [_cells(clock) for clock in batch]


def _in_language(language: str, zone: Any, make: Callable[[], list[list[str]]]) -> list[list[str]]:
    with override(language), timezone.override(zone):
        return make()


def _cells(clock: SlaClock) -> list[str]:
    kept = {True: _("yes"), False: _("no"), None: ""}[clock.is_kept]
    return [
        str(clock.conversation_id),
        clock.conversation.contact.display_name,
        str(clock.get_kind_display()),
        *(_moment(at) for at in (clock.started_at, clock.due_at, clock.stopped_at)),
        kept,
        str(clock.person) if clock.person else "",
    ]


def _moment(at: datetime | None) -> str:
    return timezone.localtime(at).strftime("%Y-%m-%d %H:%M") if at else ""
