"""Decide how a message is answered: by a person, or by which tier of model. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.safety import fold

TIERS = ("fast", "balanced", "advanced", "premium")

_PERSON = re.compile(
    r"\b(?:atendente|humano|human|humain|operador\w*|persona (?:real|de verdad|humana)"
    r"|(?:falar|conversar|fala|atendimento) com (?:uma? )?(?:pessoa|alguem|gente|humano|responsavel|gerente|dono)"
    r"|(?:quero|preciso|pode ser|chama[r]?|passa[r]?) (?:de )?(?:uma? )?(?:pessoa|gente de verdade)"
    r"|(?:nao quero|chega de|odeio) (?:falar com )?(?:robo|maquina|bot)"
    r"|(?:hablar|comunicarme) con (?:una? )?(?:persona|alguien|humano|agente|encargado)|quiero una persona|^persona$"
    r"|(?:talk|speak|chat) (?:to|with) (?:an? )?(?:person|someone|somebody|representative|agent|manager)"
    r"|real person|live agent|customer service representative"
    r"|(?:parler|discuter) (?:a|avec) (?:une? )?(?:personne|quelqu'?un|conseiller|agent|responsable)|quelqu'?un"
    r"|une vraie personne|un conseiller)\b"
)
_NOT_PERSON = re.compile(
    r"\b(?:recursos humanos|human resources|ressources humaines|corpo humano|human body"
    r"|(?:por|per|each|par|cada) pers?(?:son|sona|sonne|ssoa))\b"
)
_YES = re.compile(
    r"^(?:sim|quero|pode|pode ser|por favor|claro|ok|okay|isso|s|yes|yeah|yep|please|sure|si|dale|vale|oui|d'?accord"
    r"|s'?il (?:te|vous) plait)(?:[ ,.!]+(?:sim|quero|por favor|please|please do|obrigad[oa]|gracias|merci|claro))*[ .!]*$"
)
_HARD = re.compile(
    r"\b(?:compar\w+|diferen\w+|difference|calcul\w+|explic\w+|explain|expliqu\w+|por ?que|why|pourquoi)\b"
)


@dataclass(frozen=True, slots=True)
class Route:
    """The tier that answers, and the reason that the owner can read."""

    tier: str
    reason: str


def wants_person(text: str) -> bool:
    """Whether the customer asks for a human being, in any of the four languages."""
    folded = fold(text[:1000])
    return bool(_PERSON.search(_NOT_PERSON.sub(" ", folded)))


def accepts_offer(text: str) -> bool:
    """Whether a short reply says yes to what was just offered."""
    return bool(_YES.match(fold(text[:80])))


def choose(text: str, *, tiers: Mapping[str, Any]) -> Route:
    """The tier for a question: the balanced one, or a stronger one for long or comparing questions."""
    wanted = (
        Route("advanced", "long or comparing question")
        if _is_hard(text)
        else Route("balanced", "everyday question")
    )
    if not tiers or wanted.tier in tiers:
        return wanted
    return Route(_nearest(wanted.tier, list(tiers)), f"{wanted.reason}; {wanted.tier} is not set up")


def _is_hard(text: str) -> bool:
    return len(text) > 400 or len(_HARD.findall(fold(text))) >= 2


def _nearest(tier: str, available: Sequence[str]) -> str:
    known = [name for name in available if name in TIERS] or ["balanced"]
    return min(known, key=lambda name: abs(TIERS.index(name) - TIERS.index(tier)))
