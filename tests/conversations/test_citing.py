"""Where the footing of an answer stands once the answer has become a bubble."""

from typing import Any

import pytest

from conversations import citing, wording
from providers.llm import Completion, Span, Usage

PRICES = (
    "**Prices**\n\n* Cleaning: 90 €\n* Check-up: 50 €\n\nWe open at 8. See [our site](https://shop.example)."
)


def completion(text: str, *stretches: str) -> Completion:
    """An answer in which each of these stretches rests on the passage of its number."""
    spans, after = [], 0
    for number, stretch in enumerate(stretches):
        start = text.index(stretch, after)
        after = start + len(stretch)
        spans.append(Span(start, after, (number,)))
    return Completion(text=text, usage=Usage(), model="m", spans=tuple(spans))


def told(answer: Completion, *, markup: Any = "plain", limit: int = 1000) -> list[tuple[str, list[int]]]:
    body = wording.fit(answer.text, markup=markup, limit=limit)
    return [(body[one["start"] : one["end"]], one["passages"]) for one in citing.placed(answer, body)]


@pytest.mark.parametrize("markup", ["plain", "whatsapp"])
def test_marks_of_the_model_move_nothing(markup: str) -> None:
    answer = completion(PRICES, "* Cleaning: 90 €\n", "* Check-up: 50 €", "We open at 8.")
    found = [(text.lstrip("- "), passages) for text, passages in told(answer, markup=markup)]
    assert found == [("Cleaning: 90 €", [0]), ("Check-up: 50 €", [1]), ("We open at 8.", [2])]


def test_what_was_cut_off_rests_on_nothing() -> None:
    answer = completion("At 8. " * 20 + "Closed on Sunday. At 8.", "At 8.", "Closed on Sunday.", "At 8.")
    assert told(answer, limit=60) == [("At 8.", [0])]
    assert [text for text, _ in told(answer)] == ["At 8.", "Closed on Sunday.", "At 8."]


def test_of_two_equal_stretches_each_is_its_own() -> None:
    text = "<b>Gold</b> costs 8. Silver costs 8. Bronze costs 5."
    answer = Completion(text=text, usage=Usage(), model="m", spans=(Span(28, 36, (0,)),))
    assert text[28:36] == "costs 8."
    body = wording.fit(text, markup="plain", limit=500)
    [one] = citing.placed(answer, body)
    assert body[: one["start"]] == "Gold costs 8. Silver "


def test_words_that_were_put_otherwise_rest_on_nothing() -> None:
    table = "| Cut | Price |\n|---|---|\n| Short | 20 |\n| Long | 30 |\n"
    assert told(completion(f"{table}\nAsk us.", "| Short | 20 |\n| Long | 30 |")) in (
        [],
        [("Short: 20\n- Long: 30", [0])],
    )
