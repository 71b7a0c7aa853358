"""Each business's money day by day, summed from its ledger and usage into one table of the platform's.

The pages of finance read nothing else, so they ask as much for a thousand businesses as for two. One
statement sums fifty schemas. Sums are held against the account whenever they are made: what a business had
before and the change of its latest days must be what it has. Where it is not, all its days are summed anew
(an entry came late, the time zone was changed), and what still differs then is an error, and alarms.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.db import ProgrammingError, transaction
from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone
from psycopg import sql

from billing.models import LedgerEntry
from tenants import addresses, letters
from tenants.background import public_task
from tenants.db import connection
from tenants.models import DailyTotal, Tenant

log = structlog.get_logger(__name__)
SCHEMAS_A_STATEMENT = 50
FIGURES = ("bought", "granted", "spent", "taken_back", "entries", "vendor_cost", "unpriced")
CHANGES = FIGURES[:4]  # together they are the change of the balance
_WRITTEN = [*FIGURES, "closing", "agrees", "refreshed_at"]
# What was given back for an answer that failed was not spent; it has the key of the charge's number.
_SUMS = sql.SQL("""
(SELECT {name}, account.balance, days.* FROM
  (SELECT balance FROM {accounts} WHERE id = 1) AS account
  LEFT JOIN (SELECT coalesce(moved.day, used.day),
      coalesce(bought, 0), coalesce(granted, 0), coalesce(spent, 0), coalesce(taken_back, 0),
      coalesce(entries, 0), coalesce(vendor_cost, 0), coalesce(unpriced, 0)
    FROM (SELECT (created_at AT TIME ZONE {zone})::date AS day, count(*) AS entries,
        sum(amount) FILTER (WHERE kind = 'topup') AS bought,
        sum(amount) FILTER (WHERE kind IN ('refund', 'dispute')) AS taken_back,
        sum(amount) FILTER (WHERE kind IN ({spent}) OR key LIKE 'back:%') AS spent,
        sum(amount) FILTER (WHERE kind NOT IN ('topup', 'refund', 'dispute', {spent})
          AND key NOT LIKE 'back:%') AS granted
      FROM {entries} WHERE {since} GROUP BY 1) AS moved
    FULL JOIN (SELECT (created_at AT TIME ZONE {zone})::date AS day,
        sum(vendor_cost) AS vendor_cost, count(*) FILTER (WHERE vendor_cost IS NULL) AS unpriced
      FROM {usages} WHERE {since} GROUP BY 1) AS used ON used.day = moved.day
  ) AS days ON true)
""")
_WHOLE = sql.SQL("""
SELECT {name}, (SELECT balance FROM {accounts} WHERE id = 1), count(*), coalesce(sum(amount), 0)
FROM {entries}
""")
Since = Callable[[Tenant], datetime | None]
_SPENT = sql.SQL(", ").join(sql.Literal(str(kind)) for kind in LedgerEntry.SPENT)


@dataclass(frozen=True, slots=True)
class Summed:
    """What one business's ledger says: the balance as of now, and its days, the oldest first."""

    balance: int
    days: Mapping[date, tuple[int, ...]]  # FIGURES of each

    @property
    def change(self) -> int:
        return sum(sum(figures[: len(CHANGES)]) for figures in self.days.values())


@public_task()
def refresh() -> None:
    """Today and yesterday of every business; a beat's task."""
    refresh_all(now=timezone.now())


@public_task()
def reconcile() -> None:
    """Every entry of every ledger against the days and the balance; at night."""
    reconcile_all(now=timezone.now())


def refresh_all(*, now: datetime) -> list[str]:
    """Sum the latest days of all businesses; the schemas that do not agree, even summed anew."""
    known, wrong = _known_wrong(), []
    for batch in _batches():
        doubtful = _refresh_batch(batch, known, now=now)
        wrong += [one.schema_name for one in doubtful if not _anew(one, known, now=now)]
    return wrong


def reconcile_all(*, now: datetime) -> list[str]:
    """Hold every ledger against its days and its balance; the schemas that do not agree, even summed anew."""
    known, wrong = _known_wrong(), []
    for batch in _batches():
        doubtful = _refresh_batch(batch, known, now=now)
        doubtful += [one for one in _not_whole(batch) if one not in doubtful]
        wrong += [one.schema_name for one in doubtful if not _anew(one, known, now=now)]
    return wrong


def refresh_one(tenant: Tenant, *, now: datetime) -> bool:
    """Sum all days of this business anew; whether they agree with its ledger and its balance."""
    return _anew(tenant, _known_wrong(), now=now)


def _known_wrong() -> set[int]:
    return set(DailyTotal.objects.filter(agrees=False).values_list("tenant", flat=True))


def _refresh_batch(batch: Sequence[Tenant], known: Collection[int], *, now: datetime) -> list[Tenant]:
    """Write the latest days; the businesses whose days do not add up to what they have."""
    summed = _summed_or_each(batch, since=lambda tenant: _yesterday(tenant, now=now))
    opened = _closings_before(batch, now=now)
    rows: list[DailyTotal] = []
    doubtful = []
    for tenant in batch:
        if (found := summed.get(tenant.schema_name)) is None:
            continue
        rows += _days(tenant, found, opening=opened[tenant.pk], now=now)
        if tenant.pk in known or opened[tenant.pk] + found.change != found.balance:
            doubtful.append(tenant)
    _write(rows)
    return doubtful


def _batches() -> Iterator[list[Tenant]]:
    made = Tenant.objects.exclude(status=Tenant.Status.PROVISIONING).order_by("pk")
    waiting = iter(list(made))
    while batch := list(islice(waiting, SCHEMAS_A_STATEMENT)):
        yield batch


def _yesterday(tenant: Tenant, *, now: datetime) -> datetime:
    """When the day before this one began there: what is committed after midnight may be of before it."""
    zone = ZoneInfo(tenant.timezone)
    return datetime.combine(now.astimezone(zone).date() - timedelta(days=1), time.min, tzinfo=zone)


# -- asking the ledgers


def _summed_or_each(batch: Sequence[Tenant], *, since: Since) -> dict[str, Summed]:
    """Together; one by one where one cannot be summed, as while its tables are changed."""
    try:
        return _summed(batch, since=since)
    except ProgrammingError as error:
        log.warning("totals.batch_failed", error=type(error).__name__)
    found: dict[str, Summed] = {}
    for tenant in batch:
        try:
            found |= _summed([tenant], since=since)
        except ProgrammingError as error:
            log.warning("totals.tenant_failed", schema=tenant.schema_name, error=type(error).__name__)
    return found


def _summed(batch: Sequence[Tenant], *, since: Since) -> dict[str, Summed]:
    """By schema, in one statement and so as of one moment; `since` says from when on, None: from always."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(_sums(tenant, since(tenant)) for tenant in batch))
        rows = cursor.fetchall()
    days: dict[str, dict[date, tuple[int, ...]]] = {}
    balances: dict[str, int] = {}
    for schema, balance, day, *figures in rows:
        balances[schema] = int(balance)
        if day is not None:
            days.setdefault(schema, {})[day] = tuple(int(figure) for figure in figures)
    return {
        schema: Summed(balance, dict(sorted(days.get(schema, {}).items())))
        for schema, balance in balances.items()
    }


def _sums(tenant: Tenant, since: datetime | None) -> sql.Composed:
    begins = sql.SQL("true") if since is None else sql.SQL("created_at >= {}").format(sql.Literal(since))
    return _SUMS.format(
        name=sql.Literal(tenant.schema_name),
        zone=sql.Literal(tenant.timezone),
        spent=_SPENT,
        since=begins,
        **_tables(tenant),
    )


def _tables(tenant: Tenant) -> dict[str, sql.Identifier]:
    names = {"accounts": "creditaccount", "entries": "ledgerentry", "usages": "usage"}
    return {key: sql.Identifier(tenant.schema_name, f"billing_{table}") for key, table in names.items()}


def _whole(batch: Sequence[Tenant]) -> list[tuple[str, int, int, int]]:
    """(schema, balance, entries, their sum) of each, every entry counted."""
    parts = [_WHOLE.format(name=sql.Literal(one.schema_name), **_tables(one)) for one in batch]
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        return [(schema, int(balance), int(n), int(total)) for schema, balance, n, total in cursor.fetchall()]


# -- keeping the sums


def _days(
    tenant: Tenant, found: Summed, *, opening: int, now: datetime, agrees: bool = True
) -> list[DailyTotal]:
    """The rows of these days, each closing with what there was before it and its own change."""
    rows, closing = [], opening
    for day, figures in found.days.items():
        closing += sum(figures[: len(CHANGES)])
        values = dict(zip(FIGURES, figures, strict=True))
        rows.append(
            DailyTotal(tenant=tenant, day=day, closing=closing, agrees=agrees, refreshed_at=now, **values)
        )
    return rows


def _write(rows: Sequence[DailyTotal]) -> None:
    DailyTotal.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["tenant", "day"], update_fields=_WRITTEN
    )


def _closings_before(batch: Sequence[Tenant], *, now: datetime) -> dict[int, int]:
    """What each business had before the days that are summed now, as the days before say."""
    zones: dict[str, list[int]] = {}
    for tenant in batch:
        zones.setdefault(tenant.timezone, []).append(tenant.pk)
    found = dict.fromkeys((tenant.pk for tenant in batch), 0)
    for zone, ids in zones.items():
        first = now.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
        earlier = DailyTotal.objects.filter(tenant=OuterRef("pk"), day__lt=first).order_by("-day")
        asked = Tenant.objects.filter(pk__in=ids).order_by("pk")
        closing = Coalesce(Subquery(earlier.values("closing")[:1]), 0)
        found |= dict(asked.annotate(before=closing).values_list("pk", "before"))
    return found


def _not_whole(batch: Sequence[Tenant]) -> list[Tenant]:
    """The businesses whose days do not hold every entry, or whose entries are not the balance."""
    by_schema, kept = {tenant.schema_name: tenant for tenant in batch}, _kept(batch)
    return [
        by_schema[schema]
        for schema, balance, entries, total in _whole(batch)
        if balance != total or kept[by_schema[schema].pk] != (entries, total)
    ]


def _kept(batch: Sequence[Tenant]) -> dict[int, tuple[int, int]]:
    """How many entries the days of each business counted, and what these add up to."""
    change: Any = sum((Sum(name, default=0) for name in CHANGES[1:]), start=Sum(CHANGES[0], default=0))
    sums = DailyTotal.objects.filter(tenant__in=batch).values("tenant").order_by("tenant")
    rows = sums.annotate(n=Sum("entries"), change=change).values_list("tenant", "n", "change")
    kept = {pk: (int(n), int(total)) for pk, n, total in rows}
    return {tenant.pk: kept.get(tenant.pk, (0, 0)) for tenant in batch}


def _anew(tenant: Tenant, known: Collection[int], *, now: datetime) -> bool:
    """Every day of a business from its whole ledger; alarms once where that is not the balance."""
    found = _summed_or_each([tenant], since=lambda _tenant: None).get(tenant.schema_name)
    if found is None:
        return True  # its tables are being changed: the next round looks again
    agrees = found.change == found.balance
    with transaction.atomic(durable=True):
        # A late entry, or another time zone, may leave a day without any.
        DailyTotal.objects.filter(tenant=tenant).exclude(day__in=list(found.days)).delete()
        rows = _days(tenant, found, opening=0, now=now, agrees=agrees)
        # An account that says something without any entry is wrong today.
        nothing = DailyTotal(tenant=tenant, day=now.date(), agrees=agrees, refreshed_at=now)
        _write(rows if rows or agrees else [nothing])
    if not agrees and tenant.pk not in known:
        _alarm(tenant, found)
    return agrees


def _alarm(tenant: Tenant, found: Summed) -> None:
    """To the log and the operators; the pages of finance say it for as long as it is so."""
    log.error("totals.disagree", schema=tenant.schema_name, balance=found.balance, entries=found.change)
    letters.to_operators(
        subject=f"The ledger of {tenant.schema_name} and its balance differ",
        lines=[
            f"The entries add up to {found.change}, the account says {found.balance}.",
            "Nothing was changed. The pages of finance say it until both are the same.",
            addresses.public_url("/admin/finance/"),
        ],
    )


def disagreeing() -> list[Tenant]:
    """The businesses whose ledger and balance differ, as of the last sums; a partial index."""
    wrong = DailyTotal.objects.filter(agrees=False).values("tenant")
    return list(Tenant.objects.filter(pk__in=wrong).order_by("slug"))
