"""Which of the owner's cases for a person a customer's words meet, before any model. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from agents.safety import fold

READ = 4000  # characters of a message


def matched(cases: Iterable[Mapping[str, Any]], text: str) -> Mapping[str, Any] | None:
    """The first case with words that stand in the text: whole words, whatever their accents and capitals."""
    folded = fold(text[:READ])
    return next((case for case in cases if any(_stands(word, folded) for word in _words(case))), None)


def _words(case: Mapping[str, Any]) -> Iterator[str]:
    """What suffices by itself, as the owner has parted it by commas; a word of one letter does not."""
    for word in re.split(r"[,;\n]", str(case.get("words", ""))):
        if len(folded := fold(word)) > 1:
            yield folded


def _stands(word: str, folded: str) -> bool:
    return _pattern(word).search(folded) is not None


@lru_cache(maxsize=2048)
def _pattern(word: str) -> re.Pattern[str]:
    """The word or words, with anything between them that is no letter; a star stands for any ending."""
    parts = (re.escape(part).replace(r"\*", r"\w*") for part in word.split())
    between = r"[^\w]+".join(parts)
    return re.compile(rf"(?<!\w){between}(?!\w)")
