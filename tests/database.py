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
_TABLES: LiteralString = f"""
SELECT nspname, relname FROM pg_class c JOIN pg_namespace space ON space.oid = relnamespace
WHERE relkind = 'r' AND {_OURS} ORDER BY 1, 2
"""
# Whatever makes, alters, truncates or drops something writes or removes rows here.
_SHAPE: LiteralString = """
SELECT (SELECT (count(*), max(xmin::text::bigint), sum(relfilenode::bigint))::text FROM pg_class),
  (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_attribute),
  (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_constraint),
  (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
  (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_proc),
  (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_namespace)
"""
_SEQUENCES: LiteralString = "SELECT schemaname, sequencename, last_value FROM pg_sequences"
_CLIENTS: LiteralString = """
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# Who is at rest, and keeps nothing for itself, may stay.
_BUSY: LiteralString = f"""
SELECT count(*), count(*) FILTER (WHERE state <> 'idle' OR pid IN (SELECT pid FROM pg_locks)) {_CLIENTS}
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
    if not _everybody_rests():
        disconnect()
        while _keeper().execute(f"SELECT pg_terminate_backend(pid, 5000) {_CLIENTS}").fetchall():
            pass
    if not _filled_again():
        disconnect()
        with _server() as server:
            _copy(server, f"template_{_state()}")
        _learn()


def _everybody_rests() -> bool:
    """Whether all who are connected are this process's own pool, with nothing under way.

    They stay: a backend that knows the tables already saves the next test a tenth of a second.
    """
    connection.close()
    pool = connection.pool
    if pool is None:
        return False
    stats = pool.get_stats()
    row = _keeper().execute(_BUSY).fetchone()
    return stats["pool_available"] == stats["pool_size"] and row == (stats["pool_size"], 0)


@dataclass
class Fresh:
    """What the fresh database holds. `look` selects the numbers of those tables that hold something else."""

    shape: object
    sequences: set[tuple[object, ...]]
    rows: dict[tuple[str, str], bytes]
    look: sql.Composed

    def fill(self, database: Server) -> None:
        """Give every table that holds something else its rows again, and every sequence its number."""
        tables = list(self.rows)
        changed = [tables[int(str(number))] for (number,) in database.execute(self.look, prepare=True)]
        with database.transaction():
            for table in changed:
                self._fill_table(database, table)
            for schema, name, last in self.sequences - _sequences(database):
                place = sql.Identifier(str(schema), str(name)).as_string(database)
                database.execute("SELECT setval(%s, coalesce(%s, 1), %s)", [place, last, last is not None])

    def _fill_table(self, database: Server, table: tuple[str, str]) -> None:
        name = sql.Identifier(*table)
        database.execute(sql.SQL("DELETE FROM {}").format(name))
        if self.rows[table]:
            with database.cursor() as cursor:
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as into:
                    into.write(self.rows[table])


_fresh: list[Fresh] = []
_kept: list[Server] = []


def _keeper() -> Server:
    """The connection that looks after the database of this run; a new one where a test has cut it."""
    if _kept and not _is_alive(_kept[0]):
        _let_go()
    if not _kept:
        _kept.append(psycopg.connect(settings.TEST_DATABASE_URL, autocommit=True))
    return _kept[0]


def _is_alive(server: Server) -> bool:
    try:
        server.execute("SELECT")
    except psycopg.OperationalError:
        return False
    return True


def _let_go() -> None:
    while _kept:
        _kept.pop().close()


def _learn() -> None:
    database = _keeper()
    tables = [(str(schema), str(name)) for schema, name in database.execute(_TABLES).fetchall()]
    rows = {table: _rows(database, table) for table in tables}
    look = _look(database, rows)
    _fresh[:] = [Fresh(_shape(database), _sequences(database), rows, look)]


_SUM = sql.SQL("(SELECT sum(hashtextextended(whole_row::text, 0)) FROM {} AS whole_row)")


def _look(database: Server, rows: dict[tuple[str, str], bytes]) -> sql.Composed:
    looks = []
    for number, (table, held) in enumerate(rows.items()):
        name = sql.Identifier(*table)
        if held:
            row = database.execute(sql.SQL("SELECT {}").format(_SUM.format(name))).fetchone()
            differs = sql.SQL("{} IS DISTINCT FROM {}").format(_SUM.format(name), sql.Literal(row and row[0]))
        else:
            differs = sql.SQL("EXISTS (SELECT FROM {})").format(name)
        looks.append(sql.SQL("SELECT {} WHERE {}").format(sql.Literal(number), differs))
    return sql.SQL(" UNION ALL ").join(looks)


def _filled_again() -> bool:
    """Whether filling was enough: the tables themselves are as they were."""
    database = _keeper()
    if _shape(database) != _fresh[0].shape:
        return False
    try:
        database.execute("SET session_replication_role = replica")  # no triggers, no foreign keys
    except psycopg.errors.InsufficientPrivilege:
        return False
    _fresh[0].fill(database)
    return True


def _shape(database: Server) -> object:
    return database.execute(_SHAPE).fetchone()


def _sequences(database: Server) -> set[tuple[object, ...]]:
    return set(database.execute(_SEQUENCES).fetchall())


def _rows(database: Server, table: tuple[str, str]) -> bytes:
    with database.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(*table))) as out:
            return b"".join(bytes(piece) for piece in out)


def drop() -> None:
    """Remove this run's database."""
    disconnect()
    _let_go()
    with _server() as server:
        _drop(server, settings.DATABASE_NAME)


def disconnect() -> None:
    """Give up the connections and the pool behind them."""
    connection.close()
    connection.close_pool()


def _server() -> Server:
    return psycopg.connect(settings.SERVER_URL, autocommit=True)


def _copy(server: Server, template: str) -> None:
    _let_go()
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
