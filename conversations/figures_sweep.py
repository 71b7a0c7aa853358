"""Keep the numbers counted: businesses in which something was said since, and once a day all last days.

One statement looks at many schemas at once; only a tenant that has something to count is visited.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from django.utils import timezone
from psycopg import sql

from conversations import talks, team_phones, themes
from tenants.background import public_task, ready_schemas, ring, task
from tenants.db import connection

SCHEMAS_A_STATEMENT = 50
REPAIRED_EVERY = timedelta(hours=24)

# What was said since the last count; a day since the last repair, and something was counted since then.
_DUE = sql.SQL("""
SELECT {name}, EXISTS (
  SELECT FROM {state} WHERE counted_until > coalesce(repaired_at, '-infinity') + %(a_day)s
) WHERE EXISTS (
  SELECT FROM {conversations} WHERE last_message_at > coalesce(
    (SELECT counted_until FROM {state}), '-infinity'::timestamptz))
 OR EXISTS (SELECT FROM {talks} WHERE themed_at IS NULL AND started_at > %(themed)s)
 OR EXISTS (SELECT FROM {actions} WHERE used_at < %(late)s AND done_at IS NULL)
""")


@task()
def count() -> None:
    """Count this business's talks, find their topics, and do what was tapped and not done."""
    now = timezone.now()
    talks.refresh(now=now)
    for pk in team_phones.due(now=now):
        team_phones.do(pk, now=now)
    themes.sort.run()


@task()
def repair() -> None:
    """Count the last days anew."""
    talks.repair(now=timezone.now())


@public_task()
def sweep() -> None:
    """Ring for every business in which there is something to count."""
    for schema, is_stale in due(now=timezone.now()):
        ring(count, schema=schema)
        if is_stale:
            ring(repair, schema=schema)


def due(*, now: datetime) -> list[tuple[str, bool]]:
    """The schemas to visit, and whether their last days are to be made anew."""
    schemas, found = iter(ready_schemas()), []
    values = {"a_day": REPAIRED_EVERY, "themed": now - themes.LOOKED_BACK, "late": now - team_phones.LOST}
    while batch := list(islice(schemas, SCHEMAS_A_STATEMENT)):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(_looks(batch)), values)
            found += [(name, is_stale) for name, is_stale in cursor.fetchall()]
    return found


def _looks(schemas: Sequence[str]) -> Iterator[sql.Composed]:
    tables = {
        "state": "conversations_figurestate",
        "conversations": "conversations_conversation",
        "talks": "conversations_talk",
        "actions": "conversations_teamaction",
    }
    for schema in schemas:
        names = {key: sql.Identifier(schema, table) for key, table in tables.items()}
        yield _DUE.format(name=sql.Literal(schema), **names)
