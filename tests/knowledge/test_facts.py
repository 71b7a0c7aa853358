"""Contradictions and what is out of date: real ones are found, what only looks so is left alone."""

from datetime import date

import pytest

from knowledge import facts, facts_words
from knowledge.questions import fold

CONTRADICTIONS = [
    ("pt", "A limpeza dental custa R$ 180,00.", "Limpeza dental: R$ 190"),
    ("pt", "Limpeza. Preço: 180; Duração: 45 min", "Limpeza. Preço: 210; Duração: 45 min"),
    ("pt", "O check-in começa às 14h.", "O check-in começa às 15h00."),
    ("pt", "Abrimos aos sábados das 9h às 13h.", "Aos sábados abrimos das 8h às 12h."),
    ("pt", "Aceitamos animais de pequeno porte.", "Não aceitamos animais de pequeno porte."),
    ("pt", "O cancelamento é gratuito até 7 dias antes.", "Cancelamento gratuito até 3 dias antes."),
    ("pt", "A limpeza dental custa R$ 165 e dura 40 minutos.", "A limpeza dental custa R$ 150."),
    ("en", "Breakfast is served until 10 am.", "Breakfast is served until 11:00 am."),
    ("en", "A late checkout costs € 30.", "Late checkout costs € 45."),
    ("es", "La habitación doble cuesta 90 €.", "La habitación doble cuesta 110 €."),
    ("fr", "Le parking coûte 12 € par jour.", "Le parking coûte 15 € par jour."),
]  # fmt: skip
NO_CONTRADICTIONS = [
    ("pt", "A limpeza custa R$ 180.", "O clareamento custa R$ 600."),
    ("pt", "Segunda a sexta, das 8h às 18h.", "Sábado, das 8h às 12h."),
    ("pt", "A consulta custa R$ 250.", "A consulta de retorno custa R$ 100."),
    ("pt", "Limpeza. Preço: 180; Duração: 45 min", "Limpeza. Duração: 45 min; Preço: 180,00"),
    ("pt", "O check-in começa às 14h.", "O check-out vai até as 11h."),
    ("pt", "Quarto para 2 pessoas: R$ 300", "Quarto para 3 pessoas: R$ 400"),
    ("pt", "A consulta dura 40 min e custa R$ 250.", "A consulta custa R$ 250."),
    ("pt", "Abrimos às 9:00.", "Abrimos às 9h."),
    ("en", "Parking is free for guests.", "Parking costs € 10 for visitors."),
    ("en", "The pool opens at 8 am.", "The pool closes at 8 pm."),
    ("es", "El desayuno cuesta 12 €.", "La cena cuesta 25 €."),
    ("fr", "Une chambre simple coûte 80 €.", "Une chambre double coûte 110 €."),
    ("pt", "Ligue (11) 4002-8922.", "Ligue (11) 3003-1234."),
]
TODAY = date(2026, 11, 21)
OVER = [
    "Tabela de preços 2023",
    "Preços válidos até 31/12/2025.",
    "Promoção válida até 15 de março de 2026",
    "Vigência: 01/01/2024 a 31/12/2025",
    "Price list 2024",
    "Offer valid until March 5, 2026.",
    "Rates for 2025",
    "Tarifas 2024",
    "Válido hasta el 30/06/2026",
    "Tarifs 2025",
    "Offre valable jusqu'au 1er octobre 2026",
]
NOT_OVER = [
    "Preços válidos até 31/12/2026.",
    "Fundada em 1998, a clínica mudou-se em 2019.",
    "Tabela de preços 2026",
    "Tabela 2025/2027",
    "Valid until further notice",
    "A promoção de 2026 vale para todos.",
    "Atendemos até 18h",
    "Vigencia hasta el 31/12/2030",
    "Room 2023 has a view of the sea.",
    "Le restaurant a ouvert en 2015.",
]


@pytest.mark.parametrize(("language", "one", "other"), CONTRADICTIONS)
def test_contradictions_are_found(language: str, one: str, other: str) -> None:
    assert facts.conflict(one, other, language=language) is not None


@pytest.mark.parametrize(("language", "one", "other"), NO_CONTRADICTIONS)
def test_what_only_looks_like_one_is_left_alone(language: str, one: str, other: str) -> None:
    assert facts.conflict(one, other, language=language) is None


def test_headings_keep_branches_apart() -> None:
    one, other = "Abrimos das 8h às 18h.", "Abrimos das 9h às 17h."
    assert facts.conflict(one, other, language="pt", headings=("Unidade Centro", "Unidade Praia")) is None
    price = ("A limpeza custa R$ 180.", "A limpeza custa R$ 190.")
    assert facts.conflict(*price, language="pt", headings=("Preços", "Tabela de valores")) is not None


@pytest.mark.parametrize("text", OVER)
def test_what_is_over_is_seen(text: str) -> None:
    assert facts_words.expired(fold(text), today=TODAY)


@pytest.mark.parametrize("text", NOT_OVER)
def test_other_years_and_dates_are_left_alone(text: str) -> None:
    assert facts_words.expired(fold(text), today=TODAY) == ""


def test_a_settled_answer_against_the_documents() -> None:
    settled, about = "Sim, o estacionamento é gratuito para clientes.", "Tem estacionamento?"
    assert facts.otherwise(
        "A diária custa R$ 300.", "Diária: R$ 350", about="Quanto custa a diária?", language="pt"
    )
    assert not facts.otherwise(settled, "O estacionamento fica atrás da casa.", about=about, language="pt")
