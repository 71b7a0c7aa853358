"""Whether a voice note was understood: yes and no in four languages."""

import pytest

from agents import confirming

YES = ["Sim", "sim!", "isso mesmo", "É isso", "Exatamente.", "certo, obrigada", "👍", "yes", "Yep",
       "That's right",
       "that’s it, thanks", "Sí", "así es", "correcto", "oui", "C'est ça", "C’est exact", "d'accord",
       "ok"]  # fmt: skip
NO = ["Não", "nao, não é isso", "errado", "👎", "No", "nope", "that's not it", "no es eso", "Non",
       "ce n'est pas ça",
      "Non, pas du tout"]  # fmt: skip
ELSE = [
    "Que horas vocês abrem?",
    "quero marcar amanhã",
    "nothing",
    "simples",
    "note",
    "ouistiti",
    "sincero",
    "",
]


@pytest.mark.parametrize(
    ("text", "meaning"), [(t, True) for t in YES] + [(t, False) for t in NO] + [(t, None) for t in ELSE]
)
def test_reads_a_yes_and_a_no(text: str, meaning: bool | None) -> None:
    assert confirming.reads(text) is meaning


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("sim", False),
        ("sim, por favor", False),
        ("sim, e quanto custa?", True),
        ("Não", False),
        ("não, quero marcar para sexta", True),
        ("no thanks", False),
        ("C'est ça, merci", False),
        ("👍", False),
    ],
)
def test_knows_when_more_is_said(text: str, more: bool) -> None:
    assert confirming.says_more(text) is more


@pytest.mark.parametrize("language", ["pt", "en", "es", "fr", "de"])
def test_reads_back_what_was_heard(language: str) -> None:
    assert "quero um corte" in confirming.question("quero   um\ncorte", language)
    assert len(confirming.question("palavra " * 400, language)) < 700
    assert confirming.again(language)
