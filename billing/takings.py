"""What the platform took, owes and paid, by month and currency: read from payments and daily totals only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
from tenants.models import DailyTotal, PaymentCustomer, Refund, Tenant, TenantState, TopUp

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
    """The newest month first; months are those of UTC, as the payment vendor's reports are."""
    since = datetime.combine(first_month(now=now), time.min, tzinfo=UTC)
    found: dict[tuple[date, str], dict[str, int]] = {}
    for row in _paid(since):
        values = {"payments": row["n"], "sold": row["sold"], "gross": row["gross"]}
        found.setdefault((row["month"].date(), row["currency"]), {}).update(values)
    for row in _gone_back(since):
        name = "disputed" if row["kind"] == Refund.Kind.DISPUTE else "refunded"
        found.setdefault((row["month"].date(), row["topup__currency"]), {})[name] = row["amount"]
    rows = [Takings(month, currency, **values) for (month, currency), values in found.items()]
    return sorted(rows, key=lambda one: (-one.month.toordinal(), one.currency))


def _paid(since: datetime) -> Any:
    paid = TopUp.objects.filter(paid_at__gte=since)
    grouped = paid.annotate(month=TruncMonth("paid_at", tzinfo=UTC)).values("month", "currency")
    return grouped.annotate(n=Count("pk"), sold=Sum("credits"), gross=Sum("amount")).order_by("month")


def _gone_back(since: datetime) -> Any:
    """Without tax, as what came in: the share of the price that went with the credits."""
    gone = Refund.objects.filter(is_live=True, created_at__gte=since)
    months = gone.annotate(month=TruncMonth("created_at", tzinfo=UTC))
    grouped = months.values("month", "topup__currency", "kind")
    share = F("topup__amount") * F("credits") / F("topup__credits")
    return grouped.annotate(amount=Sum(share)).order_by("month")


def margins(taken: Sequence[Takings], *, now: datetime) -> list[Margin]:
    """The newest month first, by the days of the businesses' own time."""
    days = DailyTotal.objects.filter(day__gte=first_month(now=now)).annotate(month=TruncMonth("day"))
    sums: Any = (
        days.values("month").annotate(**{name: Sum(name) for name in rollup.FIGURES}).order_by("-month")
    )
    return [
        Margin(
            month=row["month"],
            sold=row["bought"],
            given=row["granted"],
            spent=row["spent"],
            taken_back=row["taken_back"],
            vendor_cost=row["vendor_cost"],
            unpriced=row["unpriced"],
            revenue=in_dollars([one for one in taken if one.month == row["month"]]),
        )
        for row in sums
    ]


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
