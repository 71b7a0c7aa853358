"""Credits that finance gives, takes and sends back to cards: asked for, and above a limit allowed by another.

A request is a row (`CreditRequest`) with the cause as its unique key. Below the limit it is done at once;
above it waits, and never for who asked. What one person gave one business within a day counts together, or
the limit would be passed in slices. A grant is done in the commit that allows it. A refund is allowed in one
commit and asked of the vendor after it, with the request's own key, by a task or the sweep; credits move when
the vendor's refund says so (`billing.refunds`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Abs
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, payment_setup, refunds, request_letters
from billing.models import LedgerEntry
from providers.errors import ProviderError
from providers.payments import PaymentRefused, Refunded
from tenants import audit, live
from tenants.background import public_task, ring_public
from tenants.models import CreditRequest, Tenant, TopUp, User

log = structlog.get_logger(__name__)
Kind, Status = CreditRequest.Kind, CreditRequest.Status
TOGETHER = timedelta(hours=24)
DEEDS: dict[str, str] = {
    Kind.GRANT: "credits.give",
    Kind.BACK: "credits.give_back",
    Kind.REFUND: "credits.refund",
}
CLAIM = timedelta(minutes=2)  # of who asks the vendor; longer than its answer takes
LONGEST_PAUSE = timedelta(hours=6)


class NotAllowed(Exception):
    """Who decides is who asked, or it is decided already."""


class TooMuch(Exception):
    """More is to go back than was paid and has not gone back yet; `left` says how much could."""

    def __init__(self, left: int) -> None:
        super().__init__(f"{left} is left of this payment")
        self.left = left


# -- asking


@transaction.atomic(durable=True)
def for_credits(
    tenant: Tenant, *, amount: int, reason: str, key: str, asker: User, now: datetime
) -> CreditRequest:
    """Give credits, or take them with a negative amount; above the limit it waits for somebody else.

    Raises InsufficientCredits. The same key again gives the same request.
    """
    return _ask(tenant, Kind.GRANT, credits=amount, reason=reason, key=key, asker=asker, now=now)


@transaction.atomic(durable=True)
def for_charge_back(
    tenant: Tenant, charge: LedgerEntry, *, reason: str, asker: User, now: datetime
) -> CreditRequest:
    """Give one charge back; raises NotACharge. Once a charge, whoever asks; anew where that was refused."""
    if charge.kind not in LedgerEntry.SPENT or charge.amount >= 0:
        raise credits.NotACharge(f"entry {charge.pk} took nothing for work")
    earlier = CreditRequest.objects.filter(tenant=tenant, entry_id=charge.pk, status=Status.REFUSED)
    return _ask(
        tenant, Kind.BACK, credits=-charge.amount, entry_id=charge.pk, reason=reason, asker=asker, now=now,
        key=f"back:{tenant.pk}:{charge.pk}:{earlier.count()}",
    )  # fmt: skip


@transaction.atomic(durable=True)
def for_refund(
    topup: TopUp, *, amount: int, reason: str, key: str, asker: User, now: datetime
) -> CreditRequest:
    """Send part or all of a payment back to its card: cents with tax. Raises TooMuch.

    What it will take of the credits is told as of now; what it does take the vendor's refund says.
    """
    locked = TopUp.objects.select_for_update(of=("self",)).select_related("tenant").get(pk=topup.pk)
    if (earlier := CreditRequest.objects.filter(key=key).first()) is not None:
        return earlier
    if amount > (left := left_to_refund(locked)):
        raise TooMuch(left)
    return _ask(
        locked.tenant, Kind.REFUND, credits=-refunds.share(locked, amount), amount=amount, topup=locked,
        currency=locked.currency, reason=reason, key=key, asker=asker, now=now,
    )  # fmt: skip


def left_to_refund(topup: TopUp) -> int:
    """Cents of this payment that have not gone back, nor are asked for; nothing of an unpaid one."""
    if topup.status != TopUp.Status.PAID or not topup.payment_intent:
        return 0
    under_way = Q(status__in=CreditRequest.OPEN) | Q(status=Status.DONE, refund_id__gt="")
    counted = set(topup.refunds.values_list("vendor_id", flat=True))
    asked = topup.requests.filter(under_way, kind=Kind.REFUND).exclude(refund_id__in=counted)
    total: int = asked.aggregate(total=Sum("amount", default=0))["total"]
    return max(0, refunds.paid(topup) - topup.refunded_amount - total)


def _ask(
    tenant: Tenant, kind: str, *, key: str, asker: User, now: datetime, **values: object
) -> CreditRequest:
    """The request, once a key: done at once, or left for somebody else to allow."""
    # Who asks is locked, so that two requests at once are counted one after the other.
    User.objects.select_for_update(of=("self",)).get(pk=asker.pk)
    fresh = {"tenant": tenant, "kind": kind, "asked_by": asker, "created_at": now, **values}
    request, is_new = CreditRequest.objects.get_or_create(key=key, defaults=fresh)
    if not is_new:
        return request
    if needs_another(request):
        _note("credits.ask", request, actor=asker)
        return request
    return _decide(request, by=None, note="", now=now)


def needs_another(request: CreditRequest) -> bool:
    """Whether a second person must allow this: with what the same one gave the same business that day."""
    limit = settings.REFUND_SECOND_PAIR_OF_EYES if request.amount else settings.SECOND_PAIR_OF_EYES
    size = F("amount") if request.amount else Abs("credits")
    alone = CreditRequest.objects.filter(
        tenant=request.tenant_id,
        asked_by=request.asked_by_id,
        decided_by=None,
        created_at__gt=request.created_at - TOGETHER,
    )
    same = alone.filter(kind=Kind.REFUND) if request.amount else alone.exclude(kind=Kind.REFUND)
    counted = same.filter(Q(status__in=[Status.ALLOWED, Status.DONE]) | Q(pk=request.pk))
    total: int = counted.annotate(size=size).aggregate(total=Sum("size", default=0))["total"]
    return total > limit


# -- deciding


@transaction.atomic(durable=True)
def allow(request_id: int, *, by: User, note: str, now: datetime) -> CreditRequest:
    """Let it happen; raises NotAllowed for who asked, and InsufficientCredits where nothing can be taken."""
    request = _to_decide(request_id, by=by)
    return _decide(request, by=by, note=note, now=now)


@transaction.atomic(durable=True)
def refuse(request_id: int, *, by: User, note: str, now: datetime) -> CreditRequest:
    """Let it not happen; who asked may take it back this way. Raises NotAllowed when it is decided."""
    request = CreditRequest.objects.select_for_update(of=("self",)).get(pk=request_id)
    if request.status != Status.WAITING:
        raise NotAllowed
    by_oneself = by.pk == request.asked_by_id
    _close(request, Status.REFUSED, by=None if by_oneself else by, note=note, now=now)
    _note("credits.refuse", request, actor=by)
    if not by_oneself:
        transaction.on_commit(lambda: ring_public(request_letters.tell, request_id=request.pk))
    return request


def waiting() -> int:
    """How many wait for somebody; a partial index."""
    return CreditRequest.objects.filter(status=Status.WAITING).count()


def _to_decide(request_id: int, *, by: User) -> CreditRequest:
    locked = CreditRequest.objects.select_for_update(of=("self",))
    request = locked.select_related("tenant", "topup", "asked_by").get(pk=request_id)
    if request.status != Status.WAITING or request.asked_by_id == by.pk:
        raise NotAllowed
    return request


def _decide(request: CreditRequest, *, by: User | None, note: str, now: datetime) -> CreditRequest:
    """Close the request and do it, in one commit; a refund is on its way only."""
    if request.kind == Kind.REFUND:
        _close(request, Status.ALLOWED, by=by, note=note, now=now)
        CreditRequest.objects.filter(pk=request.pk).update(next_try_at=now)
        transaction.on_commit(lambda: ring_public(send_back, request_id=request.pk))
    else:
        _close(request, Status.DONE, by=by, note=note, now=now)
        _enter(request, now=now)
    _note("credits.allow" if by else DEEDS[request.kind], request, actor=by or request.asked_by)
    return request


def _close(request: CreditRequest, status: str, *, by: User | None, note: str, now: datetime) -> None:
    request.status, request.decided_by, request.note, request.decided_at = status, by, note[:200], now
    request.save(update_fields=["status", "decided_by", "note", "decided_at"])


def _enter(request: CreditRequest, *, now: datetime) -> LedgerEntry:
    """What was asked for, in the business's ledger, under the name of who asked."""
    with schema_context(request.tenant.schema_name):
        if request.kind == Kind.BACK:
            charge = LedgerEntry.objects.get(pk=request.entry_id or 0)
            entry = credits.give_back(charge, reason=request.reason, actor=request.asked_by, now=now)
        else:
            entry = credits.grant(
                amount=request.credits,
                reason=request.reason,
                key=request.key,
                actor=request.asked_by,
                now=now,
            )
        live.publish("credits.changed", id=entry.pk)
    return entry


def _note(action: str, request: CreditRequest, *, actor: User) -> None:
    detail: dict[str, object] = {"amount": request.credits, "reason": request.reason}
    if request.kind == Kind.REFUND:
        detail |= {"amount": request.amount, "currency": request.currency}
    if request.note:
        detail["note"] = request.note
    audit.record(action, actor=actor, tenant=request.tenant, target=request.key, **detail)


# -- refunds: the vendor is asked after the commit


@public_task()
def send_back(request_id: int) -> None:
    """Ask the vendor for an allowed refund; whoever comes second finds it claimed, or done."""
    send_one_back(request_id, now=timezone.now())


@public_task()
def sweep() -> None:
    """Ask for those refunds again whose task was lost, or whose vendor was away."""
    for pk in due(now=timezone.now()):
        ring_public(send_back, request_id=pk)


def due(*, now: datetime) -> Sequence[int]:
    """The allowed refunds that the vendor is to be asked for now; a partial index."""
    allowed = CreditRequest.objects.filter(status=Status.ALLOWED, next_try_at__lte=now)
    return list(allowed.order_by("next_try_at").values_list("pk", flat=True)[:100])


def send_one_back(request_id: int, *, now: datetime) -> None:
    """As `send_back`, at this moment. The vendor does nothing twice: the key is the request's own."""
    allowed = CreditRequest.objects.filter(pk=request_id, status=Status.ALLOWED, next_try_at__lte=now)
    if not allowed.update(next_try_at=now + CLAIM, attempts=F("attempts") + 1):
        return
    request = CreditRequest.objects.select_related("tenant", "topup").get(pk=request_id)
    try:
        _ask_vendor(request, now=now)
    except PaymentRefused as error:
        _failed(request, code=error.code or "refused", now=now)
    except (ProviderError, payment_setup.NotSetUp) as error:
        # The account's key too: an operator mends it, and nothing is lost.
        _later(request, error, now=now)


def _ask_vendor(request: CreditRequest, *, now: datetime) -> None:
    refund = _order(request)
    sent = CreditRequest.objects.filter(pk=request.pk, status=Status.ALLOWED)
    sent.update(status=Status.DONE, refund_id=refund.id, next_try_at=None, error="")
    refunds.follow(refund.payment_intent, now=now)


def _order(request: CreditRequest) -> Refunded:
    """The vendor's refund; the same one however often it is asked for."""
    assert request.topup is not None and request.topup.payment_intent
    return payment_setup.vendor().refund(
        payment_intent=request.topup.payment_intent,
        amount=request.amount,
        key=f"refund:{request.pk}",
        reference=str(request.pk),
        reason="requested_by_customer",
    )


def _later(request: CreditRequest, error: Exception, *, now: datetime) -> None:
    pause = min(timedelta(minutes=2 ** min(request.attempts, 9)), LONGEST_PAUSE)
    log.warning("refund.later", request_id=request.pk, error=type(error).__name__)
    CreditRequest.objects.filter(pk=request.pk, status=Status.ALLOWED).update(
        next_try_at=now + pause, error=type(error).__name__[:80]
    )


def _failed(request: CreditRequest, *, code: str, now: datetime) -> None:
    """The vendor will not: nothing moved, and who asked is told why."""
    log.warning("refund.refused", request_id=request.pk, code=code)
    allowed = CreditRequest.objects.filter(pk=request.pk, status=Status.ALLOWED)
    if allowed.update(status=Status.FAILED, error=code[:80], next_try_at=None, decided_at=now):
        ring_public(request_letters.tell, request_id=request.pk)
