"""Automatic recharge: with fewer credits than the owner's mark, one charge of the saved card fills them up.

The charge is a row before the vendor hears of it, and the row's number is in the key for which that does
nothing twice. What became of it comes back through `billing.topups`, whichever way it is learned; what was
cut short is finished by `billing.recharge_sweep`. Never two at once: the account is locked when one begins,
and a unique constraint allows one open row. What a refund left owing is never charged for by itself.
"""

import zoneinfo
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, notices, packs, payers, payment_setup, topups, watching
from billing.models import AutoRecharge, CreditAccount, LedgerEntry
from billing.packs import Choice
from providers.errors import ProviderError
from providers.payments import Declined, Payment, PaymentRefused
from tenants import audit, current, live, notifying
from tenants.background import enqueue, task
from tenants.models import PaymentCustomer, Tenant, TopUp, User

log = structlog.get_logger(__name__)
PAUSE = timedelta(days=1)  # after a charge that failed
MOST_FAILURES = 3  # in a row; then it is switched off
SAME_KEY = timedelta(hours=20)  # the vendor remembers keys for a day
CONFIRM = "authentication_required"
NO_CARD, EXPIRED, NO_PRICE, UNKNOWN = "no_card", "expired_card", "no_price", "unknown"
# Trying again tomorrow changes nothing about these.
FINAL = frozenset(
    {NO_CARD, EXPIRED, NO_PRICE, "lost_card", "stolen_card", "pickup_card", "card_not_supported"}
)
COUNTED = (TopUp.Status.PENDING, TopUp.Status.PROCESSING, TopUp.Status.PAID)


def rules() -> AutoRecharge:
    """What the owner chose; not saved, and off, where nobody chose yet."""
    return AutoRecharge.objects.filter(pk=1).first() or AutoRecharge()


class Recharger:
    """Watches the balance (billing.watching)."""

    def marks(self) -> list[int]:
        chosen = rules()
        return [chosen.threshold - 1] if chosen.is_on else []

    def fell(self, entry: LedgerEntry, *, now: datetime) -> None:
        chosen = rules()
        if chosen.is_on and entry.balance_after < chosen.threshold:
            enqueue(recharge)

    def rose(self, entry: LedgerEntry, *, now: datetime) -> None:
        """Who has paid by hand has shown that the card works, or has another one."""
        if entry.kind == LedgerEntry.Kind.TOPUP:
            failed = AutoRecharge.objects.filter(pk=1, is_on=True, failures__gt=0)
            failed.update(failures=0, failed_because="", next_try_at=None)


@task()
def recharge() -> None:
    """Charge the card of this business, if it is time to."""
    topup = begin(now=timezone.now())
    if topup is not None:
        pay(topup, now=timezone.now())


# -- when, and how much


@transaction.atomic(durable=True)
def begin(*, now: datetime) -> TopUp | None:
    """The row of a charge that is due; None where none is. What is in the way for good switches it off."""
    account = credits.locked()
    chosen = AutoRecharge.objects.select_for_update().filter(pk=1, is_on=True).first()
    if chosen is None or not payment_setup.is_set_up() or not is_due(chosen, account, now=now):
        return None
    tenant = current.tenant()
    payer = payers.of(tenant)
    if payer is not None and payer.frozen_at is not None:
        return None  # a payment is disputed: until that is over nothing is sold
    choice = order(chosen, balance=account.balance)
    hindrance = without_card(payer, now=now) or ("" if choice else NO_PRICE)
    if hindrance or payer is None or choice is None:
        _switch_off(chosen, because=hindrance, now=now)
        return None
    if _open(tenant) or _is_beyond(chosen, tenant, choice, now=now):
        return None
    return _make(tenant, payer, choice, now=now)


def is_due(chosen: AutoRecharge, account: CreditAccount, *, now: datetime) -> bool:
    """Whether credits are few, none are owed, and no failure was a moment ago."""
    waits = chosen.next_try_at is not None and chosen.next_try_at > now
    return account.balance < chosen.threshold and account.owed == 0 and not waits


def order(chosen: AutoRecharge, *, balance: int) -> Choice | None:
    """What fills the credits up, and its price; None where this currency has no rate any more."""
    rate, wanted = packs.rate_of(chosen.currency), chosen.target - max(balance, 0)
    if rate is None:
        return None
    return Choice(wanted, packs.amount_for(wanted, rate), chosen.currency)


def without_card(payer: PaymentCustomer | None, *, now: datetime) -> str:
    """Why no card can be charged; empty when one can."""
    if payer is None or payer.gone_at is not None or not payer.payment_method or payer.consented_at is None:
        return NO_CARD
    return EXPIRED if payers.has_expired(payer, now=now) else ""


def used(tenant: Tenant, *, currency: str, now: datetime) -> int:
    """Cents that were charged by themselves this month of the business's, or are being charged."""
    charged = TopUp.objects.filter(
        tenant=tenant,
        kind=TopUp.Kind.AUTO,
        currency=currency,
        status__in=COUNTED,
        created_at__gte=_month(tenant, now=now),
    )
    return sum(charged.order_by("pk").values_list("amount", flat=True))


def _is_beyond(chosen: AutoRecharge, tenant: Tenant, choice: Choice, *, now: datetime) -> bool:
    """Whether this charge would pass the month's ceiling: then it waits for the next; the owner is told."""
    if used(tenant, currency=choice.currency, now=now) + choice.amount <= chosen.monthly_ceiling:
        return False
    month = _month(tenant, now=now)
    chosen.next_try_at = (month + timedelta(days=32)).replace(day=1)
    chosen.save(update_fields=["next_try_at"])
    key = f"{month:%Y-%m}:{chosen.monthly_ceiling}"
    notifying.notify("recharge_ceiling", key=key, url=notices.page(), now=now)
    return True


def _open(tenant: Tenant) -> bool:
    return TopUp.objects.filter(tenant=tenant, kind=TopUp.Kind.AUTO, status__in=TopUp.OPEN).exists()


def _make(tenant: Tenant, payer: PaymentCustomer, choice: Choice, *, now: datetime) -> TopUp:
    topup = TopUp.objects.create(
        tenant=tenant,
        kind=TopUp.Kind.AUTO,
        credits=choice.credits,
        amount=choice.amount,
        currency=choice.currency,
        customer_id=payer.customer_id,
        requested_by=payer.consented_by,
        created_at=now,
    )
    audit.record("recharge.start", actor=None, target=topup.pk, credits=choice.credits, amount=choice.amount)
    return topup


def _month(tenant: Tenant, *, now: datetime) -> datetime:
    local = now.astimezone(zoneinfo.ZoneInfo(tenant.timezone))
    return local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


# -- the vendor


def key_of(topup: TopUp) -> str:
    """For which the vendor charges once."""
    return f"auto:{topup.tenant_id}:{topup.pk}"


def pay(topup: TopUp, *, now: datetime) -> None:
    """Charge the card for this row, and write down what the vendor said; never inside a transaction.

    A vendor that does not answer leaves the row open: the sweep asks again, with the same key.
    """
    payer = payers.of(topup.tenant)
    if payer is None or not payer.payment_method:
        topups.fail(topup.pk, code=NO_CARD, now=now)
        return
    try:
        payment = _charge(topup, payer)
    except Declined as declined:
        topups.fail(topup.pk, code=declined.code, payment_intent=declined.payment_intent, now=now)
        _give_up(declined.payment_intent)
    except PaymentRefused as refused:
        # The card was changed between two attempts: nothing is charged, or was already.
        same_key = refused.code == "idempotency"
        _settle(topup, _made(topup) if same_key else None, code=refused.code, now=now)
    except (ProviderError, payment_setup.NotSetUp) as error:
        log.warning("recharge.later", topup_id=topup.pk, error=type(error).__name__)
    else:
        topups.take_over_payment(topup.pk, payment, now=now)


def finish(topup: TopUp, *, now: datetime) -> None:
    """Bring a charge to its end that was cut short; never inside a transaction."""
    if topup.payment_intent:
        topups.look(topup.pk, now=now)
    elif now - topup.created_at < SAME_KEY:
        pay(topup, now=now)
    else:
        _settle(topup, _made(topup), code=UNKNOWN, now=now)


def _settle(topup: TopUp, payment: Payment | None, *, code: str, now: datetime) -> None:
    if payment is None:
        topups.fail(topup.pk, code=code or UNKNOWN, now=now)
    else:
        topups.take_over_payment(topup.pk, payment, now=now)


def _charge(topup: TopUp, payer: PaymentCustomer) -> Payment:
    return payment_setup.vendor().charge(
        customer=topup.customer_id,
        method=payer.payment_method,
        amount=topup.amount,
        currency=topup.currency,
        reference=str(topup.pk),
        title=topups.title_of(topup),
        key=key_of(topup),
    )


def _made(topup: TopUp) -> Payment | None:
    """The payment that the vendor made for this row after all, by what it says that happened."""
    vendor, seen = payment_setup.vendor(), set[str]()
    for event in vendor.events(since=topup.created_at - timedelta(minutes=5)):
        if event.customer == topup.customer_id and event.payment_intent not in ("", *seen):
            seen.add(event.payment_intent)
            payment = vendor.payment(event.payment_intent)
            if payment.reference == str(topup.pk):
                return payment
    return None


def _give_up(payment_intent: str) -> None:
    """Nobody shall confirm later what was replaced by another attempt."""
    if not payment_intent:
        return
    try:
        payment_setup.vendor().cancel(payment_intent)
    except ProviderError as error:
        log.warning("recharge.not_cancelled", error=type(error).__name__)


# -- what became of it: the ladder of failures


def closed(topup: TopUp) -> None:
    """A top-up came to its end (topups.on_closed), in the business's schema and that transaction."""
    if topup.kind != TopUp.Kind.AUTO:
        return
    now = topup.checked_at or topup.created_at
    if topup.status == TopUp.Status.PAID:
        notifying.notify(
            "recharged", key=topup.pk, url=notices.page(), now=now, params={"credits": topup.credits}
        )
    elif topup.status == TopUp.Status.FAILED:
        _failed(topup, now=now)


def _failed(topup: TopUp, *, now: datetime) -> None:
    """Told and tried again tomorrow; asked to confirm; at the third time, or where it is hopeless, off."""
    chosen = AutoRecharge.objects.select_for_update().filter(pk=1).first()
    if chosen is None:
        return
    chosen.failures, chosen.failed_because = chosen.failures + 1, topup.error[:80]
    chosen.next_try_at = now + PAUSE
    chosen.save(update_fields=["failures", "failed_because", "next_try_at"])
    audit.record("recharge.failed", actor=None, target=topup.pk, code=topup.error, failures=chosen.failures)
    if not chosen.is_on:
        return
    if chosen.failures >= MOST_FAILURES or topup.error in FINAL:
        _switch_off(chosen, because=topup.error, now=now)
        return
    kind = "recharge_confirm" if topup.error == CONFIRM else "recharge_failed"
    notifying.notify(kind, key=topup.pk, url=notices.page(), now=now, params={"credits": topup.credits})


def _switch_off(chosen: AutoRecharge, *, because: str, now: datetime) -> None:
    chosen.is_on, chosen.stopped_at, chosen.failed_because = False, now, because[:80]
    chosen.next_try_at = None
    chosen.save()
    audit.record("recharge.stop", actor=None, because=because)
    notifying.notify("recharge_off", key=f"{now:%Y%m%d%H%M%S}", url=notices.page(), now=now)
    live.publish("credits.changed")


def card_gone(payer: PaymentCustomer, now: datetime) -> None:
    """The saved card is no more (payers.on_card_gone): what would charge it is switched off."""
    with schema_context(payer.tenant.schema_name):
        chosen = AutoRecharge.objects.select_for_update().filter(pk=1, is_on=True).first()
        if chosen is not None:
            _switch_off(chosen, because=NO_CARD, now=now)


# -- what the owner chooses


@transaction.atomic(durable=True)
def switch_on(
    *, threshold: int, target: int, currency: str, ceiling: int, actor: User, now: datetime
) -> AutoRecharge:
    """Charge the saved card from now on; its owner has agreed to these very numbers."""
    account = credits.locked()
    chosen = rules()
    chosen.is_on, chosen.agreed_at = True, now
    chosen.threshold, chosen.target = threshold, target
    chosen.currency, chosen.monthly_ceiling = currency, ceiling
    chosen.failures, chosen.failed_because = 0, ""
    chosen.next_try_at = chosen.stopped_at = None
    chosen.save()
    audit.record(
        "recharge.on", actor=actor, threshold=threshold, target=target, ceiling=ceiling, currency=currency
    )
    watching.set_mark(balance=account.balance)
    if account.balance < threshold:
        enqueue(recharge)
    live.publish("credits.changed")
    return chosen


@transaction.atomic(durable=True)
def switch_off(*, actor: User, now: datetime) -> None:
    """Never charge by itself again; a charge that is under way is not undone."""
    account = credits.locked()
    if AutoRecharge.objects.filter(pk=1, is_on=True).update(is_on=False, stopped_at=None, next_try_at=None):
        audit.record("recharge.off", actor=actor)
        watching.set_mark(balance=account.balance)
        live.publish("credits.changed")
