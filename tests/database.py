"""The test database: a copy of a template with the tables and two tenants in it.

The template is made once for one state of the migrations and stays on the test server, so a run
starts with one CREATE DATABASE. A test that commits leaves a fresh copy behind.
"""

import hashlib
from pathlib import Path

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from psycopg import sql

ROOT = Path(__file__).resolve().parent.parent
TENANTS = {"alpha": "Alpha Clinic", "beta": "Beta Bakery"}


def create() -> None:
    """Make this run's database."""
    template = f"template_{_state()}"
    with _server() as server:
        # Two runs that start together must not build the same template twice.
        server.execute("SELECT pg_advisory_lock(726)")
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone():
            _build(server, template)
        _copy(server, template)


def restore() -> None:
    """Replace the database by a fresh copy, after a test that committed."""
    disconnect()
    with _server() as server:
        _copy(server, f"template_{_state()}")


def drop() -> None:
    """Remove this run's database."""
    disconnect()
    with _server() as server:
        _drop(server, settings.DATABASE_NAME)


def disconnect() -> None:
    """Give up the connection and the pool behind it."""
    connection.close()
    connection.close_pool()


def _server() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(settings.SERVER_URL, autocommit=True)


def _copy(server: psycopg.Connection[tuple[object, ...]], template: str) -> None:
    _drop(server, settings.DATABASE_NAME)
    names = sql.Identifier(settings.DATABASE_NAME), sql.Identifier(template)
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(*names))


def _drop(server: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _build(server: psycopg.Connection[tuple[object, ...]], template: str) -> None:
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


def _state() -> str:
    """A name for what the template is made from: every migration, and this file."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for app in [*settings.TENANT_APPS, "tenants"]:
        for path in sorted((ROOT / app).glob("**/migrations/*.py")) + sorted(
            (ROOT / app).glob("provisioning.py")
        ):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
