"""`export SLUG`: write a business as the YAML that `apply` reads, without secrets."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants import blueprints
from tenants.models import Tenant


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Print a business as a YAML file; secrets become references to the environment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the business's address")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = Tenant.objects.filter(slug=options["slug"]).first()
        if tenant is None:
            raise CommandError(f"There is no business “{options['slug']}”.")
        self.stdout.write(blueprints.export(tenant, now=timezone.now()), ending="")
