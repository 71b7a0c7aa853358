"""`delete_tenant SLUG --reason …`: remove a business with its schema, files, keys, hosts and webhooks."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants import deletion
from tenants.models import Tenant


class Command(BaseCommand):
    help = "Delete a business for good. Asks for its address again, unless --noinput."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the business's address")
        parser.add_argument("--reason", required=True, help="why; kept in the audit")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive")

    def handle(self, *args: Any, **options: Any) -> None:
        slug = options["slug"]
        tenant = Tenant.objects.filter(slug=slug).first()
        if tenant is None:
            raise CommandError(f"There is no business “{slug}”.")
        if options["interactive"] and input(f"Type {slug} again to delete it for good: ") != slug:
            raise CommandError("Nothing was deleted.")
        try:
            deletion.delete(tenant, actor=None, reason=options["reason"], now=timezone.now())
        except deletion.NotKept as error:
            raise CommandError(f"Nothing was dropped, as its ledger is not kept: {error}") from error
        self.stdout.write(self.style.SUCCESS(f"{slug} is deleted."))
