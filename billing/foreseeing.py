"""What the page of credits says of the future: how long they last, what happens with few, the saved card."""

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from billing import (
    foresight,
    foresight_words,
    low,
    money,
    packs,
    payers,
    payment_setup,
    payment_words,
    recharging,
)
from billing.foresight import Outlook
from billing.foresight_forms import RechargeForm, WarningsForm
from billing.foresight_words import Rung
from billing.models import AutoRecharge, CreditAccount
from tenants import access
from tenants.models import Pack, PaymentCustomer, Tenant, TopUp


@dataclass(frozen=True, slots=True)
class Recharge:
    """The automatic recharge on the page. Without a form it cannot be set up; `why_not` says why.

    `to_confirm` is the purchase that a bank wants confirmed; `used` cents of this month, of the ceiling.
    """

    chosen: AutoRecharge
    form: RechargeForm | None
    why_not: str
    payer: PaymentCustomer | None
    refused: str
    used: int
    to_confirm: TopUp | None
    is_charging: bool
    waits_for_month: bool


@dataclass(frozen=True, slots=True)
class Foreseeing:
    """Everything that this part of the page says."""

    ahead: Outlook
    lasts: str
    until: str
    doubt: str
    rungs: list[Rung]
    form: WarningsForm
    recharge: Recharge
    may_pay: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a form as it stands would do, in words; `problem` where that cannot be said yet."""

    each: str = ""
    ceiling: str = ""
    at_once: bool = False
    problem: str = ""


def context(
    request: HttpRequest, *, form: WarningsForm | None = None, recharge_form: RechargeForm | None = None
) -> Foreseeing:
    """What the page needs; the forms are those that were sent and are to be mended."""
    now, tenant = timezone.now(), request.tenant  # type: ignore[attr-defined]
    account = CreditAccount.objects.filter(pk=1).first() or CreditAccount()
    ahead = foresight.outlook(now=now, account=account)
    return Foreseeing(
        ahead=ahead,
        lasts=foresight_words.lasts(ahead),
        until=foresight_words.until(ahead),
        doubt=foresight_words.doubt(ahead),
        rungs=foresight_words.rungs(ahead),
        form=form or WarningsForm(low.current(), account),
        recharge=_recharge(tenant, form=recharge_form, now=now),
        may_pay=request.membership.role in access.MONEY,  # type: ignore[attr-defined]
    )


def rate_for(tenant: Tenant, chosen: AutoRecharge) -> Pack | None:
    """The rate at which this business recharges: in the currency that it chose, else in the offers'."""
    offered = packs.offers()
    wanted = chosen.currency if chosen.target else ""
    offer = packs.offer_for(tenant, [one for one in offered if one.rate], wanted=wanted)
    return offer.rate if offer else None


def preview(form: RechargeForm, *, now: datetime) -> Preview:
    """What this form would do; also while its consent is not given yet."""
    form.full_clean()
    wrong = {name: errors for name, errors in form.errors.items() if name != "agrees"}
    if wrong:
        first = next(iter(wrong.values()))
        return Preview(problem=str(first[0]))
    threshold, target = form.cleaned_data["threshold"], form.cleaned_data["target"]
    balance = CreditAccount.objects.get(pk=1).balance
    bought = target - threshold
    words = {
        "credits": money.in_credits(bought),
        "amount": money.words(packs.amount_for(bought, form.rate), form.rate.currency),
    }
    return Preview(
        each=_("Each time about %(credits)s for %(amount)s.") % words,
        ceiling=_("In a month never more than %(amount)s. No tax is added.")
        % {"amount": money.words(form.cleaned_data["ceiling"], form.rate.currency)},
        at_once=balance < threshold,
    )


def _recharge(tenant: Tenant, *, form: RechargeForm | None, now: datetime) -> Recharge:
    chosen, payer = recharging.rules(), payers.of(tenant)
    rate = rate_for(tenant, chosen) if payment_setup.is_set_up() else None
    why_not = _why_not(rate, payer, now=now)
    last = TopUp.objects.filter(tenant=tenant, kind=TopUp.Kind.AUTO).order_by("-pk").first()
    return Recharge(
        chosen=chosen,
        form=form or (RechargeForm(rate, chosen) if rate and not why_not else None),
        why_not=why_not,
        payer=payer,
        refused=payment_words.refused(chosen.failed_because),
        used=recharging.used(tenant, currency=chosen.currency, now=now) if chosen.is_on else 0,
        to_confirm=last if _needs_confirming(chosen, last) else None,
        is_charging=last is not None and last.status in TopUp.OPEN,
        waits_for_month=chosen.is_on and not chosen.failures and chosen.next_try_at is not None,
    )


def _why_not(rate: Pack | None, payer: PaymentCustomer | None, *, now: datetime) -> str:
    if rate is None:
        return "not_set_up"
    if payer is not None and payer.frozen_at is not None:
        return "frozen"
    return recharging.without_card(payer, now=now)


def _needs_confirming(chosen: AutoRecharge, last: TopUp | None) -> bool:
    return (
        last is not None
        and chosen.failures > 0
        and last.status == TopUp.Status.FAILED
        and last.error == recharging.CONFIRM
    )
