"""What an answer reserves before a model is asked, and which step of the ladder that leaves it on.

Enough for the dearest model that the router may choose once it knows the meaning. Where that is not there, or
little is left besides, the least model that is set up answers (billing.ladder); where that cannot be paid,
either, who asks hears InsufficientCredits, and no model is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from agents.models import Agent, AgentVersion
from agents.routing import SAVING
from billing import credits, foresight, ladder, pricing
from billing.models import Hold
from conversations import routes
from conversations.models import Turn
from providers import llm

HISTORY_CHARACTERS = 12_000
MAX_TOKENS = 700
ROUNDS = 3  # of a model that may call tools: more are rare, and what is missing then is not taken


@dataclass(frozen=True, slots=True)
class Need:
    """Credits that an answer could cost: by the dearest model that may be chosen, and by the least one."""

    usual: int
    least: int


@dataclass(frozen=True, slots=True)
class Reserved:
    """The hold of a turn, and whether the least model is to answer; no hold where nothing is charged."""

    hold: Hold | None = None
    saves: bool = False


def need(
    version: AgentVersion | None, words: str, *, files: int = 0, value: int | None = None, now: datetime
) -> Need:
    """What an answer to these words may cost, with so many files; one statement."""
    characters = HISTORY_CHARACTERS + files * llm.CHARACTERS_A_FILE
    models = routes.may_ask(version, words, value=value)
    prices = credits.prices_for([*models, routes.least_model(version)], at=now)
    rounds = ROUNDS if version is not None and (version.tools or version.handover) else 1
    each = [rounds * pricing.estimate(one, characters=characters, max_tokens=MAX_TOKENS) for one in prices]
    return Need(usual=max(each), least=each[-1])


def reserve(turn: Turn, wanted: Need, *, now: datetime) -> Reserved:
    """Credits for this turn; raises InsufficientCredits where not even the least answer can be paid."""
    key, agent = f"turn:{turn.pk}", turn.agent_version.agent_id if turn.agent_version else None
    try:
        hold = credits.hold(key=key, amount=wanted.usual, agent_id=agent, now=now)
    except credits.InsufficientCredits:
        if wanted.least >= wanted.usual:
            raise
        hold = credits.hold(key=key, amount=wanted.least, agent_id=agent, now=now)
    return Reserved(hold, saves=hold.amount < wanted.usual or _saves(hold, wanted))


def carried_over(earlier: Sequence[Turn], *, now: datetime) -> Reserved:
    """The credits that a merged turn reserved: this one answers for both, and nothing is reserved twice."""
    for turn in earlier:
        hold = turn.hold
        if turn.status == Turn.Status.MERGED and hold is not None and credits.keep(hold, now=now):
            Turn.objects.filter(pk=turn.pk).update(hold=None)
            return Reserved(hold, saves=_saved(turn))
    return Reserved()


def _saves(hold: Hold, wanted: Need) -> bool:
    if hold.room is None or hold.saving_below is None:
        return False  # it was there already
    available = hold.room + hold.amount
    found = ladder.step(
        available=available, usual=wanted.usual, least=wanted.least, saving_below=hold.saving_below
    )
    return found is ladder.Step.SAVING


def _saved(turn: Turn) -> bool:
    """Whether the least model was asked for this draft because credits were few."""
    return any(reason.get("code") == SAVING for reason in turn.route.get("reasons", ()))


def answering(now: datetime) -> foresight.Answering:
    """What the least answer of any assistant needs, and whether any has a model that costs less."""
    published = [agent.published for agent in Agent.objects.filter(retired_at=None).order_by("pk")]
    versions = [version for version in published if version is not None]
    wanted = [need(version, "", now=now) for version in versions] or [need(None, "", now=now)]
    return foresight.Answering(
        least=min(one.least for one in wanted), saves=any(len(one.tiers or {}) > 1 for one in versions)
    )
