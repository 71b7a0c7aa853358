from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Credits")

    def ready(self) -> None:
        from billing import (
            blueprint,
            keeping,
            low,
            notices,
            payers,
            payment_notices,
            recharging,
            topups,
            vendor_prices,
            watching,
        )
        from tenants import deletion, seeding

        blueprint.register()
        deletion.register(keeping.Keeper())
        notices.register()
        payment_notices.register()
        payers.on_card_gone(recharging.card_gone)
        topups.on_closed(recharging.closed)
        watching.register(low.Warner())
        watching.register(recharging.Recharger())
        seeding.register(vendor_prices.update)
