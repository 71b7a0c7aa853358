"""Credits that a business buys: a row of ours first, then the vendor, then what the vendor said.

`start` makes the row and the page on which it is paid; `take_over` and `take_over_payment` write down what
became of it, as fetched from the vendor. Credits come from our own row, once a payment: whatever tells of it,
a webhook, the page that the payer came back to or the nightly look, ends here, under the row's lock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context

from billing import credits, money, payers, payment_setup
from billing.models import LedgerEntry
from billing.packs import Choice
from providers.payments import Checkout, Order, Payment, PaymentRefused
from tenants import addresses, audit, live, notifying
from tenants.models import Tenant, TopUp, User

Status, Kind = TopUp.Status, TopUp.Kind
PAGE_LIVES = timedelta(hours=12)  # the vendor takes half an hour to a day
SAME_WITHIN = timedelta(minutes=30)
UNPAID = ("requires_payment_method", "canceled")  # of a payment: nothing is under way any more
Closed = Callable[[TopUp], None]

_closed: list[Closed] = []


class DoesNotFit(Exception):
    """What the vendor says differs from our own row: no credits, and a person looks."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the vendor says of a top-up, whichever way it was paid."""

    status: str
    payment_intent: str = ""
    charged: int = 0
    receipt_url: str = ""
    error: str = ""
    payment: Payment | None = None


def on_closed(told: Closed) -> None:
    """Have this told of each top-up that is paid or over, in the business's schema and that transaction."""
    _closed.append(told)


# -- buying


def start(tenant: Tenant, choice: Choice, *, keeps_card: bool, asker: User, now: datetime) -> TopUp:
    """A top-up with the page on which it is paid (`url`); an outermost use case.

    Raises Frozen, NotSetUp and what the vendor raises; then the row stays, and `reopen` tries again.
    """
    payer = payers.ensure(tenant, asker=asker, now=now)
    topup = _begin(tenant, choice, customer=payer.customer_id, keeps_card=keeps_card, asker=asker, now=now)
    return topup if topup.url else open_page(topup, now=now)


@transaction.atomic(durable=True)
def _begin(
    tenant: Tenant, choice: Choice, *, customer: str, keeps_card: bool, asker: User, now: datetime
) -> TopUp:
    """The row; one that says the same and is still to be paid is taken again, so that two clicks are one."""
    values = {
        "tenant": tenant,
        "kind": Kind.CHECKOUT,
        "credits": choice.credits,
        "amount": choice.amount,
        "currency": choice.currency,
        "customer_id": customer,
        "keeps_card": keeps_card,
    }
    Tenant.objects.select_for_update(of=("self",), no_key=True).get(pk=tenant.pk)
    recent = TopUp.objects.filter(**values, status=Status.PENDING, created_at__gt=now - SAME_WITHIN)
    if (same := recent.first()) is not None:
        return same
    topup = TopUp.objects.create(**values, requested_by=asker, created_at=now, expires_at=now + PAGE_LIVES)
    audit.record("topup.start", actor=asker, tenant=tenant, target=topup.pk, **_figures(topup))
    return topup


def open_page(topup: TopUp, *, now: datetime) -> TopUp:
    """Have the vendor make the page, by the row's own key: the same one each time. Not in a transaction."""
    try:
        session = payment_setup.vendor().checkout(_order(topup), key=f"topup:{topup.pk}")
    except PaymentRefused as error:
        fail(topup.pk, code=error.code or "refused", now=now)
        raise
    TopUp.objects.filter(pk=topup.pk, session_id=None).update(session_id=session.id, url=session.url)
    topup.session_id, topup.url = session.id, session.url
    return topup


def _order(topup: TopUp) -> Order:
    """Made of the row alone, so that a second attempt says the same."""
    assert topup.expires_at is not None
    page = addresses.tenant_url(topup.tenant, page_of(topup))
    return Order(
        customer=topup.customer_id,
        reference=str(topup.pk),
        amount=topup.amount,
        currency=topup.currency,
        title=title_of(topup),
        success_url=page,
        cancel_url=page,
        expires_at=topup.expires_at,
        language=payers.LANGUAGES.get(topup.tenant.language, "auto"),
        keeps_card=topup.keeps_card,
        taxed=settings.STRIPE_TAX,
        asks_tax_id=settings.STRIPE_TAX_IDS,
        tax_code=settings.STRIPE_TAX_CODE,
        metadata={"business": topup.tenant.slug},
    )


def title_of(topup: TopUp) -> str:
    """What stands on the vendor's page and receipt, in the business's language."""
    with translation.override(topup.tenant.language):
        amount = number_format(topup.credits, force_grouping=True)
        return "Frontdesk: " + _("%(credits)s credits") % {"credits": amount}


def page_of(topup: TopUp) -> str:
    """Where a top-up is looked at, on its business's host; also where only the platform's are known."""
    return reverse("account_topup", args=[topup.pk], urlconf=settings.ROOT_URLCONF)


def cancel(topup: TopUp, *, actor: User, now: datetime) -> TopUp:
    """Give up on one that is not paid; what was paid meanwhile stays bought. Not in a transaction."""
    if topup.session_id and topup.status == Status.PENDING:
        try:
            payment_setup.vendor().expire(topup.session_id)
        except PaymentRefused:
            return look(topup.pk, now=now)  # it is closed, or paid, already
    return _canceled(topup.pk, actor=actor, now=now)


@transaction.atomic(durable=True)
def _canceled(topup_id: int, *, actor: User, now: datetime) -> TopUp:
    topup = _locked(topup_id)
    if topup.status in (Status.PENDING, Status.EXPIRED):
        audit.record("topup.cancel", actor=actor, tenant=topup.tenant, target=topup.pk)
        _close(topup, Said(Status.CANCELED), now=now)
    return topup


# -- what became of it


def look(topup_id: int, *, now: datetime) -> TopUp:
    """Ask the vendor what became of a top-up, and take that over; not in a transaction."""
    topup = TopUp.objects.get(pk=topup_id)
    if topup.session_id:
        return take_over(topup_id, payment_setup.vendor().checkout_of(topup.session_id), now=now)
    if topup.payment_intent:
        return take_over_payment(topup_id, payment_setup.vendor().payment(topup.payment_intent), now=now)
    return topup


@transaction.atomic(durable=True)
def take_over(topup_id: int, session: Checkout, *, now: datetime) -> TopUp:
    """Write down what a Checkout Session says; once it is paid that stays. Raises DoesNotFit."""
    topup = _locked(topup_id)
    _compare_session(topup, session)
    if topup.session_id is None:
        # Made in the moment in which we were interrupted.
        topup.session_id, topup.url = session.id, session.url
        topup.save(update_fields=["session_id", "url"])
    return _take_over(topup, _of_session(session), now=now)


@transaction.atomic(durable=True)
def take_over_payment(topup_id: int, payment: Payment, *, now: datetime) -> TopUp:
    """As `take_over`, for a charge without a page. Raises DoesNotFit."""
    topup = _locked(topup_id)
    _compare_payment(topup, payment)
    return _take_over(topup, _of_payment(payment), now=now)


@transaction.atomic(durable=True)
def fail(topup_id: int, *, code: str, now: datetime, payment_intent: str = "") -> TopUp:
    """The vendor said no: nothing was paid, and why. One that is paid stays so."""
    topup = _locked(topup_id)
    said = Said(Status.FAILED, payment_intent=payment_intent, error=code)
    return _take_over(topup, said, now=now)


@transaction.atomic(durable=True)
def expire(topup_id: int, *, now: datetime) -> TopUp:
    """Nobody can pay it any more: no page of it is known."""
    topup = _locked(topup_id)
    return _take_over(topup, Said(Status.EXPIRED), now=now)


def _of_session(session: Checkout) -> Said:
    payment = session.payment
    if session.paid == "paid":
        if payment is None:
            raise DoesNotFit("paid without a payment")
        receipt = session.invoice_url or payment.receipt_url
        return Said(Status.PAID, payment.id, session.total, receipt, payment=payment)
    if session.status == "expired":
        return Said(Status.EXPIRED)
    if session.status == "open":
        return Said(Status.PENDING)
    if payment is not None and payment.status in UNPAID:
        return Said(Status.FAILED, payment.id, error=payment.error or "not_paid", payment=payment)
    return Said(Status.PROCESSING, session.payment_intent, payment=payment)


def _of_payment(payment: Payment) -> Said:
    if payment.status == "succeeded":
        return Said(Status.PAID, payment.id, payment.received, payment.receipt_url, payment=payment)
    if payment.status in (*UNPAID, "requires_action"):
        # Nobody is there who could act: what needs its owner is asked of them on a page.
        code = "authentication_required" if payment.status == "requires_action" else "not_paid"
        return Said(Status.FAILED, payment.id, error=payment.error or code, payment=payment)
    return Said(Status.PROCESSING, payment.id, payment=payment)


def _compare_session(topup: TopUp, session: Checkout) -> None:
    """Ours, for this payer, of this price and in this currency; the sum with tax is not ours to judge."""
    if session.reference != str(topup.pk) or topup.session_id not in (None, session.id):
        raise DoesNotFit(f"session is of another top-up than {topup.pk}")
    if topup.kind != Kind.CHECKOUT:
        raise DoesNotFit(f"top-up {topup.pk} has no page")
    if session.customer != topup.customer_id:
        raise DoesNotFit(f"top-up {topup.pk} is another payer's")
    if (session.currency, session.subtotal) != (topup.currency, topup.amount):
        raise DoesNotFit(f"top-up {topup.pk} costs another amount")
    if session.paid == "paid" and session.total < topup.amount:
        raise DoesNotFit(f"less was paid than top-up {topup.pk} costs")


def _compare_payment(topup: TopUp, payment: Payment) -> None:
    if payment.reference != str(topup.pk) or topup.payment_intent not in (None, "", payment.id):
        raise DoesNotFit(f"payment is of another top-up than {topup.pk}")
    if topup.kind != Kind.AUTO:
        raise DoesNotFit(f"top-up {topup.pk} is paid on a page")
    if topup.customer_id and payment.customer != topup.customer_id:
        raise DoesNotFit(f"top-up {topup.pk} is another payer's")
    if (payment.currency, payment.amount) != (topup.currency, topup.amount):
        raise DoesNotFit(f"top-up {topup.pk} costs another amount")


def _take_over(topup: TopUp, said: Said, *, now: datetime) -> TopUp:
    """Under the row's lock. Paid is the end; what failed or expired may still be paid, never the reverse."""
    topup.checked_at = now
    topup.save(update_fields=["checked_at"])
    if topup.status == Status.PAID:
        return topup
    if said.status == Status.PAID:
        _pay(topup, said, now=now)
    elif said.status in (Status.FAILED, Status.EXPIRED) and topup.status in TopUp.OPEN:
        _close(topup, said, now=now)
    elif said.status == Status.PROCESSING and topup.status == Status.PENDING:
        _save(topup, said, now=now)
        _tell(topup)
    return topup


def _pay(topup: TopUp, said: Said, *, now: datetime) -> None:
    was = topup.status
    _save(topup, said, now=now)
    with schema_context(topup.tenant.schema_name):
        buy(topup, now=now)
        if was == Status.PROCESSING:
            _notify("topup_paid", topup, now=now)
        _announce(topup)
    if topup.keeps_card and said.payment and said.payment.card and said.payment.keeps_card:
        payers.keep(topup.tenant, said.payment.card, consented_by=topup.requested_by, now=now)
    audit.record("topup.paid", actor=None, tenant=topup.tenant, target=topup.pk, **_figures(topup))


def _close(topup: TopUp, said: Said, *, now: datetime) -> None:
    was = topup.status
    _save(topup, said, now=now)
    with schema_context(topup.tenant.schema_name):
        if was == Status.PROCESSING and said.status == Status.FAILED:
            _notify("topup_failed", topup, now=now)
        _announce(topup)


def _save(topup: TopUp, said: Said, *, now: datetime) -> None:
    topup.status, topup.error, topup.url = said.status, said.error[:80], ""
    topup.payment_intent = said.payment_intent or topup.payment_intent
    topup.charged = said.charged or topup.charged
    topup.receipt_url = said.receipt_url or topup.receipt_url
    if said.payment and said.payment.method:
        topup.method = said.payment.method[:40]
    if said.status == Status.PAID:
        topup.paid_at = now
    topup.save()


def _announce(topup: TopUp) -> None:
    for told in _closed:
        told(topup)
    live.publish("credits.changed", topup=topup.pk)


def _tell(topup: TopUp) -> None:
    with schema_context(topup.tenant.schema_name):
        live.publish("credits.changed", topup=topup.pk)


def _notify(kind: str, topup: TopUp, *, now: datetime) -> None:
    notifying.notify(kind, key=topup.pk, url=page_of(topup), now=now, params={"credits": topup.credits})


def _locked(topup_id: int) -> TopUp:
    return (
        TopUp.objects.select_for_update(of=("self",))
        .select_related("tenant", "requested_by")
        .get(pk=topup_id)
    )


def _figures(topup: TopUp) -> dict[str, int | str]:
    return {"credits": topup.credits, "amount": topup.amount, "currency": topup.currency}


# -- the ledger


def buy(topup: TopUp, *, now: datetime) -> LedgerEntry:
    """Add what was bought, in the business's schema; once a payment. What is owed is covered first."""
    account = credits.locked()
    key = f"topup:{topup.payment_intent}"
    if (earlier := LedgerEntry.objects.filter(key=key).first()) is not None:
        return earlier
    account.balance += topup.credits
    account.owed = max(0, -account.available)
    account.save(update_fields=["balance", "owed"])
    with translation.override(topup.tenant.language):
        reason = money.words(topup.amount, topup.currency)
    actor = topup.requested_by
    return credits.enter(
        LedgerEntry.Kind.TOPUP, topup.credits, account, key=key, reason=reason, now=now, actor=actor
    )
