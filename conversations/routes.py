"""The router at work: what is looked up for a decision, and what is kept of it with the turn."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import structlog
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from agents import intents, learning, routing
from agents.lines import Line, say
from agents.models import AgentVersion, IntentExample
from agents.routing import Decision, Policy, Reading
from conversations import profiles
from conversations.models import Breaker, Conversation, Message, Turn
from knowledge import embeddings
from providers import llm
from providers.errors import ProviderError
from tenants.current import tenant
from tenants.models import User

if TYPE_CHECKING:
    from conversations.engine import Question, Thought

log = structlog.get_logger(__name__)
REFUSED = "refused"  # who answered, where nobody was asked
AWAY_SECONDS = 30.0  # so long the words alone decide after the embedding process did not answer
EMBEDDING = "embedding"
_away = {"until": 0.0}  # on the monotonic clock of this process


@dataclass(frozen=True, slots=True)
class Attempt:
    """A model that was asked in vain: what it was asked as, and why that came to nothing."""

    tier: str
    vendor: str
    model: str
    reason: str
    ms: int


@dataclass(slots=True)
class Trail:
    """What was decided and who was asked in vain, also where no answer came of it."""

    decision: Decision | None = None
    fallbacks: list[Attempt] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As `Turn.route` keeps it; {} where nothing was decided."""
        if self.decision is None:
            return {}
        tried = [
            {"tier": one.tier, "vendor": one.vendor, "model": one.model, "reason": one.reason, "ms": one.ms}
            for one in self.fallbacks
        ]
        return self.decision.as_json() | {"fallbacks": tried}


def by_words(version: AgentVersion | None, words: str) -> Decision:
    """The tier by the words alone: what stands until somebody has looked at what they mean."""
    if version is None:
        return routing.choose(words)
    return routing.choose(words, policy=version.routing, tiers=version.tiers)


def may_ask(version: AgentVersion | None, words: str, *, value: int | None) -> list[str]:
    """The names of the models that may answer this, for their prices: "*" where a tier names none."""
    tiers: Mapping[str, Any] = (version.tiers if version else None) or {}
    policy = Policy.of(version.routing if version else None)
    found = routing.reachable(routing.Asked(words, value=value), policy=policy, tiers=tiers)
    return sorted({(tiers.get(tier) or {}).get("model") or "*" for tier in found})


def least_model(version: AgentVersion | None) -> str:
    """The name of the model that answers when credits are few, for its price: "*" where no tier names one."""
    tiers: Mapping[str, Any] = (version.tiers if version else None) or {}
    return (tiers.get(routing.least(tiers)) or {}).get("model") or "*"


def value_of(conversation: Conversation) -> int | None:
    """What the customer is worth to the business, 0 to 100; None where nothing is known of them."""
    profile = profiles.known(conversation)
    return profile.value if profile is not None else None


def decide(question: "Question", *, supported: bool, known: Mapping[str, Breaker]) -> Decision:
    """The tier for this question, by what it means; the trail keeps it."""
    version, policy = question.version, Policy.of(question.version.routing)
    asked = routing.Asked(
        words=question.words,
        reading=read(question.words, known=known),
        value=question.value,
        files=question.files,
        answers_us=_answers_us(question),
        supported=supported,
    )
    spent = spent_today(policy, now=timezone.now()) if policy.budgets else {}
    decision = routing.decide(
        asked, policy=policy, tiers=version.tiers or {}, spent=spent, saves=question.saves
    )
    if question.attachments and decision.tier != question.tier:
        # The file was made ready for the model of this tier; another one may not read it.
        reason = routing.Reason("files", question.tier)
        decision = replace(decision, tier=question.tier, reasons=(*decision.reasons, reason))
    question.trail.decision = decision
    question.trail.fallbacks.clear()
    return decision


def read(words: str, *, known: Mapping[str, Breaker]) -> Reading | None:
    """What the words want; None while the embedding process is away, and for nothing at all."""
    row = known.get(EMBEDDING)
    if not words.strip() or time.monotonic() < _away["until"] or (row is not None and row.open_until):
        return None
    try:
        vector = meaning(words)
    except ProviderError as error:
        log.warning("route.by_words", reason=type(error).__name__)
        _away["until"] = time.monotonic() + AWAY_SECONDS
        return None
    return intents.read(vector.values, model=vector.model, corrections=learning.corrections())


def meaning(words: str) -> embeddings.Vector:
    """The vector of a message by the installation's own model; raises ProviderError.

    The connection is kept meanwhile, unlike before a model: it is a hundredth of a second, or none.
    """
    return embeddings.by_installation(words)


def spent_today(policy: Policy, *, now: datetime) -> dict[str, int]:
    """The credits of the business's own day by tier, for the tiers that have a budget."""
    with timezone.override(tenant().timezone):
        day = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    rows = Turn.objects.filter(started_at__gte=day, started_at__lt=day + timedelta(days=2))
    sums = rows.filter(tier__in=list(policy.budgets)).values("tier").annotate(spent=Sum("credits"))
    return {row["tier"]: row["spent"] for row in sums.order_by("tier")}


def _answers_us(question: "Question") -> bool:
    """Whether the assistant asked something last: what follows is an answer, however odd it looks alone."""
    last = question.history[-1] if question.history else None
    return last is not None and last.role == "assistant" and last.text.rstrip().endswith("?")


def refusal(language: str) -> llm.Completion:
    """What a customer hears who asks for what is none of the business's affairs; nobody was asked."""
    text = say(Line.OUT_OF_SCOPE, language)
    return llm.Completion(text=text, usage=llm.Usage(), model=REFUSED, supported=True)


def kept(thought: "Thought") -> dict[str, Any]:
    """The columns of a turn that tell how its tier was chosen; none where nothing was decided."""
    if thought.route is None:
        return {}
    route = Trail(thought.route, list(thought.fallbacks)).as_json()
    return {
        "route": route,
        "intent": thought.route.intent,
        "route_reason": thought.route.reasons[-1].code,
    }


def unpaid(question: "Question") -> Decision:
    """Nobody is asked, as there are too few credits for any model: what is quoted says so to who asks why."""
    return Decision(tier=question.tier, reasons=(routing.Reason("unpaid", question.tier),))


# -- what people correct


def correct(turn: Turn, *, intent: str, user: User, now: datetime) -> None:
    """Learn what the messages of a turn really wanted; raises ProviderError while nobody can embed them."""
    words = _words_of(turn)
    if words.strip():
        _learn(turn, words, meaning(words).values, intent=intent, user=user, now=now)


@transaction.atomic(durable=True)
def _learn(turn: Turn, words: str, vector: Any, *, intent: str, user: User, now: datetime) -> None:
    language = turn.conversation.language[:2]
    learning.correct(words, intent=intent, language=language, vector=vector, user=user, now=now)
    turn.intent, turn.route = intent, {**turn.route, "corrected": intent}
    turn.save(update_fields=["intent", "route"])


def _words_of(turn: Turn) -> str:
    """What was asked, as the router read it."""
    asked = turn.messages.filter(direction=Message.Direction.IN).select_related("transcript")
    ordered = sorted(asked, key=lambda one: (one.provider_at or one.created_at, one.pk))
    return "\n".join(one.words for one in ordered if one.words)


def corrected() -> int:
    """How many messages people have explained to the router."""
    return IntentExample.objects.count()
