"""Options that a customer can choose from, and which one was chosen. Pure.

A message that offers some has `content["choices"]` = {"button": the label that opens them, "options": [{"id",
"title", "description"?}]}. A channel shows a list or buttons where it can, else numbers, which the customer
types back: a row's id, its number and its title all mean the same option.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MOST = 10
_NUMBER = re.compile(r"\W*(\d{1,2})\W*(?:\ufe0f?\u20e3)?\W*")  # also "2)", "#2", and the number on a key


def options_of(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """What a message offers, of a list or of a poll; empty when it offers nothing."""
    if choices := content.get("choices"):
        return list(choices["options"])[:MOST]
    return [{"id": one, "title": one} for one in (content.get("poll") or {}).get("options", [])][:MOST]


def numbered(text: str, options: Sequence[Mapping[str, str]]) -> str:
    """The text with its options under it, each with its number."""
    lines = [f"{number}. {_whole(option)}" for number, option in enumerate(options, start=1)]
    return "\n\n".join(part for part in (text, "\n".join(lines)) if part)


def is_number(text: str) -> bool:
    """Whether somebody typed the number of an option, and nothing else."""
    return _NUMBER.fullmatch(text.strip()) is not None


def chosen(content: Mapping[str, Any], *, text: str, row: str = "") -> dict[str, str] | None:
    """The option that an answer means, by the row's id, the number or the title; None when it means none."""
    options = options_of(content)
    by_id = next((option for option in options if row and option["id"] == row), None)
    return by_id or _by_number(options, text) or _by_title(options, text)


def _by_number(options: Sequence[dict[str, str]], text: str) -> dict[str, str] | None:
    found = _NUMBER.fullmatch(text.strip())
    number = int(found.group(1)) if found else 0
    return options[number - 1] if 1 <= number <= len(options) else None


def _by_title(options: Sequence[dict[str, str]], text: str) -> dict[str, str] | None:
    said = text.strip().casefold()
    return next((option for option in options if said and option["title"].strip().casefold() == said), None)


def _whole(option: Mapping[str, str]) -> str:
    return f"{option['title']}: {option['description']}" if option.get("description") else option["title"]
