"""What the platform took, owes and paid, by month and currency: read from payments and daily totals only."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from django.conf import settings
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth
from psycopg import sql

from billing import money, rollup, statements
from tenants.db import connection
from tenants.models import DailyTotal, KeptLedger, PaymentCustomer, Refund, Tenant, TenantState, TopUp

MONTHS = 12
MICRO = 1_000_000  # of a US dollar, in which vendors' prices are kept
SCHEMAS_A_STATEMENT = 50
AGED = timedelta(minutes=10)  # no healthy answer holds credits for longer
HOLDS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Takings:
    """One month in one currency, in cents without tax: what came in, what went back; and credits sold."""

    month: date
    currency: str
    payments: int = 0
    sold: int = 0  # credits
    gross: int = 0
    refunded: int = 0
    disputed: int = 0

    @property
    def net(self) -> int:
        return self.gross - self.refunded - self.disputed


@dataclass(frozen=True, slots=True)
class Margin:
    """One month of all businesses: credits that moved, and what vendors took for what was used.

    `revenue` and `margin` are cents of a US dollar, None where a currency has no rate; `unpriced` counts the
    uses whose cost nobody knows, so that the margin is at most this.
    """

    month: date
    sold: int
    given: int
    spent: int
    taken_back: int
    vendor_cost: int  # millionths of a US dollar
    unpriced: int
    revenue: int | None

    @property
    def cost(self) -> int:
        """Vendors' cost in cents, rounded up."""
        return -(-self.vendor_cost * 100 // MICRO)

    @property
    def margin(self) -> int | None:
        return None if self.revenue is None else self.revenue - self.cost

    @property
    def percent(self) -> int | None:
        return round(100 * self.margin / self.revenue) if self.margin is not None and self.revenue else None


@dataclass(frozen=True, slots=True)
class AgedHold:
    """Credits that are reserved for longer than any answer takes."""

    schema: str
    id: int
    key: str
    amount: int
    created_at: datetime


def first_month(*, now: datetime) -> date:
    """The first of the months that are shown: a year with this one."""
    month = now.date().replace(day=1)
    for _number in range(MONTHS - 1):
        month = statements.preceding(month)
    return month


def by_month(*, now: datetime) -> list[Takings]:
    """The newest month first; months are those of UTC, as the payment vendor's reports are.

    Of businesses that were erased meanwhile, too: no month changes by that.
    """
    first = first_month(now=now)
    erased = [Takings(**one) for one in _kept("takings", since=first)]
    rows = _summed([*_taken(TopUp.objects.all(), since=first), *erased])
    return sorted(rows, key=lambda one: (-one.month.toordinal(), one.currency))


def _taken(topups: QuerySet[TopUp], *, since: date) -> list[Takings]:
    """Of these purchases and what went back of them; a month may come twice."""
    start = datetime.combine(since, time.min, tzinfo=UTC)
    rows = [
        Takings(row["month"].date(), row["currency"], row["n"], row["sold"], row["gross"])
        for row in _paid(topups, start)
    ]
    for row in _gone_back(topups, start):
        name = "disputed" if row["kind"] == Refund.Kind.DISPUTE else "refunded"
        rows.append(Takings(row["month"].date(), row["topup__currency"], **{name: row["amount"]}))
    return rows


def _summed(rows: Iterable[Takings]) -> list[Takings]:
    """Each month and currency once."""
    found: dict[tuple[date, str], Counter[str]] = {}
    for one in rows:
        figures = asdict(one)
        key = figures.pop("month"), figures.pop("currency")
        found.setdefault(key, Counter()).update(figures)
    return [Takings(month, currency, **figures) for (month, currency), figures in found.items()]


def _kept(what: str, *, since: date) -> Iterator[dict[str, Any]]:
    """What was written down of erased businesses, of the months from this one on."""
    erased = KeptLedger.objects.filter(kept_at__date__gte=since).order_by("pk")
    for months in erased.values_list("months", flat=True):
        for one in months.get(what, ()):
            month = date.fromisoformat(one["month"])
            if month >= since:
                yield {**one, "month": month}


def to_keep(tenant: Tenant, *, now: datetime) -> dict[str, Any]:
    """As KeptLedger keeps it: what the months that are shown lose with this business's rows."""
    first = first_month(now=now)
    taken = _summed(_taken(tenant.topups.all(), since=first))
    moved = _moved(DailyTotal.objects.filter(tenant=tenant), since=first)
    return {
        "takings": [{**asdict(one), "month": one.month.isoformat()} for one in taken],
        "credits": [{**one, "month": one["month"].isoformat()} for one in moved],
    }


def _paid(topups: QuerySet[TopUp], since: datetime) -> Any:
    paid = topups.filter(paid_at__gte=since)
    grouped = paid.annotate(month=TruncMonth("paid_at", tzinfo=UTC)).values("month", "currency")
    return grouped.annotate(n=Count("pk"), sold=Sum("credits"), gross=Sum("amount")).order_by("month")


def _gone_back(topups: QuerySet[TopUp], since: datetime) -> Any:
    """Without tax, as what came in: the share of the price that went with the credits."""
    gone = Refund.objects.filter(topup__in=topups, is_live=True, created_at__gte=since)
    months = gone.annotate(month=TruncMonth("created_at", tzinfo=UTC))
    grouped = months.values("month", "topup__currency", "kind")
    share = F("topup__amount") * F("credits") / F("topup__credits")
    return grouped.annotate(amount=Sum(share)).order_by("month")


def margins(taken: Sequence[Takings], *, now: datetime) -> list[Margin]:
    """The newest month first, by the days of the businesses' own time; of erased businesses, too."""
    first = first_month(now=now)
    months: dict[date, Counter[str]] = {}
    for row in [*_moved(DailyTotal.objects.all(), since=first), *_kept("credits", since=first)]:
        months.setdefault(row.pop("month"), Counter()).update(row)
    return [
        Margin(
            month=month,
            sold=row["bought"],
            given=row["granted"],
            spent=row["spent"],
            taken_back=row["taken_back"],
            vendor_cost=row["vendor_cost"],
            unpriced=row["unpriced"],
            revenue=in_dollars([one for one in taken if one.month == month]),
        )
        for month, row in sorted(months.items(), reverse=True)
    ]


def _moved(days: QuerySet[DailyTotal], *, since: date) -> list[dict[str, Any]]:
    """The figures of each month."""
    months = days.filter(day__gte=since).annotate(month=TruncMonth("day")).values("month").order_by("month")
    found: Any = months.annotate(**{name: Sum(name) for name in rollup.FIGURES})
    return list(found)


def in_dollars(taken: Sequence[Takings]) -> int | None:
    """Net takings in cents of a US dollar; None where a currency has no rate (EXCHANGE_RATES)."""
    rates: Mapping[str, Decimal] = {"usd": Decimal(1), **settings.EXCHANGE_RATES}
    if any(one.currency not in rates for one in taken if one.net):
        return None
    dollars = sum(money.decimal(one.net, one.currency) / rates[one.currency] for one in taken if one.net)
    return round(dollars * 100)


def without_rate(taken: Sequence[Takings]) -> list[str]:
    """The currencies that are sold in and have no rate."""
    return sorted({one.currency for one in taken} - {"usd", *settings.EXCHANGE_RATES})


def outstanding() -> dict[str, int]:
    """Credits that businesses still have, and those that they owe, as counted a minute ago."""
    sums = TenantState.objects.aggregate(
        credits=Sum("balance", filter=Q(balance__gt=0), default=0),
        owed=Sum("balance", filter=Q(balance__lt=0), default=0),
        held=Sum("held", default=0),
    )
    return {name: int(total) for name, total in sums.items()}


# -- businesses


def totals(month: date) -> QuerySet[Any]:
    """Each business with its sums of a month, and the balance that it ended with; a page asks for fifty."""
    after = statements.following(month)
    days = DailyTotal.objects.filter(tenant=OuterRef("pk"), day__gte=month, day__lt=after)
    before = DailyTotal.objects.filter(tenant=OuterRef("pk"), day__lt=month).order_by("-day")
    last = DailyTotal.objects.filter(tenant=OuterRef("pk"), day__lt=after).order_by("-day")
    sums = {name: _sum_of(days, name) for name in rollup.FIGURES}
    businesses = Tenant.objects.exclude(status=Tenant.Status.PROVISIONING)
    return businesses.annotate(
        opening=Coalesce(Subquery(before.values("closing")[:1]), 0),
        closing=Coalesce(Subquery(last.values("closing")[:1]), 0),
        **sums,
    )


def _sum_of(days: QuerySet[Any], name: str) -> Any:
    grouped = days.order_by().values("tenant").annotate(total=Sum(name))
    return Coalesce(Subquery(grouped.values("total")), 0)


# -- what should have moved


_HOLDS = sql.SQL("""
(SELECT {name}, id, key, amount, created_at FROM {holds}
WHERE status = 'held' AND created_at < {before} ORDER BY created_at LIMIT {most})
""")


def aged_holds(tenants: Sequence[Tenant], *, now: datetime) -> list[AgedHold]:
    """Credits that are reserved for too long, the oldest first, 50 businesses in a statement."""
    found: list[AgedHold] = []
    for batch in _by_fifty(tenants):
        parts = [
            _HOLDS.format(
                name=sql.Literal(one.schema_name),
                holds=sql.Identifier(one.schema_name, "billing_hold"),
                before=sql.Literal(now - AGED),
                most=sql.Literal(HOLDS_SHOWN),
            )
            for one in batch
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts))
            found += [AgedHold(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: one.created_at)[:HOLDS_SHOWN]


def _by_fifty(tenants: Sequence[Tenant]) -> Iterator[list[Tenant]]:
    waiting = iter(tenants)
    while batch := list(islice(waiting, SCHEMAS_A_STATEMENT)):
        yield batch


def disputes() -> QuerySet[Refund]:
    """Payments that were disputed, the latest first."""
    found = Refund.objects.filter(kind=Refund.Kind.DISPUTE).select_related("topup__tenant")
    return found.order_by("-pk")


def frozen() -> QuerySet[PaymentCustomer]:
    """Businesses that cannot buy while a dispute is open."""
    return PaymentCustomer.objects.exclude(frozen_at=None).select_related("tenant").order_by("frozen_at")
