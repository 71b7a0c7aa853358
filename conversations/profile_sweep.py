"""Find customers whose talk has ended, and once a night put right what was missed.

One statement looks at many schemas at once; only a business that remembers somebody is visited.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice

import structlog
from django.utils import timezone
from django_tenants.utils import schema_context
from psycopg import sql

from conversations import profiles
from tenants.background import public_task, ready_schemas, ring
from tenants.db import connection

log = structlog.get_logger(__name__)
SCHEMAS_A_STATEMENT = 50

_DUE = sql.SQL("""
SELECT {name} WHERE EXISTS (SELECT FROM {profiles} WHERE due_at <= %(now)s)
 OR EXISTS (SELECT FROM {profiles} AS profile
   JOIN {conversations} AS talk ON talk.contact_id = profile.contact_id
   WHERE profile.due_at IS NULL AND talk.last_message_at < %(silent)s AND EXISTS (
     SELECT FROM {messages} AS said WHERE said.conversation_id = talk.id AND said.id > profile.read_until))
""")
_ANY = sql.SQL("SELECT {name} WHERE EXISTS (SELECT FROM {profiles})")
_TABLES = {
    "profiles": "conversations_contactprofile",
    "conversations": "conversations_conversation",
    "messages": "conversations_message",
}


@public_task()
def sweep() -> None:
    """Ring for the customers who have said something and are silent now."""
    now = timezone.now()
    _visit(_DUE, _ring, now=now)


@public_task()
def repair() -> None:
    """Every night: drop what may not be kept, renew what is old."""
    now = timezone.now()
    _visit(_ANY, lambda now: profiles.repair(now=now), now=now)


def _ring(now: datetime) -> None:
    schema = connection.schema_name
    for pk in profiles.plan(now=now):
        ring(profiles.write, schema=schema, contact_id=pk)


def _visit(which: sql.SQL, do: Callable[[datetime], None], *, now: datetime) -> None:
    for schema in _schemas(which, now=now):
        try:
            with schema_context(schema):
                do(now)
        except Exception:
            log.exception("profiles.tenant_failed", schema=schema)  # the others must not wait for it


def _schemas(which: sql.SQL, *, now: datetime) -> list[str]:
    schemas, found = iter(ready_schemas()), []
    moments = {"now": now, "silent": now - profiles.SILENCE}
    while batch := list(islice(schemas, SCHEMAS_A_STATEMENT)):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(_looks(which, batch)), moments)
            found += [name for (name,) in cursor.fetchall()]
    return found


def _looks(which: sql.SQL, schemas: Sequence[str]) -> Iterator[sql.Composed]:
    for schema in schemas:
        names = {key: sql.Identifier(schema, table) for key, table in _TABLES.items()}
        yield which.format(name=sql.Literal(schema), **names)
