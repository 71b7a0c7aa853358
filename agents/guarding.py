"""What an answer must not say, whatever the model was talked into. Pure.

A model reads customers' words, voice notes, files and documents, and any of these may tell it what to say.
So its answer is looked at before a customer reads it: no address, number or key that the business has not
published, none of our own rules, and nothing that it says it did (it cannot do anything).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from agents.safety import fold


class Breach(StrEnum):
    """What an answer did that it must not."""

    LINK = "link"
    CONTACT = "contact"
    PAYMENT = "payment"
    RULES = "rules"
    ACTION = "action"


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach, and the words that show it."""

    breach: Breach
    words: str


REPEATED_WORDS = 9  # so many words of our rules in a row are no chance
_ENDS = "|".join(
    """com net org br io app dev info biz xyz site online shop store link click top live me ly gg cc tk ru cn ai
    eu pt es fr ar mx cl pe uy uk us de it co""".split()  # noqa: SIM905 - a list of words
)
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{1,12}://|\bwww\.|\bdata:|\bjavascript:)[^\s<>()\[\]\"']+"
    rf"|(?<![@\w.-])(?:[a-z0-9-]+\.)+(?:{_ENDS})\b(?:[/?#:][^\s<>()\[\]\"']*)?",
    re.I,
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.,/-])\+?\(?\d(?:[\s().-]{0,2}\d){7,14}(?![\w/])")
_DATE = re.compile(
    r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2}|(?:19|20)\d\d\s?-\s?(?:19|20)\d\d)$"
)
_KEYS = (
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",  # a random key of Pix
    r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b|\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b",  # a person's or a firm's number
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b",  # IBAN
    r"\b0x[0-9a-fA-F]{40}\b|\bbc1[a-z0-9]{20,60}\b",  # coins
)
_KEY = re.compile("|".join(_KEYS))


def _any(words: str) -> str:
    return f"(?:{'|'.join(words.split())})"


# What it says that it did. Spanish with its accents only, since "agende" asks somebody to do it.
_DID = (
    _any(
        "agendei marquei reservei remarquei desmarquei cancelei estornei reembolsei paguei cadastrei registrei"
        " bloqueei liberei enviei mandei encaminhei transferi alterei atualizei avisei notifiquei apliquei apaguei"
    )
    + r"\b",
    r"\bi(?:'ve| have)? (?:just |already |now )?"
    + _any(
        "booked scheduled reserved cancell?ed rescheduled refunded paid charged sent e-?mailed updated changed"
        " registered transferred deleted granted applied notified forwarded"
    )
    + r"\b",
    r"\b"
    + _any(
        "agendé reservé cancelé reprogramé reembolsé pagué envié registré transferí modifiqué actualicé avisé"
        " notifiqué apliqué borré"
    )
    + r"\b",
    r"\bhe "
    + _any(
        "agendado reservado cancelado reprogramado reembolsado pagado enviado registrado transferido modificado"
        " actualizado avisado notificado aplicado borrado"
    )
    + r"\b",
    r"\bj'ai (?:bien |deja )?"
    + _any(
        "reserve pris annule programme rembourse paye envoye modifie enregistre confirme transfere prevenu applique"
        " supprime"
    ),
)
# What it says was done. A document may say so, too, on some condition.
_WAS_DONE = (
    r"\b(?:sua?|teu|tua) (?:\w+ )?"
    + _any(
        "consulta horario reserva agendamento pedido reembolso pagamento cadastro desconto exame cancelamento"
    )
    + r" (?:ja )?(?:foi|esta|fica) "
    + _any("marcad agendad confirmad cancelad reservad aprovad processad estornad aplicad feit concluid")
    + "[oa]",
    r"\byour (?:\w+ )?"
    + _any("appointment booking reservation order refund payment account visit discount cancellation")
    + " (?:is now|is|has been|was) "
    + _any(
        "booked confirmed scheduled cancell?ed refunded processed approved changed deleted applied issued"
    ),
    r"\bsu (?:\w+ )?"
    + _any("cita reserva pedido reembolso pago turno descuento")
    + " (?:ya )?(?:ha sido|fue|esta|queda|quedo) "
    + _any("confirmad agendad cancelad reservad aprobad procesad aplicad")
    + "[oa]",
    r"\bvotre (?:\w+ )?"
    + _any("rendez-vous reservation commande remboursement paiement remise")
    + " (?:est|a ete) "
    + _any("confirme annule reserve rembourse traite applique"),
)
_I_DID, _IS_DONE = (re.compile("|".join(patterns), re.I) for patterns in (_DID, _WAS_DONE))
_DENIED = re.compile(r"(?:\bn[aã]o|\bno|\bnot|n't|\bnever|\bnunca|\bne|\bn')\s+(?:\w+\s+)?$", re.I)
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]?")


def inspect(answer: str, *, known: Iterable[str], rules: str) -> Finding | None:
    """The first thing that the answer must not say; `known` is what the business says itself."""
    published = "\n".join(known)
    for finding in _findings(answer, published, rules):
        return finding
    return None


def _findings(answer: str, published: str, rules: str) -> Iterator[Finding]:
    plain = published.lower()
    mails = _MAIL.findall(answer)
    for link in _LINK.findall(_MAIL.sub(" ", answer)):
        if _bare(link) not in plain:
            yield Finding(Breach.LINK, link)
    for mail in mails:
        if mail.lower() not in plain:
            yield Finding(Breach.CONTACT, mail)
    yield from _numbers(answer, published)
    if repeated := _repeated(answer, rules):
        yield Finding(Breach.RULES, repeated)
    yield from _claims(answer, fold(published))


def _bare(link: str) -> str:
    """A link without what may be left out: scheme, www, what ends a sentence."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", link.lower()).rstrip(".,;:!?/*_")


def _numbers(answer: str, published: str) -> Iterator[Finding]:
    """Phones and keys by which money is sent, written as they like."""
    for found in _KEY.finditer(answer):
        if _close(found.group()) not in _close(published):
            yield Finding(Breach.PAYMENT, found.group())
    digits = re.sub(r"\D+", "", published)
    for found in _PHONE.finditer(_KEY.sub(" ", answer)):
        number = re.sub(r"\D", "", found.group())
        if not _DATE.match(found.group().strip()) and number[-8:] not in digits:
            yield Finding(Breach.CONTACT, found.group())


def _close(text: str) -> str:
    return re.sub(r"[\s.-]", "", text.lower())


def _repeated(answer: str, rules: str) -> str:
    """Words of our rules that the answer repeats, in their order."""
    said, told = _words(answer), f" {' '.join(_words(rules))} "
    for start in range(len(said) - REPEATED_WORDS + 1):
        piece = " ".join(said[start : start + REPEATED_WORDS])
        if f" {piece} " in told:
            return piece
    return ""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", fold(text))


def _claims(answer: str, published: str) -> Iterator[Finding]:
    """What it says that it did, or was done, unless the business's documents say just that it was done."""
    for sentence in _SENTENCE.findall(answer):
        if sentence.endswith("?"):
            continue  # "Já paguei, e agora?" is what customers ask
        plain = fold(sentence)
        found = _denied_not(_I_DID, sentence) or _denied_not(_I_DID, plain)
        if found is None and plain.rstrip(".!") not in published:
            found = _denied_not(_IS_DONE, plain)
        if found:
            yield Finding(Breach.ACTION, found)


def _denied_not(pattern: re.Pattern[str], sentence: str) -> str | None:
    """The words of a claim that the sentence does not deny."""
    found = pattern.search(sentence)
    return found.group() if found and not _DENIED.search(sentence[: found.start()]) else None
