"""What a version is asked before customers hear it: pinned corrections, scenarios, real questions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from agents.expecting import Expects, Step, steps_of
from agents.models import Agent, Scenario
from agents.safety import fold
from conversations import judging, redacting
from conversations.judging import Reason, Said
from conversations.models import Channel, Message, Turn
from knowledge import cases, likeness
from knowledge.models import Chunk, RegressionCase
from tenants.current import tenant

PINNED, SCENARIO, REAL, SIMULATION = "pinned", "scenario", "real", "simulation"
MOST_PINNED, MOST_SCENARIOS, MOST_REAL = 200, 150, 20
WEEK = timedelta(days=7)
LOOKED_AT = 400  # real questions, of which a sample is asked
MOST_WORDS = 80  # that might be names; beyond these each is taken for one
SHORTEST, LONGEST = 12, 400  # characters of a real question


@dataclass(frozen=True, slots=True)
class Case:
    """One talk to be had with a version; a failing one that `blocks` stops the publication."""

    kind: str
    name: str
    script: tuple[Step, ...]
    language: str = ""
    expects: Expects = field(default_factory=Expects)
    blocks: bool = False
    settled: RegressionCase | None = None

    @property
    def is_simulated(self) -> bool:
        return self.kind == SIMULATION

    @property
    def question(self) -> str:
        """What the customer says; of a simulated one what they begin with, since the rest depends."""
        steps = self.script[:1] if self.is_simulated else self.script
        return "\n".join(step.say for step in steps)

    @property
    def has_rules(self) -> bool:
        """Whether there is a right answer; otherwise only what changes is told."""
        return self.settled is not None or not self.expects.is_empty

    def judge(self, talk: Sequence[Said]) -> list[Reason]:
        """What of the answers is not as expected."""
        if self.settled is not None:
            return _judged_settled(self.settled, talk)
        return judging.judge(self.expects, talk, whole=self.is_simulated)

    def untried(self, talk: Sequence[Said]) -> list[Reason]:
        """What rules cannot tell of this talk, as no model answered in it."""
        return [] if self.settled is not None else judging.untried(self.expects, talk)


def _judged_settled(case: RegressionCase, talk: Sequence[Said]) -> list[Reason]:
    last = talk[-1]
    if last.error:
        return [judging.reason("error", last.error)]
    wrong = cases.not_as_settled(case, answer_id=last.settled, text=last.text, sources=last.sources)
    return [judging.reason("not_settled", wrong)] if wrong else []


def collect(agent: Agent, *, now: datetime) -> list[Case]:
    """All that is asked of a version of this assistant, what stops a publication first."""
    return [*settled(agent), *scenarios(agent), *real(agent, now=now)]


def have_pinned(agent: Agent, *, since: datetime | None = None) -> bool:
    """Whether anything can stop a publication; with `since`, only what was pinned after that moment."""
    corrections, pinned = cases.of_assistant(agent.pk), agent.scenarios.filter(kind=Scenario.Kind.PINNED)
    if since is not None:
        corrections, pinned = corrections.filter(created_at__gt=since), pinned.filter(created_at__gt=since)
    return corrections.exists() or pinned.exists()


def settled(agent: Agent) -> list[Case]:
    """The questions whose answers a person settled: one mechanism with `knowledge.cases`."""
    kept = cases.of_assistant(agent.pk)[:MOST_PINNED]
    return [
        Case(PINNED, str(one.pk), (Step(say=one.question),), language=one.language, blocks=True, settled=one)
        for one in kept
    ]


def scenarios(agent: Agent) -> list[Case]:
    """The talks that came with the blueprint or that the owner wrote."""
    return [_of_scenario(one) for one in agent.scenarios.order_by("pk")[:MOST_SCENARIOS]]


def _of_scenario(scenario: Scenario) -> Case:
    kinds = {Scenario.Kind.PINNED.value: PINNED, Scenario.Kind.CUSTOMER.value: SIMULATION}
    kind = kinds.get(scenario.kind, SCENARIO)
    return Case(
        kind,
        scenario.name,
        tuple(steps_of(scenario.says)),
        language=scenario.language,
        expects=Expects.model_validate(scenario.expects or {}),
        blocks=kind == PINNED,
    )


def real(agent: Agent, *, now: datetime) -> list[Case]:
    """A sample of what customers asked in the last week, without what tells who they are."""
    asked = _sample(_asked_lately(agent, now=now))
    known = _known_words(agent, [question for question, _name, _language in asked])
    shown = (
        (redacting.redacted(question, names=[name], known=known), language)
        for question, name, language in asked
    )
    return [
        Case(REAL, str(number), (Step(say=question),), language=language)
        for number, (question, language) in enumerate(shown, start=1)
        if question.strip(f"{redacting.MASK} .,?!")
    ]


def _asked_lately(agent: Agent, *, now: datetime) -> list[tuple[str, str, str]]:
    """Question, the customer's name, language: of turns that answered somebody who may be read."""
    ours = Q(turn__conversation__channel__agent=agent, turn__status=Turn.Status.DONE)
    asked = Message.objects.filter(
        ours,
        direction=Message.Direction.IN,
        kind=Message.Kind.TEXT,
        created_at__gte=now - WEEK,
        revoked_at=None,
        conversation__contact__opted_out_at=None,
    )
    asked = asked.exclude(conversation__channel__kind=Channel.Kind.TEST)
    fields = ("body", "conversation__contact__name", "conversation__language")
    return list(asked.order_by("-pk").values_list(*fields)[:LOOKED_AT])


def _sample(asked: Iterable[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Different questions, spread evenly over what was asked."""
    different: dict[str, tuple[str, str, str]] = {}
    for question, name, language in asked:
        is_one = likeness.is_question(question, language=(language or tenant().language)[:2])
        if SHORTEST <= len(question) <= LONGEST and is_one:
            different.setdefault(likeness.plain(question), (question, name, language))
    found = list(different.values())
    step = max(1.0, len(found) / MOST_REAL)
    return [found[int(number * step)] for number in range(min(MOST_REAL, len(found)))]


def _known_words(agent: Agent, questions: Iterable[str]) -> frozenset[str]:
    """Of the words with a capital those that the business itself uses: its doctors stay, its customers go."""
    wanted = sorted({word for question in questions for word in redacting.capitals(question)})[:MOST_WORDS]
    own = set(fold(f"{tenant().name} {agent.name}").split())
    return frozenset(fold(word) for word in wanted if fold(word) in own or _is_in_documents(word))


def _is_in_documents(word: str) -> bool:
    return Chunk.objects.filter(enabled=True, text__iregex=rf"\m{re.escape(word)}\M").exists()
