"""Whether the other side is a machine that answers ours. Pure.

A loop costs both sides money and says nothing. Four signs, each of which a person shows seldom or never: the
same words again after each of our answers; an answer faster than anybody reads, many times in a row; the
texts of automatic replies; more answers in a few minutes than a conversation has.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import pairwise

from agents.safety import fold

WINDOW = timedelta(minutes=30)
LOOKS_AT = 40  # messages
SAME_TIMES = 3
NEAR_TIMES = 5  # a person, too, asks for the 24th and then for the 25th
SHORT_TIMES = 6  # "ok" and "sim" are said again by people
SHORT = 12  # characters
NEAR = 0.92
QUICK = timedelta(seconds=3)
QUICK_TIMES = 5
AUTOMATIC_TIMES = 2
MOST_TURNS = 10
TURNS_WITHIN = timedelta(minutes=3)

_AUTOMATIC = re.compile(
    r"(?:resposta|mensagem) automatica|(?:nao|favor nao) (?:responda|responder) (?:a )?(?:esta|essa) mensagem"
    r"|fora do (?:escritorio|horario de atendimento)|sou (?:o|a|um|uma) (?:assistente|atendente) virtual"
    r"|digite (?:\d|o numero)|agradecemos (?:o )?(?:seu )?contato|nosso horario de atendimento"
    r"|automatic (?:reply|response)|auto-?reply|automated (?:message|response)|out of (?:the )?office"
    r"|do not reply to this|(?:i am|i'm) (?:a|an|your) (?:virtual|automated) (?:assistant|agent)"
    r"|(?:press|reply with) \d|thank you for (?:contacting|reaching out)"
    r"|(?:respuesta|mensaje) automatic[oa]|no responda (?:a )?este mensaje|fuera de la oficina"
    r"|soy (?:el|la|un|una) asistente virtual|(?:marque|escriba) (?:el )?(?:\d|numero)|gracias por contactar"
    r"|(?:reponse|message) automatique|ne pas repondre|absent du bureau"
    r"|je suis (?:l'|un |une )?assistante? virtuel|tapez \d|merci de nous avoir contactes"
)


class Sign(StrEnum):
    """What gave the machine away."""

    SAME = "the same words again and again"
    QUICK = "answers faster than anybody reads"
    AUTOMATIC = "automatic replies"
    MANY = "too many answers in a few minutes"


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of the thread: `mine` when the assistant said it."""

    text: str
    mine: bool
    at: datetime


def judge(thread: Sequence[Spoken], *, now: datetime) -> Sign | None:
    """The first sign of a machine in a thread, oldest message first; None when it may be a person."""
    recent = [one for one in thread if one.at > now - WINDOW][-LOOKS_AT:]
    replies = _replies(recent)
    theirs = [fold(one.text) for _ours, one in replies]
    if _same(theirs):
        return Sign.SAME
    if sum(bool(_AUTOMATIC.search(text)) for text in theirs) >= AUTOMATIC_TIMES:
        return Sign.AUTOMATIC
    if _quick_run(replies) >= QUICK_TIMES:
        return Sign.QUICK
    turns = sum(one.mine and one.at > now - TURNS_WITHIN for one in recent)
    return Sign.MANY if turns >= MOST_TURNS else None


def _replies(thread: Sequence[Spoken]) -> list[tuple[Spoken, Spoken]]:
    """Each message of theirs that follows one of ours, with that one; bubbles in a row are not replies."""
    return [(ours, theirs) for ours, theirs in pairwise(thread) if ours.mine and not theirs.mine]


def _same(texts: Sequence[str]) -> bool:
    """Whether the last text came often enough before, after other answers of ours."""
    if not texts or not texts[-1]:
        return False
    last = texts[-1]
    if texts.count(last) >= (SHORT_TIMES if len(last) < SHORT else SAME_TIMES):
        return True
    return sum(_near(text, last) for text in texts) >= NEAR_TIMES


def _near(one: str, other: str) -> bool:
    shorter, longer = sorted((len(one), len(other)))
    if shorter < SHORT or shorter < longer * NEAR:
        return False
    return SequenceMatcher(None, one[:600], other[:600], autojunk=False).ratio() >= NEAR


def _quick_run(replies: Sequence[tuple[Spoken, Spoken]]) -> int:
    """How many of the last replies in a row came at once."""
    run = 0
    for ours, theirs in reversed(replies):
        if theirs.at - ours.at > QUICK:
            break
        run += 1
    return run
