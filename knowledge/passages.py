"""What is cut into passages already: questions with their answers, the rows of a table.

Kept as one JSON file that the conversion child reads: {"passages": [{"heading": [...], "text": "..."}]}.
Knows nothing of Django, so that the child can import it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUFFIX = ".passages"
LONGEST_HEADING = 500
LONGEST = 1400  # letters: more of it would not be embedded


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, and the headings that it stands under."""

    heading: tuple[str, ...]
    text: str


def written(passages: Iterable[Passage]) -> bytes:
    """The file; the same passages give the same bytes."""
    rows = [{"heading": list(one.heading), "text": one.text} for one in passages]
    return json.dumps({"passages": rows}, ensure_ascii=False, indent=0).encode("utf-8", "replace")


def read(content: bytes) -> list[Passage]:
    """The passages of a file; raises ValueError when it is none of ours."""
    try:
        rows = json.loads(content)["passages"]
        return [_passage(row) for row in rows]
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("This is no file of passages.") from error


def chunks(path: Path) -> list[dict[str, Any]]:
    """The passages as the converter tells them; one that is too long is cut at a line or sentence."""
    return [
        {"heading": list(passage.heading), "page": None, "text": part, "boxes": []}
        for passage in read(path.read_bytes())
        for part in parts(passage.text)
    ]


def parts(text: str) -> Iterator[str]:
    """The text in pieces of at most LONGEST letters."""
    left = text.strip()
    while len(left) > LONGEST:
        cut = _cut(left)
        yield left[:cut].strip()
        left = left[cut:].strip()
    if left:
        yield left


def _cut(text: str) -> int:
    for end, kept in (("\n", 1), (". ", 1), ("; ", 1), (" ", 0)):
        found = text.rfind(end, LONGEST // 2, LONGEST)
        if found > 0:
            return found + kept
    return LONGEST


def _passage(row: Any) -> Passage:
    heading, text = row["heading"], row["text"]
    if not isinstance(heading, Sequence) or isinstance(heading, str) or not isinstance(text, str):
        raise TypeError("This is no passage.")
    return Passage(tuple(_clean(str(part))[:LONGEST_HEADING] for part in heading[:8]), _clean(text))


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
