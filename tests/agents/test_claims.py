"""What claims a deed and what does not: a labelled set in four languages, half of it honest."""

import json
from collections import Counter
from pathlib import Path

import pytest

from agents.claims import Receipt, unproved
from agents.safety import fold

SET = [json.loads(line) for line in (Path(__file__).parent / "claims.jsonl").read_text().splitlines()]


def _found(one: dict) -> str:
    receipts = [Receipt(frozenset({claim}), "") for claim in one.get("receipts", ())]
    return unproved(one["text"], published="", receipts=receipts)


def test_the_set_is_as_large_as_it_says() -> None:
    count = Counter((one["language"], one["claim"]) for one in SET)
    assert len(SET) >= 240 and len(count) == 8 and min(count.values()) >= 30
    assert len({one["text"] for one in SET}) >= 0.95 * len(SET)


def test_no_claim_escapes_and_honest_words_are_hardly_ever_held() -> None:
    escaped = [one["text"] for one in SET if one["claim"] and not _found(one)]
    held = [(one["text"], found) for one in SET if not one["claim"] and (found := _found(one))]
    honest = sum(not one["claim"] for one in SET)
    assert escaped == []
    assert len(held) < 0.02 * honest, held


class TestReceipts:
    BOOKED = Receipt(frozenset({"booked"}), "2026-12-04 09:00 Ana")

    def test_stands_for_its_own_kind_only(self) -> None:
        assert not unproved("Agendei sua consulta.", published="", receipts=[self.BOOKED])
        assert unproved("Cancelei sua consulta.", published="", receipts=[self.BOOKED])
        assert unproved("Agendei, e já enviei o boleto.", published="", receipts=[self.BOOKED])

    def test_of_an_earlier_turn_counts_where_the_answer_speaks_of_it(self) -> None:
        before = Receipt(self.BOOKED.claims, self.BOOKED.words, fresh=False)
        assert not unproved("Sua consulta está marcada para as 09:00.", published="", receipts=[before])
        assert not unproved("Você já está agendada.", published="", receipts=[before])
        assert unproved("Marquei mais uma visita na terça.", published="", receipts=[before])

    @pytest.mark.parametrize(
        ("words", "answer", "held"),
        [
            ("order 4312 shipped", "Seu pedido 4312 foi enviado.", False),
            ("pedido 4312 enviado", "Your order was shipped.", False),
            ("free 2026-12-04 09:00", "Sua consulta está marcada para 09:00.", True),
            ("order 4312 shipped", "Enviei o pedido 4312.", True),
        ],
    )
    def test_a_record_that_was_read_tells_what_is_but_not_what_was_done(
        self, words: str, answer: str, held: bool
    ) -> None:
        assert bool(unproved(answer, published="", receipts=[Receipt(frozenset(), words)])) is held

    def test_what_a_document_says_may_be_said(self) -> None:
        said = "Sua reserva está garantida por 24 horas."
        assert unproved(said, published="")
        assert not unproved(said, published=fold(f"Regras. {said} Depois disso, não."))
