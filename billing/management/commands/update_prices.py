"""`manage.py update_prices`: what vendors take for their models, as the installed price package says."""

from typing import Any

from django.core.management.base import BaseCommand

from billing import vendor_prices


class Command(BaseCommand):
    help = "Take over vendors' prices from the installed price package; what has changed holds from now on."

    def handle(self, *args: Any, **options: Any) -> None:
        new = vendor_prices.update()
        self.stdout.write(f"{new} new prices." if new else "Every price is known.")
