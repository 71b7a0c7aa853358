"""Why a message did not go out, or ended as it did, in the reader's language."""

import pytest
from django.utils import translation

from conversations import reasons
from providers import whatsapp_errors

SAID = sorted(
    {
        whatsapp_errors.meaning({"code": code}).words
        for told in (whatsapp_errors._LATER, whatsapp_errors._NEVER, whatsapp_errors._UNSURE)
        for code in told
    }
)


@pytest.mark.parametrize("words", SAID)
@pytest.mark.parametrize("language", ["pt-br", "es", "fr"])
def test_what_whatsapp_says_is_there_in_every_language(language: str, words: str) -> None:
    with translation.override(language):
        assert reasons.in_words(words) != words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("The gateway failed (500).", "La pasarela se cortó mientras enviaba."),
        ("WhatsApp did not answer (ReadTimeout).", "WhatsApp no respondió."),
        ("WhatsApp refused: Unknown thing (999999)", "WhatsApp se negó: Unknown thing (999999)"),
        ("Something that nobody knows (7).", "Something that nobody knows (7)."),
        ("", ""),
    ],
)
def test_a_code_for_the_log_hides_no_translation(error: str, words: str) -> None:
    with translation.override("es"):
        assert reasons.in_words(error).startswith(words)
        assert bool(reasons.in_words(error)) is bool(error)


@pytest.mark.parametrize(
    ("reason", "words"),
    [("merged into turn 12", "unido a la respuesta 12"), ("opted out", "se dio de baja"), ("", "")],
)
def test_an_end_is_told_in_the_readers_language(reason: str, words: str) -> None:
    with translation.override("es"):
        assert reasons.why_ended(reason) == words
