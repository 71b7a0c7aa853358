"""How often a visitor or an address may do something: a count a window, kept in the tenant's cache."""

import hashlib
from typing import Any

from django.core.cache import cache as _cache

cache: Any = _cache  # of our own kind (tenants.cache), which Django's types do not know


class TooMuch(Exception):
    """The window is full; `wait` are the seconds after which to try again."""

    def __init__(self, wait: int) -> None:
        self.wait = wait
        super().__init__(f"too much, wait {wait} s")


def take(what: str, who: str, *, limit: int, seconds: int) -> None:
    """Count one of `what` for `who`; raises TooMuch above `limit` in `seconds`."""
    count = cache.count(f"web-limit:{what}:{digest(who)}", seconds)
    if count is not None and count > limit:  # where the cache is away, a visitor must not pay for that
        raise TooMuch(min(seconds, 60))


def digest(who: str) -> str:
    """An address or a visitor as a key: it identifies nobody who reads the cache."""
    return hashlib.sha256(who.encode()).hexdigest()[:24]
