"""Emergency words are found in four languages, and everyday words are left alone."""

import pytest

from agents.safety import Danger, check

FOUND = [
    ("Estou com dor no peito e falta de ar", Danger.MEDICAL),
    ("socorro meu pai esta inconsciente", Danger.MEDICAL),
    ("NÃO CONSIGO RESPIRAR", Danger.MEDICAL),
    ("ele está convulsionando", Danger.MEDICAL),
    ("acho que é um AVC", Danger.MEDICAL),
    ("o dente não para de sangrar", Danger.MEDICAL),
    ("tengo un fuerte dolor de pecho, dolor en el pecho", Danger.MEDICAL),
    ("mi hijo no puede respirar", Danger.MEDICAL),
    ("I have chest pain", Danger.MEDICAL),
    ("she can't breathe!!", Danger.MEDICAL),
    ("please call an ambulance", Danger.MEDICAL),
    ("j'ai une douleur dans la poitrine", Danger.MEDICAL),
    ("il n'arrive plus à respirer", Danger.MEDICAL),
    ("não aguento mais, quero me matar", Danger.SELF_HARM),
    ("pensando em suicídio", Danger.SELF_HARM),
    ("quiero morir", Danger.SELF_HARM),
    ("I want to kill myself", Danger.SELF_HARM),
    ("je veux mourir", Danger.SELF_HARM),
    ("meu marido está me batendo", Danger.VIOLENCE),
    ("he is threatening me", Danger.VIOLENCE),
    ("il me frappe", Danger.VIOLENCE),
]
LEFT_ALONE = [
    "Que horas vocês abrem?",
    "Quanto custa uma limpeza?",
    "Tenho uma dorzinha de dente desde ontem",
    "Do you do heart check-ups?",
    "¿Tienen cita para mañana?",
    "Je voudrais un rendez-vous",
    "Adorei o atendimento, morri de rir",
    "",
]


@pytest.mark.parametrize(("text", "danger"), FOUND)
def test_an_emergency_is_found(text: str, danger: Danger) -> None:
    alarm = check(text)
    assert alarm is not None and alarm.danger == danger


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_everyday_words_raise_no_alarm(text: str) -> None:
    assert check(text) is None


def test_decomposed_accents_are_read_too() -> None:
    assert check("na\u0303o consigo respirar") is not None
