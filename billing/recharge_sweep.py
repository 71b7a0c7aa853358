"""Finds recharges that should have begun or ended by now: a task that was lost, a process that was killed."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice

from django.utils import timezone
from django_tenants.utils import schema_context
from psycopg import sql

from billing import recharging
from tenants.background import public_task, ring, ring_public
from tenants.db import connection
from tenants.models import PaymentCustomer, Tenant, TopUp

ALIVE = timedelta(minutes=2)  # longer than the vendor's answer takes
SCHEMAS_A_STATEMENT = 50
_DUE = sql.SQL("""
SELECT {schema} FROM {rules} AS rules, {accounts} AS account
WHERE rules.is_on AND account.id = 1 AND account.balance < rules.threshold AND account.owed = 0
  AND (rules.next_try_at IS NULL OR rules.next_try_at <= %(now)s)
""")


@public_task()
def sweep() -> None:
    """A beat's task."""
    now = timezone.now()
    for pk in unfinished(now=now):
        ring_public(finish, topup_id=pk)
    for schema in due(now=now):
        ring(recharging.recharge, schema=schema)


@public_task()
def finish(topup_id: int) -> None:
    """Bring one charge to its end."""
    topup = TopUp.objects.select_related("tenant").get(pk=topup_id)
    if topup.status in TopUp.OPEN:
        with schema_context(topup.tenant.schema_name):
            recharging.finish(topup, now=timezone.now())


def unfinished(*, now: datetime) -> list[int]:
    """The charges that nobody works on any more and whose end nobody knows; a partial index."""
    open_ones = TopUp.objects.filter(kind=TopUp.Kind.AUTO, status__in=TopUp.OPEN, created_at__lt=now - ALIVE)
    return list(open_ones.order_by("pk").values_list("pk", flat=True))


def due(*, now: datetime) -> list[str]:
    """The businesses with a saved card that wants charging, 50 in a statement; no others are looked at."""
    found: list[str] = []
    for batch in _batches(_with_card()):
        parts = [
            _DUE.format(
                schema=sql.Literal(schema),
                rules=sql.Identifier(schema, "billing_autorecharge"),
                accounts=sql.Identifier(schema, "billing_creditaccount"),
            )
            for schema in batch
        ]
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(parts), {"now": now})
            found += [schema for (schema,) in cursor.fetchall()]
    return found


def _with_card() -> list[str]:
    payers = PaymentCustomer.objects.exclude(consented_at=None).filter(
        frozen_at=None, tenant__status=Tenant.Status.READY
    )
    return list(payers.order_by("pk").values_list("tenant__schema_name", flat=True))


def _batches(schemas: Iterable[str]) -> Iterator[list[str]]:
    waiting = iter(schemas)
    while batch := list(islice(waiting, SCHEMAS_A_STATEMENT)):
        yield batch
