"""How long a business's credits last, and what answers its customers meanwhile: for pages and warnings.

Days that are over come from the platform's daily sums; what these do not have yet, from the ledger.
"""

import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Min, Sum
from django.db.models.functions import TruncDate

from billing import ladder, runway
from billing.models import CreditAccount, LedgerEntry
from billing.runway import Runway
from tenants import current
from tenants.models import DailyTotal, Tenant

WINDOW = timedelta(days=runway.WEEKS * runway.WEEK)
ALMOST_NONE = 20  # credits: a day that ends with fewer says nothing of what customers would have asked for


@dataclass(frozen=True, slots=True)
class Answering:
    """What the least answer reserves, in credits; and whether there is a model that costs less."""

    least: int = 1
    saves: bool = False


Knows = Callable[[datetime], Answering]
_knows: list[Knows] = []


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a page says of the credits that are left."""

    available: int
    runway: Runway
    step: ladder.Step
    saving_below: int
    answering: Answering

    @property
    def days(self) -> int | None:
        """Whole days left; None without use, and beyond a year."""
        return None if self.runway.days is None else int(self.runway.days)


@dataclass(frozen=True, slots=True)
class Day:
    """Credits of one day: what was spent, and the least that there was at a moment (or at its end)."""

    spent: int
    left: int


def register_answering(knows: Knows) -> None:
    """Who knows what an answer needs (conversations), once, when the apps are ready."""
    _knows[:] = [knows]


def outlook(*, now: datetime, account: CreditAccount | None = None) -> Outlook:
    """Of the current business, as of now."""
    found = account or CreditAccount.objects.filter(pk=1).first() or CreditAccount()
    answering = _knows[0](now) if _knows else Answering()
    step = ladder.step(
        available=found.available,
        usual=answering.least,
        least=answering.least,
        saving_below=found.saving_below,
    )
    # The last few pay for no answer any more.
    usable = max(0, found.available - answering.least + 1)
    lasts = of_business(current.tenant(), available=usable, now=now)
    return Outlook(found.available, lasts, step, found.saving_below, answering)


def of_business(tenant: Tenant, *, available: int, now: datetime) -> Runway:
    """How long these credits last this business, in its schema; two statements."""
    zone = zoneinfo.ZoneInfo(tenant.timezone)
    local = now.astimezone(zone)
    today = local.date()
    days = _days(tenant, since=today - WINDOW, zone=zone)
    of_today = days.pop(today, None)
    return runway.reckon(
        known(days, today=today),
        today=today,
        available=available,
        gone=(local.hour * 60 + local.minute) / (24 * 60),
        so_far=of_today.spent if of_today else 0,
    )


def known(days: Mapping[date, Day], *, today: date) -> dict[date, int]:
    """Credits of each day that tells something, from the first use on: not of those without credits."""
    used = [day for day, row in days.items() if row.spent > 0]
    found: dict[date, int] = {}
    left = ALMOST_NONE
    day = min(used, default=today)
    while day < today:
        row = days.get(day)
        left = row.left if row else left
        if left >= ALMOST_NONE:
            found[day] = row.spent if row else 0
        day += timedelta(days=1)
    return found


def _days(tenant: Tenant, *, since: date, zone: zoneinfo.ZoneInfo) -> dict[date, Day]:
    """Every day with an entry, from the daily sums up to when these were made, then from the ledger."""
    rows = DailyTotal.objects.filter(tenant=tenant, day__gte=since).order_by("day")
    summed = list(rows.values_list("day", "spent", "closing", "refreshed_at"))
    until = max((made.astimezone(zone).date() for *_rest, made in summed), default=since)
    found = {day: Day(-spent, closing) for day, spent, closing, _made in summed if day < until}
    return found | _from_ledger(since=until, zone=zone)


def _from_ledger(*, since: date, zone: zoneinfo.ZoneInfo) -> dict[date, Day]:
    start = datetime.combine(since, time.min, tzinfo=zone)
    entries = LedgerEntry.objects.filter(created_at__gte=start).order_by()
    sums = entries.annotate(day=TruncDate("created_at", tzinfo=zone)).values("day")
    spent = sums.filter(kind__in=LedgerEntry.SPENT).annotate(spent=Sum("amount"), left=Min("balance_after"))
    return {row["day"]: Day(-row["spent"], row["left"]) for row in spent.order_by("day")}
