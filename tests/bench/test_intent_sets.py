"""Labelled intents of many forms, what is learnt from what, and the figures that come of it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agents.routing import OUT_OF_SCOPE
from bench.quality import intent_sets, intents, sets
from bench.quality.intent_sets import Labelled


def written(folder: Path, *rows: Any) -> Path:
    path = folder / "set.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def vectors(texts: Any) -> Any:
    """Which words a text has: enough for a classifier to learn from."""
    rows = np.zeros((len(texts), 64), dtype="f4")
    for row, text in zip(rows, texts, strict=True):
        for word in text.split():
            row[hashlib.sha256(word.encode()).digest()[0] % 64] += 1
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_other_peoples_names_are_understood(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        {"utterance": "oi", "label": "greeting", "lang": "pt-BR", "split": "test"},
        {"text": "what is life", "intent": "oos", "language": "English", "split": "train"},
    )
    assert intent_sets.is_one(path)
    assert intent_sets.read(path).rows == (
        Labelled("oi", "greeting", "pt", True),
        Labelled("what is life", OUT_OF_SCOPE, "en", False),
    )


def test_a_set_of_questions_is_none(tmp_path: Path) -> None:
    assert not intent_sets.is_one(written(tmp_path, {"question": "when?", "gold": None, "language": "en"}))
    assert not intent_sets.is_one(tmp_path / "nowhere.jsonl")


def test_a_bad_line_is_told_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path, {"text": "a", "intent": "b"}, {"text": "", "intent": "b"}, "{", {"text": "a"})
    with pytest.raises(sets.BadSet) as told:
        intent_sets.read(path)
    assert [f", line {number}:" in str(told.value) for number in (1, 2, 3, 4)] == [False, True, True, True]


def test_what_is_asked_was_not_learnt() -> None:
    rows = [Labelled(f"{intent} {n}", intent, "en") for intent in "ab" for n in range(10)]
    folds = intents.parts(rows, [])
    assert len(folds) == intents.FOLDS and all(len(asked) == 4 for _known, asked in folds)
    assert all(not set(known) & set(asked) for known, asked in folds)
    assert intents.parts(rows, rows[:5])[0][1] == rows[5:]
    split = [Labelled("x", "a", "en", n < 2) for n in range(5)]
    assert [len(part) for part in intents.parts(split, [])[0]] == [3, 2]


def test_every_way_is_measured_on_the_same() -> None:
    words = {"price": "how much costs", "booking": "book appointment slot", OUT_OF_SCOPE: "capital moon poem"}
    rows = tuple(
        Labelled(f"{word} {other}", intent, "en")
        for intent, said in words.items()
        for word in said.split()
        for other in ("please", "now", "today", "sir")
    )
    told = intents.measured(intent_sets.IntentSet("s", rows), train=[], vectors=vectors)
    ways = {name: figures["all"] for name, figures in told["ways"].items()}
    assert told["messages"] == len(rows) and ways["majority"]["accuracy"] == pytest.approx(1 / 3)
    for name in ("router", "tfidf"):
        assert ways[name]["accuracy"] > 0.7 and ways[name]["oos_auroc"] > 0.8
    assert any(
        "router" in line
        for line in intents.lines({"sets": {"s": told}, "beyond_embedding": {"median_ms": 0, "p95_ms": 0}})
    )


def test_the_figures() -> None:
    said = [("a", "a", 0.1), ("a", "b", 0.2), (OUT_OF_SCOPE, OUT_OF_SCOPE, 0.9), (OUT_OF_SCOPE, "a", 0.15)]
    figures = intents.figures(
        [(Labelled("", row), intents.Said(intent, score)) for row, intent, score in said]
    )
    assert (figures["accuracy"], figures["oos_recall"], figures["oos_auroc"]) == (0.5, 0.5, 0.75)
    assert figures["macro_f1"] == pytest.approx((0.5 + 2 / 3) / 2)
