"""`apply -f business.yaml`: create or update a whole business from one file."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from tenants import blueprints
from tenants.models import ApiKey, Tenant


class Command(BaseCommand):
    requires_system_checks: list[str] = []
    help = "Create or update the business that a YAML file describes (docs/business-file.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("-f", "--file", required=True, type=Path, help="the business file")
        parser.add_argument("--check", action="store_true", help="show what would change, and change nothing")
        parser.add_argument("--json", action="store_true", help="print what a script needs to go on")
        parser.add_argument(
            "--issue-key", action="store_true", help="issue an API key and print it, this once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = blueprints.apply(options["file"], now=timezone.now(), check=options["check"])
        except blueprints.BlueprintError as error:
            raise CommandError(f"{error}\nNothing was changed.") from None
        report = dict(result.report)
        if options["issue_key"] and result.tenant is not None and not options["check"]:
            report["api_key"] = _issue(result.tenant)
        if options["json"]:
            report |= {"slug": result.slug, "created": result.created, "changes": result.changes}
            self.stdout.write(json.dumps(report, indent=2, ensure_ascii=False, default=str))
        else:
            self._tell(result, report, check=options["check"])

    def _tell(self, result: blueprints.Result, report: dict[str, Any], *, check: bool) -> None:
        for change in result.changes or ["nothing to change"]:
            self.stdout.write(f"  {change}")
        if not check:
            verb = "created" if result.created else "updated"
            self.stdout.write(self.style.SUCCESS(f"{result.slug}: {verb}, at {report['url']}"))
        if "api_key" in report:
            self.stdout.write(f"API key (shown this once): {report['api_key']}")


def _issue(tenant: Tenant) -> str:
    _key, secret = ApiKey.issue(tenant=tenant, name="issued by apply", scopes=None)
    return secret
