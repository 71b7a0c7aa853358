"""What the accountant gets: a month's payments, refunds and movements of credits, written while read."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import money, statements
from billing.models import LedgerEntry
from tenants import access, audit, spreadsheets
from tenants.backoffice import Page, add_page
from tenants.models import Refund, Tenant, TopUp

SEES = "tenants.view_dailytotal"
ROWS = 500  # in a piece of the file
Rows = list[list[spreadsheets.Cell]]
PAYMENTS = (
    "business", "address", "top-up", "paid at", "kind", "currency", "without tax", "with tax", "credits",
    "method", "payment",
)  # fmt: skip
REFUNDS = (
    "business", "address", "top-up", "at", "kind", "status", "currency", "amount", "credits", "vendor's id",
    "reason",
)  # fmt: skip
MOVEMENTS = ("business", "address", "entry", "at", "kind", "credits", "balance", "cause", "reason")


def export(request: HttpRequest, what: str) -> Any:
    """One file of a month: payments and refunds by UTC, credits by each business's own time."""
    if what not in WRITERS:
        raise Http404
    month = statements.month_of(request.GET.get("month", ""), today=timezone.localdate())
    audit.record("finance.export", actor=access.person(request), target=f"{what} {month:%Y-%m}")
    name = f"{what}-{month:%Y-%m}.csv"
    return spreadsheets.streamed(request, name=name, batches=WRITERS[what](month))


def payments(month: date) -> Iterator[Rows]:
    """Every payment of the month: what came in without tax, and with it."""
    yield [list(PAYMENTS)]
    start, end = _bounds(month)
    rows = TopUp.objects.filter(paid_at__gte=start, paid_at__lt=end).select_related("tenant")
    yield from _by_pieces(rows, _payment)


def _payment(row: TopUp) -> list[spreadsheets.Cell]:
    paid_at = row.paid_at.isoformat() if row.paid_at else ""
    total = row.charged or row.amount
    return [
        row.tenant.name, row.tenant.slug, row.pk, paid_at, row.kind, row.currency.upper(),
        money.decimal(row.amount, row.currency), money.decimal(total, row.currency), row.credits, row.method,
        row.payment_intent or "",
    ]  # fmt: skip


def refunds(month: date) -> Iterator[Rows]:
    """Every refund and dispute that began in the month, as it stands now."""
    yield [list(REFUNDS)]
    start, end = _bounds(month)
    rows = Refund.objects.filter(created_at__gte=start, created_at__lt=end).select_related("topup__tenant")
    yield from _by_pieces(rows, _refund)


def _refund(row: Refund) -> list[spreadsheets.Cell]:
    tenant, currency = row.topup.tenant, row.topup.currency
    return [
        tenant.name, tenant.slug, row.topup_id, row.created_at.isoformat(), row.kind, row.status,
        currency.upper(), money.decimal(row.amount, currency), row.credits, row.vendor_id, row.reason,
    ]  # fmt: skip


def movements(month: date) -> Iterator[Rows]:
    """Every change of every balance, business by business."""
    yield [list(MOVEMENTS)]
    for tenant in Tenant.objects.exclude(status=Tenant.Status.PROVISIONING).order_by("slug"):
        start, end = statements.bounds(month, timezone=tenant.timezone)
        last = 0
        while piece := _entries(tenant, start, end, after=last):
            last = piece[-1].pk
            yield [_movement(tenant, entry) for entry in piece]


def _entries(tenant: Tenant, start: datetime, end: datetime, *, after: int) -> list[LedgerEntry]:
    """The next of a business's entries; the schema is left again before anything is sent."""
    with schema_context(tenant.schema_name):
        within = Q(created_at__gte=start, created_at__lt=end, pk__gt=after)
        return list(LedgerEntry.objects.filter(within).order_by("pk")[:ROWS])


def _movement(tenant: Tenant, entry: LedgerEntry) -> list[spreadsheets.Cell]:
    return [
        tenant.name, tenant.slug, entry.pk, entry.created_at.isoformat(), entry.kind, entry.amount,
        entry.balance_after, entry.key, entry.reason,
    ]  # fmt: skip


def _by_pieces(rows: Any, write: Callable[[Any], list[spreadsheets.Cell]]) -> Iterator[Rows]:
    last = 0
    while piece := list(rows.filter(pk__gt=last).order_by("pk")[:ROWS]):
        last = piece[-1].pk
        yield [write(row) for row in piece]


def _bounds(month: date) -> tuple[datetime, datetime]:
    first, after = month, statements.following(month)
    return datetime.combine(first, time.min, tzinfo=UTC), datetime.combine(after, time.min, tzinfo=UTC)


WRITERS: dict[str, Callable[[date], Iterator[Rows]]] = {
    "payments": payments,
    "refunds": refunds,
    "credits": movements,
}
add_page(Page("finance/export/<slug:what>.csv", "finance_export", "", export, SEES, on_public=True))
