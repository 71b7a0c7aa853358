"""How much may be spent in a day: of the whole business, and by each of its assistants.

What is spent already stands on the account (`CreditAccount.spent`), so that the statement that reserves asks
the limits with it (billing.credits). Reached, a limit is as if there were no credits, until the business's
midnight or until somebody raises it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from billing import credits, names, notices
from billing.models import CreditAccount, SpendLimit
from tenants import audit, live, notifying
from tenants.models import User

KIND = "spend_limit"
_SPACES = re.compile(r"[\s.,']")
MOST = 1_000_000_000
NEARLY = 80  # percent: from there on a page says that it is nearly reached


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, or an assistant without one, and what counts on it today; credits."""

    agent_id: int | None
    name: str
    credits_a_day: int | None
    spent: int
    is_reached: bool = False

    @property
    def field(self) -> str:
        """By which a form names it."""
        return "all" if self.agent_id is None else str(self.agent_id)

    @property
    def left(self) -> int:
        return max(0, (self.credits_a_day or 0) - self.spent)

    @property
    def percent(self) -> int:
        """How much of it is spent, 0 to 100."""
        return min(100, self.spent * 100 // self.credits_a_day) if self.credits_a_day else 0

    @property
    def is_nearly_reached(self) -> bool:
        return self.credits_a_day is not None and self.percent >= NEARLY


def listed(*, now: datetime) -> Sequence[Limit]:
    """The whole business's, then each assistant's; also those without a limit. Three statements."""
    account = CreditAccount.objects.filter(pk=1).first() or CreditAccount()
    rows = {row.agent_id: row for row in SpendLimit.objects.order_by("pk")}
    today = credits.day_of(now)
    agents = names.every("agent")
    known: dict[int | None, str] = {None: ""}
    known |= {int(pk): name for pk, name in agents.items()}
    return [_limit(pk, name, rows.get(pk), account, today) for pk, name in known.items()]


def _limit(
    agent_id: int | None, name: str, row: SpendLimit | None, account: CreditAccount, today: date
) -> Limit:
    spent = credits.spent_on(account, today, agent_id=agent_id)
    is_reached = row is not None and (row.reached_on == today or spent >= row.credits_a_day)
    return Limit(agent_id, name, row.credits_a_day if row else None, spent, is_reached=is_reached)


@transaction.atomic(durable=True)
def set_limit(agent_id: int | None, credits_a_day: int | None, *, actor: User, now: datetime) -> None:
    """Let this assistant, or None for everything, spend so much a day; None takes the limit away."""
    CreditAccount.objects.select_for_update().get(pk=1)
    mine = SpendLimit.objects.filter(agent_id=agent_id)
    before = mine.values_list("credits_a_day", flat=True).first()
    if before == credits_a_day:
        return
    if credits_a_day is None:
        mine.delete()
    elif not mine.update(credits_a_day=credits_a_day, reached_on=None):
        SpendLimit.objects.create(agent_id=agent_id, credits_a_day=credits_a_day)
    audit.record("limit.set", actor=actor, target=agent_id or "all", before=before, after=credits_a_day)
    if before is not None and (credits_a_day is None or credits_a_day > before):
        notifying.over(url=page(), now=now, kinds=[KIND])
    live.publish("credits.changed", id=1)


@transaction.atomic(durable=True)
def reached(limit: SpendLimit, *, now: datetime) -> None:
    """Tell who sees to the money, once a day unless it was set anew; an outermost use case."""
    today = credits.day_of(now)
    mine = SpendLimit.objects.filter(pk=limit.pk).exclude(reached_on=today)
    if not mine.update(reached_on=today):
        return
    notifying.notify(
        KIND,
        key=f"{today}:{limit.agent_id or 'all'}:{limit.credits_a_day}",
        url=page(),
        now=now,
        params={"limit": limit.credits_a_day},
    )
    live.publish("credits.changed", id=limit.pk)


def reached_on(day: date) -> Sequence[SpendLimit]:
    """The limits that let nothing more pass on this day."""
    return list(SpendLimit.objects.filter(reached_on=day).order_by("pk"))


def page() -> str:
    """Where they are set."""
    return f"{notices.page()}#limits"


def amount_of(text: str) -> int | None:
    """What somebody typed as credits a day: 1.500 and 1 500 are 1500; None for nothing.

    Raises ValueError with words for who typed it.
    """
    digits = _SPACES.sub("", text.strip())
    if not digits:
        return None
    if not digits.isascii() or not digits.isdigit() or len(digits) > 12 or not 1 <= int(digits) <= MOST:
        raise ValueError(_("Write a whole number of credits above zero, or leave it empty for no limit."))
    return int(digits)
