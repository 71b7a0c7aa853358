"""What vendors take for tokens and speech: kept with the date from which it holds, and looked up.

The prices come from a maintained package (providers.price_package), anew with each of its releases; an
operator's own price, say a negotiated one, goes before the package's for as long as it is there. They are the
world's and not a business's: one table in the public schema (tenants.VendorPrice).

All amounts are millionths of a US dollar; prices are per million tokens, per hour heard, and per million
characters spoken.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import BigIntegerField, Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce, Length
from django.utils import timezone

from billing.pricing import MILLION, Tokens
from providers import price_package
from tenants import written
from tenants.background import public_task
from tenants.models import VendorPrice
from tenants.written import slot

ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)  # from when on a price holds that nobody has dated
EVERY_MODEL = "*"  # what a list says of the models that it does not name
RELEASES = "releases"  # the list that says which releases of the package were taken over; it has no prices
# What tells one release of a model from the next: the list names the model, the vendor's answer the release.
_RELEASE = re.compile(r"[-@:](?:\d{8}|\d{6}|\d{4}-\d{2}-\d{2}|\d{4}|latest)$")
KINDS = (
    "input_per_million", "output_per_million", "cache_read_per_million", "cache_write_per_million",
    "audio_input_per_million", "audio_output_per_million", "heard_per_hour", "spoken_per_million",
)  # fmt: skip
COUNTED = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
# What speech is sold by: how much of it one price is for.
BY_LENGTH = {"heard_per_hour": 3600, "spoken_per_million": MILLION}


@dataclass(frozen=True, slots=True)
class Listed:
    """One price of a list: by kind (KINDS), from a moment on where the list says so."""

    price_list: str
    model: str
    rates: Mapping[str, int | None]
    since: datetime | None = None


def cost(price_list: str, model: str, tokens: Tokens, *, at: datetime) -> Any:
    """What a vendor takes for these tokens, as part of another statement; NULL where no price is known.

    So that no answer waits for a statement more.
    """
    called = names(model)
    counted = {name: getattr(tokens, name) for name in COUNTED}
    return _COST(price_list=price_list, called=called[0], plainly=called[-2:][0], at=at, **counted)


def cost_of(price_list: str, model: str, tokens: Tokens, *, at: datetime) -> int | None:
    """As `cost`, by a statement of its own."""
    return _costs(price_list, names(model), [Value(getattr(tokens, name)) for name in COUNTED], at=at).first()


def cost_by_length(price_list: str, model: str, kind: str, amount: int, *, at: datetime) -> Any:
    """As `cost`, of seconds heard or characters spoken: `kind` is one of BY_LENGTH."""
    called = names(model)
    return _by_length(kind)(
        price_list=price_list, called=called[0], plainly=called[-2:][0], amount=amount, at=at
    )


@cache
def _by_length(kind: str) -> written.Part:
    per = Value(BY_LENGTH[kind], output_field=BigIntegerField())
    total = F(kind) * slot("amount", BigIntegerField()) + per - Value(1, output_field=BigIntegerField())
    known = _holding(slot("price_list"), _CALLED, kind=kind, at=slot("at")).annotate(cost=total / per)
    return written.Part(lambda: known.values_list("cost", flat=True)[:1], BigIntegerField())


def price(price_list: str, model: str, *, at: datetime) -> VendorPrice | None:
    """The price that holds for this model, to be shown."""
    return _holding(price_list, names(model), at=at).first()


def names(model: str) -> list[str]:
    """What a list may call this model: its own name, that without the release, and all models' name."""
    plain = model.strip().lower()
    return list(dict.fromkeys([plain, _RELEASE.sub("", plain), EVERY_MODEL]))


def _costs(price_list: Any, called: Sequence[Any], tokens: Sequence[Any], *, at: Any) -> Any:
    """The cost by each price that could hold, the one that does hold first; `tokens` as in COUNTED."""
    return _holding(price_list, called, at=at).annotate(cost=_sum(*tokens)).values_list("cost", flat=True)


_CALLED = (slot("called"), slot("plainly"), EVERY_MODEL)  # as `names` has them
_COST = written.Part(
    lambda: _costs(
        slot("price_list"),
        _CALLED,
        [slot(name, BigIntegerField()) for name in COUNTED],
        at=slot("at"),
    )[:1],
    BigIntegerField(),
)


def _holding(
    price_list: Any, called: Sequence[Any], *, at: Any, kind: str = "input_per_million"
) -> QuerySet[VendorPrice]:
    """The prices of a kind that could hold, best first: an operator's, the more exact name, the newest."""
    known = VendorPrice.objects.filter(
        price_list=price_list, model__in=called, effective_from__lte=at, **{f"{kind}__isnull": False}
    )
    own_first = Case(When(source=VendorPrice.Source.OPERATOR, then=0), default=1)
    return known.order_by(own_first, Length("model").desc(), "-effective_from")


def _sum(given: Any, answered: Any, from_cache: Any, to_cache: Any) -> Any:
    """Rounded up once. A kind that the list does not name costs what reading costs."""
    read = F("input_per_million")
    parts = (
        read * given,
        Coalesce(F("output_per_million"), read) * answered,
        Coalesce(F("cache_read_per_million"), read) * from_cache,
        Coalesce(F("cache_write_per_million"), read) * to_cache,
    )
    total: Any = sum(parts, start=Value(MILLION - 1, output_field=BigIntegerField()))
    return total / Value(MILLION, output_field=BigIntegerField())


# -- keeping them


@public_task()
def refresh() -> None:
    """Take over what the installed package says now; a beat's task."""
    update()


def update() -> int:
    """Take over what the installed package says, once a release. Returns how many prices are new."""
    release = f"{price_package.release()}/{len(KINDS)}"  # a kind that we did not keep is taken over, too
    taken = VendorPrice.objects.filter(source=VendorPrice.Source.PACKAGE, price_list=RELEASES, model=release)
    if taken.exists():
        return 0
    listed = [
        Listed(one.price_list, one.model, dict(zip(KINDS, one.rates, strict=True)), one.since)
        for one in price_package.prices()
    ]
    new, now = keep(listed, now=timezone.now()), timezone.now()
    taken.get_or_create(
        source=VendorPrice.Source.PACKAGE, price_list=RELEASES, model=release, effective_from=now
    )
    return new


@transaction.atomic
def keep(listed: Sequence[Listed], *, now: datetime) -> int:
    """Write down the prices that differ from those known. Returns how many; nothing is changed or deleted.

    One without a date holds from always when it is the first of its model, else from now on.
    """
    before, known = VendorPrice.objects.count(), _newest()
    rows = [row for one in listed if (row := _row(one, known, now=now)) is not None]
    VendorPrice.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return VendorPrice.objects.count() - before


def _newest() -> dict[tuple[str, str], VendorPrice]:
    """The package's newest price of each model."""
    package = VendorPrice.objects.filter(source=VendorPrice.Source.PACKAGE)
    return {(row.price_list, row.model): row for row in package.order_by("effective_from")}


def _row(one: Listed, known: Mapping[tuple[str, str], VendorPrice], *, now: datetime) -> VendorPrice | None:
    """What is to be written of it: None for what is known, or says nothing."""
    rates = {kind: one.rates.get(kind) for kind in KINDS}
    last = known.get((one.price_list, one.model))
    is_known = last is not None and all(getattr(last, kind) == rate for kind, rate in rates.items())
    if all(rate is None for rate in rates.values()) or (one.since is None and is_known):
        return None
    since = one.since or (ALWAYS if last is None else now)
    return VendorPrice(
        price_list=one.price_list,
        model=one.model,
        source=VendorPrice.Source.PACKAGE,
        effective_from=since,
        **rates,
    )
