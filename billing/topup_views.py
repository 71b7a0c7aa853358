"""Buying credits: from the choice to the vendor's page and back, the saved card, the vendor's own pages."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from billing import buying, payers, payment_setup, payment_sweep, topups, views
from billing.buying import BuyForm
from providers.errors import ProviderError
from providers.payments import PaymentRefused
from tenants import access
from tenants.models import TopUp

BUYERS = access.MONEY


@access.roles(*BUYERS)
@require_POST
def buy(request: HttpRequest) -> HttpResponse:
    """Send the person to the page on which the chosen credits are paid."""
    tenant = request.tenant  # type: ignore[attr-defined]
    offer, _offered = buying.offer_of(request, tenant)
    if offer is None or not payment_setup.is_set_up():
        return views.credits_page(request)
    form = BuyForm(offer, request.POST)
    if not form.is_valid():
        return views.credits_page(request, form=form)
    try:
        topup = topups.start(
            tenant,
            form.cleaned_data["choice"],
            keeps_card=form.cleaned_data["keeps_card"],
            asker=access.person(request),
            now=timezone.now(),
        )
    except payers.Frozen:
        return views.credits_page(request)
    except ProviderError as error:
        form.add_error(None, _refusal(error))
        return views.credits_page(request, form=form)
    return redirect(topup.url)


@access.roles(*views.SEE_CREDITS)
@require_GET
def topup(request: HttpRequest, pk: int) -> HttpResponse:
    """What became of one purchase; the payer comes back to this page, and it changes by itself."""
    found = _topup(request, pk)
    now = timezone.now()
    if payment_setup.is_set_up() and payment_sweep.is_due(found, now=now):
        payment_sweep.ask_soon(found, now=now)
    if "HX-Request" in request.headers and request.GET.get("was") == found.status:
        return HttpResponse(status=204)  # or a reader would be read the same again at every event
    return _show(request, found)


@access.roles(*BUYERS)
@require_POST
def pay(request: HttpRequest, pk: int) -> HttpResponse:
    """On to the page on which this one is paid, also when it could not be made the first time."""
    found = _topup(request, pk)
    by_hand = found.kind == TopUp.Kind.CHECKOUT and found.status == TopUp.Status.PENDING
    if not by_hand or not payment_setup.is_set_up():
        return redirect("account_topup", pk=found.pk)
    if not found.url:
        try:
            found = topups.open_page(found, now=timezone.now())
        except ProviderError as error:
            messages.error(request, _refusal(error))
            return redirect("account_topup", pk=found.pk)
    return redirect(found.url)


@access.roles(*BUYERS)
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Give up on a purchase that is not paid."""
    found = _topup(request, pk)
    if found.kind != TopUp.Kind.CHECKOUT:
        return redirect("account_topup", pk=found.pk)
    try:
        found = topups.cancel(found, actor=access.person(request), now=timezone.now())
    except (ProviderError, payment_setup.NotSetUp):
        messages.error(request, _("Stripe does not answer just now. Try again in a minute."))
        return redirect("account_topup", pk=found.pk)
    if found.status != TopUp.Status.CANCELED:
        return redirect("account_topup", pk=found.pk)
    messages.success(request, _("Nothing was bought."))
    return redirect("account")


@access.roles(*BUYERS)
@require_POST
def drop_card(request: HttpRequest) -> HttpResponse:
    """Never charge the saved card again."""
    tenant = request.tenant  # type: ignore[attr-defined]
    told = payers.drop(tenant, actor=access.person(request), now=timezone.now())
    if told:
        messages.success(request, _("The card is removed. Nothing is charged by itself any more."))
    else:
        words = _("The card is never charged again. Stripe does not answer just now, and still lists it.")
        messages.warning(request, words)
    return redirect("account")


@access.roles(*BUYERS)
@require_POST
def portal(request: HttpRequest) -> HttpResponse:
    """The vendor's own page for cards and invoices."""
    payer = payers.of(request.tenant)  # type: ignore[attr-defined]
    if payer is None or payer.gone_at is not None or not payment_setup.is_set_up():
        return redirect("account")
    try:
        return redirect(payers.portal_url(payer, language=request.LANGUAGE_CODE))
    except ProviderError as error:
        messages.error(request, _refusal(error))
        return redirect("account")


def _topup(request: HttpRequest, pk: int) -> TopUp:
    return get_object_or_404(TopUp.objects.filter(tenant=request.tenant), pk=pk)  # type: ignore[attr-defined]


def _show(request: HttpRequest, found: TopUp) -> HttpResponse:
    context: dict[str, Any] = {
        "topup": found,
        "may_buy": found.kind == TopUp.Kind.CHECKOUT and request.membership.role in BUYERS,  # type: ignore[attr-defined]
        "refunds": found.refunds.order_by("pk"),
    }
    return buying.leads_to_payment(render(request, "billing/topup.html", context))


def _refusal(error: ProviderError) -> str:
    """Why the vendor's page could not be had, in words for who wanted to pay."""
    if isinstance(error, PaymentRefused) and error.code == "amount_too_small":
        return _("Stripe takes no amount as small as this.")
    if isinstance(error, PaymentRefused):
        return _("Stripe did not accept this order. Nothing was charged; we have been told.")
    return _("Stripe does not answer just now. Nothing was charged; try again in a minute.")
