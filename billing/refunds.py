"""Money that goes back to a card, or that a dispute takes: credits go with it, and come back with it.

What the vendor says of a payment's refunds and disputes is fetched whole and our rows are brought in line, so
it does not matter which event came first, twice or never. Each refund and dispute has its own row and its own
entries; its part of the credits is the part of the sum, tax included, that left us. Only these may take the
balance below zero (docs/adr/0016): work waits until that is covered, and the next top-up covers it first.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Sum
from django.utils import translation
from django_tenants.utils import schema_context

from billing import credits, money, payment_setup, topups
from billing.models import LedgerEntry
from billing.topups import DoesNotFit
from providers.payments import Disputed, Refunded
from tenants import audit, live, notifying
from tenants.models import PaymentCustomer, Refund, TopUp

Kind = Refund.Kind
OVER = ("won", "lost", "warning_closed", "prevented")  # of a dispute, in the vendor's words
NEVER = ("failed", "canceled")  # of a refund: the money did not go
ENTRIES = {Kind.REFUND: LedgerEntry.Kind.REFUND, Kind.DISPUTE: LedgerEntry.Kind.DISPUTE}


@dataclass(frozen=True, slots=True)
class Outflow:
    """A refund or a dispute as the vendor has it now; `is_live`: its money is out of our account."""

    kind: str
    vendor_id: str
    amount: int
    currency: str
    status: str
    reason: str
    is_live: bool


def paid(topup: TopUp) -> int:
    """What was paid, with tax: what refunds are parts of."""
    return topup.charged or topup.amount


def share(topup: TopUp, amount: int) -> int:
    """The credits that sending so much back takes as of now; all that is left with the last cent."""
    return _part(topup, before=topup.refunded_amount, amount=amount, taken=topup.refunded_credits)


def _part(topup: TopUp, *, before: int, amount: int, taken: int) -> int:
    """Of the whole sum that is then out the proportion, rounded, less what others have taken of it."""
    total = paid(topup)
    out = min(total, before + amount)
    due = (topup.credits * out * 2 + total) // (2 * total)
    return max(0, min(due, topup.credits) - taken)


# -- what the vendor says


def follow(payment_intent: str, *, now: datetime) -> TopUp | None:
    """Bring our rows in line with all refunds and disputes of a payment; None when it is not ours.

    Not in a transaction. Raises DoesNotFit and what the vendor raises.
    """
    topup = of_payment(payment_intent, now=now)
    if topup is None:
        return None
    vendor = payment_setup.vendor()
    outflows = [*map(_of_refund, vendor.refunds(payment_intent))]
    outflows += map(_of_dispute, vendor.disputes(payment_intent))
    for outflow in outflows:
        take_over(topup.pk, outflow, now=now)
    return topup


def of_payment(payment_intent: str, *, now: datetime) -> TopUp | None:
    """The paid top-up of a payment; one of which we have not heard that it was paid is looked at first."""
    topup = TopUp.objects.filter(payment_intent=payment_intent).first()
    if topup is None:
        reference = payment_setup.vendor().payment(payment_intent).reference
        topup = TopUp.objects.filter(pk=int(reference)).first() if reference.isdecimal() else None
    if topup is None:
        return None
    if topup.status != TopUp.Status.PAID:
        topup = topups.look(topup.pk, now=now)
    if topup.status != TopUp.Status.PAID or topup.payment_intent != payment_intent:
        raise DoesNotFit(f"top-up {topup.pk} was not paid by this payment")
    return topup


def _of_refund(refund: Refunded) -> Outflow:
    return Outflow(
        Kind.REFUND, refund.id, refund.amount, refund.currency, refund.status, refund.reason, refund.is_live
    )


def _of_dispute(dispute: Disputed) -> Outflow:
    return Outflow(
        Kind.DISPUTE, dispute.id, dispute.amount, dispute.currency, dispute.status, dispute.reason,
        dispute.withdrawn,
    )  # fmt: skip


@transaction.atomic(durable=True)
def take_over(topup_id: int, outflow: Outflow, *, now: datetime) -> Refund:
    """Write down one refund or dispute as it is now, and move the credits that this changes."""
    topup = TopUp.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=topup_id)
    if outflow.currency != topup.currency:
        raise DoesNotFit(f"refund of top-up {topup.pk} is in another currency")
    row = Refund.objects.filter(vendor_id=outflow.vendor_id).first() or _new(topup, outflow, now=now)
    if row.topup_id != topup.pk:
        raise DoesNotFit(f"refund {row.pk} is of another top-up than {topup.pk}")
    if _is_stale(row, outflow):
        return row
    is_news = row.status != outflow.status
    wanted = _wanted(topup, row, outflow)
    change, row.credits = wanted - row.credits, wanted
    row.amount, row.status, row.reason = outflow.amount, outflow.status[:40], outflow.reason[:200]
    row.is_live, row.checked_at = outflow.is_live, now
    row.moves += bool(change)
    row.save()
    _sum_up(topup)
    _freeze(topup, now=now)
    if change:
        _move(topup, row, change, now=now)
    if change or is_news:
        _tell(topup, row, now=now)
    return row


def _new(topup: TopUp, outflow: Outflow, *, now: datetime) -> Refund:
    return Refund(
        topup=topup, kind=outflow.kind, vendor_id=outflow.vendor_id, amount=0, credits=0, created_at=now
    )


def _is_stale(row: Refund, outflow: Outflow) -> bool:
    """Fetched before what stands here: what is over does not begin again."""
    final = OVER if row.kind == Kind.DISPUTE else NEVER
    return row.status in final and outflow.status not in final


def _wanted(topup: TopUp, row: Refund, outflow: Outflow) -> int:
    """The credits that this one takes; once taken they stay the same as long as its amount does."""
    if not outflow.is_live:
        return 0
    if row.is_live and row.amount == outflow.amount:
        return row.credits
    others = topup.refunds.filter(is_live=True).exclude(pk=row.pk)
    sums = others.aggregate(amount=Sum("amount", default=0), credits=Sum("credits", default=0))
    return _part(topup, before=sums["amount"], amount=outflow.amount, taken=sums["credits"])


def _sum_up(topup: TopUp) -> None:
    out = topup.refunds.filter(is_live=True)
    sums = out.aggregate(amount=Sum("amount", default=0), credits=Sum("credits", default=0))
    topup.refunded_amount, topup.refunded_credits = sums["amount"], sums["credits"]
    topup.save(update_fields=["refunded_amount", "refunded_credits"])


def _freeze(topup: TopUp, *, now: datetime) -> None:
    """While a payment of the business is disputed nothing is sold to it; the saved card is not charged."""
    payer = PaymentCustomer.objects.select_for_update().filter(tenant=topup.tenant).first()
    if payer is None:
        return
    disputes = Refund.objects.filter(topup__tenant=topup.tenant, kind=Kind.DISPUTE)
    is_open = disputes.exclude(status__in=OVER).exists()
    if is_open != (payer.frozen_at is not None):
        payer.frozen_at = now if is_open else None
        payer.save(update_fields=["frozen_at"])
        action = "payer.freeze" if is_open else "payer.free"
        audit.record(action, actor=None, tenant=topup.tenant, target=payer.customer_id)


# -- the ledger


def _move(topup: TopUp, row: Refund, taken: int, *, now: datetime) -> None:
    """Take credits back, or give them again with a negative number, in the business's schema."""
    key = f"{row.kind}:{row.vendor_id}" + (f":{row.moves}" if row.moves > 1 else "")
    with translation.override(topup.tenant.language):
        reason = money.words(row.amount, topup.currency)
    with schema_context(topup.tenant.schema_name):
        entry = take_back(ENTRIES[Kind(row.kind)], taken, key=key, reason=reason, now=now)
    detail = {"credits": entry.amount, "amount": row.amount, "currency": topup.currency, "status": row.status}
    audit.record(f"topup.{row.kind}", actor=None, tenant=topup.tenant, target=topup.pk, **detail)


def take_back(kind: str, amount: int, *, key: str, reason: str, now: datetime) -> LedgerEntry:
    """Take credits, below zero where there are not so many; negative gives them again. Once a key.

    In the caller's transaction and the business's schema.
    """
    account = credits.locked()
    if (earlier := LedgerEntry.objects.filter(key=key).first()) is not None:
        return earlier
    account.balance -= amount
    account.owed = max(0, -account.available)
    account.save(update_fields=["balance", "owed"])
    return credits.enter(kind, -amount, account, key=key, reason=reason, now=now)


def _tell(topup: TopUp, row: Refund, *, now: datetime) -> None:
    """A dispute is told when it begins and when it is over; a refund when it goes, and when it failed."""
    with schema_context(topup.tenant.schema_name):
        live.publish("credits.changed", topup=topup.pk)
        name = _news(row)
        if name:
            page = topups.page_of(topup)
            params = {"credits": row.credits or topup.credits}
            notifying.notify(name, key=row.vendor_id, url=page, now=now, params=params)


def _news(row: Refund) -> str:
    if row.kind == Kind.REFUND:
        return "payment_refunded" if row.is_live and row.moves <= 1 else ""
    if row.status in OVER:
        return "dispute_over"
    return "payment_disputed" if row.moves <= 1 else ""


def unsettled() -> Iterable[str]:
    """The payments whose refund or dispute is not over yet, by the vendor's id."""
    open_rows = Refund.objects.exclude(status__in=(*OVER, "succeeded", "failed", "canceled"))
    found = open_rows.exclude(topup__payment_intent=None).values_list("topup__payment_intent", flat=True)
    return [intent for intent in found.distinct().order_by("topup__payment_intent") if intent]
