"""How a customer feels, by labelled lines in four languages; and what it costs."""

import time
from pathlib import Path

from agents import mood

LINES = Path(__file__).with_name("moods.txt").read_text().splitlines()
SIGNS = {"-": -1, "0": 0, "+": 1}


def labelled() -> list[tuple[str, int, str]]:
    rows = [line.split(" | ", 2) for line in LINES if line and not line.startswith("#")]
    return [(language, SIGNS[sign], text) for language, sign, text in rows]


def test_the_mood_of_labelled_lines() -> None:
    """In each language nine of ten are right, and nobody who is unhappy is taken to be happy."""
    for language in ("pt", "en", "es", "fr"):
        lines = [(wanted, text) for spoken, wanted, text in labelled() if spoken == language]
        wrong = [(wanted, mood.of(text), text) for wanted, text in lines if mood.of(text) != wanted]
        assert len(wrong) <= len(lines) // 10, wrong
        assert not [text for wanted, found, text in wrong if wanted * found == -1], wrong


def test_a_mood_costs_microseconds() -> None:
    """However long the message: it is read on the way of every one."""
    texts = [text for _language, _wanted, text in labelled()] + ["x" * 4000, "ruim " * 800, "!" * 4000]
    for text in texts:
        mood.of(text)
    began = time.process_time()
    for text in texts:
        mood.of(text)
    assert (time.process_time() - began) / len(texts) < 0.002
