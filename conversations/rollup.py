"""How every business stands, counted once a minute into one row each: what the back office's lists show.

One statement counts many schemas at once, as the sweep does, so that a page over a thousand businesses asks
one table. Every count reads a partial index or a table that is small by its nature.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from django.db import ProgrammingError
from django.db.models import Count
from django.utils import timezone
from psycopg import sql

from tenants import failures
from tenants.background import public_task
from tenants.db import connection
from tenants.models import TaskFailure, Tenant, TenantState

log = structlog.get_logger(__name__)
SCHEMAS_A_STATEMENT = 50
LATELY = timedelta(days=7)  # what was not sent longer ago nobody sends any more
_COUNTED = (
    "waiting", "oldest_waiting_at", "urgent", "channels", "channels_down", "balance", "held",
    "incidents", "failed_messages", "unknown_messages", "parked_events", "parked_hooks", "failed_documents",
    "last_in_at", "last_answered_at",
)  # fmt: skip
_COUNT = sql.SQL("""
SELECT {name}, queue.waiting, queue.oldest, queue.urgent,
  ways.all_of_them, ways.down, coalesce(money.balance, 0), coalesce(money.held, 0),
  (SELECT count(*) FROM {incidents} WHERE cleared_at IS NULL),
  (SELECT count(*) FROM {messages} WHERE status = 'failed' AND created_at > %(lately)s),
  (SELECT count(*) FROM {messages} WHERE status = 'unknown' AND direction = 'out'),
  (SELECT count(*) FROM {events} WHERE status = 'parked'),
  (SELECT count(*) FROM {deliveries} WHERE status = 'parked' AND created_at > %(lately)s),
  (SELECT count(*) FROM {documents} WHERE status = 'failed'),
  ways.last_in, ways.last_answered
FROM (SELECT count(*) AS all_of_them, max(last_in_at) AS last_in, max(last_answered_at) AS last_answered,
    count(*) FILTER (WHERE is_active AND health = 'red') AS down
    FROM {channels} WHERE kind <> 'test') AS ways
  CROSS JOIN (SELECT count(*) AS waiting, min(waiting_since) AS oldest,
    count(*) FILTER (WHERE priority = 2) AS urgent
    FROM {conversations} AS one JOIN {channels} AS way ON way.id = one.channel_id
    WHERE one.handler = 'queue' AND one.status = 'open' AND way.kind <> 'test') AS queue
  LEFT JOIN {accounts} AS money ON money.id = 1
""")
_TABLES = {
    "conversations": "conversations_conversation",
    "channels": "conversations_channel",
    "messages": "conversations_message",
    "events": "conversations_webhookevent",
    "deliveries": "conversations_hookdelivery",
    "incidents": "conversations_incident",
    "documents": "knowledge_document",
    "accounts": "billing_creditaccount",
}


@public_task()
def refresh() -> None:
    """Count every business that has its tables, and forget failures of long ago."""
    now = timezone.now()
    refresh_all(now=now)
    failures.forget(now=now)


def refresh_all(*, now: datetime) -> int:
    """Write one TenantState for each business, many in one statement; returns how many."""
    made = Tenant.objects.exclude(status=Tenant.Status.PROVISIONING).order_by("pk")
    rows, done = made.values_list("schema_name", "pk"), 0
    failed = dict(
        TaskFailure.objects.filter(resolved_at=None)
        .values("schema")
        .annotate(n=Count("pk"))
        .values_list("schema", "n")
    )
    waiting = iter(list(rows))
    while batch := dict(islice(waiting, SCHEMAS_A_STATEMENT)):
        counted = _counted_or_each(list(batch), now=now)
        _keep(counted, batch, failed, now=now)
        done += len(counted)
    return done


def refresh_one(tenant: Tenant, *, now: datetime) -> None:
    """As `refresh_all`, for the business that somebody has just mended something of."""
    failed = TaskFailure.objects.filter(resolved_at=None, schema=tenant.schema_name).count()
    schemas = {tenant.schema_name: tenant.pk}
    _keep(_counted(list(schemas), now=now), schemas, {tenant.schema_name: failed}, now=now)


def _counted_or_each(schemas: Sequence[str], *, now: datetime) -> list[tuple[Any, ...]]:
    """Together; one by one where one cannot be counted, as while its tables are changed."""
    try:
        return _counted(schemas, now=now)
    except ProgrammingError as error:
        log.warning("rollup.batch_failed", error=type(error).__name__)
    found = []
    for schema in schemas:
        try:
            found += _counted([schema], now=now)
        except ProgrammingError as error:
            log.warning("rollup.tenant_failed", schema=schema, error=type(error).__name__)
    return found


def _counted(schemas: Sequence[str], *, now: datetime) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(_looks(schemas)), {"lately": now - LATELY})
        return list(cursor.fetchall())


def _looks(schemas: Sequence[str]) -> Iterator[sql.Composed]:
    for schema in schemas:
        names = {key: sql.Identifier(schema, table) for key, table in _TABLES.items()}
        yield sql.SQL("({})").format(_COUNT.format(name=sql.Literal(schema), **names))


def _keep(
    counted: Sequence[tuple[Any, ...]], ids: dict[str, int], failed: dict[str, int], *, now: datetime
) -> None:
    states = []
    for schema, *values in counted:
        state = TenantState(tenant_id=ids[schema], refreshed_at=now, failed_tasks=failed.get(schema, 0))
        for name, value in zip(_COUNTED, values, strict=True):
            setattr(state, name, value)
        moments = [one for one in (state.last_in_at, state.last_answered_at) if one]
        state.last_activity_at = max(moments, default=None)
        states.append(state)
    written = [*_COUNTED, "failed_tasks", "last_activity_at", "refreshed_at"]
    TenantState.objects.bulk_create(
        states, update_conflicts=True, unique_fields=["tenant"], update_fields=written
    )
