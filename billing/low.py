"""Tell who sees to the money that credits run low: at balances and at days left that the owner chose.

Each step is told once until credits are added. The end is always told, also where a few credits are left that
pay for no answer any more.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from billing import notices
from billing.models import CreditAccount, CreditWarnings, LedgerEntry
from billing.runway import Runway
from tenants import notifying

CREDITS, DAYS = (100, 20), (7, 2)  # what holds for an owner who chose nothing
NOTHING = 0  # told whatever was chosen
MOST_DAYS = 30
KNOWN_FROM = 3  # days of use; of fewer nobody is told how long credits last
Kind = LedgerEntry.Kind


def current() -> CreditWarnings:
    """What the owner chose; not saved where nobody chose yet."""
    found = CreditWarnings.objects.filter(pk=1).first()
    return found or CreditWarnings(days_left=list(DAYS), credits_left=list(CREDITS))


class Warner:
    """Watches the balance (billing.watching)."""

    def marks(self) -> Iterable[int]:
        return (*current().credits_left, NOTHING)

    def fell(self, entry: LedgerEntry, *, now: datetime) -> None:
        """Of several steps that one entry passes, only the lowest is told."""
        chosen = current()
        before = entry.balance_after - entry.amount
        passed = [step for step in (*chosen.credits_left, NOTHING) if entry.balance_after <= step < before]
        if passed and _is_news(min(passed), chosen.told_credits):
            _tell_credits(chosen, min(passed), left=entry.balance_after, cause=entry.pk, now=now)

    def rose(self, entry: LedgerEntry, *, now: datetime) -> None:
        """What was given back for one answer is no reason to tell the same again."""
        if entry.kind != Kind.CORRECTION:
            CreditWarnings.objects.filter(pk=1).update(told_credits=None, told_days=None)


@transaction.atomic(durable=True)
def ran_out(*, now: datetime) -> None:
    """No model can be paid any more; an outermost use case, for each customer who meets that."""
    if current().told_credits == NOTHING:
        return
    account = CreditAccount.objects.select_for_update().get(pk=1)
    chosen = current()  # as it is under the lock
    if chosen.told_credits != NOTHING:
        last = LedgerEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
        _tell_credits(chosen, NOTHING, left=account.available, cause=last, now=now)


def look_ahead(runway: Runway, *, now: datetime) -> bool:
    """Tell of the days that are left, in the caller's transaction; whether there was something to tell."""
    if runway.days is None or runway.known < KNOWN_FROM:
        return False
    CreditAccount.objects.select_for_update().get(pk=1)
    chosen = current()
    step = _reached(chosen.days_left, runway.days)
    if step is None or not _is_news(step, chosen.told_days):
        return False
    chosen.told_days, chosen.told_at = step, now
    chosen.save()
    last = LedgerEntry.objects.filter(amount__gt=0).order_by("-pk").values_list("pk", flat=True).first()
    kind = "low_days" if runway.days >= 1 else "low_today"
    params: dict[str, int | str] = {"days": int(runway.days)} if kind == "low_days" else {}
    notifying.notify(kind, key=f"{last}:{step}", url=notices.page(), now=now, params=params)
    return True


def choose(*, credits: Sequence[int], days: Sequence[int]) -> CreditWarnings:
    """Keep when the owner wants to hear, in the caller's transaction; what was told stays told."""
    chosen = current()
    chosen.credits_left = sorted({step for step in credits if step > NOTHING}, reverse=True)
    chosen.days_left = sorted({step for step in days if step > 0}, reverse=True)
    chosen.save()
    return chosen


def save_below(credits: int) -> None:
    """From so few credits on the least model answers, in the caller's transaction; 0 is never."""
    CreditAccount.objects.filter(pk=1).update(saving_below=credits)


def _reached(steps: Sequence[int], days: float) -> int | None:
    return min((step for step in steps if days < step + 1), default=None)


def _is_news(step: int, told: int | None) -> bool:
    return told is None or step < told


def _tell_credits(chosen: CreditWarnings, step: int, *, left: int, cause: int | None, now: datetime) -> None:
    chosen.told_credits, chosen.told_at = step, now
    chosen.save()
    is_over = step == NOTHING
    notifying.notify(
        "no_credits" if is_over else "low_balance",
        key=cause,
        url=notices.page(),
        now=now,
        params={} if is_over else {"credits": left},
    )
