"""Question sets: JSONL, a question and the passage that answers it (or null) on each line. Pure.

Other people's sets name their fields otherwise; `NAMES` says which names are understood. A line without a
question but with an id is a passage of the documents, and golds may name it by that id.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES = {
    "question": ("question", "query", "q"),
    "gold": (
        "gold", "passage", "gold_passage", "golds", "gold_passages", "passages", "context", "contexts",
        "answer_passage", "positive", "positives",
    ),
    "gold_id": ("gold_id", "gold_ids", "passage_id", "passage_ids", "context_id"),
    "language": ("language", "lang", "locale"),
    "kind": ("kind", "type", "category"),
    "text": ("text", "passage", "context", "contents", "content"),
    "id": ("id", "_id"),
}  # fmt: skip
UNANSWERABLE_KINDS = frozenset({"near", "off"})
LANGUAGES = {"portuguese": "pt", "english": "en", "spanish": "es", "french": "fr"}
MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the texts of the passages that answer it (none: unanswerable), and where it stands."""

    text: str
    golds: tuple[str, ...]
    language: str
    kind: str
    business: str = ""


@dataclass(frozen=True, slots=True)
class Set:
    """A file's questions, and passages that it brings beside the golds."""

    name: str
    questions: tuple[Question, ...]
    passages: tuple[str, ...] = ()

    @property
    def languages(self) -> list[str]:
        return sorted({question.language for question in self.questions})

    def texts(self) -> list[str]:
        """Every passage once, in the order of the file: what a business is given when it has no documents."""
        golds = (gold for question in self.questions for gold in question.golds)
        return list(dict.fromkeys(text.strip() for text in (*self.passages, *golds)))


class BadSet(ValueError):
    """A file that cannot be used; each line of the message names file and line."""


def read(path: Path) -> Set:
    """The questions of one file; raises BadSet with the first ten of its problems."""
    problems: list[str] = []
    rows = list(_rows(path, problems))
    passages = _passages(row for _number, row in rows)
    questions = []
    for number, row in rows:
        try:
            if (question := _question(row, passages)) is not None:
                questions.append(question)
        except ValueError as error:
            problems.append(f"{path}, line {number}: {error}")
    if not questions and not problems:
        problems.append(f"{path}: there is no question in it")
    if problems:
        more = len(problems) - MOST_PROBLEMS
        raise BadSet("\n".join([*problems[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]))
    return Set(path.stem, tuple(questions), tuple(passages.values()))


def _rows(path: Path, problems: list[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSet(f"{path}: it cannot be read ({error})") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            problems.append(f"{path}, line {number}: this is not JSON ({error})")
            continue
        if isinstance(row, Mapping):
            yield number, row
        else:
            problems.append(f"{path}, line {number}: this is not an object with fields")


def _passages(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The passages that lines without a question bring, by id."""
    found = {}
    for row in rows:
        text, key = _field(row, "text"), _field(row, "id")
        if _field(row, "question") is None and isinstance(text, str) and text.strip():
            found[str(key) if key is not None else f"#{len(found)}"] = text
    return found


def _question(row: Mapping[str, Any], passages: Mapping[str, str]) -> Question | None:
    asked = _field(row, "question")
    if asked is None and isinstance(_field(row, "text"), str):
        return None  # a passage
    if not isinstance(asked, str) or not asked.strip():
        raise ValueError(f"it has no question; that field is one of {', '.join(NAMES['question'])}")
    golds = _golds(row, passages)
    kind = str(_field(row, "kind") or ("answerable" if golds else "unanswerable")).lower()
    if golds and kind in UNANSWERABLE_KINDS:
        raise ValueError(f"it is of kind {kind}, which nothing answers, and has a gold passage")
    language = _language(_field(row, "language"))
    return Question(asked, golds, language, kind, str(row.get("business") or ""))


def _golds(row: Mapping[str, Any], passages: Mapping[str, str]) -> tuple[str, ...]:
    """The texts of the golds; raises ValueError when no field says whether there are any."""
    names = [name for name in (*NAMES["gold"], *NAMES["gold_id"]) if name in row]
    if not names and row.get("answerable", not row.get("is_impossible", False)) is not False:
        raise ValueError(f"it has no gold passage, nor null for one; that field is one of {_gold_names()}")
    named = [(name, value) for name in names for value in _each(row[name])]
    return tuple(dict.fromkeys(_gold(value, passages, name in NAMES["gold_id"]) for name, value in named))


def _gold_names() -> str:
    return ", ".join((*NAMES["gold"], *NAMES["gold_id"]))


def _each(value: Any) -> list[Any]:
    """The golds of a field; null, "" and [] are none."""
    values = value if isinstance(value, list) else [value]
    return [one for one in values if one is not None and one != ""]


def _gold(value: Any, passages: Mapping[str, str], is_id: bool) -> str:
    if isinstance(value, Mapping):
        value = _field(value, "text") or _field(value, "id")
    if not isinstance(value, str | int):
        raise ValueError("its gold passage is neither a text nor null")
    if str(value) in passages:
        return passages[str(value)]
    if is_id:
        raise ValueError(f"its gold passage {value!r} is not in the file")
    if not str(value).strip():
        raise ValueError("its gold passage is blank; write null where nothing answers")
    return str(value)


def _field(row: Mapping[str, Any], name: str) -> Any:
    return next((row[alias] for alias in NAMES[name] if row.get(alias) is not None), None)


def _language(value: Any) -> str:
    said = str(value or "").strip().lower()
    return LANGUAGES.get(said, said[:2]) or "?"
