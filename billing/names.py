"""How what credits were spent on is called: assistants, channels and conversations are known further up.

A use keeps numbers only. Whoever shows it asks here for the names of a page at once; what is deleted since
has none, and is shown by its number.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Sort = Literal["agent", "channel", "conversation"]


@dataclass(frozen=True, slots=True)
class Known:
    """Who knows one sort of thing: names by number (as text), and the page of one, where it has any."""

    of: Callable[[Collection[str]], Mapping[str, str]]
    every: Callable[[], Mapping[str, str]] | None = None
    page: Callable[[str], str] | None = None


_known: dict[str, Known] = {}


def register(sort: Sort, known: Known) -> None:
    """Once, when the apps are ready."""
    _known[sort] = known


def of(sort: str, numbers: Collection[str]) -> Mapping[str, str]:
    """The names of these; what is gone is missing."""
    return _known[sort].of(numbers) if sort in _known and numbers else {}


def every(sort: str) -> Mapping[str, str]:
    """All of a sort that there are now, by number, in the order to show them."""
    known = _known.get(sort)
    return known.every() if known is not None and known.every is not None else {}


def page(sort: str, number: str) -> str:
    """Where one of them is shown; empty where nowhere."""
    known = _known.get(sort)
    return known.page(number) if known is not None and known.page is not None else ""
