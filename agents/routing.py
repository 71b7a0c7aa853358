"""Decide how a message is answered: by a person, or by which tier of model. Pure.

The tier follows from what the customer wants (read by agents.intents, without a model), how hard the question
is, and how much the customer is worth to the business; an owner's `Policy` says what follows from what. Each
step leaves a `Reason`, which pages put into words.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from agents.safety import fold

TIERS = ("fast", "balanced", "advanced", "premium")
OUT_OF_SCOPE = "out_of_scope"
SAVING = "saving"  # the reason of who answers because credits are few
USUAL = "usual"  # of an intent: whatever the usual tier is
INTENTS = (
    "greeting", "thanks", "opening_hours", "location", "price", "payment", "booking", "order_status",
    "complaint", "refund", "technical_problem", "buying", "information", "person", OUT_OF_SCOPE,
)  # fmt: skip
SMALL_TALK = frozenset({"greeting", "thanks"})
# What an owner who has said nothing else gets; an intent that is not here takes the usual tier.
TIER_OF_INTENT: Mapping[str, str] = {
    "greeting": "fast",
    "thanks": "fast",
    "opening_hours": "fast",
    "location": "fast",
    OUT_OF_SCOPE: "fast",
    "complaint": "advanced",
    "refund": "advanced",
    "buying": "advanced",
}

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


_HARD_POINTS, _CHARACTERS_A_POINT, _QUESTION_POINTS = 25, 8, 10
MOST = 100  # of complexity, value, and percents
FEWEST_WORDS = 4  # of what is refused: a name or a number says nothing by itself


@dataclass(frozen=True, slots=True)
class Reading:
    """What a customer wants, as the classifier reads it; both numbers are probabilities."""

    intent: str
    confidence: float
    out_of_scope: float


@dataclass(frozen=True, slots=True)
class Policy:
    """What an owner wants of the router. Thresholds are 1 to 100; 101 switches one off.

    `intents` has a tier by intent, `budgets` credits a day by tier: a tier without one is not bounded.
    """

    usual: str = "balanced"
    intents: Mapping[str, str] = field(default_factory=lambda: dict(TIER_OF_INTENT))
    sure_from: int = 50  # percent: below, the intent decides nothing
    hard_from: int = 50  # complexity that takes the advanced tier
    hardest_from: int = 90  # complexity that takes the premium one
    valued_from: int = 70  # a customer's value that takes one tier more
    budgets: Mapping[str, int] = field(default_factory=dict)
    refuses: bool = True  # what is none of the business's affairs
    refuses_from: int = 80  # percent of certainty that it is none

    @classmethod
    def of(cls, said: Mapping[str, Any] | None) -> "Policy":
        """The policy that a version says (`AgentVersion.routing`), the usual one where it says nothing."""
        known = {one.name for one in fields(cls)}
        named = {name: value for name, value in (said or {}).items() if name in known}
        return cls(**named | {"intents": {**TIER_OF_INTENT, **named.get("intents", {})}})

    def said(self) -> dict[str, Any]:
        """Only what differs from the usual: what a version keeps."""
        usual = asdict(Policy())
        said = {name: value for name, value in asdict(self).items() if value != usual[name]}
        intents = {
            name: tier for name, tier in self.intents.items() if tier != TIER_OF_INTENT.get(name, USUAL)
        }
        return {name: value for name, value in said.items() if name != "intents"} | (
            {"intents": intents} if intents else {}
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """All that the router looks at. `value` is the customer's, 0 to 100, None where nothing is known."""

    words: str
    reading: Reading | None = None
    value: int | None = None
    files: bool = False
    answers_us: bool = False  # the assistant had asked something: a short answer says little by itself
    supported: bool = False  # by the business's documents


@dataclass(frozen=True, slots=True)
class Reason:
    """One step of a decision: a code, and the tier and the numbers that belong to it."""

    code: str
    tier: str = ""
    intent: str = ""
    number: int = 0

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value or name == "code"}


@dataclass(frozen=True, slots=True)
class Decision:
    """The tier that answers, and how it was come by. `refused`: nobody is asked, the customer is told so."""

    tier: str
    reasons: tuple[Reason, ...]
    intent: str = ""
    confidence: float = 0.0
    out_of_scope: float = 0.0
    complexity: int = 0
    value: int | None = None
    refused: bool = False

    def as_json(self) -> dict[str, Any]:
        """As a turn keeps it (`Turn.route`)."""
        return {
            "tier": self.tier,
            "intent": self.intent,
            "confidence": round(self.confidence, 3),
            "out_of_scope": round(self.out_of_scope, 3),
            "complexity": self.complexity,
            "value": self.value,
            "refused": self.refused,
            "reasons": [reason.as_json() for reason in self.reasons],
        }


def wants_person(text: str) -> bool:
    """Whether the customer asks for a human being, in any of the four languages."""
    folded = fold(text[:1000])
    return bool(_PERSON.search(_NOT_PERSON.sub(" ", folded)))


def accepts_offer(text: str) -> bool:
    """Whether a short reply says yes to what was just offered."""
    return bool(_YES.match(fold(text[:80])))


def complexity(text: str) -> int:
    """How hard a question is, 0 to 100: by its length, its comparing words, and how much it asks at once."""
    hard = len(_HARD.findall(fold(text))) * _HARD_POINTS
    asked = max(0, text.count("?") - 1) * _QUESTION_POINTS
    return min(MOST, hard + len(text) // _CHARACTERS_A_POINT + asked if text.strip() else 0)


def decide(
    asked: Asked,
    *,
    policy: Policy,
    tiers: Iterable[str] = (),
    spent: Mapping[str, int] | None = None,
    saves: bool = False,
) -> Decision:
    """The tier for a question; `tiers` are those that are set up (none: all are the same model).

    `spent` has today's credits by tier, for tiers with a budget. With `saves` the least tier answers whatever
    is asked: the credits are few.
    """
    hard = complexity(asked.words)
    reasons = [_by_intent(asked.reading, policy)]
    reasons += _by_complexity(reasons[-1].tier, hard, policy)
    reasons += _by_value(reasons[-1].tier, asked, policy)
    reasons += _by_set_up(reasons[-1].tier, list(tiers))
    reasons += _by_budget(reasons[-1].tier, list(tiers), policy, spent or {})
    reasons += _by_saving(reasons[-1].tier, list(tiers)) if saves else []
    reading = asked.reading or Reading("", 0.0, 0.0)
    return Decision(
        tier=reasons[-1].tier,
        reasons=tuple(reasons),
        intent=reading.intent,
        confidence=reading.confidence,
        out_of_scope=reading.out_of_scope,
        complexity=hard,
        value=asked.value,
        refused=_is_refused(asked, policy),
    )


def choose(text: str, *, policy: Mapping[str, Any] | None = None, tiers: Iterable[str] = ()) -> Decision:
    """As `decide`, by the words alone, before anybody has looked at what they mean; `policy` as a version says it."""
    return decide(Asked(text), policy=Policy.of(policy), tiers=tiers)


def reachable(asked: Asked, *, policy: Policy, tiers: Iterable[str]) -> list[str]:
    """The tiers that this may be answered by, whatever it turns out to mean: what is reserved must do for each."""
    available = list(tiers)
    readings = [None, *(Reading(intent, 1.0, 0.0) for intent in INTENTS)]
    found = {decide(replace(asked, reading=one), policy=policy, tiers=available).tier for one in readings}
    return sorted(found, key=TIERS.index)


def _by_intent(reading: Reading | None, policy: Policy) -> Reason:
    if reading is None:
        return Reason("usual", policy.usual)
    percent = round(reading.confidence * MOST)
    if percent < policy.sure_from:
        return Reason("unsure", policy.usual, reading.intent, percent)
    wanted = policy.intents.get(reading.intent, USUAL)
    tier = policy.usual if wanted == USUAL else wanted
    return Reason("intent", tier, reading.intent, percent)


def _by_complexity(tier: str, hard: int, policy: Policy) -> list[Reason]:
    wanted = "premium" if hard >= policy.hardest_from else "advanced" if hard >= policy.hard_from else tier
    return [Reason("hard", wanted, number=hard)] if _is_stronger(wanted, tier) else []


def _by_value(tier: str, asked: Asked, policy: Policy) -> list[Reason]:
    """One tier more for a customer of value; a greeting is answered by any model."""
    if asked.value is None or asked.value < policy.valued_from or _is_small_talk(asked.reading, policy):
        return []
    wanted = _stronger(tier)
    return [Reason("value", wanted, number=asked.value)] if wanted != tier else []


def _is_small_talk(reading: Reading | None, policy: Policy) -> bool:
    sure = reading is not None and reading.confidence * MOST >= policy.sure_from
    return sure and reading is not None and reading.intent in SMALL_TALK


def _by_set_up(tier: str, tiers: Sequence[str]) -> list[Reason]:
    if not tiers or tier in tiers:
        return []
    return [Reason("not_set_up", _nearest(tier, tiers))]


def _by_budget(tier: str, tiers: Sequence[str], policy: Policy, spent: Mapping[str, int]) -> list[Reason]:
    """The next cheaper tier whose budget is not spent; the cheapest of all answers on."""
    reasons: list[Reason] = []
    while _is_spent(tier, policy, spent):
        cheaper = [name for name in TIERS[: TIERS.index(tier)] if not tiers or name in tiers]
        if not cheaper:
            return [*reasons, Reason("all_spent", tier)]
        tier = cheaper[-1]
        reasons.append(Reason("budget", tier, number=policy.budgets[_next(tier, tiers)]))
    return reasons


def least(tiers: Iterable[str]) -> str:
    """The weakest of these tiers, which is the one that costs least; of none the first of all."""
    known = [name for name in TIERS if name in set(tiers)]
    return known[0] if known else TIERS[0]


def _by_saving(tier: str, tiers: Sequence[str]) -> list[Reason]:
    """Where no tier is set up all are the same model, and nothing can be saved."""
    wanted = least(tiers) if tiers else tier
    return [Reason(SAVING, wanted)] if wanted != tier else []


def _next(tier: str, tiers: Sequence[str]) -> str:
    """The tier that was left for this cheaper one."""
    return next(name for name in TIERS[TIERS.index(tier) + 1 :] if not tiers or name in tiers)


def _is_spent(tier: str, policy: Policy, spent: Mapping[str, int]) -> bool:
    budget = policy.budgets.get(tier)
    return budget is not None and spent.get(tier, 0) >= budget


def _is_refused(asked: Asked, policy: Policy) -> bool:
    """Whether this is none of the business's affairs, and said at such length that there is no doubt."""
    if not policy.refuses or asked.reading is None or asked.files or asked.answers_us or asked.supported:
        return False
    sure = asked.reading.out_of_scope * MOST >= policy.refuses_from
    return sure and len(asked.words.split()) >= FEWEST_WORDS


def _is_stronger(one: str, other: str) -> bool:
    return TIERS.index(one) > TIERS.index(other)


def _stronger(tier: str) -> str:
    return TIERS[min(TIERS.index(tier) + 1, len(TIERS) - 1)]


def _nearest(tier: str, available: Sequence[str]) -> str:
    known = [name for name in available if name in TIERS] or ["balanced"]
    return min(known, key=lambda name: abs(TIERS.index(name) - TIERS.index(tier)))
