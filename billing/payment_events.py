"""What the payment vendor tells us: an inbox with a unique id, worked on in the background.

The door stores an event and says yes; the work fetches what it is about again, since events come late, twice
and in no order, and brings our own rows in line. An event that fits nothing of ours is parked with a reason,
and a person is told. Which events there are: providers.payments.EVENTS.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from billing import payers, payment_notices, payment_setup, refunds, topups
from billing.topups import DoesNotFit
from providers import payments
from providers.errors import ProviderError
from providers.payments import Event, PaymentRefused
from tenants.background import public_task, ring_public
from tenants.models import PaymentEvent, Tenant, TopUp

log = structlog.get_logger(__name__)
Status = PaymentEvent.Status
CLAIM = timedelta(minutes=2)  # of who works on it: longer than the vendor takes to answer
MOST_ATTEMPTS = 20
LONGEST_PAUSE = timedelta(hours=3)


class Nobodys(Exception):
    """The event is of the same account, and not about anything of ours."""


# -- the inbox


def receive(events: Iterable[Event], *, now: datetime) -> int:
    """Store these events, each once, and ring for the work; returns how many are new."""
    with transaction.atomic(durable=True):
        rows = [_row(event, now=now) for event in events]
        known = set(_ids(row.event_id for row in rows))
        fresh = [row for row in rows if row.event_id not in known]
        PaymentEvent.objects.bulk_create(fresh, ignore_conflicts=True)
    waiting = PaymentEvent.objects.filter(event_id__in=[row.event_id for row in fresh], status=Status.NEW)
    for pk in waiting.order_by("pk").values_list("pk", flat=True):
        ring_public(work, event_id=pk)
    return len(fresh)


def _ids(wanted: Iterable[str]) -> Iterable[str]:
    return PaymentEvent.objects.filter(event_id__in=list(wanted)).values_list("event_id", flat=True)


def _row(event: Event, *, now: datetime) -> PaymentEvent:
    is_ours = event.type in payments.EVENTS
    # Of a charge its payment is what we know.
    about = event.payment_intent if event.type == "charge.refunded" else event.object_id
    return PaymentEvent(
        event_id=event.id[:80],
        type=event.type[:80],
        object_id=about[:255],
        status=Status.NEW if is_ours else Status.IGNORED,
        happened_at=event.happened_at,
        received_at=now,
        # What a look in the night finds has happened long ago.
        next_try_at=min(now, event.happened_at) if is_ours else None,
    )


# -- the work


@public_task()
def work(event_id: int) -> None:
    """Do what an event asks for; whoever comes second finds it claimed, or done."""
    handle(event_id, now=timezone.now())


@public_task()
def sweep() -> None:
    """Ring for those whose task was lost, or whose vendor was away; a partial index."""
    due = PaymentEvent.objects.filter(status__in=[Status.NEW, Status.FAILED], next_try_at__lte=timezone.now())
    for pk in due.order_by("next_try_at").values_list("pk", flat=True)[:200]:
        ring_public(work, event_id=pk)


def handle(event_id: int, *, now: datetime) -> None:
    """As `work`, at this moment; an outermost use case."""
    waiting = PaymentEvent.objects.filter(
        pk=event_id, status__in=[Status.NEW, Status.FAILED], next_try_at__lte=now
    )
    if not waiting.update(next_try_at=now + CLAIM, attempts=F("attempts") + 1):
        return
    event = PaymentEvent.objects.get(pk=event_id)
    if event.attempts > MOST_ATTEMPTS:
        return _park(event, "our own work on it fails")  # as often as it was begun
    try:
        tenant = WORK.get(event.type, _nothing)(event.object_id, now)
    except Nobodys:
        _close(event, Status.IGNORED)
    except (DoesNotFit, PaymentRefused) as error:
        _park(event, str(error))
    except (ProviderError, payment_setup.NotSetUp) as error:
        _later(event, error, now=now)
    else:
        _close(event, Status.DONE, tenant=tenant)


def _close(event: PaymentEvent, status: str, *, tenant: Tenant | None = None) -> None:
    PaymentEvent.objects.filter(pk=event.pk).update(status=status, error="", next_try_at=None, tenant=tenant)


def _later(event: PaymentEvent, error: Exception, *, now: datetime) -> None:
    if event.attempts >= MOST_ATTEMPTS:
        return _park(event, f"given up: {error}")
    pause = min(timedelta(seconds=15 * 2**event.attempts), LONGEST_PAUSE)
    log.warning("payment_event.later", event_id=event.pk, error=type(error).__name__)
    words = str(error)[:200] or type(error).__name__
    PaymentEvent.objects.filter(pk=event.pk).update(
        status=Status.FAILED, error=words, next_try_at=now + pause
    )


def _park(event: PaymentEvent, reason: str) -> None:
    """Nothing more happens by itself: a person looks, and may have it tried again."""
    log.error("payment_event.parked", event_id=event.pk, type=event.type)
    PaymentEvent.objects.filter(pk=event.pk).update(
        status=Status.FAILED, error=reason[:200], next_try_at=None
    )
    payment_notices.tell_operators(event, reason)


def try_again(event: PaymentEvent, *, now: datetime) -> bool:
    """A person wants it tried once more; False when it is done."""
    failed = PaymentEvent.objects.filter(pk=event.pk, status__in=[Status.FAILED, Status.IGNORED])
    if not failed.update(status=Status.NEW, attempts=0, error="", next_try_at=now):
        return False
    transaction.on_commit(lambda: ring_public(work, event_id=event.pk))
    return True


# -- what each kind asks for; by the id of what it is about


def _session(session_id: str, now: datetime) -> Tenant:
    """A top-up by the page on which it is paid, or by the number that we gave the page."""
    session = payment_setup.vendor().checkout_of(session_id)
    topup = TopUp.objects.filter(session_id=session_id).first() or _numbered(session.reference)
    return topups.take_over(topup.pk, session, now=now).tenant


def _payment(intent: str, now: datetime) -> Tenant:
    """Only of a charge without a page: what is paid on a page is told by the page's own events."""
    payment = payment_setup.vendor().payment(intent)
    topup = _numbered(payment.reference)
    if topup.kind != TopUp.Kind.AUTO:
        raise Nobodys
    return topups.take_over_payment(topup.pk, payment, now=now).tenant


def _refund(refund: str, now: datetime) -> Tenant:
    return _money_out(payment_setup.vendor().refund_of(refund).payment_intent, now)


def _dispute(dispute: str, now: datetime) -> Tenant:
    return _money_out(payment_setup.vendor().dispute(dispute).payment_intent, now)


def _money_out(intent: str, now: datetime) -> Tenant:
    topup = refunds.follow(intent, now=now) if intent else None
    if topup is None:
        raise Nobodys
    return topup.tenant


def _card(method: str, now: datetime) -> Tenant | None:
    """A saved card was dropped, or its bank has sent its owner a new one."""
    payer = payers.take_over_card(method, payment_setup.vendor().card(method), now=now)
    return payer.tenant if payer else None


def _customer(customer: str, now: datetime) -> Tenant | None:
    if payment_setup.vendor().has_customer(customer):
        raise Nobodys
    payer = payers.gone(customer, now=now)
    return payer.tenant if payer else None


def _nothing(_object_id: str, _now: datetime) -> Tenant:
    raise Nobodys


def _numbered(reference: str) -> TopUp:
    """By our own number; what has none was sold by somebody else through the same account."""
    topup = TopUp.objects.filter(pk=int(reference)).first() if _is_number(reference) else None
    if topup is None and reference:
        raise DoesNotFit("there is no such top-up")
    if topup is None:
        raise Nobodys
    return topup


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


WORK: dict[str, Callable[[str, datetime], Tenant | None]] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _session,
    "checkout.session.expired": _session,
    "payment_intent.succeeded": _payment,
    "payment_intent.payment_failed": _payment,
    "payment_intent.requires_action": _payment,
    "payment_intent.canceled": _payment,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refunded": _money_out,
    "charge.dispute.created": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "charge.dispute.closed": _dispute,
    "payment_method.detached": _card,
    "payment_method.updated": _card,
    "payment_method.automatically_updated": _card,
    "customer.deleted": _customer,
}
