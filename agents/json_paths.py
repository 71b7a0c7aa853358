"""Places in an answer, as "data.items[0].price": what a business picks for its assistant to see. Pure.

`[]` stands for every entry of a list: "items[].name" finds all the names.
"""

import re
from collections.abc import Iterator
from typing import Any

LONGEST = 200
MOST_FOUND = 50
_STEP = re.compile(r"([^.\[\]]+)|\[(\d*)\]")


class BadPath(ValueError):
    """This is no place in an answer."""


def steps(path: str) -> list[str | int | None]:
    """A name, an index, or None for every entry; raises BadPath. Nothing is the answer as a whole."""
    found: list[str | int | None] = []
    at, text = 0, path.strip()
    if len(text) > LONGEST:
        raise BadPath(text[:40])
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            raise BadPath(text)
        name, index = match.groups()
        found.append(name.strip() if name is not None else int(index) if index else None)
        at = match.end()
        if text[at : at + 1] == "." and at + 1 < len(text):
            at += 1
        elif text[at : at + 1] not in ("", "["):
            raise BadPath(text)
    return found


def pick(data: Any, path: str) -> Any:
    """What stands there, or None; a list of what was found where the path says "every entry"."""
    wanted = steps(path)
    found = list(_walk(data, wanted))
    return found[:MOST_FOUND] if None in wanted else (found[0] if found else None)


def _walk(data: Any, wanted: list[str | int | None]) -> Iterator[Any]:
    if not wanted:
        yield data
        return
    step, rest = wanted[0], wanted[1:]
    if step is None:
        for entry in data if isinstance(data, list) else []:
            yield from _walk(entry, rest)
    elif isinstance(step, int):
        if isinstance(data, list) and step < len(data):
            yield from _walk(data[step], rest)
    elif isinstance(data, dict) and step in data:
        yield from _walk(data[step], rest)


def places(data: Any, *, most: int = 40, before: str = "") -> list[tuple[str, Any]]:
    """The paths of all plain values with an example of each; of a list, the first entry stands for all."""
    found: list[tuple[str, Any]] = []
    _collect(data, before, found, most)
    return found[:most]


def _collect(data: Any, path: str, found: list[tuple[str, Any]], most: int) -> None:
    if len(found) >= most:
        return
    if isinstance(data, dict):
        for name, value in data.items():
            if not re.search(r"[.\[\]]", str(name)):
                _collect(value, f"{path}.{name}" if path else str(name), found, most)
    elif isinstance(data, list):
        if data:
            _collect(data[0], f"{path}[]", found, most)
    else:
        found.append((path, data))


def entries(path: str) -> tuple[str, str] | None:
    """Where the list of a path is, and what comes after "every entry"; None when it names no list."""
    before, mark, after = path.strip().partition("[]")
    return (before, after.lstrip(".")) if mark else None


def with_only(data: Any, path: str, kept: list[Any]) -> Any:
    """The same answer with these entries as its list at the path; what leads there is copied."""
    wanted = steps(path)
    if not wanted:
        return kept
    step, inner = wanted[0], pick(data, path)
    if not isinstance(data, dict) or not isinstance(step, str) or not isinstance(inner, list):
        return None
    rest = path.strip()[len(step) :].lstrip(".")
    return {**data, step: with_only(data[step], rest, kept) if rest else kept}
