"""What vendors take for their models, as the package genai-prices of this installation says; no network."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib.metadata import version
from typing import Any

MILLION = 1_000_000
ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)  # before there was any of these models
# The package's names of what we keep: read, written, from the cache, into it, heard, spoken; and where speech
# is sold by its length, an hour heard, a million characters spoken.
KINDS = (
    "input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "input_audio_mtok",
    "output_audio_mtok", "input_audio_hours", "input_mchars",
)  # fmt: skip
NAMING = ("equals", "starts_with")  # the clauses of its matching that hold a whole name, or the stem of one


@dataclass(frozen=True, slots=True)
class Price:
    """A model's price: rates in the order of KINDS, in millionths of a US dollar for each kind's amount.

    `since` is None where the package knows one price only.
    """

    price_list: str
    model: str
    rates: tuple[int | None, ...]
    since: datetime | None = None


def release() -> str:
    """Which release of the package is installed."""
    return version("genai-prices")


def prices() -> Iterator[Price]:
    """Every price of every vendor, each model under every name that the package gives it, once."""
    from genai_prices.data import providers  # takes a second, and 3 MB

    for provider in providers:
        yield from _of_list(provider.id, _named(provider.models))


def _of_list(price_list: str, models: Mapping[str, Any]) -> Iterator[Price]:
    for name, model in models.items():
        for since, price in _dated(model.prices):
            yield Price(price_list, name, tuple(_rate(getattr(price, kind, None)) for kind in KINDS), since)


def _named(models: list[Any]) -> dict[str, Any]:
    """The models by name. What is one model's own name is never another's by the way."""
    named = {model.id.lower(): model for model in models}
    for model in models:
        plain = model.id.lower().removesuffix("-latest")
        for name in (plain, *_names(model.match)):
            named.setdefault(name, model)
    return named


def _names(clause: Any) -> Iterator[str]:
    """The names in a clause of the package's matching: of alternatives, all of them."""
    for one in getattr(clause, "or_", ()):
        yield from _names(one)
    for kind in NAMING:
        if name := str(getattr(clause, kind, "") or "").lower():
            yield name.rstrip("-@:")


def _dated(price: Any) -> Iterator[tuple[datetime | None, Any]]:
    """A model's prices with the moment from which each holds; those of an hour of the day are left out."""
    if not isinstance(price, list):
        yield None, price
        return
    dated = {}
    for one in price:
        start = getattr(one.constraint, "start_date", None)
        if one.constraint is None or start is not None:
            dated[datetime.combine(start, time(), UTC) if start else ALWAYS] = one.prices
    yield from sorted(dated.items()) if len(dated) > 1 else ((None, one) for one in dated.values())


def _rate(said: Any) -> int | None:
    """Of one that grows with the length of the text, what the first tokens cost."""
    base = getattr(said, "base", said)
    return round(Decimal(base) * MILLION) if base is not None else None
