"""Texts with gaps, "/orders/{order}" or "Bearer {{secret:shop}}", and how the gaps are filled.

A value is put in once and never read for gaps again, so that no argument can name a secret. Pure.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from agents.tools import ToolFailed

GAP = re.compile(r"\{\{\s*secret:(?P<secret>[-a-z0-9_]{1,40})\s*\}\}|\{(?P<name>[a-z][a-z0-9_.]{0,40})\}")
OWN = ("customer.phone", "customer.email")  # of the session: proved, and never of a model
MASK = "••••"
LONGEST_IN_PATH = 200


class Absent(Exception):
    """An argument that need not be given was not."""


def names(texts: Iterable[str]) -> set[str]:
    """The arguments that these texts ask for."""
    return {match["name"] for text in texts for match in GAP.finditer(text) if match["name"]}


def secrets(texts: Iterable[str]) -> set[str]:
    """The secrets that these texts ask for."""
    return {match["secret"] for text in texts for match in GAP.finditer(text) if match["secret"]}


def filled(text: str, values: Mapping[str, Any], secret: Callable[[str], str]) -> str:
    """The text with its gaps filled as they are; raises Absent."""

    def one(match: re.Match[str]) -> str:
        return secret(match["secret"]) if match["secret"] else written(_of(values, match["name"]))

    return GAP.sub(one, text)


def in_url(template: str, values: Mapping[str, Any]) -> str:
    """A URL whose gaps are each a piece of its path: no value leads to another place. Raises ToolFailed."""

    def one(match: re.Match[str]) -> str:
        return _piece(written(_of(values, match["name"] or "")))

    return GAP.sub(one, template)


def typed(text: str, values: Mapping[str, Any], secret: Callable[[str], str]) -> Any:
    """As `filled`; a text that is one gap keeps its kind, so that a number stays a number."""
    match = GAP.fullmatch(text.strip())
    if match is not None and match["name"]:
        return _of(values, match["name"])
    return filled(text, values, secret)


def _of(values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    if value is None:
        raise Absent(name)
    return value


def written(value: Any) -> str:
    """A value as text: dates and yes or no as other systems write them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _piece(value: str) -> str:
    """One piece of a path. What climbs or branches is refused: some servers read it after unescaping."""
    odd = any(ord(letter) < 32 or letter in "/\\" for letter in value)
    if not value.strip() or odd or ".." in value or value.strip() == "." or len(value) > LONGEST_IN_PATH:
        raise ToolFailed("One of the values cannot stand in an address.")
    return quote(value, safe="")
