"""When a customer has finished: a table in four languages."""

import pytest

from agents.pauses import Pause, judge

FINISHED = [
    "Vocês abrem no domingo?", "quanto custa a limpeza de pele", "Sim", "não", "E quando vocês abrem de novo",
    "Queria remarcar a consulta de amanhã para sexta.", "Are you open on Sundays?",
    "how much is a haircut today",
    "I would like to move my appointment to Friday.", "thanks!", "¿Abren los domingos?",
    "cuanto cuesta un corte hoy",
    "Quisiera cambiar mi cita de mañana al viernes.", "Gracias", "Vous ouvrez le dimanche ?",
    "combien coûte une coupe homme", "Je voudrais déplacer mon rendez-vous à vendredi.", "merci !", "ok",
]  # fmt: skip
GOES_ON = [
    "Oi", "oiii", "Bom dia!", "Olá, tudo bem?", "oi, bom dia, uma pergunta", "eu queria saber,",
    "preciso de uma ajuda",
    "quero marcar uma consulta e", "queria cortar o cabelo com", "então...", "Hello", "hi there!",
    "Good morning",
    "Hi, how are you?", "I want to book a table and", "could I get a table for", "well…", "Hola",
    "¡Buenas tardes!",
    "Hola, ¿qué tal?", "quiero una cita y", "es para", "Bonjour", "Bonsoir !", "Bonjour, j'ai une question",
    "je voudrais une table et", "c'est pour", "Tenho uma dúvida:", "", "quero dois pães e",
]  # fmt: skip
OPEN = [
    "quero marcar", "é para amanhã", "sou a Ana", "limpeza de pele", "for two people", "tomorrow morning",
    "para dos personas", "mañana por la tarde", "pour deux personnes", "demain matin", "👍", "R$ 50",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pause"),
    [(t, Pause.FINISHED) for t in FINISHED]
    + [(t, Pause.GOES_ON) for t in GOES_ON]
    + [(t, Pause.OPEN) for t in OPEN],
)
def test_judges_a_bubble(text: str, pause: Pause) -> None:
    assert judge(text) is pause


def test_a_long_text_costs_no_more_than_a_short_one() -> None:
    assert judge("a, " * 20_000 + "vocês abrem hoje?") is Pause.FINISHED
    assert judge("oi " * 30 + "oi") is Pause.GOES_ON
    assert judge("ola, " * 200 + "x") is Pause.OPEN
