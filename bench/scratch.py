"""A PostgreSQL of its own with an empty product in it, for benchmarks that stay within this process."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import measure
from bench.stack import ROOT, free_port, wait_until
from config import embedded, env


@contextmanager
def product(name: str, *, cache: bool = False) -> Iterator[Path]:
    """Django set up over a database without a past; its folder. The servers end with the block.

    Without `cache` there is no Redis behind it, and what asks for one fails.
    """
    data = env.data_dir() / name
    measure.progress("server and tables")
    os.environ["DATABASE_URL"] = _empty(data)
    if cache:
        os.environ["REDIS_URL"] = embedded.start_valkey(data)
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
        if cache:
            embedded.stop_valkey(data)
        embedded.stop_postgres(data)


@contextmanager
def embedder() -> Iterator[str]:
    """The URL of an embedding process, which the product of this block uses."""
    from django.conf import settings

    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.embedding_server", "--port", url.rpartition(":")[2]],
        cwd=ROOT,
        preexec_fn=embedded.die_with_parent(signal.SIGKILL),
    )
    try:
        wait_until(
            lambda: urllib.request.urlopen(f"{url}/health", timeout=1),
            seconds=90,
            what="no embedder",
            every=0.2,
        )
        settings.EMBEDDING_URL = url
        yield url
    finally:
        process.terminate()
        process.wait(10)


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
