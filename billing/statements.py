"""What a business had, was given and spent in a month; and the ledgers of many businesses, searched.

A statement is sums of ledger entries and nothing else, so it always agrees with the ledger: what there was
before, plus every entry of the month, is what there was after. Months are those of the business's own time.
"""

import zoneinfo
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import islice
from typing import Any, LiteralString

from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from psycopg import sql

from billing.models import LedgerEntry
from tenants.db import connection
from tenants.models import Tenant

SCHEMAS_A_STATEMENT = 50
FOUND_AT_MOST = 100
KINDS = tuple(LedgerEntry.Kind.values)


@dataclass(frozen=True, slots=True)
class Statement:
    """One business and month, in credits. `by_kind` is (kind, entries, credits); `by_day` (day, in, out)."""

    month: date
    opening: int
    closing: int
    by_kind: Sequence[tuple[str, int, int]] = ()
    by_day: Sequence[tuple[date, int, int]] = ()
    agrees: bool = True  # with the balance that the last entry itself says

    @property
    def change(self) -> int:
        return self.closing - self.opening


def month_of(text: str, *, today: date) -> date:
    """The first day of the month that an address names as 2026-11; of this month where it names none."""
    try:
        return datetime.strptime(text, "%Y-%m").date()  # noqa: DTZ007 - a month has no time zone
    except ValueError:
        return today.replace(day=1)


def following(month: date) -> date:
    """The first day of the next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def preceding(month: date) -> date:
    """The first day of the month before."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def bounds(month: date, *, timezone: str) -> tuple[datetime, datetime]:
    """When a month begins and ends in this time zone."""
    zone = zoneinfo.ZoneInfo(timezone)
    return (
        datetime.combine(month, time.min, tzinfo=zone),
        datetime.combine(following(month), time.min, tzinfo=zone),
    )


def of_month(tenant: Tenant, month: date) -> Statement:
    """The statement of this business, in its schema: four statements, however many entries."""
    start, end = bounds(month, timezone=tenant.timezone)
    entries = LedgerEntry.objects.filter(created_at__gte=start, created_at__lt=end)
    sums = entries.values("kind").annotate(n=Count("pk"), total=Sum("amount")).order_by("kind")
    by_kind = [(row["kind"], row["n"], row["total"]) for row in sums]
    opening = _balance_before(start)
    closing = opening + sum(total for _kind, _n, total in by_kind)
    last = entries.order_by("-pk").values_list("balance_after", flat=True).first()
    return Statement(
        month=month,
        opening=opening,
        closing=closing,
        by_kind=by_kind,
        by_day=_by_day(entries, tenant.timezone),
        agrees=last is None or last == closing,
    )


def _balance_before(moment: datetime) -> int:
    total = LedgerEntry.objects.filter(created_at__lt=moment).aggregate(total=Sum("amount", default=0))
    return int(total["total"])


def _by_day(entries: Any, timezone: str) -> list[tuple[date, int, int]]:
    days: dict[date, list[int]] = {}
    grouped = entries.annotate(day=TruncDate("created_at", tzinfo=zoneinfo.ZoneInfo(timezone)))
    for row in grouped.values("day", "kind").annotate(total=Sum("amount")).order_by("day"):
        came_went = days.setdefault(row["day"], [0, 0])
        came_went[0 if row["total"] > 0 else 1] += row["total"]
    return [(day, came, went) for day, (came, went) in days.items()]


# -- many businesses

_MONTH = sql.SQL("""
SELECT {name}, coalesce(sum(amount) FILTER (WHERE created_at < {start}), 0),
  {kinds}, coalesce(sum(amount) FILTER (WHERE created_at < {end}), 0)
FROM {entries}
""")
_KIND: LiteralString = (
    "coalesce(sum(amount) FILTER (WHERE kind = {kind} AND created_at >= {start} AND created_at < {end}), 0)"
)


def months(tenants: Sequence[Tenant], month: date) -> Iterator[tuple[str, list[int]]]:
    """(schema, [opening, one figure for each of KINDS, closing]) of many businesses, 50 in a statement."""
    waiting = iter(tenants)
    while batch := list(islice(waiting, SCHEMAS_A_STATEMENT)):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(_month(tenant, month) for tenant in batch))
            rows = cursor.fetchall()
        yield from ((schema, [int(figure) for figure in figures]) for schema, *figures in rows)


def _month(tenant: Tenant, month: date) -> sql.Composed:
    start, end = (sql.Literal(one) for one in bounds(month, timezone=tenant.timezone))
    kinds = [sql.SQL(_KIND).format(kind=sql.Literal(kind), start=start, end=end) for kind in KINDS]
    return _MONTH.format(
        name=sql.Literal(tenant.schema_name),
        start=start,
        end=end,
        kinds=sql.SQL(", ").join(kinds),
        entries=sql.Identifier(tenant.schema_name, "billing_ledgerentry"),
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of a cause that begins so, a kind, a day, a size. Empty fields ask for nothing."""

    key: str = ""
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    least: int | None = None  # credits, without their sign
    before: int = 0  # a cursor; of one business only

    @property
    def is_narrow(self) -> bool:
        """Whether many ledgers may be asked: by an index, and not row by row."""
        return len(self.key) >= 4 or (self.since is not None and self.until is not None)


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of some business."""

    schema: str
    id: int
    created_at: datetime
    kind: str
    amount: int
    balance_after: int
    key: str
    reason: str
    actor_id: int | None
    given_back: bool = field(default=False)


_FIND = sql.SQL("""
(SELECT {name}, id, created_at, kind, amount, balance_after, key, reason, actor_id,
  EXISTS (SELECT FROM {entries} AS other WHERE other.key = 'back:' || entry.id)
FROM {entries} AS entry WHERE {where} ORDER BY id DESC LIMIT {most})
""")


def search(schemas: Sequence[str], wanted: Wanted, *, most: int = FOUND_AT_MOST) -> list[Found]:
    """The latest entries of these businesses that are wanted, 50 businesses in a statement."""
    found: list[Found] = []
    waiting = iter(schemas)
    where, values = _where(wanted)
    while batch := list(islice(waiting, SCHEMAS_A_STATEMENT)):
        parts = [
            _FIND.format(
                name=sql.Literal(schema),
                entries=sql.Identifier(schema, "billing_ledgerentry"),
                where=where,
                most=sql.Literal(most),
            )
            for schema in batch
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts), values)
            found += [Found(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:most]


def _where(wanted: Wanted) -> tuple[sql.Composable, dict[str, Any]]:
    wishes: dict[str, tuple[LiteralString, Any]] = {
        "key": ("key LIKE %(key)s", _beginning(wanted.key) if wanted.key else None),
        "kind": ("kind = %(kind)s", wanted.kind or None),
        "since": ("created_at >= %(since)s", wanted.since),
        "until": ("created_at < %(until)s", wanted.until),
        "least": ("abs(amount) >= %(least)s", wanted.least),
        "before": ("id < %(before)s", wanted.before or None),
    }
    asked = {name: wish for name, wish in wishes.items() if wish[1] is not None}
    parts = [sql.SQL(part) for part, _value in asked.values()] or [sql.SQL("true")]
    return sql.SQL(" AND ").join(parts), {name: value for name, (_part, value) in asked.items()}


def _beginning(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
