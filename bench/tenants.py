"""What a business costs: `python -m bench.tenants` prints JSON.

Creation by the product beside the bare replay of the same DDL and beside Django's migrations, in turn on one
server; business 300 beside business 10; what one backend remembers after it has visited 300 of them; and how
long a migration of all takes that has nothing to do. `--short` is for CI.
"""

import argparse
import os
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg

from bench import measure
from config import embedded, env

HOME = "tenants"
_numbers = count(1)


def main() -> None:
    """Measure, and print one JSON object."""
    options = _options()
    many, each = (30, 3) if options.short else (300, 10)
    measure.progress("servers and the template")
    data = env.data_dir() / HOME
    os.environ["DATABASE_URL"] = _empty_database()
    os.environ.setdefault("REDIS_URL", "redis://127.0.0.1:1/0")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        import django

        django.setup()
        _prepare()
        print_all(many=many, each=each, rounds=1 if options.short else measure.ROUNDS)
    finally:
        embedded.stop_postgres(data)


def print_all(*, many: int, each: int, rounds: int) -> None:
    """The measurements one after another; creation first, while the server is nearly empty."""
    creation = _creation(each=each, rounds=rounds)
    growth = _growth(many)
    measure.print_json(
        {
            "machine": measure.machine(),
            "creation": creation,
            "growth": growth,
            "sweep": _sweep(),
            "nothing_to_migrate": _nothing_to_migrate(),
        }
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="30 businesses instead of 300, one round")
    return parser.parse_args()


def _empty_database() -> str:
    data = env.data_dir() / HOME
    url = embedded.start_postgres(data)
    with psycopg.connect(url.rpartition("/")[0] + "/postgres", autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {embedded.DATABASE} WITH (FORCE)")
    return embedded.start_postgres(data)


def _prepare() -> None:
    from django.core.management import call_command

    call_command("migrate_schemas", verbosity=0, interactive=False)


# -- creation


def _creation(*, each: int, rounds: int) -> dict[str, Any]:
    """Milliseconds and CPU of one business by each way, and the ratios that count."""
    from tenants import template

    template.current()
    sides = {name: _timed(make, each) for name, make in _ways().items()}
    for side in sides.values():
        side()  # catalogue caches warm
    found = {
        name: measure.median_of(figures) for name, figures in measure.interleave(sides, rounds=rounds).items()
    }
    ratio = {
        f"{name}_to_raw": {
            key: round(found[name][key] / found["raw"][key], 2) for key in ("p50_ms", "cpu_ms")
        }
        for name in ("create", "migrate")
    }
    return found | {"relations": _relations(), "ratio": ratio}


def _ways() -> dict[str, Callable[[], None]]:
    return {"raw": _raw, "create": _create, "migrate": _migrate}


def _raw() -> None:
    """The same DDL and rows without the product around them: one schema, one statement, one commit."""
    from django.db import transaction

    from tenants import template

    with transaction.atomic():
        template.replay(f"raw{next(_numbers)}")


def _create() -> None:
    from django.utils import timezone

    from tenants import provisioning

    provisioning.create(name="Shop", slug=f"shop{next(_numbers)}", owner=None, now=timezone.now())


def _migrate() -> None:
    """As django-tenants would: every migration, one after another."""
    from tenants import migrating
    from tenants.db import connection

    schema = f"migrated{next(_numbers)}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
    migrating.migrate(schema)


def _timed(make: Callable[[], None], each: int) -> Callable[[], measure.Figures]:
    def run() -> measure.Figures:
        backend, durations = _backend(), []
        before = time.process_time() + measure._cpu(backend)
        for _number in range(each):
            started = time.perf_counter()
            make()
            durations.append(time.perf_counter() - started)
        spent = time.process_time() + measure._cpu(backend) - before
        return measure.milliseconds(durations) | {"cpu_ms": round(1000 * spent / each, 1)}

    return run


def _growth(many: int) -> dict[str, Any]:
    """Ten of the first businesses beside the last ten of so many, each ten on a connection of its own."""
    for _number in range(4):
        _create()
    early = _ten()
    for number in range(14, many - 10):
        _create()
        if number % 50 == 49:
            measure.progress(f"{number + 1} businesses")
    late = _ten()
    keys = ("p50_ms", "cpu_ms")
    ratio = {key: round(late[key] / early[key], 2) for key in keys}
    return {"businesses": many, "early": early, "late": late, "ratio": ratio}


def _ten() -> measure.Figures:
    from django.db import connection

    connection.close()
    connection.close_pool()
    _create()  # the new backend reads the catalogue
    return _timed(_create, 10)()


# -- visiting them


def _sweep() -> dict[str, float]:
    """Megabytes of one backend before and after it has read from every business, and of a new one."""
    from django.db import connection

    from tenants.models import Tenant

    schemas = list(Tenant.objects.order_by("pk").values_list("schema_name", flat=True))
    connection.close()
    connection.close_pool()
    before = _backend_mb()
    started = time.perf_counter()
    for schema in schemas:
        _visit(schema)
    seconds, after = time.perf_counter() - started, _backend_mb()
    connection.close()
    connection.close_pool()  # as the pool does by itself after DATABASE_POOL_LIFETIME
    return {
        "businesses": len(schemas),
        "before_mb": before,
        "after_mb": after,
        "mb_each": round((after - before) / len(schemas), 3),
        "ms_each": round(1000 * seconds / len(schemas), 2),
        "renewed_mb": _backend_mb(),
    }


def _visit(schema: str) -> None:
    """What a page of the dashboard and the sweeper read."""
    from django.apps import apps
    from django.conf import settings
    from django_tenants.utils import schema_context

    with schema_context(schema):
        for app in settings.TENANT_APPS:
            for model in apps.get_app_config(app).get_models():
                list(model._base_manager.order_by("pk")[:1])


def _backend_mb() -> float:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(total_bytes) FROM pg_backend_memory_contexts")
        return round(int(cursor.fetchone()[0]) / 2**20, 2)


def _nothing_to_migrate() -> dict[str, float]:
    """Seconds to find that no business lacks anything."""
    from tenants import migrating
    from tenants.models import Tenant

    schemas = list(Tenant.objects.order_by("pk").values_list("schema_name", flat=True))
    started = time.perf_counter()
    behind = migrating.lacking(schemas)
    assert not behind
    return {"businesses": len(schemas), "seconds": round(time.perf_counter() - started, 3)}


def _backend() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _relations() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'template'::regnamespace")
        return int(cursor.fetchone()[0])


if __name__ == "__main__":
    main()
