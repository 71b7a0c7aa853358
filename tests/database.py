"""The test database: a copy of a template with the tables and two tenants in it.

The template is made once for one state of the migrations and stays on the test server, so a run
starts with one CREATE DATABASE. After a test that commits, the tables that it changed are filled as they
were; only where it changed the tables themselves (another tenant, a migration) is the whole database copied
again, which takes ten times as long.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import LiteralString

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
TENANTS = {"alpha": "Alpha Clinic", "beta": "Beta Bakery"}
Server = psycopg.Connection[tuple[object, ...]]

_OURS: LiteralString = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
# How many rows of each table were ever written. Exact when no other session is left to report its own.
_WRITTEN = f"""
SELECT nspname, relname, pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid)
  + pg_stat_get_tuples_deleted(c.oid)
FROM pg_class c JOIN pg_namespace space ON space.oid = relnamespace
WHERE relkind = 'r' AND {_OURS} ORDER BY 1, 2
"""
# Columns, indexes, constraints, triggers and functions, as one number; a table that was truncated is another.
_SHAPE = f"""
WITH ours AS (SELECT oid FROM pg_namespace WHERE {_OURS}),
  relations AS (SELECT oid, relfilenode FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours))
SELECT sum(hashtextextended(part, 0)) FROM (
  SELECT oid::text FROM ours
  UNION ALL SELECT concat_ws(' ', oid, relfilenode) FROM relations
  UNION ALL SELECT concat_ws(' ', attrelid, attname, atttypid, atttypmod, attnotnull, attisdropped)
    FROM pg_attribute WHERE attrelid IN (SELECT oid FROM relations)
  UNION ALL SELECT concat_ws(' ', oid, convalidated) FROM pg_constraint
    WHERE connamespace IN (SELECT oid FROM ours)
  UNION ALL SELECT concat_ws(' ', oid, tgenabled) FROM pg_trigger
    WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM relations)
  UNION ALL SELECT concat_ws(' ', oid, prosrc) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
) AS parts(part)
"""
_SEQUENCES = "SELECT schemaname, sequencename, last_value FROM pg_sequences"
_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


def create() -> None:
    """Make this run's database."""
    template = f"template_{_state()}"
    with _server() as server:
        # Two runs that start together must not build the same template twice.
        server.execute("SELECT pg_advisory_lock(726)")
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            _build(server, template)
        _copy(server, template)
    _learn()


def restore() -> None:
    """Make the database as new, after a test that committed."""
    disconnect()
    if not _filled_again():
        with _server() as server:
            _copy(server, f"template_{_state()}")
        _learn()


@dataclass
class Fresh:
    """What the fresh database holds. `written` tells which tables were written to since."""

    shape: object
    sequences: set[tuple[object, ...]]
    rows: dict[tuple[str, str], bytes]
    written: dict[tuple[str, str], object]

    def fill(self, database: Server) -> None:
        """Give every table that was written to its rows again, and every sequence its number."""
        now = _written(database)
        with database.transaction():
            for table in [table for table, count in now.items() if count != self.written[table]]:
                self._fill_table(database, table)
            for schema, name, last in self.sequences - _sequences(database):
                place = sql.Identifier(str(schema), str(name)).as_string(database)
                database.execute("SELECT setval(%s, coalesce(%s, 1), %s)", [place, last, last is not None])
        self.written = _written(database)

    def _fill_table(self, database: Server, table: tuple[str, str]) -> None:
        name = sql.Identifier(*table)
        database.execute(sql.SQL("DELETE FROM {}").format(name))
        if self.rows[table]:
            with database.cursor() as cursor:
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as into:
                    into.write(self.rows[table])


_fresh: list[Fresh] = []


def _learn() -> None:
    with psycopg.connect(settings.TEST_DATABASE_URL, autocommit=True) as database:
        written = _written(database)
        rows = {table: _rows(database, table) for table in written}
        _fresh[:] = [Fresh(_shape(database), _sequences(database), rows, written)]


def _filled_again() -> bool:
    """Whether filling was enough: the tables themselves are as they were."""
    with psycopg.connect(settings.TEST_DATABASE_URL, autocommit=True) as database:
        while database.execute(_OTHERS).fetchall():
            pass
        if _shape(database) != _fresh[0].shape:
            return False
        try:
            database.execute("SET session_replication_role = replica")  # no triggers, no foreign keys
        except psycopg.errors.InsufficientPrivilege:
            return False
        _fresh[0].fill(database)
    return True


def _shape(database: Server) -> object:
    row = database.execute(_SHAPE).fetchone()
    return row[0] if row else None


def _sequences(database: Server) -> set[tuple[object, ...]]:
    return set(database.execute(_SEQUENCES).fetchall())


def _written(database: Server) -> dict[tuple[str, str], object]:
    database.execute("SELECT pg_stat_force_next_flush()")
    return {(str(s), str(name)): count for s, name, count in database.execute(_WRITTEN).fetchall()}


def _rows(database: Server, table: tuple[str, str]) -> bytes:
    with database.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*table))) as out:
            return b"".join(bytes(piece) for piece in out)


def drop() -> None:
    """Remove this run's database."""
    disconnect()
    with _server() as server:
        _drop(server, settings.DATABASE_NAME)


def disconnect() -> None:
    """Give up the connection and the pool behind it."""
    connection.close()
    connection.close_pool()


def _server() -> Server:
    return psycopg.connect(settings.SERVER_URL, autocommit=True)


def _copy(server: Server, template: str) -> None:
    _drop(server, settings.DATABASE_NAME)
    names = sql.Identifier(settings.DATABASE_NAME), sql.Identifier(template)
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(*names))


def _drop(server: Server, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _build(server: Server, template: str) -> None:
    """Migrate and make the tenants in this run's own database, then keep it under the template's name."""
    for (old,) in server.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%'"
    ).fetchall():
        _drop(server, str(old))
    _drop(server, settings.DATABASE_NAME)
    mine = sql.Identifier(settings.DATABASE_NAME)
    server.execute(sql.SQL("CREATE DATABASE {}").format(mine))
    call_command("migrate_schemas", interactive=False, verbosity=0)
    for slug, name in TENANTS.items():
        _make_tenant(slug, name)
    disconnect()
    server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(mine, sql.Identifier(template)))


def _make_tenant(slug: str, name: str) -> None:

    from tenants import provisioning

    provisioning.create(name=name, slug=slug, owner=None, language="en", timezone="UTC", now=timezone.now())


@cache
def _state() -> str:
    """A name for what the template is made from: every migration, and this file."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for app in [*settings.TENANT_APPS, "tenants"]:
        for path in sorted((ROOT / app).glob("**/migrations/*.py")) + sorted(
            (ROOT / app).glob("provisioning.py")
        ):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
