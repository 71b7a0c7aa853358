"""A PostgreSQL of its own with an empty product in it, for benchmarks that stay within this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import measure
from config import embedded, env


@contextmanager
def product(name: str) -> Iterator[Path]:
    """Django set up over a database without a past; its folder. The server ends with the block."""
    data = env.data_dir() / name
    measure.progress("server and tables")
    os.environ["DATABASE_URL"] = _empty(data)
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate_schemas", verbosity=0, interactive=False)
        yield data
        from django.db import connection

        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
    finally:
        embedded.stop_postgres(data)


def business(slug: str) -> str:
    """The schema of a new business."""
    from django.utils import timezone

    from tenants import provisioning

    return str(provisioning.create(name=slug, slug=slug, owner=None, now=timezone.now()).schema_name)


def _empty(data: Path) -> str:
    url = embedded.start_postgres(data, shared_buffers="1GB")
    with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {embedded.DATABASE} WITH (FORCE)")
    return embedded.start_postgres(data)
