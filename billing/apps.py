from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Credits")

    def ready(self) -> None:
        from billing import blueprint, vendor_prices
        from tenants import seeding

        blueprint.register()
        seeding.register(vendor_prices.update)
