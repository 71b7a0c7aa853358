"""The back office of money over all businesses: balances, ledgers searched, charges given back, months."""

import csv
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_tenants.utils import schema_context
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from billing import asking, money, statements
from billing.models import LedgerEntry
from billing.statements import Wanted
from billing.views import plain
from tenants import access, audit
from tenants.backoffice import Page, add_page
from tenants.models import CreditRequest, Tenant, TenantState, User

PAGE = 50
SEES = "billing.view_ledgerentry"
GIVES = "billing.add_ledgerentry"
LATELY = timedelta(days=30)
Site: Any = admin.site
TEXT: Any = UnfoldAdminTextInputWidget


def balances(request: HttpRequest) -> HttpResponse:
    """What all businesses hold together, and each of them, the least first."""
    states = TenantState.objects.select_related("tenant").exclude(tenant__status="provisioning")
    asked = request.GET.get("q", "").replace("\x00", "").strip()[:80]
    shown = (
        states.filter(Q(tenant__name__icontains=asked) | Q(tenant__slug__icontains=asked))
        if asked
        else states
    )
    sums = states.aggregate(
        balance=Coalesce(Sum("balance"), 0),
        held=Coalesce(Sum("held"), 0),
    )
    sums["empty"] = states.filter(balance__lte=0).count()
    page = Paginator(shown.order_by("balance", "pk"), PAGE).get_page(request.GET.get("page"))
    return _show(request, "balances", title=_("Balances"), page_obj=page, sums=sums, asked=asked)


class SearchForm(forms.Form):
    """Which entries; in one business, or by a cause or a time in all of them."""

    business = forms.SlugField(
        label=gettext_lazy("Business"),
        help_text=gettext_lazy("Its address; empty for all."),
        required=False,
        widget=TEXT(),
    )
    key = forms.CharField(
        label=gettext_lazy("Cause begins with"),
        help_text=gettext_lazy("As turn:17 or staff:."),
        max_length=80,
        required=False,
        widget=TEXT(),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[("", "–"), *LedgerEntry.Kind.choices],
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    since = forms.DateField(label=gettext_lazy("From"), required=False, widget=TEXT(attrs={"type": "date"}))
    until = forms.DateField(label=gettext_lazy("To"), required=False, widget=TEXT(attrs={"type": "date"}))
    least = forms.IntegerField(
        label=gettext_lazy("At least so many credits"),
        min_value=1,
        max_value=10**9,
        required=False,
        widget=TEXT(attrs={"inputmode": "numeric"}),
    )

    def clean_business(self) -> Tenant | None:
        slug = self.cleaned_data["business"]
        found = Tenant.objects.exclude(status="provisioning").filter(slug=slug).first() if slug else None
        if slug and found is None:
            raise forms.ValidationError(_("There is no business at this address."))
        return found

    def clean_key(self) -> str:
        return str(self.cleaned_data["key"]).replace("\x00", "")

    def wanted(self, *, before: int) -> Wanted:
        given = self.cleaned_data
        until = given.get("until")
        return Wanted(
            key=given.get("key", ""),
            kind=given.get("kind", ""),
            since=_midnight(given.get("since")),
            until=_midnight(until + timedelta(days=1)) if until else None,
            least=given.get("least"),
            before=before if given.get("business") else 0,
        )


def _midnight(day: Any) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def ledger(request: HttpRequest) -> HttpResponse:
    """Entries of any business, by what they were for; of one business all of them, page by page."""
    form = SearchForm(request.GET or None)
    found: list[statements.Found] = []
    known: dict[str, Tenant] = {}
    if request.GET and form.is_valid():
        chosen = form.cleaned_data["business"]
        wanted = form.wanted(before=_number(request.GET.get("before")))
        if chosen is None and not wanted.is_narrow:
            form.add_error("key", _("Name a business, a cause of at least four signs, or both days."))
        else:
            known = _known(
                [chosen] if chosen else Tenant.objects.exclude(status="provisioning").order_by("pk")
            )
            found = statements.search(list(known), wanted)
    full = len(found) == statements.FOUND_AT_MOST
    query = request.GET.copy()
    query.pop("before", None)
    people = _people({one.actor_id for one in found})
    rows = [(one, known[one.schema], people.get(one.actor_id or 0, "")) for one in found]
    kinds = dict(LedgerEntry.Kind.choices)
    return _show(
        request,
        "ledger",
        title=_("Ledger search"),
        form=form,
        rows=[(one, tenant, kinds.get(one.kind, one.kind), who) for one, tenant, who in rows],
        following=found[-1].id if full and len(known) == 1 else 0,
        cut=full and len(known) > 1,
        query=query.urlencode(),
        gives=request.user.has_perm(GIVES),
        spent=LedgerEntry.SPENT,
        searched=bool(request.GET) and not form.errors,
    )


def _known(tenants: Any) -> dict[str, Tenant]:
    return {tenant.schema_name: tenant for tenant in tenants}


def _people(ids: set[int | None]) -> dict[int, str]:
    return {user.pk: str(user) for user in User.objects.filter(pk__in=[pk for pk in ids if pk])}


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else 0


class BackForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("The business reads it on its Account page."),
        max_length=200,
        widget=TEXT(),
    )


def give_back(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Undo one charge, with a reason; the ledger keeps both entries."""
    if not request.user.has_perm(GIVES):
        raise PermissionDenied
    tenant, form = _business(slug), BackForm(request.POST or None)
    with schema_context(tenant.schema_name):
        charge = get_object_or_404(LedgerEntry, pk=pk, kind__in=LedgerEntry.SPENT, amount__lt=0)
    back = f"{reverse('admin:finance_ledger')}?business={tenant.slug}"
    if request.method == "POST" and form.is_valid():
        asked = asking.for_charge_back(
            tenant,
            charge,
            reason=form.cleaned_data["reason"],
            asker=access.person(request),
            now=timezone.now(),
        )
        messages.success(request, _back_words(asked))
        return redirect(back)
    title = _("Give a charge back")
    return _show(request, "give_back", title=title, form=form, charge=charge, tenant_row=tenant, back=back)


def _back_words(asked: CreditRequest) -> str:
    amount = {"credits": money.in_credits(asked.credits)}
    if asked.status == CreditRequest.Status.WAITING:
        return _("Waiting until somebody else of finance allows it: %(credits)s.") % amount
    return _("Given back: %(credits)s.") % amount


def statement(request: HttpRequest, slug: str) -> HttpResponse:
    """What a business had, got and spent in a month; the same as a file."""
    tenant = _business(slug)
    month = statements.month_of(request.GET.get("month", ""), today=timezone.localdate())
    with schema_context(tenant.schema_name):
        shown = statements.of_month(tenant, month)
    if request.GET.get("form") == "csv":
        return _statement_csv(tenant, shown)
    kinds = dict(LedgerEntry.Kind.choices)
    return _show(
        request,
        "statement",
        title=_("Statement"),
        tenant_row=tenant,
        statement=shown,
        by_kind=[(kinds.get(kind, kind), n, total) for kind, n, total in shown.by_kind],
        before=statements.preceding(month),
        after=statements.following(month),
    )


def _statement_csv(tenant: Tenant, shown: statements.Statement) -> HttpResponse:
    rows: list[list[Any]] = [["business", "month", "line", "entries", "credits"]]
    first = [tenant.name, f"{shown.month:%Y-%m}"]
    rows.append([*first, "opening", "", shown.opening])
    rows += [[*first, kind, n, total] for kind, n, total in shown.by_kind]
    rows.append([*first, "closing", "", shown.closing])
    return _file(f"statement-{tenant.slug}-{shown.month:%Y-%m}.csv", rows)


def months_file(request: HttpRequest) -> HttpResponse:
    """One line a business for a month: what there was, each kind of change, what there is."""
    month = statements.month_of(request.GET.get("month", ""), today=timezone.localdate())
    tenants = list(Tenant.objects.exclude(status="provisioning").order_by("slug"))
    by_schema = _known(tenants)
    rows: list[list[Any]] = [["business", "address", "month", "opening", *statements.KINDS, "closing"]]
    for schema, figures in statements.months(tenants, month):
        tenant = by_schema[schema]
        rows.append([tenant.name, tenant.slug, f"{month:%Y-%m}", *figures])
    audit.record("finance.export", actor=access.person(request), target=f"{month:%Y-%m}", rows=len(rows) - 1)
    return _file(f"months-{month:%Y-%m}.csv", rows)


def _file(name: str, rows: list[list[Any]]) -> HttpResponse:
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    writer = csv.writer(response)
    for row in rows:
        writer.writerow([plain(cell) for cell in row])
    return response


def _business(slug: str) -> Tenant:
    return get_object_or_404(Tenant.objects.exclude(status=Tenant.Status.PROVISIONING), slug=slug)


def _show(request: HttpRequest, name: str, **context: Any) -> HttpResponse:
    return Site.show(request, f"admin/billing/{name}.html", **context)


for _page in (
    Page(
        "finance/",
        "finance",
        gettext_lazy("Balances"),
        balances,
        SEES,
        on_public=True,
        icon="account_balance",
        about=gettext_lazy("What every business has left, and its statements."),
    ),
    Page(
        "finance/ledger/",
        "finance_ledger",
        gettext_lazy("Ledger search"),
        ledger,
        SEES,
        on_public=True,
        icon="receipt_long",
        about=gettext_lazy("Any entry of any business, by its cause, time or size."),
    ),
    Page("finance/ledger/<slug:slug>/<int:pk>/back/", "finance_back", "", give_back, SEES, on_public=True),
    Page("finance/<slug:slug>/statement/", "finance_statement", "", statement, SEES, on_public=True),
    Page("finance/months.csv", "finance_months", "", months_file, SEES, on_public=True),
):
    add_page(_page)
