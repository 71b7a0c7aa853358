"""The blanks of WhatsApp's templates, filled in."""

from typing import Any

import pytest

from conversations import template_parts
from conversations.template_parts import Unfilled
from tests.counterparts.cloud import TEMPLATES

REMINDER, ORDER, SALE = (one["components"] for one in TEMPLATES)
FILLED = {"body_1": "Ana", "body_2": "amanhã"}
ORDERED = {
    "header_file": "https://x.example/a.pdf",
    "body_customer": "Ana",
    "body_number": "7",
    "button_0": "o7",
}


class TestBlanks:
    def test_by_place_with_what_meta_was_shown(self) -> None:
        found = template_parts.blanks(REMINDER)
        assert [(b.field, b.example) for b in found] == [("body_1", "Ana"), ("body_2", "amanhã às 10h")]

    def test_by_name_with_a_file_and_a_button(self) -> None:
        found = template_parts.blanks(ORDER)
        assert [(b.field, b.kind) for b in found] == [
            ("header_file", "document"),
            ("body_customer", "text"),
            ("body_number", "text"),
            ("button_0", "text"),
        ]
        assert found[1].example == "Ana"

    def test_none(self) -> None:
        assert template_parts.blanks(SALE) == []


class TestFilled:
    def test_reads_as_the_customer_will(self) -> None:
        text = template_parts.filled(REMINDER, FILLED)
        assert text == "Lembrete\n\nOlá Ana, sua consulta é amanhã. Podemos confirmar?\n\nClínica Alfa"

    def test_what_is_not_filled_in_yet_stays_a_blank(self) -> None:
        assert "{{2}}" in template_parts.filled(REMINDER, {"body_1": "Ana"})

    def test_a_value_is_never_read_as_a_pattern(self) -> None:
        assert r"\g<0> {{2}}" in template_parts.filled(REMINDER, {"body_1": r"\g<0> {{2}}"})


class TestToSend:
    def test_by_place(self) -> None:
        texts = [{"type": "text", "text": "Ana"}, {"type": "text", "text": "amanhã"}]
        assert template_parts.to_send(REMINDER, FILLED) == [{"type": "body", "parameters": texts}]

    def test_by_name_with_a_file_and_a_button(self) -> None:
        header, body, button = template_parts.to_send(ORDER, ORDERED)
        assert header["parameters"] == [{"type": "document", "document": {"link": ORDERED["header_file"]}}]
        assert body["parameters"][0] == {"type": "text", "text": "Ana", "parameter_name": "customer"}
        assert (button["sub_type"], button["index"]) == ("url", "0")

    @pytest.mark.parametrize(
        ("values", "field", "reason"),
        [
            ({}, "body_1", "empty"),
            ({"body_1": " \n"}, "body_1", "empty"),
            ({"body_1": "a" * 1025}, "body_1", "long"),
        ],
    )
    def test_refuses_what_whatsapp_would(self, values: Any, field: str, reason: str) -> None:
        with pytest.raises(Unfilled) as caught:
            template_parts.to_send(REMINDER, values)
        assert (caught.value.field, caught.value.reason) == (field, reason)

    def test_a_file_is_named_by_a_safe_address(self) -> None:
        with pytest.raises(Unfilled, match="address"):
            template_parts.to_send(ORDER, ORDERED | {"header_file": "http://x.example/a.pdf"})

    def test_lines_become_one(self) -> None:
        sent = template_parts.to_send(REMINDER, FILLED | {"body_2": "amanhã\n\tàs  10h"})
        assert sent[0]["parameters"][1]["text"] == "amanhã às 10h"


@pytest.mark.parametrize(
    "components",
    [
        [],
        [{"type": "BODY", "text": "x"}, {"type": "CAROUSEL"}],
        [{"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": [{"type": "FLOW"}]}],
        [{"type": "HEADER", "format": "LOCATION"}, {"type": "BODY", "text": "x"}],
        ["odd", {"type": None}],
    ],
)
def test_what_asks_for_more_than_text_is_not_sent_from_here(components: Any) -> None:
    assert not template_parts.is_usable(components)
    assert template_parts.is_usable(REMINDER) and template_parts.is_usable(ORDER)
