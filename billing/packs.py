"""What can be bought: packs at a price, and any amount at the rate of one of them."""

from collections.abc import Iterable
from dataclasses import dataclass

from tenants.models import Pack, Tenant, TopUp

LEAST, MOST = 50, 1_000_000  # credits of a free amount
USUAL = {"pt-br": "brl", "en": "usd", "es": "eur", "fr": "eur"}  # where a business has bought nothing yet


@dataclass(frozen=True, slots=True)
class Choice:
    """So many credits for so much money, without tax."""

    credits: int
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What is for sale in one currency; without a rate only packs."""

    currency: str
    packs: list[Pack]
    rate: Pack | None

    @property
    def least(self) -> int:
        """The least free amount."""
        return amount_for(LEAST, self.rate) if self.rate else 0

    @property
    def most(self) -> int:
        return amount_for(MOST, self.rate) if self.rate else 0

    def pack(self, pk: int) -> Choice | None:
        """What this pack is, when it is offered here."""
        found = next((pack for pack in self.packs if pack.pk == pk), None)
        return Choice(found.credits, found.amount, self.currency) if found else None

    def free(self, amount: int) -> Choice | None:
        """What this amount buys at the rate; None below the least and above the most."""
        if self.rate is None or not self.least <= amount <= self.most:
            return None
        return Choice(credits_for(amount, self.rate), amount, self.currency)


def offers() -> list[Offer]:
    """Everything that is for sale, by currency; one statement."""
    by_currency: dict[str, list[Pack]] = {}
    for pack in Pack.objects.filter(is_offered=True).order_by("currency", "amount", "pk"):
        by_currency.setdefault(pack.currency, []).append(pack)
    return [Offer(currency, packs, _rate(packs)) for currency, packs in by_currency.items()]


def offer_for(tenant: Tenant, offered: Iterable[Offer], *, wanted: str = "") -> Offer | None:
    """What this business is shown: the currency that it asks for, else its last one, else its language's."""
    known = {one.currency: one for one in offered}
    last = TopUp.objects.filter(tenant=tenant).order_by("-pk").values_list("currency", flat=True).first()
    for currency in (wanted, last, USUAL.get(tenant.language)):
        if currency in known:
            return known[currency]
    return next(iter(known.values()), None)


def rate_of(currency: str) -> Pack | None:
    """The pack by whose rate any amount of this currency is bought."""
    return Pack.objects.filter(currency=currency, is_rate=True, is_offered=True).first()


def amount_for(credits: int, rate: Pack) -> int:
    """What so many credits cost at the rate, rounded up."""
    return -(-credits * rate.amount // rate.credits)


def credits_for(amount: int, rate: Pack) -> int:
    """How many credits so much money buys at the rate, rounded down."""
    return amount * rate.credits // rate.amount


def _rate(packs: Iterable[Pack]) -> Pack | None:
    return next((pack for pack in packs if pack.is_rate), None)
