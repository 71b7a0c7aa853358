"""`migrate_schemas`: public first, the template second, then the tenants that lack something."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management import call_command, load_command_class
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.autodetector import MigrationAutodetector
from django_tenants.utils import schema_context

from tenants import guard, migrating, seeding
from tenants.models import Tenant

LOCK = 7_260_002  # one run at a time


class Command(BaseCommand):
    help = (
        "Bring the public schema, the template and every business up to date. Can be stopped and run again."
    )
    autodetector = MigrationAutodetector  # Django's check of its commands asks for it
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--processes", type=int, default=min(4, os.cpu_count() or 1), help="how many tenants at once"
        )
        parser.add_argument("--check", action="store_true", help="list what is behind; exit 1 if anything is")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive")

    def handle(self, *args: Any, **options: Any) -> None:
        guard.refuse_transaction_pooling()
        if options["check"]:
            return self._check()
        self._lock()
        try:
            self._run(options["processes"], verbosity=options["verbosity"])
        finally:
            self._unlock()

    def _run(self, processes: int, *, verbosity: int) -> None:
        self._public(verbosity)
        migrating.ensure_template()
        behind = migrating.lacking(_schemas())
        if verbosity and not behind:
            self.stdout.write("Every business is up to date.")
        outcomes = migrating.migrate_all(behind, processes=processes)
        write = self._say if verbosity else lambda line: None
        failed = migrating.report(outcomes, total=len(behind), write=write)
        if failed:
            names = ", ".join(outcome.schema for outcome in failed)
            raise CommandError(f"{len(failed)} of {len(behind)} could not be migrated: {names}")

    def _say(self, line: str) -> None:
        """Progress is for who watches: it must not wait in a buffer."""
        self.stdout.write(line)
        self.stdout.flush()

    def _public(self, verbosity: int) -> None:
        with schema_context("public"):
            # Django's own command, by its app: "migrate" by name is this very command's alias.
            command = load_command_class("django.core", "migrate")
            module = vars(migrate)  # that command takes its executor from its module, and from nowhere else
            djangos, module["MigrationExecutor"] = module["MigrationExecutor"], migrating.PublicExecutor
            try:
                call_command(command, interactive=False, verbosity=verbosity)
            finally:
                module["MigrationExecutor"] = djangos
        seeding.fill()

    def _check(self) -> None:
        behind = migrating.lacking([migrating.template.SCHEMA, *_schemas()])
        if behind:
            raise CommandError(f"{len(behind)} behind: {', '.join(behind)}")
        self.stdout.write("Every business is up to date.")

    def _lock(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
            if not cursor.fetchone()[0]:
                self.stdout.write("Another run is at work; waiting for it.")
                cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])

    def _unlock(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _schemas() -> list[str]:
    return list(Tenant.objects.order_by("pk").values_list("schema_name", flat=True))
