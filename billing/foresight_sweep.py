"""Once an hour: who sees to the money is told when credits last no longer than the owner wants to hear of."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import OuterRef, Subquery, Sum
from django.utils import timezone

from billing import foresight, low
from tenants.background import public_task, ring, task
from tenants.models import DailyTotal, Tenant

LATELY = timedelta(days=14)
SURELY = 2  # a rough pace may be so far off: who has more than this many times the days is not looked at


@public_task()
def sweep() -> None:
    """A beat's task."""
    for schema in near_the_end(now=timezone.now()):
        ring(look, schema=schema)


@task()
def look() -> None:
    """Reckon exactly how long this business's credits last, and tell when that is news."""
    look_at(now=timezone.now())


@transaction.atomic(durable=True)
def look_at(*, now: datetime) -> bool:
    """As `look`, at this moment; whether somebody was told."""
    return low.look_ahead(foresight.outlook(now=now).runway, now=now)


def near_the_end(*, now: datetime) -> list[str]:
    """The businesses whose credits may end within a month or two, by the daily sums; one statement."""
    since = (now - LATELY).date()
    last = DailyTotal.objects.filter(tenant=OuterRef("tenant")).order_by("-day")
    days = DailyTotal.objects.filter(day__gte=since, tenant__status=Tenant.Status.READY)
    sums = days.values("tenant__schema_name").order_by("tenant__schema_name")
    rows = sums.annotate(spent=-Sum("spent"), left=Subquery(last.values("closing")[:1]))
    return [
        row["tenant__schema_name"]
        for row in rows
        if row["spent"] > 0 and row["left"] * LATELY.days <= row["spent"] * low.MOST_DAYS * SURELY
    ]
