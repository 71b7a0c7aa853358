"""What an answer must not say, whatever the model was talked into. Pure.

A model reads customers' words, voice notes, files and documents, and any of these may tell it what to say.
So its answer is looked at before a customer reads it: no address, number or key that the business has not
published, none of our own rules, and no deed that it claims without the receipt of a tool (`agents.claims`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents import claims
from agents.claims import Receipt
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


def inspect(
    answer: str, *, known: Iterable[str], rules: str, receipts: Sequence[Receipt] = ()
) -> Finding | None:
    """The first thing that the answer must not say.

    `known` is what the business says itself, `receipts` are what was done.
    """
    published = "\n".join(known)
    for finding in _findings(answer, published, rules, receipts):
        return finding
    return None


def _findings(answer: str, published: str, rules: str, receipts: Sequence[Receipt]) -> Iterator[Finding]:
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
    if claimed := claims.unproved(answer, published=fold(published), receipts=receipts):
        yield Finding(Breach.ACTION, claimed)


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
