"""A vendor that does not answer is not asked for a while; then one turn tries, and everybody follows.

The state is a row, so every process of every machine knows it, and a restart forgets nothing. A vendor that
refuses the key or has no money left is not asked at all until its time comes, and the owners are told once.
"""

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations.models import Breaker
from providers.errors import AccountRefused, ProviderError
from tenants import access, addresses, current, letters, live, written
from tenants.background import enqueue, task
from tenants.models import Tenant

log = structlog.get_logger(__name__)
OPENS_AFTER = 3  # failures in a row
FIRST_PAUSE = 15.0  # seconds; doubled with each probe that fails
LONGEST_PAUSE = 240.0
PROBE_SECONDS = 30.0  # longer than any model is waited for
TELL_AFTER = timedelta(minutes=10)  # of a vendor that is only away: most come back by themselves


def all_known() -> dict[str, Breaker]:
    """Every vendor that failed since it last answered."""
    return {row.vendor: row for row in _ALL()}


_ALL = written.Rows(lambda: Breaker.objects.order_by("pk"))


def allows(row: Breaker | None, *, now: datetime) -> bool:
    """Whether the vendor may be asked now; when its pause is over, by the first who comes."""
    if row is None or row.open_until is None:
        return True
    over = Breaker.objects.filter(pk=row.pk, open_until=row.open_until, open_until__lte=now)
    return bool(over.update(open_until=now + timedelta(seconds=PROBE_SECONDS)))


def closes_in(row: Breaker, *, now: datetime) -> float:
    """Seconds until the vendor is tried again."""
    return max(0.0, (row.open_until - now).total_seconds()) if row.open_until else 0.0


@transaction.atomic(durable=True)
def failed(vendor: str, error: ProviderError, *, now: datetime) -> None:
    """Count a failure; after OPENS_AFTER in a row, or at once where the account is refused, pause."""
    Breaker.objects.get_or_create(vendor=vendor)
    row = Breaker.objects.select_for_update().get(vendor=vendor)
    of_account = isinstance(error, AccountRefused)
    row.failures += 1
    row.detail = str(error)[:200]
    row.cause = Breaker.Cause.ACCOUNT if of_account else Breaker.Cause.FAILING
    if of_account or row.is_open or row.failures >= OPENS_AFTER:
        row.opened_at = row.opened_at or now
        row.open_until = now + timedelta(seconds=_pause(row, error))
        log.warning("vendor.paused", vendor=vendor, failures=row.failures, cause=row.cause)
        live.publish("vendor.changed", id=row.pk)
    row.save()
    if of_account and row.told_at is None:
        enqueue(tell)


def _pause(row: Breaker, error: ProviderError) -> float:
    if row.cause == Breaker.Cause.ACCOUNT:
        return LONGEST_PAUSE
    doubled = FIRST_PAUSE * 2.0 ** min(max(0, row.failures - OPENS_AFTER), 10)
    return min(max(doubled, error.retry_after or 0.0), LONGEST_PAUSE)


def succeeded(row: Breaker | None) -> None:
    """It answered: forget its failures. Without any there is nothing to write."""
    if row is None or not row.failures:
        return
    Breaker.objects.filter(pk=row.pk).update(
        failures=0, cause="", detail="", open_until=None, opened_at=None, told_at=None
    )
    live.publish("vendor.changed", id=row.pk)


def try_again(pk: int, *, now: datetime) -> None:
    """The owner has mended it: the next question asks this vendor."""
    Breaker.objects.filter(pk=pk).exclude(opened_at=None).update(open_until=now)


# -- telling the owner


def untold(*, now: datetime) -> list[Breaker]:
    """The vendors that somebody of the business has to see to and does not know of."""
    silent = Breaker.objects.filter(told_at=None, opened_at__isnull=False)
    return [
        row
        for row in silent.order_by("pk")
        if row.cause == Breaker.Cause.ACCOUNT or (row.opened_at and row.opened_at <= now - TELL_AFTER)
    ]


@task()
def tell() -> None:
    """Tell the managers of this business by e-mail, once each time that a vendor stops."""
    now = timezone.now()
    for row in untold(now=now):
        claimed = Breaker.objects.filter(pk=row.pk, told_at=None, opened_at=row.opened_at)
        if claimed.update(told_at=now) and not _told(row):
            Breaker.objects.filter(pk=row.pk, told_at=now).update(told_at=None)  # the sweep tries again


def _told(row: Breaker) -> bool:
    tenant = current.tenant()
    return letters.to_each(tenant, lambda: _letter(row, tenant), roles=access.MANAGERS)


def _letter(row: Breaker, tenant: Tenant) -> letters.Written:
    subject = _("%(business)s: the assistant's model does not answer") % {"business": tenant.name}
    context = {"business": tenant.name, "row": row, "link": addresses.tenant_url(tenant, reverse("today"))}
    return subject, render_to_string("conversations/email/breaker.txt", context)
