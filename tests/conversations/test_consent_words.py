"""Which whole messages ask to be left alone, or not any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.consent import LONGEST, Wish, answers_offer, wish_of


@pytest.mark.parametrize(
    "text",
    [
        "SAIR", "sair", " Sair. ", "SAIR!!!", "*sair*", "“Sair”", "PARAR", "Pare", "STOP", "stop.", "Stopp",
        "CANCELAR", "BAJA", "dar de baja", "UNSUBSCRIBE", "opt-out", "OPT OUT", "ARRET", "ARRÊT", "Arrêt !",
        "Désabonner", "ＳＴＯＰ", "🛑 STOP 🛑", "sair\n",
    ],
)  # fmt: skip
def test_out(text: str) -> None:
    found = wish_of(text)
    assert found is not None and found[0] is Wish.OUT


@pytest.mark.parametrize("text", ["VOLTAR", "voltar!", "START", "Alta", "reprendre", "UNSTOP"])
def test_in(text: str) -> None:
    found = wish_of(text)
    assert found is not None and found[0] is Wish.IN


@pytest.mark.parametrize(
    "text",
    [
        "", "Quero cancelar a consulta", "a que horas posso sair?", "stop it please I want pizza",
        "alta médica", "Voltar para casa", "não pare", "parar de fumar", "sairei", "12", "👍", "." * 30,
        "SAIR " * 20,
    ],
)  # fmt: skip
def test_everything_else_is_an_ordinary_message(text: str) -> None:
    assert wish_of(text) is None


def test_the_word_gives_its_language_away() -> None:
    assert [wish_of(text)[1] for text in ("SAIR", "BAJA", "ARRÊT", "UNSUBSCRIBE", "STOP")] == [  # type: ignore[index]
        "pt", "es", "fr", "en", "",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "offer", "is_answer"),
    [
        ("CANCELAR", "Sua consulta é amanhã às 10h. Responda CONFIRMAR ou CANCELAR.", True),
        ("Cancel", "Shall I cancel your booking or keep it?", True),
        ("CANCELAR", "Temos novidades! Venha conhecer.", False),
        ("SAIR", "Para não receber mais, escreva SAIR.", False),  # that is what it is for
        ("STOP", "Reply STOP to stop.", False),
    ],
)
def test_a_word_that_was_offered_is_an_answer(text: str, offer: str, is_answer: bool) -> None:
    assert answers_offer(text, offer) is is_answer


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    found = wish_of(text)
    assert found is None or len(text) <= LONGEST
