"""Emergency words, before the model and before the balance. Pure: works with both down."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum


class Danger(StrEnum):
    """What kind of help cannot wait for an answer."""

    MEDICAL = "medical"
    SELF_HARM = "self_harm"
    VIOLENCE = "violence"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An emergency found in a message, and the words that showed it."""

    danger: Danger
    words: str


def fold(text: str) -> str:
    """Lower case without accents, one space between words: how words are compared here."""
    plain = unicodedata.normalize("NFKD", text.lower())
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


_PATTERNS: tuple[tuple[Danger, str], ...] = (
    (
        Danger.SELF_HARM,
        r"quero (?:me matar|morrer)|(?:vou|penso em|pensando em) me matar|suicid\w*|tirar (?:a )?minha (?:propria )?vida"
        r"|me quero morir|quiero (?:morir|matarme|suicidarme)|quitarme la vida"
        r"|(?:want|going) to (?:kill myself|die)|kill myself|end my life"
        r"|(?:je veux|envie de) (?:mourir|me tuer|me suicider)|mettre fin a mes jours",
    ),
    (
        Danger.MEDICAL,
        r"dor (?:forte )?no peito|infart\w*|(?:nao|sem) (?:consigo|conseguindo|consegue) respirar|falta de ar"
        r"|esta(?:o|mos)? (?:inconsciente|desmaiad\w+|convulsionando)|convuls\w+|\bavc\b|derrame cerebral"
        r"|sangra(?:ndo|mento) (?:muito|forte|intenso|que nao para)|nao para de sangrar|engasg(?:ad|and)\w+|overdose"
        r"|envenen\w+|emergencia medica|(?:chame|chamar|preciso de) uma ambulancia|choque anafilatico"
        r"|dolor (?:fuerte )?(?:de|en el) pecho|no p(?:uedo|uede) respirar|esta inconsciente|no para de sangrar"
        r"|derrame|emergencia medica|necesito una ambulancia|se desmayo|ahogando"
        r"|chest pains?|heart attack|can'?t breathe|cannot breathe|unconscious|won'?t stop bleeding|bleeding heavily"
        r"|\bseizure\b|having a stroke|overdos\w+|poison(?:ed|ing)|call an ambulance|medical emergency|choking"
        r"|douleurs? (?:a la|dans la) poitrine|crise cardiaque|(?:peux|peut|arrive) (?:pas|plus a|pas a) respirer"
        r"|inconscient\w*|saigne (?:beaucoup|enormement)|urgence medicale|une ambulance|\bavc\b|s'?etouffe",
    ),
    (
        Danger.VIOLENCE,
        r"(?:ele|ela|meu marido|minha mulher|alguem) (?:esta|ta) me (?:batendo|agredindo|ameacando)|vai me matar"
        r"|(?:me esta|esta) (?:golpeando|pegando|amenazando)(?:me)?|va a matarme|me va a matar"
        r"|(?:is|are) (?:hitting|beating|threatening) me|going to kill me"
        r"|(?:il|elle) (?:me frappe|me bat|me menace)|va me tuer",
    ),
)
_COMPILED = tuple((danger, re.compile(rf"(?:{pattern})")) for danger, pattern in _PATTERNS)


def check(text: str) -> Alarm | None:
    """The first alarm in a message or transcript, or None. At most 4,000 characters are read."""
    folded = fold(text[:4000])
    for danger, pattern in _COMPILED:
        if found := pattern.search(folded):
            return Alarm(danger=danger, words=found.group(0))
    return None
