"""The back office of money: revenue and margin, businesses by month, holds that are too old, disputes."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing import money, rollup, statements, takings
from billing.models import LedgerEntry
from tenants.backoffice import Page, add_alarm, add_page
from tenants.models import Tenant

PAGE = 50
SEES = "tenants.view_dailytotal"
# What the list of businesses may be ordered by; anything else is by name.
ORDERS = ("bought", "granted", "spent", "taken_back", "closing", "vendor_cost", "unpriced")
Site: Any = admin.site


def revenue(request: HttpRequest) -> HttpResponse:
    """A year by month and currency, and what is left after vendors were paid."""
    now = timezone.now()
    taken = takings.by_month(now=now)
    return _show(
        request,
        "revenue",
        title=_("Revenue"),
        taken=[(one, _in_words(one)) for one in taken],
        margins=[(one, _dollars(one)) for one in takings.margins(taken, now=now)],
        without_rate=[code.upper() for code in takings.without_rate(taken)],
        outstanding=takings.outstanding(),
        months=_months(now.date()),
    )


def _in_words(one: takings.Takings) -> dict[str, str]:
    names = ("gross", "refunded", "disputed", "net")
    return {name: money.words(getattr(one, name), one.currency) for name in names}


def _dollars(one: takings.Margin) -> dict[str, str]:
    figures = {"cost": one.cost, "revenue": one.revenue, "margin": one.margin}
    return {name: "–" if value is None else money.words(value, "usd") for name, value in figures.items()}


def _months(today: date) -> list[date]:
    month, found = today.replace(day=1), []
    for _number in range(takings.MONTHS):
        found.append(month)
        month = statements.preceding(month)
    return found


def totals(request: HttpRequest) -> HttpResponse:
    """Every business with what it bought, was given and spent in a month."""
    month = statements.month_of(request.GET.get("month", ""), today=timezone.localdate())
    order = request.GET.get("order", "")
    rows = takings.totals(month)
    # Spent and taken back are below zero: the most of it stands first, as with the others.
    direction = "" if order in ("spent", "taken_back") else "-"
    ordered = rows.order_by(f"{direction}{order}", "slug") if order in ORDERS else rows.order_by("slug")
    page = Paginator(ordered, PAGE).get_page(request.GET.get("page"))
    shown = [(row, money.words(-(-row.vendor_cost // 10_000), "usd")) for row in page.object_list]
    return _show(
        request,
        "totals",
        title=_("Businesses by month"),
        month=month,
        before=statements.preceding(month),
        after=statements.following(month),
        page_obj=page,
        rows=shown,
        order=order if order in ORDERS else "",
        columns=[(name, words) for name, words in COLUMNS],
        wrong={tenant.pk for tenant in rollup.disagreeing()},
    )


COLUMNS = (
    ("bought", gettext_lazy("Bought")),
    ("granted", gettext_lazy("Given")),
    ("spent", gettext_lazy("Spent")),
    ("taken_back", gettext_lazy("Taken back")),
    ("closing", gettext_lazy("At the end")),
    ("vendor_cost", gettext_lazy("Vendors' cost")),
    ("unpriced", gettext_lazy("Unknown costs")),
)


def holds(request: HttpRequest) -> HttpResponse:
    """Credits that are reserved for longer than any answer takes, in all businesses."""
    tenants = list(Tenant.objects.exclude(status=Tenant.Status.PROVISIONING).order_by("pk"))
    by_schema = {tenant.schema_name: tenant for tenant in tenants}
    found = takings.aged_holds(tenants, now=timezone.now())
    return _show(
        request,
        "holds",
        title=_("Reserved for too long"),
        rows=[(one, by_schema[one.schema]) for one in found],
        cut=len(found) == takings.HOLDS_SHOWN,
        total=sum(one.amount for one in found),
        minutes=int(takings.AGED.total_seconds() // 60),
    )


def disputes(request: HttpRequest) -> HttpResponse:
    """Payments that were disputed, and who cannot buy because of one."""
    page = Paginator(takings.disputes(), PAGE).get_page(request.GET.get("page"))
    return _show(
        request,
        "disputes",
        title=_("Disputes"),
        page_obj=page,
        rows=[(one, money.words(one.amount, one.topup.currency)) for one in page.object_list],
        frozen=takings.frozen()[:200],
    )


def _show(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    context["kinds"] = dict(LedgerEntry.Kind.choices)
    return Site.show(request, f"admin/billing/{name}.html", **context)


def ledgers_differ(request: HttpRequest) -> str:
    """The line above the back office while a ledger and its balance are not the same."""
    if request.tenant is not None or not request.user.has_perm(SEES):  # type: ignore[attr-defined]
        return ""
    wrong = rollup.disagreeing()
    names = ", ".join(str(tenant) for tenant in wrong[:5])
    words = _("The ledger and the balance differ: %(names)s. Nothing was changed; please have a look.")
    return words % {"names": names} if wrong else ""


add_alarm(ledgers_differ)
for _page in (
    Page(
        "finance/revenue/",
        "finance_revenue",
        gettext_lazy("Revenue"),
        revenue,
        SEES,
        on_public=True,
        icon="payments",
        about=gettext_lazy("What came in and went back by month, and what is left after vendors."),
    ),
    Page(
        "finance/totals/",
        "finance_totals",
        gettext_lazy("Businesses by month"),
        totals,
        SEES,
        on_public=True,
        icon="table_chart",
        about=gettext_lazy("What each bought, was given and spent."),
    ),
    Page(
        "finance/holds/",
        "finance_holds",
        gettext_lazy("Reserved for too long"),
        holds,
        SEES,
        on_public=True,
        icon="hourglass_top",
        about=gettext_lazy("Credits held for answers that should have ended."),
    ),
    Page(
        "finance/disputes/",
        "finance_disputes",
        gettext_lazy("Disputes"),
        disputes,
        SEES,
        on_public=True,
        icon="gavel",
        about=gettext_lazy("Payments that a bank took back, and who cannot buy meanwhile."),
    ),
):
    add_page(_page)
