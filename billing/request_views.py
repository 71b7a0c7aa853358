"""The back office of money: what waits for a second pair of eyes, and refunds to cards."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminTextInputWidget

from billing import asking, credits, money, refunds, request_letters
from tenants import access
from tenants.backoffice import Page, add_alarm, add_page
from tenants.models import CreditRequest, TopUp

PAGE = 50
SEES = "tenants.view_creditrequest"
ASKS = "billing.add_ledgerentry"
DECIDES = "tenants.change_creditrequest"
LIST = "admin:finance_requests"
LOOKED = "finance_requests_looked_at"  # in the session
Site: Any = admin.site
TEXT: Any = UnfoldAdminTextInputWidget


def requests(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first; then what was decided, the latest first."""
    rows = CreditRequest.objects.select_related("tenant", "asked_by", "decided_by", "topup")
    decided = rows.exclude(status=CreditRequest.Status.WAITING).order_by("-pk")
    page = Paginator(decided, PAGE).get_page(request.GET.get("page"))
    request.session[LOOKED] = timezone.now().isoformat()
    return Site.show(
        request,
        "admin/billing/requests.html",
        title=_("Requests for credits"),
        waiting=rows.filter(status=CreditRequest.Status.WAITING).order_by("pk")[:200],
        page_obj=page,
        decides=request.user.has_perm(DECIDES),
    )


class DecisionForm(forms.Form):
    note = forms.CharField(
        label=gettext_lazy("Note"),
        help_text=gettext_lazy("Who asked reads it here. A refusal needs one."),
        max_length=200,
        required=False,
        widget=TEXT(),
    )
    what = forms.ChoiceField(choices=[("allow", "allow"), ("refuse", "refuse")], widget=forms.HiddenInput())

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("what") == "refuse" and not given.get("note", "").strip():
            self.add_error("note", _("Say why it is refused."))
        return given


def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """One request, to be allowed or refused by somebody else; who asked may only take it back."""
    rows = CreditRequest.objects.select_related("tenant", "asked_by", "decided_by", "topup")
    row = get_object_or_404(rows, pk=pk)
    person = access.person(request)
    own = row.asked_by_id == person.pk
    if not (own or request.user.has_perm(DECIDES)):
        raise PermissionDenied
    form = DecisionForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _decided(request, row, form):
        return redirect(reverse(LIST))
    return Site.show(
        request,
        "admin/billing/request.html",
        title=_("Request for credits"),
        form=form,
        row=row,
        own=own,
        is_open=row.status == CreditRequest.Status.WAITING,
        standing=credits.standings([row.tenant.schema_name])[row.tenant.schema_name],
        back=reverse(LIST),
    )


def _decided(request: HttpRequest, row: CreditRequest, form: DecisionForm) -> bool:
    """Carry the decision out; what stands against it is said in the form."""
    person, now, note = access.person(request), timezone.now(), form.cleaned_data["note"]
    verb = asking.allow if form.cleaned_data["what"] == "allow" else asking.refuse
    try:
        verb(row.pk, by=person, note=note, now=now)
    except asking.NotAllowed:
        own = row.asked_by_id == person.pk
        words = _("Nobody allows what they asked for themselves.") if own else _("It is decided already.")
        form.add_error(None, words)
        return False
    except credits.InsufficientCredits:
        form.add_error(None, _("The business has fewer credits than that."))
        return False
    messages.success(request, _("Allowed.") if verb is asking.allow else _("Refused."))
    return True


class RefundForm(forms.Form):
    """How much of a payment goes back to its card, and why. A form that is sent twice counts once."""

    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        help_text=gettext_lazy("With tax, as it was paid. The credits of this share are taken back."),
        max_length=20,
        widget=TEXT(attrs={"inputmode": "decimal"}),
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, widget=TEXT())
    cause = forms.UUIDField(initial=uuid.uuid4, widget=forms.HiddenInput())

    def __init__(self, *args: Any, topup: TopUp, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.topup = topup
        self.fields["amount"].initial = money.decimal(asking.left_to_refund(topup), topup.currency)

    def clean_amount(self) -> int:
        """Cents of the top-up's currency."""
        try:
            return money.read(self.cleaned_data["amount"], self.topup.currency)
        except ValueError:
            raise forms.ValidationError(_("Write an amount, as 12.50.")) from None


def refund(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for money to go back to the card that paid a top-up."""
    if not request.user.has_perm(ASKS):
        raise PermissionDenied
    topup = get_object_or_404(TopUp.objects.select_related("tenant"), pk=pk, status=TopUp.Status.PAID)
    form = RefundForm(request.POST or None, topup=topup)
    if request.method == "POST" and form.is_valid():
        try:
            asked = _asked(request, topup, form)
        except asking.TooMuch as error:
            left = money.words(error.left, topup.currency)
            form.add_error("amount", _("At most %(left)s can go back.") % {"left": left})
        else:
            messages.success(request, _told(asked))
            return redirect(reverse(LIST))
    return Site.show(
        request,
        "admin/billing/refund.html",
        title=_("Refund to the card"),
        form=form,
        topup=topup,
        paid=money.words(refunds.paid(topup), topup.currency),
        left=money.words(asking.left_to_refund(topup), topup.currency),
        back=reverse(LIST),
    )


def _asked(request: HttpRequest, topup: TopUp, form: RefundForm) -> CreditRequest:
    return asking.for_refund(
        topup,
        amount=form.cleaned_data["amount"],
        reason=form.cleaned_data["reason"],
        key=f"refund:{form.cleaned_data['cause']}",
        asker=access.person(request),
        now=timezone.now(),
    )


def somebody_waits(request: HttpRequest) -> str:
    """The line above the back office of those who may decide."""
    if request.tenant is not None or not request.user.has_perm(DECIDES):  # type: ignore[attr-defined]
        return ""
    n = asking.waiting()
    words = ngettext("%(n)s request for credits waits.", "%(n)s requests for credits wait.", n)
    return words % {"n": n} if n else ""


def came_to_nothing(request: HttpRequest) -> str:
    """The line above the back office of those whose requests were refused, until they have looked."""
    if request.tenant is not None or not request.user.has_perm(ASKS):  # type: ignore[attr-defined]
        return ""
    looked = parse_datetime(request.session.get(LOOKED, ""))
    n = request_letters.came_to_nothing(access.person(request), since=looked, now=timezone.now())
    words = ngettext(
        "%(n)s request of yours was refused or failed: look at the requests for credits.",
        "%(n)s requests of yours were refused or failed: look at the requests for credits.",
        n,
    )
    return words % {"n": n} if n else ""


def _told(asked: CreditRequest) -> str:
    amount = {"amount": money.words(asked.amount, asked.currency)}
    if asked.status == CreditRequest.Status.WAITING:
        return _("%(amount)s wait until somebody else of finance allows it.") % amount
    return _("%(amount)s are on their way back to the card.") % amount


add_alarm(somebody_waits)
add_alarm(came_to_nothing)
for _page in (
    Page(
        "finance/requests/",
        "finance_requests",
        gettext_lazy("Requests for credits"),
        requests,
        SEES,
        on_public=True,
        icon="approval_delegation",
        about=gettext_lazy("Grants and refunds that wait for a second pair of eyes."),
    ),
    Page("finance/requests/<int:pk>/", "finance_request", "", decide, SEES, on_public=True),
    Page("finance/topups/<int:pk>/refund/", "finance_refund", "", refund, SEES, on_public=True),
):
    add_page(_page)
