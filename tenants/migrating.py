"""Bring every schema up to date: public, then the template, then only the tenants that lack something.

What a tenant lacks is read from all schemas' django_migrations in one statement, so nothing to do costs
nothing for each tenant, and a run that was killed goes on where it stopped.
"""

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from django_tenants.utils import schema_context

from tenants import provisioning, template
from tenants.child import begin
from tenants.db import connection

AT_ONCE = 200  # schemas read by one statement: each costs two locks
WORTH_A_PROCESS = 4
Key = tuple[str, str]
Plan = list[tuple[Migration, bool]]


@dataclass(frozen=True)
class Outcome:
    """How the migration of one schema ended; an empty error is success."""

    schema: str
    error: str = ""


def tenant_migrations() -> frozenset[Key]:
    """Every migration of an app whose tables a tenant has."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return frozenset(key for key in loader.disk_migrations if key[0] in settings.TENANT_APPS)


class PublicExecutor(MigrationExecutor):
    """Migrates the public schema, where a business's tables are not made: their migrations are only noted.

    Django would walk through each of them operation by operation, for nothing and for long.
    """

    def _migrate_all_forwards(
        self,
        state: ProjectState,
        plan: Plan,
        full_plan: Plan,
        fake: bool,
        fake_initial: bool,
    ) -> ProjectState:
        ours, theirs = _parted(plan)
        state = super()._migrate_all_forwards(  # type: ignore[misc]
            state, ours, _parted(full_plan)[0], fake=fake, fake_initial=fake_initial
        )
        state.__dict__.pop("apps", None)  # with rendered models each step would render them again
        for migration, _backwards in theirs:
            migration.mutate_state(state, preserve=False)
            for app, name in migration.replaces or [(migration.app_label, migration.name)]:
                self.recorder.record_applied(app, name)
        return state


def _parted(plan: Plan) -> tuple[Plan, Plan]:
    """The migrations of shared apps, and those of apps whose tables only a tenant has."""
    theirs = [step for step in plan if step[0].app_label in settings.TENANT_APPS]
    return [step for step in plan if step not in theirs], theirs


def ensure_template() -> None:
    """Make the template schema and bring it up to date; no business is made meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {template.SCHEMA}")
    if lacking([template.SCHEMA]):
        migrate(template.SCHEMA)
    with transaction.atomic():
        # Businesses that began from the older template are complete once we hold the lock, so the list of
        # tenants read next has them.
        provisioning.lock()


def lacking(schemas: Iterable[str]) -> list[str]:
    """Those of the schemas that do not have every migration of the tenants' apps, in their order."""
    wanted = tenant_migrations()
    names = list(schemas)
    applied: dict[str, frozenset[Key]] = {}
    for start in range(0, len(names), AT_ONCE):
        applied |= _applied(names[start : start + AT_ONCE])
    return [name for name in names if not wanted <= applied.get(name, frozenset())]


def _applied(schemas: list[str]) -> dict[str, frozenset[Key]]:
    """The tenants' migrations that each schema has; a schema without the table is left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid "
            "WHERE c.relname = 'django_migrations' AND n.nspname = ANY(%s)",
            [schemas],
        )
        present = [row[0] for row in cursor.fetchall()]
        if not present:
            return {}
        rows = "coalesce(array_agg(app || '.' || name) FILTER (WHERE app = ANY(%s)), '{}')"
        query = " UNION ALL ".join(
            f"SELECT '{name}', {rows} FROM {connection.ops.quote_name(name)}.django_migrations"
            for name in present
        )
        cursor.execute(query, [settings.TENANT_APPS] * len(present))
        return {name: frozenset(_key(entry) for entry in entries) for name, entries in cursor.fetchall()}


def _key(entry: str) -> Key:
    app, _dot, name = entry.partition(".")
    return app, name


def migrate(schema: str) -> None:
    """Apply what one tenant's schema lacks, each migration in its own transaction."""
    with schema_context(schema):
        connection.set_schema(schema, include_public=False)
        # Only now: with public on the search path its table would be found, and no tenant's made.
        MigrationRecorder(connection).ensure_schema()
        connection.set_schema(schema)
        executor = MigrationExecutor(connection)
        targets = [key for key in executor.loader.graph.leaf_nodes() if key[0] in settings.TENANT_APPS]
        executor.migrate(targets)


def migrate_all(schemas: list[str], *, processes: int) -> Iterator[Outcome]:
    """Migrate schemas, several at once, and tell each end as it comes; a failure stops no other."""
    if processes < 2 or len(schemas) < WORTH_A_PROCESS:
        yield from map(_attempt, schemas)
        return
    # Spawned, not forked: a connection pool has threads, and those do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=begin, initargs=(sys.path,)) as pool:
        waiting = [pool.submit(_attempt, schema) for schema in schemas]
        for future in as_completed(waiting):
            yield future.result()


def _attempt(schema: str) -> Outcome:
    try:
        migrate(schema)
    except Exception as error:
        return Outcome(schema, f"{type(error).__name__}: {error}".strip())
    finally:
        connection.set_schema_to_public()
    return Outcome(schema)


def report(outcomes: Iterator[Outcome], *, total: int, write: Callable[[str], None]) -> list[Outcome]:
    """Write a line for each schema as it ends; returns the failures."""
    failed = []
    for number, outcome in enumerate(outcomes, 1):
        write(f"[{number}/{total}] {outcome.schema}: {outcome.error or 'up to date'}")
        if outcome.error:
            failed.append(outcome)
    return failed
