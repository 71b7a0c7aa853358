"""What of an answer reaches the model: little, plain, and never more than a few thousand characters. Pure."""

import json
from collections.abc import Mapping
from typing import Any

MOST = 4000  # characters of a result as JSON
_BOUNDS = ((500, 20), (160, 8), (60, 3))  # characters of a text and entries of a list, ever smaller
DEEPEST = 6


def clipped(result: Mapping[str, Any]) -> dict[str, Any]:
    """The result within its bounds; `cut` tells the model that there was more."""
    whole = _plain(result, *_BOUNDS[0], DEEPEST)
    if _size(whole) <= MOST and whole == _plain(result, 10**6, 10**6, 50):
        return dict(whole)
    for letters, entries in _BOUNDS:
        found = {**_plain(result, letters, entries, DEEPEST), "cut": True}
        if _size(found) <= MOST:
            return found
    return {"text": json.dumps(_plain(result, *_BOUNDS[-1], DEEPEST), ensure_ascii=False)[: MOST - 200]}


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))


def _plain(value: Any, letters: int, entries: int, deep: int) -> Any:
    """Only what JSON has, no control characters, nothing too deep."""
    if deep <= 0:
        return "…"
    if isinstance(value, Mapping):
        pairs = list(value.items())[: entries * 2]
        return {str(name)[:80]: _plain(inner, letters, entries, deep - 1) for name, inner in pairs}
    if isinstance(value, list | tuple):
        return [_plain(inner, letters, entries, deep - 1) for inner in value[:entries]]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(str(value))[:letters]


def clean(text: str) -> str:
    """Without what no reader sees: control characters and marks that turn or hide text."""
    return "".join(letter for letter in text if letter in "\n\t" or letter.isprintable())


def example_of(text: str) -> dict[str, Any]:
    """The result that an owner typed: lines as "status: shipped", else a text, else JSON as it is."""
    typed = text.strip()
    if typed.startswith("{"):
        try:
            found = json.loads(typed)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return clipped(found)
    lines = [line.partition(":") for line in typed.splitlines() if line.strip()]
    if lines and all(mark and name.strip() and len(name) <= 60 for name, mark, _value in lines):
        return clipped({name.strip(): value.strip() for name, _mark, value in lines})
    return clipped({"answer": typed}) if typed else {}
