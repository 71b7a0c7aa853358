"""Account: the balance, and every credit explained."""

import csv
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from billing import buying, credits, foreseeing, spending
from billing.buying import BuyForm
from billing.foreseeing import Foreseeing
from billing.models import LedgerEntry
from billing.spending import LimitsForm
from tenants import access

PAGE = 30
SEE_CREDITS = access.MANAGERS | access.MONEY
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """The credits for those who see to the money; for everybody else what is theirs."""
    sees_credits = request.membership.role in SEE_CREDITS  # type: ignore[attr-defined]
    return credits_page(request) if sees_credits else you(request)


@require_GET
def you(request: HttpRequest) -> HttpResponse:
    """What everybody has here: their name and language, sign-in, privacy."""
    return render(request, "billing/account.html", {"sees_credits": False})


def credits_page(
    request: HttpRequest,
    *,
    form: BuyForm | None = None,
    foresight: Foreseeing | None = None,
    limits_form: LimitsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """Everything about credits on one page; what was sent in a form is to be mended."""
    context = {
        **_credits(request),
        "sees_credits": True,
        "buying": buying.context(request, form=form),
        "foresight": foresight or foreseeing.context(request),
        "spending": spending.context(request, form=limits_form),
    }
    return buying.leads_to_payment(render(request, "billing/credits.html", context, status=status))


def _credits(request: HttpRequest) -> dict[str, Any]:
    """Balance, spent today, and the ledger page by page."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    standing = credits.standing(since=midnight)
    page = Paginator(LedgerEntry.objects.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    return {
        "account": standing,
        "spent_today": standing.spent_today,
        "entries": page.object_list,
        "page_obj": page,
    }


@access.roles(*SEE_CREDITS)
@require_GET
def ledger_csv(request: HttpRequest) -> HttpResponse:
    """The whole ledger as a table that a spreadsheet cannot be tricked by."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="ledger.csv"'
    writer = csv.writer(response)
    writer.writerow(["id", "when", "kind", "credits", "balance", "cause", "reason"])
    for entry in LedgerEntry.objects.order_by("pk").iterator():
        writer.writerow([plain(value) for value in _row(entry)])
    return response


def _row(entry: LedgerEntry) -> list[Any]:
    when = entry.created_at.isoformat()
    return [entry.pk, when, entry.kind, entry.amount, entry.balance_after, entry.key, entry.reason]


def plain(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
