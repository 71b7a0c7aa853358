"""What webhooks missed: top-ups and refunds that the vendor is asked about, its own list of what happened.

Every hour the open top-ups that are older than an hour; every night also the vendor's events since the last
night, with an overlap, and the refunds and disputes that are not over. What was missed is repaired by the
same work that an event would have caused, and counted (`PaymentSweep`).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db.models import Q
from django.utils import timezone

from billing import payment_events, payment_setup, refunds, topups
from billing.topups import DoesNotFit
from providers.errors import ProviderError
from providers.payments import PaymentRefused
from tenants.background import public_task, ring_public
from tenants.models import PaymentEvent, PaymentSweep, TopUp

log = structlog.get_logger(__name__)
OLD = timedelta(hours=1)
AGAIN = timedelta(minutes=50)  # between two looks at the same top-up
OVERLAP = timedelta(hours=6)
FIRST = timedelta(days=3)  # as long as the vendor tries to deliver
VENDOR_KEEPS = timedelta(days=29)
KEEP = timedelta(days=90)  # what is done of the inbox
MOST = 500  # top-ups of one look


@public_task()
def check_topup(topup_id: int) -> None:
    """Ask the vendor about one top-up: somebody waits on its page."""
    _asked(partial(topups.look, topup_id, now=timezone.now()))


@public_task()
def check_open() -> None:
    """Ask about the top-ups that have been open for long; a beat's task, every hour."""
    if payment_setup.is_set_up():
        look_at_open(now=timezone.now())


@public_task()
def reconcile() -> None:
    """The nightly look; a beat's task."""
    if payment_setup.is_set_up():
        look_at_night(now=timezone.now())


def is_due(topup: TopUp, *, now: datetime) -> bool:
    """Whether the page of an open top-up has the vendor asked: at most every few seconds."""
    pause = timedelta(seconds=8)
    return topup.status in TopUp.OPEN and (topup.checked_at is None or topup.checked_at < now - pause)


def ask_soon(topup: TopUp, *, now: datetime) -> None:
    """Have the vendor asked in the background, once for all who look at the page."""
    unasked = Q(checked_at=None) | Q(checked_at=topup.checked_at)
    if TopUp.objects.filter(unasked, pk=topup.pk).update(checked_at=now):
        ring_public(check_topup, topup_id=topup.pk)


def look_at_open(*, now: datetime) -> int:
    """Bring the open top-ups in line; returns how many changed. Not in a transaction."""
    return sum(_asked(partial(_bring_up, pk, now=now)) for pk in _open(now=now))


def _open(*, now: datetime) -> list[int]:
    old = TopUp.objects.filter(status__in=TopUp.OPEN, created_at__lt=now - OLD)
    unasked = old.filter(Q(checked_at=None) | Q(checked_at__lt=now - AGAIN))
    return list(unasked.order_by("created_at").values_list("pk", flat=True)[:MOST])


def _bring_up(topup_id: int, *, now: datetime) -> bool:
    """Whether the vendor's word, or the time, changed it."""
    before = TopUp.objects.get(pk=topup_id)
    after = topups.look(topup_id, now=now)
    if not after.session_id and not after.payment_intent and after.kind == TopUp.Kind.CHECKOUT:
        after = topups.expire(topup_id, now=now)
    return after.status != before.status


def look_at_night(*, now: datetime) -> PaymentSweep | None:
    """Everything since the last night; None when the vendor could not be asked, and the next night does."""
    since = _since(now=now)
    try:
        told = payment_setup.vendor().events(since=since)
    except ProviderError as error:
        log.warning("payments.not_asked", error=type(error).__name__)
        return None
    missed = payment_events.receive(told, now=now)
    repaired = look_at_open(now=now)
    repaired += sum(_asked(partial(_follow, intent, now=now)) for intent in refunds.unsettled())
    _forget(now=now)
    if missed or repaired:
        log.warning("payments.repaired", missed=missed, repaired=repaired)
    return PaymentSweep.objects.create(
        since=since, until=now, events=len(told), missed=missed, repaired=repaired
    )


def _since(*, now: datetime) -> datetime:
    last = PaymentSweep.objects.order_by("-pk").values_list("until", flat=True).first()
    return max(now - VENDOR_KEEPS, (last - OVERLAP) if last else now - FIRST)


def _follow(payment_intent: str, *, now: datetime) -> bool:
    topup = TopUp.objects.get(payment_intent=payment_intent)
    before = topup.refunded_credits
    refunds.follow(payment_intent, now=now)
    topup.refresh_from_db()
    return topup.refunded_credits != before


def _asked(look: Callable[[], object]) -> bool:
    """One of many: what fails is in the log and is asked about again, the others go on."""
    try:
        return bool(look())
    except (DoesNotFit, PaymentRefused) as error:
        log.error("payments.do_not_fit", error=type(error).__name__)
    except (ProviderError, payment_setup.NotSetUp) as error:
        log.warning("payments.not_asked", error=type(error).__name__)
    return False


def _forget(*, now: datetime) -> None:
    """What was done long ago; the vendor's own list is shorter."""
    over = [PaymentEvent.Status.DONE, PaymentEvent.Status.IGNORED]
    PaymentEvent.objects.filter(status__in=over, received_at__lt=now - KEEP).delete()
