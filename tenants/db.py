"""The database connection as django-tenants makes it: it knows `schema_name`, `tenant` and `set_tenant`."""

from collections.abc import Mapping
from typing import Any, Self

import psycopg
from django.db import connection as _connection

# Any, because django-tenants has no types and Django's own do not know what it adds.
connection: Any = _connection


class _Kept(psycopg.Cursor[Any]):
    """Its statements are planned once a connection and kept there (psycopg keeps the last hundred)."""

    def execute(self, query: Any, params: Any = None, **_options: Any) -> Self:
        session = self.connection
        usual, session.prepare_threshold = session.prepare_threshold, 0  # Django's own are not kept
        try:
            return super().execute(query, params, prepare=True)
        finally:
            session.prepare_threshold = usual


def kept(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Rows of a statement that takes longer to plan than to run: it is planned once for each business.

    Its columns are named one by one (a kept plan must not change what it gives), and each value always comes
    in the same type. Seen and counted as Django's own statements are.
    """
    # A plan is made anew wherever the search path is another one: each business has a text of its own.
    own = f"/* {connection.schema_name} */ {statement}"
    with connection.cursor() as cursor:  # enters the business's schema
        cursor.cursor = _Kept(cursor.connection)
        cursor.execute(own, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
