"""Hold, settle, release, grant: every change of the balance, each with a cause that makes it happen once.

Unless it says otherwise a function runs inside the caller's transaction. The account's row is the lock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from psycopg import sql

from billing import pricing
from billing.models import CreditAccount, Hold, LedgerEntry, Price, Usage
from tenants import notifying
from tenants.db import connection
from tenants.models import User

Kind = LedgerEntry.Kind
LOW = (0, 20, 100)  # credits: below each of them somebody is told once, until there are more again
_HOLD = """
WITH earlier AS (SELECT * FROM billing_hold WHERE key = %(key)s),
  reserved AS (
    UPDATE billing_creditaccount SET held = held + %(amount)s
    WHERE id = 1 AND balance >= held + %(amount)s AND NOT EXISTS (SELECT FROM earlier)
    RETURNING id),
  made AS (
    INSERT INTO billing_hold (key, amount, status, created_at)
    SELECT %(key)s, %(amount)s, 'held', %(now)s FROM reserved
    RETURNING *)
SELECT * FROM earlier UNION ALL SELECT * FROM made
"""


class InsufficientCredits(Exception):
    """Fewer credits are available than are to be reserved or taken."""


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


def hold(*, key: str, amount: int, now: datetime) -> Hold:
    """Reserve credits; raises InsufficientCredits. The same key again gives the same hold."""
    for held in Hold.objects.raw(_HOLD, {"key": key, "amount": amount, "now": now}):
        return held
    raise InsufficientCredits(f"{amount} credits are not available")


def keep(hold: Hold, *, now: datetime) -> bool:
    """What it was reserved for goes on: as if reserved now. False when it is closed already."""
    return bool(Hold.objects.filter(pk=hold.pk, status=Hold.Status.HELD).update(created_at=now))


def settle(
    hold: Hold, *, cost: int, key: str, reason: str, now: datetime, kind: str = Kind.TURN
) -> LedgerEntry | None:
    """Take what was used and free the rest; beyond the hold only what is available, never below zero."""
    account = CreditAccount.objects.select_for_update().get(pk=1)
    if not _close(hold, Hold.Status.SETTLED, now=now):
        return LedgerEntry.objects.filter(key=key).first()
    account.held -= hold.amount
    taken = min(cost, account.available)
    account.balance -= taken
    account.save(update_fields=["balance", "held"])
    if not taken:
        return None
    entry = _enter(kind, -taken, account, key=key, reason=reason, now=now)
    _tell_when_low(entry, now=now)
    return entry


def release(hold: Hold, *, now: datetime) -> None:
    """Free a hold without taking anything: a failed answer costs nothing."""
    account = CreditAccount.objects.select_for_update().get(pk=1)
    if _close(hold, Hold.Status.RELEASED, now=now):
        account.held -= hold.amount
        account.save(update_fields=["held"])


def grant(*, amount: int, reason: str, key: str, actor: User | None, now: datetime) -> LedgerEntry:
    """Add credits, or take them back with a negative amount; once a key. Raises InsufficientCredits."""
    account = CreditAccount.objects.select_for_update().get(pk=1)
    # Asked under the lock: of two that come at once, the second finds what the first wrote.
    if (earlier := LedgerEntry.objects.filter(key=key).first()) is not None:
        return earlier
    if account.available + amount < 0:
        raise InsufficientCredits(f"{-amount} credits are not available")
    account.balance += amount
    account.save(update_fields=["balance"])
    kind = Kind.GRANT if amount > 0 else Kind.CORRECTION
    return _enter(kind, amount, account, key=key, reason=reason, now=now, actor=actor)


def give_back(charge: LedgerEntry, *, reason: str, actor: User | None, now: datetime) -> LedgerEntry:
    """Undo one charge by an entry of its own; once a charge, however often. Raises NotACharge."""
    if charge.kind not in LedgerEntry.SPENT or charge.amount >= 0:
        raise NotACharge(f"entry {charge.pk} took nothing for work")
    account = CreditAccount.objects.select_for_update().get(pk=1)
    key = f"back:{charge.pk}"
    if (earlier := LedgerEntry.objects.filter(key=key).first()) is not None:
        return earlier
    account.balance -= charge.amount
    account.save(update_fields=["balance"])
    return _enter(Kind.CORRECTION, -charge.amount, account, key=key, reason=reason, now=now, actor=actor)


def spend(*, kind: str, amount: int, key: str, reason: str, now: datetime) -> bool:
    """Take what was not reserved before; once a key, False when it was taken. Raises InsufficientCredits."""
    account = CreditAccount.objects.select_for_update().get(pk=1)
    if Usage.objects.filter(key=key).exists():
        return False
    if account.available < amount:
        raise InsufficientCredits(f"{amount} credits are not available")
    account.balance -= amount
    account.save(update_fields=["balance"])
    if amount:
        entry = _enter(kind, -amount, account, key=key, reason=reason, now=now)
        _tell_when_low(entry, now=now)
    return True


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
    current = Price.objects.filter(effective_from__lte=at, model__in=[*models, "*"])
    by_model: dict[str, Price] = {}
    for price in current.order_by("effective_from"):
        by_model[price.model] = price
    if not by_model:
        raise Price.DoesNotExist("There is no price list.")
    return [by_model.get(model) or by_model["*"] for model in models]


def record_usage(
    *, key: str, model: str, usage: pricing.Tokens, cost: int, price: Price, now: datetime
) -> Usage:
    """Keep what was used and the price that it had."""
    return Usage.objects.create(
        key=key,
        model=model,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        credits=cost,
        price=_snapshot(price),
        exact=getattr(usage, "exact", True),
        created_at=now,
    )


def record_speech(
    *, key: str, model: str, seconds: int, exact: bool, cost: int, price: Price, now: datetime
) -> Usage:
    """As `record_usage`, for seconds of audio that were heard."""
    return Usage.objects.create(
        key=key,
        model=model,
        audio_seconds=seconds,
        credits=cost,
        price=_snapshot(price),
        exact=exact,
        created_at=now,
    )


def record_reading(*, key: str, pages: int, cost: int, price: Price, now: datetime) -> Usage:
    """As `record_usage`, for pages of documents that were read."""
    return Usage.objects.create(
        key=key, model=price.model, pages=pages, credits=cost, price=_snapshot(price), created_at=now
    )


def _snapshot(price: Price) -> dict[str, Any]:
    fields = (
        "model",
        "input_per_million",
        "output_per_million",
        "cache_read_per_million",
        "cache_write_per_million",
        "audio_per_hour",
        "reading_per_hundred_pages",
    )
    kept = {field: getattr(price, field) for field in (*fields, "minimum")}
    return {**kept, "effective_from": price.effective_from.isoformat()}


def _tell_when_low(entry: LedgerEntry, *, now: datetime) -> None:
    """Tell who sees to the money, each time that the balance falls through one of the steps."""
    before = entry.balance_after - entry.amount
    step = next((low for low in LOW if entry.balance_after <= low < before), None)
    if step is not None:
        notifying.notify(
            "low_balance",
            key=entry.pk,
            url=reverse("account"),
            now=now,
            params={"credits": entry.balance_after},
        )


def _close(hold: Hold, status: str, *, now: datetime) -> bool:
    """Compare-and-set: only one of settle and release ever wins."""
    hold.status = status
    return bool(Hold.objects.filter(pk=hold.pk, status=Hold.Status.HELD).update(status=status, closed_at=now))


def _enter(
    kind: str,
    amount: int,
    account: CreditAccount,
    *,
    key: str,
    reason: str,
    now: datetime,
    actor: User | None = None,
) -> LedgerEntry:
    return LedgerEntry.objects.create(
        kind=kind,
        amount=amount,
        balance_after=account.balance,
        key=key,
        reason=reason[:200],
        actor=actor,
        created_at=now,
    )
