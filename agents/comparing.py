"""What a version says otherwise than another one, in words: for whoever is about to publish it. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Mark = Literal["same", "added", "removed"]
ALIKE = 0.5  # two items of a list that share so much are one that was rewritten
_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text that stays, comes or goes."""

    mark: Mark
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """An item of a list, or a text: `mark` tells of the whole, the pieces of what changed inside."""

    mark: Mark
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What changed in one field."""

    field: str
    lines: tuple[Line, ...]
    moved: bool = False  # the items of a list are the same ones in another order


Describe = Callable[[Any], Sequence[str]]


def words(before: str, after: str) -> tuple[Piece, ...]:
    """The text after, with what is gone and what is new marked word by word."""
    old, new = _TOKENS.findall(before), _TOKENS.findall(after)
    pieces: list[Piece] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(new[new_start:new_end])))
            continue
        pieces += [Piece("removed", "".join(old[start:end]))] if end > start else []
        pieces += [Piece("added", "".join(new[new_start:new_end]))] if new_end > new_start else []
    return _joined(pieces)


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Without a lone blank that stayed between two changed words: three marks read worse than one."""
    kept: list[Piece] = []
    for number, piece in enumerate(pieces):
        lone = piece.mark == "same" and piece.text.isspace() and 0 < number < len(pieces) - 1
        kept += [Piece("removed", piece.text), Piece("added", piece.text)] if lone else [piece]
    return tuple(_gathered(kept))


def _gathered(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Between two stretches that stay: everything that goes, then everything that comes."""
    gone, new = "", ""
    for piece in [*pieces, Piece("same", "")]:
        if piece.mark == "same":
            yield from [Piece("removed", gone)] if gone else []
            yield from [Piece("added", new)] if new else []
            gone = new = ""
            if piece.text:
                yield piece
        elif piece.mark == "removed":
            gone += piece.text
        else:
            new += piece.text


def compare(before: dict[str, Any], after: dict[str, Any], *, describe: dict[str, Describe]) -> list[Change]:
    """The changed fields in the order of `after`.

    `describe` says a field's value in lines for people; what it has no word for is said by `str`.
    """
    changes = []
    for field, value in after.items():
        say = describe.get(field, _as_text)
        old, new = [*say(before.get(field))], [*say(value)]
        if old != new:
            changes.append(_change(field, old, new))
    return changes


def _as_text(value: Any) -> list[str]:
    return [str(value)] if value not in (None, "", [], {}) else []


def _change(field: str, old: list[str], new: list[str]) -> Change:
    if sorted(old) == sorted(new):
        return Change(field, tuple(Line("same", (Piece("same", text),)) for text in new), moved=True)
    return Change(field, tuple(_lines(old, new)))


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    """The items after, each as it is, as new or as rewritten; what is gone stands where it stood."""
    for tag, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (Line("same", (Piece("same", text),)) for text in new[new_start:new_end])
        else:
            yield from _rewritten(old[start:end], new[new_start:new_end])


def _rewritten(old: list[str], new: list[str]) -> Iterator[Line]:
    left = list(old)
    for text in new:
        best = max(left, key=lambda other: _likeness(other, text), default="")
        if best and _likeness(best, text) >= ALIKE:
            yield from (_gone(other) for other in left[: left.index(best)])
            left = left[left.index(best) + 1 :]
            yield Line("same", words(best, text))
        else:
            yield Line("added", (Piece("added", text),))
    yield from (_gone(text) for text in left)


def _gone(text: str) -> Line:
    return Line("removed", (Piece("removed", text),))


def _likeness(one: str, other: str) -> float:
    old, new = (re.findall(r"\w+", text.lower()) for text in (one, other))
    return SequenceMatcher(None, old, new, autojunk=False).ratio()
