"""Labelled intents: JSONL, a message and what it wants on each line. Pure.

{"text", "intent", "language", "split"}; the last two may be missing. Other people's names for the fields, and
for what is out of scope, are understood.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.routing import OUT_OF_SCOPE
from bench.quality.sets import LANGUAGES, MOST_PROBLEMS, BadSet

TEXT = ("text", "utterance", "message", "sentence", "query", "question")
INTENT = ("intent", "label", "intent_name", "class")
LANGUAGE = ("language", "lang", "locale")
OUTSIDE = frozenset(
    {
        "out_of_scope",
        "oos",
        "ood",
        "out-of-scope",
        "out of scope",
        "outofscope",
        "fora_de_escopo",
        "hors_sujet",
    }
)
TEST = frozenset({"test", "heldout", "held_out", "held-out", "eval", "val", "validation", "dev"})


@dataclass(frozen=True, slots=True)
class Labelled:
    """A message, what it wants, its language ("?" where nobody says), and whether it is for testing."""

    text: str
    intent: str
    language: str = "?"
    test: bool | None = None  # None where the file does not say


@dataclass(frozen=True, slots=True)
class IntentSet:
    """A file of them."""

    name: str
    rows: tuple[Labelled, ...]


def is_one(path: Path) -> bool:
    """Whether the file's first line is a labelled intent, and not a question with its passage."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            first = json.loads(next(line for line in lines if line.strip()))
    except (OSError, ValueError, StopIteration):
        return False
    return isinstance(first, Mapping) and any(name in first for name in INTENT)


def read(path: Path) -> IntentSet:
    """The messages of one file; raises BadSet with the first ten of its problems."""
    problems: list[str] = []
    rows: list[Labelled] = []
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSet(f"{path}: it cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(_labelled(json.loads(line)))
        except ValueError as error:
            problems.append(f"{path}, line {number}: {error}")
    if problems:
        raise BadSet("\n".join(problems[:MOST_PROBLEMS]))
    return IntentSet(path.stem, tuple(rows))


def _labelled(row: Any) -> Labelled:
    if not isinstance(row, Mapping):
        raise ValueError("this is not an object with fields")
    text, intent = _first(row, TEXT), _first(row, INTENT)
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"it has no message; that field is one of {', '.join(TEXT)}")
    if not isinstance(intent, str | int) or not str(intent).strip():
        raise ValueError(f"it has no intent; that field is one of {', '.join(INTENT)}")
    name = str(intent).strip()
    said = str(_first(row, LANGUAGE) or "").strip().lower()
    split = str(row.get("split") or "").strip().lower()
    return Labelled(
        text,
        OUT_OF_SCOPE if name.lower() in OUTSIDE else name,
        LANGUAGES.get(said, said[:2]) or "?",
        split in TEST if split else None,
    )


def _first(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
