"""A price for every business at once, and for those that are still to come (the template schema has it, too).

A business may have had another price set for it alone, from the same moment on: that one stays.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from django.db import transaction
from django_tenants.utils import schema_context
from psycopg import sql

from billing.models import Price
from tenants import audit, provisioning
from tenants.db import connection
from tenants.models import Tenant, User
from tenants.template import SCHEMA as TEMPLATE

SCHEMAS_A_STATEMENT = 50


def current() -> list[Price]:
    """What new businesses begin with, and what is to come: of each model the newest last."""
    with schema_context(TEMPLATE):
        return list(Price.objects.order_by("model", "effective_from"))


@transaction.atomic(durable=True)
def for_everybody(price: Price, *, actor: User) -> int:
    """Write this (unsaved) price down for every business; for how many it is new. All of them, or none."""
    with schema_context("public"):
        provisioning.lock()  # none is made meanwhile, that would miss it
        schemas = [TEMPLATE, *Tenant.objects.order_by("pk").values_list("schema_name", flat=True)]
        made = sum(_write(some, price) for some in _batches(_there(schemas)))
        audit.record("price.set_everywhere", actor=actor, target=str(price), businesses=made)
    return made


def _batches(schemas: Sequence[str]) -> Iterator[list[str]]:
    waiting = iter(schemas)
    while some := list(islice(waiting, SCHEMAS_A_STATEMENT)):
        yield some


def _there(schemas: Sequence[str]) -> list[str]:
    """Those that have tables by now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'billing_price'")
        known = {schema for (schema,) in cursor.fetchall()}
    return [schema for schema in schemas if schema in known]


def _write(schemas: Sequence[str], price: Price) -> int:
    names = [str(field.column) for field in Price._meta.concrete_fields if not field.primary_key]
    values = sql.SQL(", ").join([sql.Literal(getattr(price, name)) for name in names])
    columns = sql.SQL(", ").join([sql.Identifier(name) for name in names])
    inserts = [
        sql.SQL(
            "w{n} AS (INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING RETURNING 1)"
        ).format(
            n=sql.SQL(str(n)),
            table=sql.Identifier(schema, "billing_price"),
            columns=columns,
            values=values,
        )
        for n, schema in enumerate(schemas)
    ]
    counted = sql.SQL(" + ").join(
        sql.SQL("(SELECT count(*) FROM w{n})").format(n=sql.SQL(str(n))) for n in range(len(schemas))
    )
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("WITH ") + sql.SQL(", ").join(inserts) + sql.SQL(" SELECT ") + counted)
        return int(cursor.fetchone()[0])
