"""What reading costs is known above: `conversations.reading_costs` registers who asks the price and takes it.

A page is a page; where a document has none, 3,000 characters are one. Passages that the business has already
are free, and so is everything while nobody is registered.
"""

from datetime import datetime
from typing import Protocol

CHARACTERS_A_PAGE = 3000


class NotEnough(Exception):
    """There are fewer credits than reading costs. Nothing was taken."""


class OverLimit(NotEnough):
    """There are enough, and the owner lets no more of them be spent today."""


class Meter(Protocol):
    """Asks the price of pages, and takes it: once for each version of a document."""

    def price(self, pages: int) -> int:
        """Credits for so many pages, at the price of this moment."""
        ...

    def check(self, pages: int) -> None:
        """Raises NotEnough when these pages could not be paid now."""
        ...

    def charge(self, document_id: int, pages: int, now: datetime, *, version: str) -> int:
        """Take the credits in the caller's transaction; how many they were. Raises NotEnough."""
        ...

    def embedded(self, *, vendor: str, base_url: str | None, model: str, characters: int) -> None:
        """A vendor of the business made vectors of so much text, and takes its own price for that."""
        ...


_meters: list[Meter] = []


def register(meter: Meter) -> None:
    """There is one; the last that is registered counts."""
    _meters[:] = [meter]


def price(pages: int) -> int:
    return _meters[0].price(pages) if _meters else 0


def check(pages: int) -> None:
    if _meters:
        _meters[0].check(pages)


def charge(document_id: int, pages: int, now: datetime, *, version: str) -> int:
    return _meters[0].charge(document_id, pages, now, version=version) if _meters and pages else 0


def pages_of(*, pages: int, characters: int) -> int:
    """So many pages and so many characters without pages, as pages."""
    return pages + -(-characters // CHARACTERS_A_PAGE)


def embedded(adapter: object, *, characters: int) -> None:
    """Note what a vendor made vectors of; what the installation's own model makes costs no vendor's price."""
    if _meters and (vendor := getattr(adapter, "vendor", "")):
        base_url, model = getattr(adapter, "base_url", None), getattr(adapter, "model", "")
        _meters[0].embedded(vendor=vendor, base_url=base_url, model=model, characters=characters)
