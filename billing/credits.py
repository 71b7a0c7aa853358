"""Hold, settle, release, grant: every change of the balance, each with a cause that makes it happen once.

Unless it says otherwise a function runs inside the caller's transaction. The account's row is the lock: it
also counts the day's spending, so that one statement asks the balance and the limits of the day together.
"""

import zoneinfo
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import F, Q, Sum, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from psycopg import sql
from psycopg.types.numeric import Int8

from billing import watching
from billing.models import CreditAccount, Hold, LedgerEntry, Price, SpendLimit, Usage
from tenants import written
from tenants.current import tenant as current_tenant
from tenants.db import connection, kept
from tenants.models import User
from tenants.written import slot

Kind = LedgerEntry.Kind
TRIES = 20  # of who is refused what others free at the same moment
# Who waits for the account's row sees its newest state in all that the WHERE asks of it. The limits are
# counted: NOT EXISTS would be planned as a join, which is not done again for who has waited.
_HELD = ("id", "key", "amount", "agent_id", "day", "status", "created_at", "closed_at")
_HOLD = """
WITH earlier AS (SELECT * FROM billing_hold WHERE key = %(key)s),
  reserved AS (
    UPDATE billing_creditaccount AS account SET
      held = held + %(amount)s,
      day = greatest(day, %(today)s::date),
      spent = CASE WHEN day >= %(today)s::date THEN spent ELSE 0 END + %(amount)s,
      by_agent = CASE WHEN day >= %(today)s::date THEN by_agent ELSE '{}' END
        || CASE WHEN %(agent)s::bigint IS NULL THEN '{}' ELSE jsonb_build_object(%(agent)s::bigint,
          CASE WHEN day >= %(today)s::date THEN coalesce((by_agent ->> %(agent)s::bigint::text)::bigint, 0)
            ELSE 0 END + %(amount)s) END
    WHERE id = 1 AND balance >= held + %(amount)s AND NOT EXISTS (SELECT FROM earlier)
      AND 0 = (
        SELECT count(*) FROM billing_spendlimit AS bound
        WHERE (bound.agent_id IS NULL OR bound.agent_id = %(agent)s::bigint)
          AND bound.credits_a_day < %(amount)s + CASE
            WHEN account.day IS NULL OR account.day < %(today)s::date THEN 0
            WHEN bound.agent_id IS NULL THEN account.spent
            ELSE coalesce((account.by_agent ->> bound.agent_id::text)::bigint, 0) END)
    RETURNING day AS today, balance - held AS room, saving_below),
  made AS (
    INSERT INTO billing_hold (key, amount, agent_id, day, status, created_at)
    SELECT %(key)s, %(amount)s, %(agent)s::bigint, today, 'held', %(now)s FROM reserved
    RETURNING *)
SELECT id, key, amount, agent_id, day, status, created_at, closed_at, NULL::bigint, NULL::bigint FROM earlier
UNION ALL SELECT id, key, amount, agent_id, day, status, created_at, closed_at, room, saving_below
FROM made, reserved
"""
# The account's row is locked first, here as everywhere: who has it waits for no hold.
_ENTERED = ("id", "kind", "amount", "balance_after", "key", "reason", "actor_id", "created_at")
_CLOSE = """
WITH account AS MATERIALIZED (
    SELECT balance, held, greatest(day, %(today)s::date) AS today,
      CASE WHEN day >= %(today)s::date THEN spent ELSE 0 END AS spent,
      CASE WHEN day >= %(today)s::date THEN by_agent ELSE '{}' END AS by_agent
    FROM billing_creditaccount WHERE id = 1 FOR UPDATE),
  closed AS (
    UPDATE billing_hold AS hold SET status = %(status)s, closed_at = %(now)s FROM account
    WHERE hold.id = %(hold)s AND hold.status = 'held'
    RETURNING account.*, hold.amount, hold.agent_id,
      CASE WHEN hold.day = account.today THEN hold.amount ELSE 0 END AS counted,
      least(%(cost)s, greatest(hold.amount, account.balance - account.held + hold.amount)) AS taken),
  changed AS (
    UPDATE billing_creditaccount AS account SET
      balance = closed.balance - closed.taken,
      held = closed.held - closed.amount,
      owed = greatest(0, closed.held - closed.amount - closed.balance + closed.taken),
      day = closed.today,
      spent = closed.spent - closed.counted + closed.taken,
      by_agent = closed.by_agent
        || CASE WHEN closed.agent_id IS NULL THEN '{}' ELSE jsonb_build_object(closed.agent_id,
          coalesce((closed.by_agent ->> closed.agent_id::text)::bigint, 0)
            - closed.counted + closed.taken) END
    FROM closed WHERE account.id = 1
    RETURNING account.balance, account.watch_at, closed.taken),
  entered AS (
    INSERT INTO billing_ledgerentry (kind, amount, balance_after, key, reason, created_at)
    SELECT %(kind)s, -taken, balance, %(key)s, %(reason)s, %(now)s FROM changed WHERE taken > 0
    RETURNING *)
SELECT id, kind, amount, balance_after, key, reason, actor_id, created_at, watch_at
FROM changed LEFT JOIN entered ON true
"""


class InsufficientCredits(Exception):
    """Fewer credits are available than are to be reserved or taken."""


class LimitReached(InsufficientCredits):
    """There are credits, and no more of them may be spent today; `limit` is the row that says so."""

    def __init__(self, limit: SpendLimit) -> None:
        super().__init__(f"{limit.credits_a_day} credits a day are spent")
        self.limit = limit


class NotACharge(Exception):
    """Only what was taken for work can be given back."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account as of now, in credits."""

    balance: int
    held: int

    @property
    def available(self) -> int:
        return self.balance - self.held


@dataclass(frozen=True, slots=True)
class Standing(Account):
    """The account, and what was spent today."""

    spent_today: int


def hold(*, key: str, amount: int, now: datetime, agent_id: int | None = None) -> Hold:
    """Reserve credits for this assistant's work; the same key again gives the same hold. One statement.

    Raises InsufficientCredits, or LimitReached. A new hold tells `room` and `saving_below`.
    """
    # As text a number has the same type as none.
    agent = None if agent_id is None else str(agent_id)
    wanted = {"key": key, "amount": Int8(amount), "agent": agent, "today": day_of(now), "now": now}
    for _try in range(TRIES):
        for *values, room, saving_below in kept(_HOLD, wanted):
            held = Hold.from_db(connection.alias, _HELD, values)
            held.room, held.saving_below = room, saving_below
            return held
        check(amount=amount, agent_id=agent_id, now=now)  # says why, unless that is over by now
    raise InsufficientCredits(f"{amount} credits are not available")


def keep(hold: Hold, *, now: datetime) -> bool:
    """What it was reserved for goes on: as if reserved now. False when it is closed already."""
    return bool(Hold.objects.filter(pk=hold.pk, status=Hold.Status.HELD).update(created_at=now))


def settle(
    hold: Hold, *, cost: int, key: str, reason: str, now: datetime, kind: str = Kind.TURN
) -> LedgerEntry | None:
    """Take what was used and free the rest, in one statement; None when nothing was taken.

    Beyond the hold only what is available is taken. Closed before, it gives the entry of then.
    """
    hold.status = Hold.Status.SETTLED
    for number, *values, watch_at in _close(hold, cost=cost, kind=kind, key=key, reason=reason, now=now):
        if number is None:
            return None
        entry = LedgerEntry.from_db(connection.alias, _ENTERED, [number, *values])
        watching.changed(entry, watch_at=watch_at, now=now)
        return entry
    return LedgerEntry.objects.filter(key=key).first()


def release(hold: Hold, *, now: datetime) -> None:
    """Free a hold without taking anything: a failed answer costs nothing."""
    hold.status = Hold.Status.RELEASED
    _close(hold, cost=0, kind="", key="", reason="", now=now)


def grant(*, amount: int, reason: str, key: str, actor: User | None, now: datetime) -> LedgerEntry:
    """Add credits, or take them back with a negative amount; once a key. Raises InsufficientCredits."""
    account = locked()
    # Asked under the lock: of two that come at once, the second finds what the first wrote.
    if (earlier := LedgerEntry.objects.filter(key=key).first()) is not None:
        return earlier
    if amount < 0 and account.available + amount < 0:
        raise InsufficientCredits(f"{-amount} credits are not available")
    account.balance += amount
    kind = Kind.GRANT if amount > 0 else Kind.CORRECTION
    return _write(kind, amount, account, key=key, reason=reason, actor=actor, now=now)


def give_back(charge: LedgerEntry, *, reason: str, actor: User | None, now: datetime) -> LedgerEntry:
    """Undo one charge by an entry of its own; once a charge, however often. Raises NotACharge.

    One of today does not count on the limits of today any more.
    """
    if charge.kind not in LedgerEntry.SPENT or charge.amount >= 0:
        raise NotACharge(f"entry {charge.pk} took nothing for work")
    account = locked()
    key = f"back:{charge.pk}"
    if (earlier := LedgerEntry.objects.filter(key=key).first()) is not None:
        return earlier
    account.balance -= charge.amount
    if day_of(charge.created_at) == account.day:
        used = Usage.objects.filter(key=charge.key).first()
        _count(account, charge.amount, agent_id=used.agent_id if used else None, today=account.day)
    return _write(Kind.CORRECTION, -charge.amount, account, key=key, reason=reason, actor=actor, now=now)


def spend(
    *, kind: str, amount: int, key: str, reason: str, now: datetime, agent_id: int | None = None,
    partly: bool = False,
) -> bool:  # fmt: skip
    """Take what was not reserved before; once a key, False when it was recorded as used already.

    Raises InsufficientCredits or LimitReached; what is done already is taken `partly`, as far as there is.
    """
    account = locked()
    if Usage.objects.filter(key=key).exists():
        return False
    if partly:
        amount = max(0, min(amount, account.available))
    else:
        _check(account, amount=amount, agent_id=agent_id, now=now)
    if amount:
        account.balance -= amount
        _count(account, amount, agent_id=agent_id, today=day_of(now))
        _write(kind, -amount, account, key=key, reason=reason, now=now)
    return True


def locked() -> CreditAccount:
    """The account under its lock, for a change of the balance elsewhere (billing.topups, billing.refunds)."""
    return CreditAccount.objects.select_for_update().get(pk=1)


def enter(
    kind: str,
    amount: int,
    account: CreditAccount,
    *,
    key: str,
    reason: str,
    now: datetime,
    actor: User | None = None,
) -> LedgerEntry:
    """Write down one change of the balance, which the caller has made under the account's lock (`locked`)."""
    entry = LedgerEntry.objects.create(
        kind=kind,
        amount=amount,
        balance_after=account.balance,
        key=key,
        reason=reason[:200],
        actor=actor,
        created_at=now,
    )
    watching.changed(entry, watch_at=account.watch_at, now=now)
    return entry


def check(*, amount: int, now: datetime, agent_id: int | None = None) -> None:
    """Raises InsufficientCredits or LimitReached when so much could not be spent at this moment."""
    _check(CreditAccount.objects.get(pk=1), amount=amount, agent_id=agent_id, now=now)


def release_orphans(*, keep: Collection[int], older_than: datetime, now: datetime) -> int:
    """Free the open holds that nobody works on any more; an outermost use case. Returns how many."""
    found = orphans(keep=keep, older_than=older_than)
    for orphan in found:
        with transaction.atomic(durable=True):
            release(orphan, now=now)
    return len(found)


def orphans(*, keep: Collection[int], older_than: datetime) -> list[Hold]:
    """The open holds that nobody works on any more, oldest first. `keep` are those that somebody does."""
    known = [pk for pk in keep if pk]
    held = Hold.objects.filter(status=Hold.Status.HELD, created_at__lt=older_than).exclude(pk__in=known)
    return list(held.order_by("pk"))


def discrepancies() -> int:
    """How many sums do not fit: the ledger and the balance, the open holds and what is reserved."""
    account = CreditAccount.objects.filter(pk=1).first() or CreditAccount()
    entered = LedgerEntry.objects.aggregate(total=Coalesce(Sum("amount"), 0))["total"]
    reserved = Hold.objects.filter(status=Hold.Status.HELD).aggregate(total=Coalesce(Sum("amount"), 0))[
        "total"
    ]
    return int(entered != account.balance) + int(reserved != account.held)


# -- looking


def day_of(moment: datetime) -> date:
    """The business's own day at a moment."""
    return timezone.localdate(moment, timezone=zoneinfo.ZoneInfo(current_tenant().timezone))


def standing(*, since: datetime) -> Standing:
    """The account, and what was spent since the start of the business's day."""
    account = CreditAccount.objects.filter(pk=1).first() or CreditAccount()
    spent = LedgerEntry.objects.filter(kind__in=LedgerEntry.SPENT, created_at__gte=since)
    total = spent.aggregate(total=Coalesce(Sum("amount"), 0))["total"]
    return Standing(balance=account.balance, held=account.held, spent_today=-total)


def are_left() -> bool:
    """Whether anything can be spent: without credits no model is asked, not even for what costs none."""
    return CreditAccount.objects.filter(pk=1, balance__gt=F("held")).exists()


def standings(schemas: Sequence[str]) -> dict[str, Account]:
    """The accounts of several businesses by schema, in one statement."""
    select = sql.SQL("SELECT {name}, balance, held FROM {table}")
    parts = [
        select.format(name=sql.Literal(schema), table=sql.Identifier(schema, "billing_creditaccount"))
        for schema in schemas
    ]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        return {schema: Account(balance, held) for schema, balance, held in cursor.fetchall()}


def price_for(model: str, *, at: datetime) -> Price:
    """The price of a model at a moment: its own, else everybody's; raises Price.DoesNotExist."""
    return prices_for([model], at=at)[0]


def prices_for(models: Sequence[str], *, at: datetime) -> list[Price]:
    """As `price_for`, one for each model, in one statement."""
    names = {f"model{number}": model for number, model in enumerate(models)}
    by_model = {price.model: price for price in _in_order(len(names))(at=at, **names)}
    if not by_model:
        raise Price.DoesNotExist("There is no price list.")
    return [by_model.get(model) or by_model["*"] for model in models]


@cache
def _in_order(models: int) -> written.Rows[Price]:
    """The prices of so many models and of all others, the latest last."""
    names = [slot(f"model{number}") for number in range(models)]
    known = Price.objects.filter(effective_from__lte=slot("at"), model__in=[*names, Value("*")])
    return written.Rows(lambda: known.order_by("effective_from"))


# -- under the account's lock


def _close(hold: Hold, *, cost: int, kind: str, key: str, reason: str, now: datetime) -> list[Any]:
    """Compare-and-set: of settle and release one wins and has a row: the entry, if any, and the mark."""
    wanted = {
        "hold": Int8(hold.pk), "status": hold.status, "cost": Int8(cost), "kind": kind, "key": key,
        "reason": reason[:200], "today": day_of(now), "now": now,
    }  # fmt: skip
    return kept(_CLOSE, wanted)


def _check(account: CreditAccount, *, amount: int, agent_id: int | None, now: datetime) -> None:
    if amount > max(0, account.available):
        raise InsufficientCredits(f"{amount} credits are not available")
    bounds = SpendLimit.objects.filter(Q(agent_id=None) | Q(agent_id=agent_id)).order_by("pk")
    for bound in bounds:
        if amount + spent_on(account, day_of(now), agent_id=bound.agent_id) > bound.credits_a_day:
            raise LimitReached(bound)


def spent_on(account: CreditAccount, day: date, *, agent_id: int | None = None) -> int:
    """What counts on this day's limit: of one assistant, or of all and everything."""
    if account.day is None or account.day < day:
        return 0
    return account.spent if agent_id is None else int(account.by_agent.get(str(agent_id), 0))


def _count(account: CreditAccount, amount: int, *, agent_id: int | None, today: date) -> None:
    """Write it down on the day's spending; the caller saves."""
    if account.day is None or account.day < today:
        account.day, account.spent, account.by_agent = today, 0, {}
    account.spent += amount
    if agent_id is not None:
        account.by_agent[str(agent_id)] = int(account.by_agent.get(str(agent_id), 0)) + amount


def _write(kind: str, amount: int, account: CreditAccount, **entry: Any) -> LedgerEntry:
    """Save the account as it is now, and the entry that explains it."""
    account.owed = max(0, account.held - account.balance)
    account.save(update_fields=["balance", "owed", "day", "spent", "by_agent"])
    return enter(kind, amount, account, **entry)
