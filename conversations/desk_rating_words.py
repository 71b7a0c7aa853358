"""How it was, from 1 to 5: what a customer is asked, and which number they answered. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

LOWEST, HIGHEST = 1, 5
DISPLEASED, PLEASED = 2, 4  # up to, and from; three is neither
PREFIX = "rate:"  # of the options' ids
LONGEST_WORDS = 1000

_ASKED: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "pt": (
        "Como foi o nosso atendimento? Toque em uma opção ou responda com um número de 1 a 5.",
        "Avaliar",
        ("Muito ruim", "Ruim", "Mais ou menos", "Bom", "Muito bom"),
    ),
    "en": (
        "How was our service? Tap an option or answer with a number from 1 to 5.",
        "Rate",
        ("Very bad", "Bad", "So-so", "Good", "Very good"),
    ),
    "es": (
        "¿Cómo fue nuestra atención? Toque una opción o responda con un número del 1 al 5.",
        "Valorar",
        ("Muy mala", "Mala", "Regular", "Buena", "Muy buena"),
    ),
    "fr": (
        "Comment s’est passé notre échange ? Touchez une réponse ou écrivez un chiffre de 1 à 5.",
        "Évaluer",
        ("Très mal", "Mal", "Moyen", "Bien", "Très bien"),
    ),
}
_THANKS = {
    "pt": "Obrigado! Sua nota ajuda a gente a melhorar.",
    "en": "Thank you! Your answer helps us do better.",
    "es": "¡Gracias! Su respuesta nos ayuda a mejorar.",
    "fr": "Merci ! Votre réponse nous aide à faire mieux.",
}
_SORRY = {
    "pt": "Obrigado por contar. Sentimos que não foi bom; se quiser, escreva aqui o que faltou.",
    "en": "Thank you for telling us. We are sorry; if you like, write here what was missing.",
    "es": "Gracias por decirlo. Sentimos que no haya sido bueno; si quiere, escriba aquí qué faltó.",
    "fr": "Merci de nous l’avoir dit. Nous sommes désolés ; si vous voulez, écrivez ici ce qui a manqué.",
}
_NUMBERS = {
    "um": 1, "uma": 1, "dois": 2, "duas": 2, "tres": 3, "quatro": 4, "cinco": 5,
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5,
    "uno": 1, "una": 1, "dos": 2, "cuatro": 4, "un": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5,
}  # fmt: skip
_STARS = r"(?:estrelas?|stars?|estrellas?|etoiles?|pontos?|points?|puntos?)"
_GRADE = r"(?:(?:nota|note|score|dou|i give|le doy|je donne|give)\s+)"
_COUNT = rf"(?P<n>[1-5]|{'|'.join(_NUMBERS)})"
# The number alone, or as a grade; then words of any kind, after something that parts them.
_OF_FIVE = r"(?:\s*/\s*5|\s+(?:de|of|sur|out of)\s+5)?"
_SAID = re.compile(
    rf"(?P<head>^\W*{_GRADE}?{_COUNT}(?:\ufe0f?\u20e3)?{_OF_FIVE}(?:\s*{_STARS})?)"
    r"(?:\s*$|\s*[.,;:!\-–—\n(·].*|\s*[^\w\s].*)",
    re.DOTALL,
)
_ONLY_STARS = re.compile(r"^[\s★⭐🌟️]+$")


def question(language: str) -> tuple[str, dict[str, Any]]:
    """What is asked and its five options, the worst first: a number typed back is the place of one."""
    text, button, titles = _ASKED.get(language[:2].lower(), _ASKED["en"])
    options = [{"id": f"{PREFIX}{n}", "title": title} for n, title in enumerate(titles, start=LOWEST)]
    return text, {"choices": {"button": button, "options": options}}


def thanks(score: int, language: str) -> str:
    """What who answered is told, once."""
    lines = _SORRY if score <= DISPLEASED else _THANKS
    return lines.get(language[:2].lower(), lines["en"])


def score_of(text: str, *, choice: str = "") -> tuple[int, str] | None:
    """The number of 1 to 5 that an answer gives, and the words beside it; None when it gives none.

    `choice` is the id of an option that was tapped, or meant by a number.
    """
    if choice.startswith(PREFIX) and choice.removeprefix(PREFIX).isdigit():
        return int(choice.removeprefix(PREFIX)), ""
    said = text.strip()
    if _ONLY_STARS.match(said):
        count = sum(said.count(star) for star in "★⭐🌟")
        return (count, "") if LOWEST <= count <= HIGHEST else None
    return _written(said)


def _written(said: str) -> tuple[int, str] | None:
    found = _SAID.match(_plain(said))
    if found is None or "?" in said:
        return None
    number = found.group("n")
    score = int(number) if number.isdigit() else _NUMBERS[number]
    words = said[found.end("head") :].lstrip(" \n\t.,;:!-–—(·)").rstrip(" )")
    return score, words[:LONGEST_WORDS]


def _plain(text: str) -> str:
    """Lower case without accents, each character in its place."""
    return "".join(unicodedata.normalize("NFKD", letter)[:1].lower() or letter for letter in text)
