"""What changed, in words: the diff that an owner reads before publishing."""

from typing import Any

import pytest

from agents import comparing
from agents.comparing import Piece


def marked(pieces: Any) -> str:
    """`the [-old-] {+new+} text`."""
    signs = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(signs[piece.mark].format(piece.text) for piece in pieces)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("Be kind.", "Be kind.", "Be kind."),
        ("Be kind.", "Be very kind.", "Be{+ very+} kind."),
        ("Never give a discount.", "Never give discounts.", "Never give [-a discount-]{+discounts+}."),
        ("", "New", "{+New+}"),
        ("Gone", "", "[-Gone-]"),
        ("Abrimos às 8h", "Abrimos às 9h", "Abrimos às [-8h-]{+9h+}"),
        ("one two three", "four five six", "[-one two three-]{+four five six+}"),
    ],
)
def test_words_are_marked_one_by_one(before: str, after: str, told: str) -> None:
    pieces = comparing.words(before, after)
    assert marked(pieces) == told
    assert "".join(piece.text for piece in pieces if piece.mark != "removed") == after
    assert "".join(piece.text for piece in pieces if piece.mark != "added") == before


def lines(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    changes = comparing.compare({"rules": before}, {"rules": after}, describe={"rules": list})
    return [(line.mark, marked(line.pieces)) for change in changes for line in change.lines]


def test_a_rewritten_rule_is_one_line_and_others_stay() -> None:
    old = ["Never promise a discount.", "Be brief.", "Say our address when asked."]
    new = ["Never promise a big discount.", "Be brief.", "Call a person for complaints."]
    assert lines(old, new) == [
        ("same", "Never promise a {+big +}discount."),
        ("same", "Be brief."),
        ("added", "{+Call a person for complaints.+}"),
        ("removed", "[-Say our address when asked.-]"),
    ]


def test_another_order_is_told_as_such() -> None:
    (change,) = comparing.compare({"rules": ["a", "b"]}, {"rules": ["b", "a"]}, describe={"rules": list})
    assert change.moved and [line.pieces for line in change.lines] == [
        (Piece("same", "b"),),
        (Piece("same", "a"),),
    ]


def test_what_says_the_same_is_no_change() -> None:
    assert comparing.compare({"tone": "kind"}, {"tone": "kind"}, describe={}) == []
    assert comparing.compare({}, {"tone": ""}, describe={}) == []
