"""What was used, kept with the price it had, for whom it was, and what its vendor took; never changed."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing import vendor_prices
from billing.models import Price, Usage
from billing.pricing import Tokens
from tenants import written

KEPT = (
    "model", "input_per_million", "output_per_million", "cache_read_per_million", "cache_write_per_million",
    "audio_per_hour", "reading_per_hundred_pages", "spoken_per_million", "per_message", "minimum",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whose:
    """For whom something was used, by number: names are looked up when somebody reads it."""

    agent_id: int | None = None
    channel_id: uuid.UUID | None = None
    conversation_id: int | None = None


NOBODY = Whose()


def of_tokens(
    *, key: str, model: str, tokens: Tokens, cost: int, price: Price, now: datetime, whose: Whose = NOBODY,
    price_list: str | None = None,
) -> Usage:  # fmt: skip
    """Tokens of each kind. `price_list` is whose prices the vendor takes: empty, nobody; None, not known."""
    return _record(
        key=key,
        model=model,
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        cache_read_tokens=tokens.cache_read_tokens,
        cache_write_tokens=tokens.cache_write_tokens,
        exact=getattr(tokens, "exact", True),
        vendor_cost=_vendor_cost(price_list, model, tokens, at=now),
        cost=cost,
        price=price,
        whose=whose,
        now=now,
    )


def of_hearing(
    *, key: str, model: str, seconds: int, exact: bool, cost: int, price: Price, now: datetime,
    whose: Whose = NOBODY, price_list: str | None = None,
) -> Usage:  # fmt: skip
    """Seconds of audio that were heard; `price_list` as in `of_tokens`."""
    return _record(
        key=key,
        model=model,
        audio_seconds=seconds,
        exact=exact,
        vendor_cost=_by_length(price_list, model, "heard_per_hour", seconds, at=now),
        cost=cost,
        price=price,
        whose=whose,
        now=now,
    )


def of_speaking(
    *, key: str, model: str, characters: int, cost: int, price: Price, now: datetime, whose: Whose = NOBODY,
    price_list: str | None = None,
) -> Usage:  # fmt: skip
    """Characters that were spoken: vendors count them, and so can we; `price_list` as in `of_tokens`."""
    return _record(
        key=key,
        model=model,
        characters=characters,
        vendor_cost=_by_length(price_list, model, "spoken_per_million", characters, at=now),
        cost=cost,
        price=price,
        whose=whose,
        now=now,
    )


def of_reading(*, key: str, pages: int, cost: int, price: Price, now: datetime) -> Usage:
    """Pages of documents that were read: by this installation, so that no vendor takes anything."""
    return _record(key=key, model=price.model, pages=pages, vendor_cost=0, cost=cost, price=price, now=now)


def of_template(
    *, key: str, cost: int, price: Price, category: str, now: datetime, whose: Whose = NOBODY
) -> Usage:
    """One message by template, of this category; WhatsApp takes its own price from the account's owner."""
    return _record(key=key, model=category, messages=1, cost=cost, price=price, whose=whose, now=now)


def _record(*, cost: int, price: Price, now: datetime, whose: Whose = NOBODY, **counted: Any) -> Usage:
    used = Usage(
        credits=cost,
        price={name: getattr(price, name) for name in KEPT}
        | {"effective_from": price.effective_from.isoformat()},
        agent_id=whose.agent_id,
        channel_id=whose.channel_id,
        conversation_id=whose.conversation_id,
        created_at=now,
        **counted,
    )
    written.add(used)
    return used


def _vendor_cost(price_list: str | None, model: str, tokens: Tokens, *, at: datetime) -> Any:
    """In millionths of a US dollar, worked out by the statement that keeps it; None where nobody knows."""
    if price_list is None:
        return None
    return vendor_prices.cost(price_list, model, tokens, at=at) if price_list else 0


def _by_length(price_list: str | None, model: str, kind: str, amount: int, *, at: datetime) -> Any:
    """As `_vendor_cost`, of speech."""
    if price_list is None:
        return None
    return vendor_prices.cost_by_length(price_list, model, kind, amount, at=at) if price_list else 0
