"""What the test chat's page shows: questions with the answers of one side or both, and every step to them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from agents import comparing, tools
from agents.models import AgentVersion
from billing import credits, pricing
from conversations import citing, route_words, trial, turns, versions
from conversations.models import Conversation, Message, ToolRun, Trial, Turn

MOST = 60  # messages of a thread on the page
LONGEST = 1500  # characters of a result or an argument
ICONS = {
    "route": "arrow-right",
    "search": "search",
    "settled": "circle-check",
    "cache": "copy",
    "model": "concierge-bell",
    "tool": "wrench",
    "check": "shield-check",
}
TITLES = {
    "route": gettext_lazy("Which model"),
    "search": gettext_lazy("Looked in the documents"),
    "settled": gettext_lazy("Found a settled answer"),
    "cache": gettext_lazy("Looked for an earlier answer"),
    "model": gettext_lazy("Asked a model"),
    "tool": gettext_lazy("Used a tool"),
    "check": gettext_lazy("Checked the answer"),
}
# The names of facts that a step keeps, for people. Others are shown as they are.
FACTS = {
    "passages": gettext_noop("passages"),
    "support": gettext_noop("support"),
    "enough": gettext_noop("enough to answer"),
    "vendor": gettext_noop("vendor"),
    "read": gettext_noop("tokens read"),
    "wrote": gettext_noop("tokens written"),
    "tier": gettext_noop("tier"),
    "intent": gettext_noop("intent"),
    "complexity": gettext_noop("complexity"),
    "value": gettext_noop("customer's value"),
    "arguments": gettext_noop("with"),
    "result": gettext_noop("result"),
    "status": gettext_noop("state"),
    "error": gettext_noop("error"),
    "problem": gettext_noop("problem"),
    "answer": gettext_noop("answer"),
    "hit": gettext_noop("found"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a step knew or did; `long` is better shown below than beside its name."""

    name: str
    text: str
    long: bool = False


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step to an answer."""

    kind: str
    icon: str
    title: str
    ms: int
    facts: Sequence[Fact]
    notes: Sequence[str] = ()  # whole sentences


@dataclass(slots=True)
class Answered:
    """What one side said to a question, and how it came to that."""

    side: str
    messages: list[Message] = field(default_factory=list)
    turn: Turn | None = None
    steps: Sequence[ShownStep] = ()
    credits: int = 0  # as a customer's answer would have cost
    outdated: bool = False  # the draft was edited since

    @property
    def failed(self) -> bool:
        return self.turn is not None and self.turn.status == Turn.Status.FAILED


@dataclass(slots=True)
class Exchange:
    """A question and what each side answered; `id` is its message on the first side that has it."""

    id: int
    pair: str
    text: str
    at: datetime
    answers: dict[str, Answered] = field(default_factory=dict)

    @property
    def is_same(self) -> bool:
        """Whether both sides were asked and say the same, word for word."""
        said = self._said()
        return said is not None and said[0] == said[1]

    @property
    def differences(self) -> Sequence[comparing.Piece]:
        """What the draft says otherwise than what is published; empty where one of them says nothing."""
        said = self._said()
        return comparing.words(*said) if said is not None and said[0] != said[1] else ()

    def _said(self) -> tuple[str, str] | None:
        """The words of what is published, and of the draft."""
        both = [self.answers.get(side) for side in (Trial.Side.PUBLISHED, Trial.Side.DRAFT)]
        texts = ["\n\n".join(one.body for one in answered.messages) if answered else "" for answered in both]
        return (texts[0], texts[1]) if all(texts) else None


@dataclass(frozen=True, slots=True)
class Take:
    """Something that was set aside, and whether it can be brought back."""

    id: int
    at: datetime
    messages: Sequence[Message]
    fits: bool


def exchanges(threads: Mapping[str, Conversation | None]) -> list[Exchange]:
    """The questions of these sides' threads in their order, each with the answers that there are."""
    found: dict[str, Exchange] = {}
    prices = _Prices()
    for side, thread in threads.items():
        if thread is not None:
            _add(found, side, thread, prices)
    return sorted(found.values(), key=lambda one: (one.at, one.id))


def takes(threads: Iterable[Conversation | None]) -> list[Take]:
    """What was set aside of these threads, the latest first, with what was said there."""
    shown = [_take(thread, take) for thread in threads if thread for take in trial.takes(thread)]
    return sorted(shown, key=lambda one: one.at, reverse=True)


def _take(thread: Conversation, take: Trial) -> Take:
    said = list(take.conversation.messages.order_by("pk")[:MOST])
    return Take(
        take.pk, take.set_aside_at or take.conversation.created_at, said, trial.has_place(thread, take)
    )


def _add(found: dict[str, Exchange], side: str, thread: Conversation, prices: "_Prices") -> None:
    related = thread.messages.select_related("turn__agent_version", "turn__pinned", "reply_to")
    related = related.prefetch_related(*citing.with_sources(), "turn__passages", "turn__tool_runs")
    version = versions.of(thread)
    current: Exchange | None = None
    for message in list(related.order_by("-pk")[:MOST])[::-1]:
        if message.direction == Message.Direction.IN:
            key = trial.pair_of(message) or str(message.pk)
            current = found.setdefault(key, Exchange(message.pk, key, message.words, message.created_at))
            current.answers[side] = _answered(side, message.turn, version, prices)
        elif current is not None:
            current.answers[side].messages.append(message)


def _answered(side: str, turn: Turn | None, version: AgentVersion | None, prices: "_Prices") -> Answered:
    if turn is None:
        return Answered(side)
    edited = version.edited_at if version and side == Trial.Side.DRAFT else None
    return Answered(
        side,
        turn=turn,
        steps=steps(turn),
        credits=prices.of(turn),
        outdated=edited is not None and turn.started_at < edited,
    )


class _Prices:
    """What turns would have cost, with each model's price looked up once."""

    def __init__(self) -> None:
        self._known: dict[str, Any] = {}

    def of(self, turn: Turn) -> int:
        if turn.status != Turn.Status.DONE or turn.vendor in turns.FREE or turn.cached:
            return 0
        if turn.model not in self._known:
            self._known[turn.model] = credits.price_for(turn.model, at=turn.started_at)
        return pricing.cost(self._known[turn.model], turn)


# -- the steps


def steps(turn: Turn) -> list[ShownStep]:
    """Every step to an answer, in order, in words."""
    shown = [_shown(turn, one) for one in turn.steps]
    if turn.tier and not any(one.kind == "route" for one in shown):
        shown.insert(0, _of_route(turn, ms=0))
    told = {(one.get("detail") or {}).get("run") for one in turn.steps}
    return shown + [_of_receipt(run) for run in turn.tool_runs.all() if run.pk not in told]


def _shown(turn: Turn, step: Mapping[str, Any]) -> ShownStep:
    kind, ms = str(step.get("kind", "")), int(step.get("ms") or 0)
    if kind == "route":
        return _of_route(turn, ms=ms)
    title = str(TITLES.get(kind, kind))
    if (name := str(step.get("name") or "")) and kind in ("model", "tool", "check"):
        title = f"{title}: {_tool_title(name) if kind == 'tool' else name}"
    detail = {key: value for key, value in (step.get("detail") or {}).items() if key != "run"}
    return ShownStep(kind, ICONS.get(kind, "circle"), title, ms, _facts(detail))


def _of_route(turn: Turn, *, ms: int) -> ShownStep:
    """How the tier was chosen, and who was asked in vain."""
    detail = {
        "tier": route_words.tier(turn.tier),
        "intent": route_words.intent(turn.intent),
        **{name: turn.route.get(name) for name in ("complexity", "value")},
    }
    why = [*route_words.reasons(turn.route), *route_words.fallbacks(turn.route)]
    return ShownStep(
        "route", ICONS["route"], str(TITLES["route"]), ms, _facts(detail), [one for one in why if one]
    )


def _of_receipt(run: ToolRun) -> ShownStep:
    took = int((run.finished_at - run.started_at).total_seconds() * 1000) if run.finished_at else 0
    detail = {"status": run.status, "arguments": run.arguments, "result": run.result, "error": run.error}
    return ShownStep(
        "tool", ICONS["tool"], f"{TITLES['tool']}: {_tool_title(run.tool)}", took, _facts(detail)
    )


def _tool_title(name: str) -> str:
    tool = tools.offered().get(name)
    return str(tool.title) if tool else name


def _facts(detail: Mapping[str, Any]) -> list[Fact]:
    return [
        Fact(_(FACTS[name]) if name in FACTS else name, *_words(name, value))
        for name, value in detail.items()
        if value not in ("", None, [], {})
    ]


def _words(name: str, value: Any) -> tuple[str, bool]:
    """A fact's value for a person, and whether it is long."""
    if name == "status":
        return str(dict(ToolRun.Status.choices).get(value, value)), False
    if isinstance(value, bool):
        return (_("yes") if value else _("no")), False
    if name in ("support", "confidence") and isinstance(value, int | float):
        return f"{min(99 if value < 1 else 100, int(value * 100))} %", False
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return "; ".join(value)[:LONGEST], False
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, indent=1, default=str)[:LONGEST], True
    return str(value)[:LONGEST], False
