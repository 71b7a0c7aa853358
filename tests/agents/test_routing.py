"""Who answers: a person when asked for, else the tier that fits."""

import pytest

from agents import routing

WANTED = [
    "atendente",
    "Quero falar com uma pessoa",
    "quero falar com um atendente por favor",
    "me passa para um humano",
    "não quero falar com robô",
    "human",
    "can I talk to a real person?",
    "I want to speak to someone",
    "persona",
    "quiero hablar con alguien",
    "quiero una persona",
    "quelqu'un",
    "je voudrais parler à quelqu'un",
    "un conseiller svp",
]
NOT_WANTED = [
    "quanto custa por pessoa?",
    "what is the price per person",
    "onde fica o setor de recursos humanos",
    "cuánto cuesta por persona",
    "Que horas abrem?",
    "combien par personne",
]


@pytest.mark.parametrize("text", WANTED)
def test_a_person_is_asked_for(text: str) -> None:
    assert routing.wants_person(text)


@pytest.mark.parametrize("text", NOT_WANTED)
def test_a_question_about_persons_is_not_a_wish_for_one(text: str) -> None:
    assert not routing.wants_person(text)


@pytest.mark.parametrize(
    "text", ["sim", "Sim, por favor", "yes please", "sí", "oui", "Pode ser!", "D'accord"]
)
def test_yes_accepts_an_offer(text: str) -> None:
    assert routing.accepts_offer(text)


@pytest.mark.parametrize("text", ["sim, mas quanto custa?", "não", "no", "quem?", ""])
def test_anything_else_does_not(text: str) -> None:
    assert not routing.accepts_offer(text)


def test_a_comparing_question_takes_a_stronger_tier() -> None:
    decision = routing.choose("Explique a diferença entre os planos e por que um é mais caro", tiers={})
    assert decision.tier == "advanced" and decision.reasons[-1].code == "hard"


def test_a_tier_that_is_not_set_up_is_replaced_by_the_nearest_and_says_so() -> None:
    decision = routing.choose("Que horas abrem?", tiers={"premium": {}, "fast": {}})
    assert decision.tier == "fast" and decision.reasons[-1].code == "not_set_up"
