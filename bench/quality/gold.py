"""Whether a passage that was found is the one that answers. Pure.

Letters' case, accents and punctuation do not count. A passage is the gold one when one of the two contains
the other; or when more than half of the shorter one's runs of three words stand in the other (it was cut
elsewhere); or when nine of ten of the gold's words, all its numbers among them, stand close together in the
passage (a table's row that was written in another form).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

RUN = 3  # words
OVERLAP = 0.5
WORDS_OF_GOLD = 0.9
CLOSE = 2  # times the gold's length
SHORTEST_PIECE = 5  # words: a shorter passage within a gold says too little to be it
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Words:
    """A text as it is compared."""

    words: tuple[str, ...]
    joined: str
    runs: frozenset[tuple[str, ...]]


@lru_cache(maxsize=20_000)
def words_of(text: str) -> Words:
    """The words of a text, folded."""
    plain = unicodedata.normalize("NFKD", text.lower())
    words = tuple(_WORD.findall("".join(c for c in plain if not unicodedata.combining(c))))
    runs = frozenset(zip(*(words[n:] for n in range(RUN)), strict=False))
    return Words(words, f" {' '.join(words)} ", runs)


def is_gold(passage: str, gold: str) -> bool:
    """Whether this passage is the gold one; see the rule above."""
    found, wanted = words_of(passage), words_of(gold)
    if not found.words or not wanted.words:
        return False
    if wanted.joined in found.joined:
        return True
    if len(found.words) < len(wanted.words):
        return _is_piece(found, wanted)
    return _overlap(wanted, found) > OVERLAP or _stands_close(wanted, found.words)


def _is_piece(found: Words, wanted: Words) -> bool:
    """Whether a passage shorter than the gold is a piece of it."""
    if len(found.words) < min(SHORTEST_PIECE, len(wanted.words)):
        return False
    return found.joined in wanted.joined or _overlap(found, wanted) > OVERLAP


def _overlap(shorter: Words, longer: Words) -> float:
    return len(shorter.runs & longer.runs) / len(shorter.runs) if shorter.runs else 0.0


def _stands_close(wanted: Words, words: Sequence[str]) -> bool:
    """Whether a stretch of the passage holds nearly all words of the gold, and each of its numbers."""
    needed = Counter(wanted.words)
    if not all(word in words for word in needed if _is_number(word)):
        return False
    if len(wanted.words) < 3 or _held(needed, Counter(words)) < WORDS_OF_GOLD:
        return False
    width = CLOSE * len(wanted.words)
    stretches = (words[start : start + width] for start in range(max(1, len(words) - width + 1)))
    return any(_holds(needed, Counter(stretch)) for stretch in stretches)


def _holds(needed: Counter[str], stretch: Counter[str]) -> bool:
    numbers = all(stretch[word] for word in needed if _is_number(word))
    return numbers and _held(needed, stretch) >= WORDS_OF_GOLD


def _held(needed: Counter[str], stretch: Counter[str]) -> float:
    return (needed & stretch).total() / needed.total()


def _is_number(word: str) -> bool:
    return any(letter.isdigit() for letter in word)


def places(passages: Sequence[str], golds: Sequence[str]) -> tuple[int, ...]:
    """Where each gold is first found, from 1; golds that are not among the passages are left out."""
    firsts = (next((n for n, text in enumerate(passages, 1) if is_gold(text, gold)), 0) for gold in golds)
    return tuple(place for place in firsts if place)
