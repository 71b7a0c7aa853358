"""The emergency set is found whole, ordinary messages raise no alarm: labelled sets in four languages."""

import json
from pathlib import Path
from typing import Any

from agents import fitting, safety

HERE = Path(__file__).parent
FALSE_ALARMS = 0.03


def rows(name: str) -> list[dict[str, Any]]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_every_emergency_is_found_by_the_rules_alone() -> None:
    known = rows("emergencies.jsonl")
    assert len(known) >= 60 and {row["language"] for row in known} == {"pt", "es", "en", "fr"}
    missed = [row["text"] for row in known if safety.check(row["text"]) is None]
    assert missed == []


def test_the_kind_of_help_is_the_right_one() -> None:
    """Who is told the wrong number is still told to call for help: a few may be taken for another kind."""
    known = rows("emergencies.jsonl")
    alarms = [(row, safety.check(row["text"])) for row in known]
    wrong = [row["text"] for row, alarm in alarms if alarm is None or alarm.danger != row["danger"]]
    assert len(wrong) <= len(known) * 0.05, wrong


def test_ordinary_messages_raise_hardly_an_alarm() -> None:
    known = [row["text"] for row in rows("ordinary.jsonl")]
    assert len(known) >= 500
    wrong = [text for text in known if safety.check(text)]
    assert len(wrong) <= len(known) * FALSE_ALARMS, wrong


def test_what_customers_usually_want_raises_none() -> None:
    known = [example.text for example in fitting.examples()]
    assert [text for text in known if safety.check(text)] == []


def test_a_long_message_is_looked_through_at_once() -> None:
    """No pattern goes back and forth over a text that was made to be slow."""
    for word in ("ele ", "nao ", "dor ", "a ", "convulsionandoo ", "minha cara "):
        assert safety.check(word * 4000) is None or word.startswith(("dor", "conv"))
