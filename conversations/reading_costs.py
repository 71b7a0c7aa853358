"""Reading documents is paid by the page; `knowledge` knows no credits, so it asks here."""

import secrets
from datetime import datetime

from django.utils import timezone, translation
from django.utils.translation import gettext as _

from billing import credits, pricing, usage
from billing.models import LedgerEntry
from knowledge import metering
from providers import llm, registry
from tenants.current import tenant as current_tenant

EVERYTHING = "*"  # pages have no model


class Credits:
    """The business's own account, as `knowledge.metering` wants it."""

    def price(self, pages: int) -> int:
        return pricing.reading_cost(credits.price_for(EVERYTHING, at=timezone.now()), pages)

    def check(self, pages: int) -> None:
        try:
            credits.check(amount=self.price(pages), now=timezone.now())
        except credits.InsufficientCredits as error:
            raise _not_enough(error) from error

    def charge(self, document_id: int, pages: int, now: datetime, *, version: str) -> int:
        price = credits.price_for(EVERYTHING, at=now)
        cost, key = pricing.reading_cost(price, pages), f"reading:{document_id}:{version[:32]}"
        with translation.override(current_tenant().language):
            reason = _("document read")
        kind = LedgerEntry.Kind.READING
        try:
            new = credits.spend(kind=kind, amount=cost, key=key, reason=reason, now=now)
        except credits.InsufficientCredits as error:
            raise _not_enough(error) from error
        if new:
            usage.of_reading(key=key, pages=pages, cost=cost, price=price, now=now)
        return cost if new else 0

    def embedded(self, *, vendor: str, base_url: str | None, model: str, characters: int) -> None:
        """On record with its vendor's price, at no credits: pages are what is paid. Tokens are estimated."""
        now = timezone.now()
        tokens = llm.Usage(input_tokens=-(-characters // pricing.CHARACTERS_A_TOKEN), exact=False)
        usage.of_tokens(
            key=f"embedding:{secrets.token_hex(12)}",
            model=model,
            tokens=tokens,
            cost=0,
            price=credits.price_for(model, at=now),
            price_list=registry.price_list(vendor, base_url),
            now=now,
        )


def _not_enough(error: credits.InsufficientCredits) -> metering.NotEnough:
    is_limit = isinstance(error, credits.LimitReached)
    return metering.OverLimit(str(error)) if is_limit else metering.NotEnough(str(error))


def register() -> None:
    metering.register(Credits())
