"""A talk with a version of an assistant, rehearsed: the same engine, and nothing outside is touched.

What is decided before a model is asked (an emergency, the wish for a person, the yes to an offered one) is
decided here as for customers. Nothing is charged; what it would have cost is told.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from agents import handing, routing, safety
from agents import language as languages
from agents.expecting import LONGEST_TALK, Step
from agents.lines import Line, say
from agents.models import AgentVersion
from billing import credits, pricing
from billing.models import Price
from conversations import engine, judging, rehearsal_costs, routes, settled
from conversations.judging import Said
from providers import llm
from providers.errors import ProviderError, ProviderRejected
from tenants.current import tenant

TRIES = 3  # a vendor that stumbles is asked again, as for a customer
QUOTES = "extractive"
BETWEEN_TRIES = 1.0  # seconds, and longer each time


@dataclass
class Talk:
    """One customer's talk with one version, message by message."""

    version: AgentVersion
    language: str
    now: datetime
    said: list[Said] = field(default_factory=list)
    _history: list[llm.ChatMessage] = field(default_factory=list)
    _prices: dict[str, Price] = field(default_factory=dict)

    def say(self, words: str) -> Said:
        """What the customer says next, and what comes back."""
        started = time.monotonic()
        self.language = languages.sure_of(words) or self.language or tenant().language[:2]
        line = self._before_a_model(words)
        answered = Said(text=line, handed_over=True, ms=_ms(started)) if line else self._asked(words, started)
        self.said.append(replace(answered, asked=words))
        self._remember(words, answered.text)
        return self.said[-1]

    @property
    def is_over(self) -> bool:
        """Whether a person has it now, or no answer comes."""
        return bool(self.said) and (self.said[-1].handed_over or bool(self.said[-1].error))

    def _before_a_model(self, words: str) -> str:
        """What a customer hears who is a person's at once; empty when the assistant is to answer."""
        if alarm := safety.check(words):
            return say(Line(alarm.danger.value), self.language)
        offered = bool(self.said) and not self.said[-1].supported
        if routing.wants_person(words) or (offered and routing.accepts_offer(words)):
            return say(Line.ASKED, self.language)
        case = handing.matched(self.version.handover, words)
        if case is None:
            return ""
        return str(case.get("say") or "") or say(Line.OWNERS_CASE, self.language)

    def _asked(self, words: str, started: float) -> Said:
        question = engine.Question(
            words=words,
            language=self.language,
            version=self.version,
            tier=routes.by_words(self.version, words).tier,
            history=tuple(self._history),
            rehearsed=True,
        )
        try:
            thought = _persistently(question)
        except ProviderError as error:
            return Said(error=str(error)[:200], ms=_ms(started))
        if thought.price_list and thought.saved is None:
            rehearsal_costs.note(
                "rehearsal", self.version, thought.completion, price_list=thought.price_list, now=self.now
            )
        return self._of(thought, ms=_ms(started))

    def _of(self, thought: engine.Thought, *, ms: int) -> Said:
        completion = thought.completion
        tools = tuple(step.name for step in thought.steps if step.kind == "tool")
        return Said(
            text=completion.text,
            supported=completion.supported,
            refused=thought.vendor == routes.REFUSED,
            handed_over=thought.handed_over,
            sources=_sources(thought),
            tools=tools,
            calls=thought.vendor != QUOTES or bool(thought.fallbacks),
            settled=thought.pinned.id if thought.pinned else None,
            intent=thought.route.intent if thought.route else "",
            tier=thought.tier,
            model=completion.model,
            credits=self._cost(thought),
            ms=ms,
        )

    def _cost(self, thought: engine.Thought) -> int:
        """The credits that this answer would have cost a customer's turn."""
        if thought.vendor in (settled.VENDOR, routes.REFUSED):
            return 0
        model = thought.completion.model
        if model not in self._prices:
            self._prices[model] = credits.price_for(model, at=self.now)
        return pricing.cost(self._prices[model], thought.completion.usage)

    def _remember(self, words: str, text: str) -> None:
        self._history.append(llm.ChatMessage(role="user", text=words[:2000]))
        if text:
            self._history.append(llm.ChatMessage(role="assistant", text=text[:2000]))
        kept = self.version.memory_messages
        self._history = self._history[-kept:] if kept else []


def play(
    script: Sequence[Step], version: AgentVersion, *, language: str, simulated: bool, now: datetime
) -> list[Said]:
    """Let the customer of a script talk with a version; what came back, in order."""
    talk = Talk(version, language, now)
    left = list(script)
    while left and not talk.is_over and len(talk.said) < LONGEST_TALK:
        step = _next(left, talk.said) if simulated else left[0]
        if step is None:
            break
        left.remove(step)
        talk.say(step.say)
    return talk.said


def _next(left: Sequence[Step], said: Sequence[Said]) -> Step | None:
    """The first thing that this customer would say after the last answer."""
    for step in left:
        if step.when is None or not judging.judge(step.when, said[-1:]):
            return step
    return None


def _persistently(question: engine.Question) -> engine.Thought:
    """As a turn does it: a failure that may pass is no answer yet. Raises the last ProviderError."""
    for attempt in range(1, TRIES + 1):
        try:
            return engine.think(replace(question, attempt=attempt), started=time.monotonic())
        except ProviderRejected:
            raise
        except ProviderError:
            if attempt == TRIES:
                raise
            time.sleep(BETWEEN_TRIES * attempt)
    raise AssertionError("the last try returns or raises")


def _sources(thought: engine.Thought) -> tuple[str, ...]:
    """The titles of the documents that the answer names, the first one first."""
    found = thought.found.passages
    named = [
        found[one.passage].document_title for one in thought.completion.citations if one.passage < len(found)
    ]
    return tuple(dict.fromkeys(named))


def _ms(since: float) -> int:
    return int((time.monotonic() - since) * 1000)
