"""Account, Credits: when to be told, when to save, and the automatic recharge."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from billing import credits, foreseeing, low, payers, payment_setup, recharging, topups, views, watching
from billing.foresight_forms import RechargeForm, WarningsForm
from billing.packs import Choice
from providers.errors import ProviderError
from tenants import access, audit, live
from tenants.models import TopUp

PLACE = "#recharge"


@access.roles(*views.SEE_CREDITS)
@require_POST
def credits_warnings(request: HttpRequest) -> HttpResponse:
    """Keep when somebody is told, and when saving begins."""
    with transaction.atomic(durable=True):
        account = credits.locked()
        form = WarningsForm(low.current(), account, request.POST)
        if form.is_valid():
            _keep_warnings(request, form, balance=account.balance)
    if form.errors:
        return _mend(request, form=form)
    messages.success(request, _("Saved. It holds from now on."))
    return redirect(f"{reverse('account')}#warnings")


def _keep_warnings(request: HttpRequest, form: WarningsForm, *, balance: int) -> None:
    given = form.cleaned_data
    low.choose(credits=given["credits_left"], days=given["days_left"])
    low.save_below(given["saving_below"])
    watching.set_mark(balance=balance)
    audit.record("credits.warnings", actor=access.person(request), **given)
    live.publish("credits.changed")


@access.roles(*access.MONEY)
@require_POST
def recharge_on(request: HttpRequest) -> HttpResponse:
    """Switch the automatic recharge on, or change it."""
    form = _form(request)
    if form is None:
        return views.credits_page(request)
    if not form.is_valid():
        return _mend(request, recharge_form=form)
    given = form.cleaned_data
    recharging.switch_on(
        threshold=given["threshold"],
        target=given["target"],
        currency=form.rate.currency,
        ceiling=given["ceiling"],
        actor=access.person(request),
        now=timezone.now(),
    )
    messages.success(request, _("The automatic recharge is on."))
    return redirect(f"{reverse('account')}{PLACE}")


@access.roles(*access.MONEY)
@require_POST
def recharge_off(request: HttpRequest) -> HttpResponse:
    """Switch it off, by one click."""
    recharging.switch_off(actor=access.person(request), now=timezone.now())
    messages.success(request, _("The automatic recharge is off. Nothing is charged by itself any more."))
    return redirect(f"{reverse('account')}{PLACE}")


@access.roles(*access.MONEY)
@require_GET
def recharge_preview(request: HttpRequest) -> HttpResponse:
    """What the form as it stands would do, while it is filled in."""
    chosen = recharging.rules()
    rate = foreseeing.rate_for(request.tenant, chosen)  # type: ignore[attr-defined]
    if rate is None:
        return HttpResponse()
    found = foreseeing.preview(RechargeForm(rate, chosen, request.GET), now=timezone.now())
    return render(request, "billing/_recharge_preview.html", {"preview": found})


@access.roles(*access.MONEY)
@require_POST
def recharge_confirm(request: HttpRequest) -> HttpResponse:
    """To the page on which the bank's question about the last charge is answered, by paying it there."""
    tenant = request.tenant  # type: ignore[attr-defined]
    failed = TopUp.objects.filter(
        tenant=tenant, kind=TopUp.Kind.AUTO, status=TopUp.Status.FAILED, error=recharging.CONFIRM
    )
    last = failed.order_by("-pk").first()
    if last is None:
        return redirect("account")
    choice = Choice(last.credits, last.amount, last.currency)
    try:
        topup = topups.start(
            tenant, choice, keeps_card=True, asker=access.person(request), now=timezone.now()
        )
    except payers.Frozen:
        return redirect("account")
    except (ProviderError, payment_setup.NotSetUp):
        messages.error(
            request, _("Stripe does not answer just now. Nothing was charged; try again in a minute.")
        )
        return redirect(f"{reverse('account')}{PLACE}")
    return redirect(topup.url)


def _mend(
    request: HttpRequest, *, form: WarningsForm | None = None, recharge_form: RechargeForm | None = None
) -> HttpResponse:
    """The page with what was sent, and what is wrong beside it."""
    found = foreseeing.context(request, form=form, recharge_form=recharge_form)
    return views.credits_page(request, foresight=found, status=422)


def _form(request: HttpRequest) -> RechargeForm | None:
    """The form as it was sent; None where no card can be charged."""
    tenant, chosen = request.tenant, recharging.rules()  # type: ignore[attr-defined]
    rate = foreseeing.rate_for(tenant, chosen) if payment_setup.is_set_up() else None
    if rate is None or recharging.without_card(payers.of(tenant), now=timezone.now()):
        return None
    return RechargeForm(rate, chosen, request.POST)
