"""Promises to a customer, heard in our own words: what somebody said they would do, and when. Pure.

Only a plain promise counts: a sentence that asks, that makes a condition ("if you like, I will…") or that
says no is none. It is a suggestion for a person, so a rare wrong one costs a click; a model is not asked.
"""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from agents.safety import fold

LONGEST = 300  # characters of the sentence that is kept
LATEST_DAYS = 60

_DOES = {
    "pt": r"ligar|telefonar|retornar|responder|enviar|mandar|encaminhar|verificar|checar|conferir|confirmar"
    r"|avisar|perguntar|consultar|preparar|falar com|dar um retorno|entrar em contato|chamar|reservar|agendar"
    r"|marcar|ver com|ver isso|resolver|passar o|passar a|separar",
    "en": r"call|phone|ring|write|get back|come back|send|let you know|check|look into|find out|ask|confirm"
    r"|follow up|e-?mail|message|text|update you|prepare|reserve|book|schedule|arrange|sort",
    "es": r"llamar\w*|enviar\w*|mandar\w*|avisar\w*|confirmar\w*|consultar\w*|verificar\w*|revisar\w*"
    r"|responder\w*|preguntar\w*|preparar\w*|reservar\w*|escribir\w*|contactar\w*|devolver\w* la llamada",
    "fr": r"rappeler|appeler|envoyer|prevenir|confirmer|verifier|demander|repondre|ecrire|preparer|reserver"
    r"|recontacter|contacter|renseigner|revenir vers|tenir au courant|transmettre",
}
_PROMISES = re.compile(
    "|".join(
        (
            rf"\b(?:vou|vamos|irei|iremos)\s+(?:(?:ja|te|lhe|lhes|voce|so|agora|entao)\s+){{0,2}}"
            rf"(?:{_DOES['pt']})\b",
            r"\b(?:te|lhe|lhes)\s+(?:ligo|ligamos|retorno|retornamos|aviso|avisamos|mando|mandamos|envio|enviamos"
            r"|confirmo|confirmamos|respondo|respondemos|chamo|passo)\b",
            r"\b(?:ligarei|ligaremos|retornarei|retornaremos|avisarei|avisaremos|enviarei|enviaremos|mandarei"
            r"|mandaremos|confirmarei|confirmaremos|verificarei|verificaremos|responderei|responderemos"
            r"|entrarei em contato|entraremos em contato|entro em contato|entramos em contato)\b",
            r"^(?:eu )?(?:ligo|retorno|aviso|mando|envio|confirmo)\s+(?:para voce|pra voce|amanha|hoje"
            r"|assim que|ate)\b",
            rf"\b(?:i|we)(?:['’]ll| will|['’]m going to| am going to|['’]re going to| are going to)\s+"
            rf"(?:(?:also|then|just|gladly|personally|have someone|have somebody)\s+)?(?:{_DOES['en']})\b",
            rf"\b(?:voy|vamos)\s+a\s+(?:{_DOES['es']})\b",
            r"\b(?:le|les|te)\s+(?:llamo|llamamos|llamare|llamaremos|aviso|avisamos|avisare|avisaremos|envio"
            r"|enviamos|enviare|enviaremos|mando|mandamos|mandare|mandaremos|confirmo|confirmamos|confirmare"
            r"|confirmaremos|escribo|escribire|escribiremos|devuelvo la llamada|respondo|respondere)\b",
            rf"\b(?:je|nous|on)\s+(?:vais|allons|va)\s+(?:(?:vous|te|lui|leur)\s+)?(?:{_DOES['fr']})\b",
            r"\b(?:je|nous|on)\s+(?:vous|te)\s+(?:rappelle\w*|appelle\w*|envoi\w*|enverr\w+|previen\w*|previendr\w+"
            r"|confirm\w+|repond\w*|recontact\w+|tien\w* au courant|tiendr\w+ au courant|ecri\w+)\b",
            r"\b(?:je|nous|on)\s+(?:reviens|revenons|revient|reviendr\w+)\s+vers\s+vous\b",
        )
    )
)
# What makes it none: a condition, a question, a no, and what was done already.
_CONDITION = re.compile(
    r"(?:^|[,;]\s*|\b(?:e|and|y|et)\s+)(?:se|caso|if|in case|should you|si|en caso|au cas)\b"
    r"|\b(?:se|if|si)\s+(?:voce|quiser|preferir|precisar|desejar|you|usted|quiere|desea|prefiere|gusta|vous)\b"
)
_NO = re.compile(
    r"\b(?:nao|nunca|no|not|never|won['’]t|cannot|can['’]t|jamais)\b(?:\s+\w+){0,1}\s+"
    r"(?:vou|vamos|voy|ligar|call|send|llamar|enviar|be able)\b"
    r"|\bne\s+\w+\s+pas\b|\bwill not\b|\bwon['’]t\b|\bi['’]ll never\b"
)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n+")

_NUMBERS = {
    "um": 1, "uma": 1, "dois": 2, "duas": 2, "tres": 3, "meia": 0, "an": 1, "a": 1, "one": 1, "two": 2,
    "three": 3, "half": 0, "un": 1, "una": 1, "dos": 2, "une": 1, "deux": 2, "trois": 3, "media": 0,
}  # fmt: skip
_AFTER = re.compile(
    r"\b(?:em|daqui a|dentro de|in|within|en|dans|d['’]ici)\s+(?:ate\s+|about\s+|unos\s+|unas\s+)?"
    r"(\d{1,3}|uma?|dois|duas|tres|an?|one|two|three|una?|dos|une|deux|trois)\s*"
    r"(minut\w*|min|hora\w*|h|hours?|heures?|days?|dias?|jours?|weeks?|semanas?|semaines?)\b"
)
_UNITS = {
    "min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "j": timedelta(days=1),
    "w": timedelta(weeks=1), "s": timedelta(weeks=1),
}  # fmt: skip
_AFTER_TOMORROW = re.compile(r"\b(?:depois de amanha|day after tomorrow|pasado manana|apres-demain)\b")
_TOMORROW = re.compile(r"\b(?:amanha|tomorrow|manana|demain)\b")
_NEXT_WEEK = re.compile(
    r"\b(?:semana que vem|proxima semana|next week|la semana que viene|la proxima semana|semaine prochaine)\b"
)
_TODAY = re.compile(
    r"\b(?:hoje|today|hoy|aujourd['’]hui|esta tarde|this afternoon|tonight|esta noche"
    r"|cet apres-midi|ce soir)\b"
)
_DAYS = (
    r"segunda(?:-feira)?|monday|lunes|lundi", r"terca(?:-feira)?|tuesday|martes|mardi",
    r"quarta(?:-feira)?|wednesday|miercoles|mercredi", r"quinta(?:-feira)?|thursday|jueves|jeudi",
    r"sexta(?:-feira)?|friday|viernes|vendredi", r"sabado|saturday|samedi", r"domingo|sunday|dimanche",
)  # fmt: skip
_WEEKDAYS = tuple(re.compile(rf"\b(?:{names})\b") for names in _DAYS)
_CLOCK = re.compile(
    r"\b(?:as|a las|a la|at|by|until|ate as|ate|antes das|before|a|vers|avant|hasta las)\s+"
    r"(\d{1,2})(?:\s*(?:[:h.]\s*(\d{2})?)|\s*(?:horas|heures|hs|o['’]clock))?\s*(am|pm|a\.m\.|p\.m\.)?"
    r"(?!\s*(?:dias|days|minut|%|reais))\b"
)
_MORNING = re.compile(r"\b(?:de manha|pela manha|in the morning|por la manana|de la manana|matin)\b")
_AFTERNOON = re.compile(r"\b(?:tarde|afternoon|apres-midi)\b")
_EVENING = re.compile(r"\b(?:noite|tonight|evening|noche|soir)\b")
MORNING, AFTERNOON, EVENING = time(9), time(15), time(18)


@dataclass(frozen=True, slots=True)
class Promise:
    """The sentence that promised, and when it is due; None when it did not say."""

    text: str
    due_at: datetime | None


def heard(words: str, *, now: datetime) -> Promise | None:
    """The first promise in our own words; `now` in the business's own time zone."""
    for sentence in _SENTENCE.split(words):
        folded = fold(sentence).strip()
        if is_promise(folded):
            return Promise(" ".join(sentence.split())[:LONGEST], _due(folded, now))
    return None


def is_promise(folded: str) -> bool:
    """Whether a sentence (folded) says plainly that something will be done."""
    if not folded or folded.endswith("?") or _PROMISES.search(folded) is None:
        return False
    return _CONDITION.search(folded) is None and _NO.search(folded) is None


def _due(folded: str, now: datetime) -> datetime | None:
    """When the sentence says; a moment of the future, in the zone of `now`."""
    if (after := _AFTER.search(folded)) is not None:
        return now + _length(after.group(1), after.group(2))
    day = _day(folded, now)
    clock = _time(folded)
    if day is None and clock is None:
        return None
    date = day or now
    due = datetime.combine(date.date(), clock or _usual(folded), tzinfo=now.tzinfo)
    if due > now:
        return due
    # "Today", and the usual hour is past; or a time without a day that can only be tomorrow's.
    return now + timedelta(hours=1) if day is not None else due + timedelta(days=1)


def _length(number: str, unit: str) -> timedelta:
    count = int(number) if number.isdigit() else _NUMBERS.get(number, 1)
    key = "min" if unit.startswith("min") else unit[0]
    return min(_UNITS.get(key, timedelta(days=1)) * max(count, 1), timedelta(days=LATEST_DAYS))


def _day(folded: str, now: datetime) -> datetime | None:
    if _AFTER_TOMORROW.search(folded):
        return now + timedelta(days=2)
    if _is_tomorrow(folded):
        return now + timedelta(days=1)
    if _NEXT_WEEK.search(folded):
        return now + timedelta(days=7 - now.weekday())
    for number, names in enumerate(_WEEKDAYS):
        if names.search(folded):
            return now + timedelta(days=(number - now.weekday() - 1) % 7 + 1)
    return now if _TODAY.search(folded) else None


def _is_tomorrow(folded: str) -> bool:
    """Spanish says "mañana" for the morning, too: "hoy por la mañana" is no tomorrow."""
    bare = re.sub(r"\b(?:por|de|en|a) la manana\b", "", folded)
    return _TOMORROW.search(bare) is not None


def _time(folded: str) -> time | None:
    found = _CLOCK.search(folded)
    if found is None:
        return None
    hour, minute, half = int(found.group(1)), int(found.group(2) or 0), (found.group(3) or "")[:1]
    if half == "p" and hour < 12:
        hour += 12
    has_sign = bool(re.search(r"[:h.]|horas|heures|hs|clock|am|pm|a\.m|p\.m", found.group(0)))
    if not has_sign and not re.match(r"(?:as|a las|a la|at|ate as|antes das|hasta las)\b", found.group(0)):
        return None  # "by 5" may be five of anything
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _usual(folded: str) -> time:
    if _EVENING.search(folded):
        return EVENING
    if _AFTERNOON.search(folded) and not _MORNING.search(folded):
        return AFTERNOON
    return MORNING
