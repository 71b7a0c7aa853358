from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Credits")

    def ready(self) -> None:
        from billing import blueprint, low, notices, vendor_prices, watching
        from tenants import seeding

        blueprint.register()
        notices.register()
        watching.register(low.Warner())
        seeding.register(vendor_prices.update)
