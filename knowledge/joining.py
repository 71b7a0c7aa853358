"""From the rows of a search to passages that a person can read. Pure.

The same text in two documents is told once. A short passage is read together with its neighbours under the
same heading; whoever cites still learns which chunk a place in the text comes from.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice, pairwise

READABLE = 1400  # characters of a passage with its neighbours
AS_NEAR = 0.06  # twins are about as near to the question as each other
NEW = 0.04  # share of word pairs that a twin may have for itself: a filling word more or less
_WORD = re.compile(r"[^\W_]+")
_LONG = re.compile(r"[^\W_]{4,}")
_BETWEEN = "\n"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage was found: its parts of the score, each about 0 to 1, and the words that it shares."""

    cosine: float  # likeness in meaning
    coverage: float  # share of what the question's words tell that stands in the passage
    weight: float  # what coverage counted for this question
    words: tuple[str, ...] = ()  # stems; several in one are spellings that a mistyped word was taken for


@dataclass(frozen=True, slots=True)
class Found:
    """A passage, where it stands, and why it was found.

    `chunk_id` is the chunk that was found; `text` may hold its neighbours too: `chunk_ids`, in the order of
    the document, begin in it at `starts`.
    """

    chunk_id: int
    document_id: int
    document_title: str
    heading: tuple[str, ...]
    page: int | None
    text: str
    cosine: float
    coverage: float
    score: float
    chunk_ids: tuple[int, ...] = ()
    starts: tuple[int, ...] = ()
    why: Why = Why(0.0, 0.0, 0.0)
    leading: float = 0.0  # likeness by the leading part of the vector alone (`knowledge.support`)

    def chunk_at(self, place: int) -> int:
        """The chunk that the character at this place of `text` comes from."""
        begun = [chunk for chunk, start in zip(self.chunk_ids, self.starts, strict=True) if start <= place]
        return begun[-1] if begun else self.chunk_id


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk as the statement found it, with what stands beside it."""

    found: Found
    before: tuple[int, str] | None
    after: tuple[int, str] | None


def readable(candidates: Sequence[Candidate], *, limit: int) -> tuple[Found, ...]:
    """The best passages, each told once and joined with its neighbours; best first, at most `limit`."""
    return tuple(islice(_joined(_told_once(candidates)), limit))


class _Text:
    """A passage's text, taken apart only when another one may say the same."""

    def __init__(self, text: str) -> None:
        self.lowered = text.lower()

    @cached_property
    def longest(self) -> str:
        """Of its longest run of letters without a space, what is a telling word; "" when nothing is."""
        found = _LONG.search(max(self.lowered.split(), key=len, default=""))
        return found[0] if found else ""

    @cached_property
    def ordered(self) -> list[str]:
        return _WORD.findall(self.lowered)

    @cached_property
    def all(self) -> frozenset[str]:
        return frozenset(self.ordered)

    @cached_property
    def telling(self) -> frozenset[str]:
        return frozenset(word for word in self.all if len(word) > 3 or any(map(str.isdigit, word)))


def _told_once(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Without those that say nothing which a better one does not say; looked at as far as they are wanted."""
    kept: list[tuple[Candidate, _Text]] = []
    for candidate in candidates:
        text = _Text(candidate.found.text)
        if not any(_adds_nothing(candidate, text, other, others) for other, others in kept):
            kept.append((candidate, text))
            yield candidate


def _adds_nothing(one: Candidate, text: _Text, better: Candidate, other: _Text) -> bool:
    """Whether all numbers and telling words stand in the better one, and nearly all in the same order."""
    if abs(one.found.cosine - better.found.cosine) > AS_NEAR or text.longest not in other.lowered:
        return False
    if text.ordered == other.ordered:
        return True
    if not text.telling <= other.all:
        return False
    mine = set(pairwise(text.ordered))
    return bool(mine) and len(mine - set(pairwise(other.ordered))) <= NEW * len(mine)


def _joined(candidates: Iterable[Candidate]) -> Iterator[Found]:
    """Each with its neighbours, as much as is readable; what was read with a better one is not told again."""
    used: set[int] = set()
    for candidate in candidates:
        if candidate.found.chunk_id in used:
            continue
        found = _with_neighbours(candidate, used)
        used.update(found.chunk_ids)
        yield found


def _with_neighbours(candidate: Candidate, used: set[int]) -> Found:
    parts = [(candidate.found.chunk_id, candidate.found.text)]
    for beside, place in ((candidate.after, len(parts)), (candidate.before, 0)):
        if beside is None or beside[0] in used:
            continue
        if sum(len(text) + 1 for _chunk, text in [*parts, beside]) <= READABLE:
            parts.insert(place, beside)
    texts = [text for _chunk, text in parts]
    starts = [sum(len(text) + len(_BETWEEN) for text in texts[:n]) for n in range(len(texts))]
    return replace(
        candidate.found,
        text=_BETWEEN.join(texts),
        chunk_ids=tuple(chunk for chunk, _text in parts),
        starts=tuple(starts),
    )
