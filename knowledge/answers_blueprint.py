"""Settled answers in the business file, each known again by the questions that it answers."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from knowledge import assistants, likeness, settling
from knowledge.blueprint import ReachPart, unknown_assistants
from knowledge.models import Audience, PinnedAnswer, PinnedQuestion
from tenants import blueprints
from tenants.blueprint_files import Steps
from tenants.blueprints import Context


class AnswerPart(ReachPart):
    """Whoever asks one of these is told exactly this."""

    questions: list[str] = Field(min_length=1, max_length=settling.MOST_WAYS)
    answer: str = Field(min_length=1, max_length=settling.LONGEST_ANSWER)
    language: Literal["pt", "en", "es", "fr"]

    def ways(self) -> list[str]:
        """Its questions as they are kept: each once, whatever its capitals and accents."""
        ways: dict[str, str] = {}
        for question in map(settling.line, self.questions):
            ways.setdefault(likeness.plain(question) or question, question)
        return list(ways.values())


def register() -> None:
    """Tell the business file about what was settled."""
    blueprints.register(
        blueprints.Section(
            "answers", list[AnswerPart], apply=_apply, export=_export, check=_check, plan=_plan
        )
    )


def _check(value: list[AnswerPart], context: Context) -> Iterable[tuple[Steps, str]]:
    seen = set[str]()
    for number, part in enumerate(value):
        for place, question in enumerate(part.ways()):
            if not question or len(question) > settling.LONGEST_QUESTION:
                yield (number, "questions", place), "is a question of 1 to 500 characters"
            if question in seen:
                yield (number, "questions", place), "stands here twice"
            seen.add(question)
        if context.tenant and len(_answers_to(part.ways())) > 1:
            yield (number, "questions"), "several settled answers are given to these already"
        yield from (((number, *steps), words) for steps, words in unknown_assistants(part, context))


def _answers_to(ways: Sequence[str]) -> list[PinnedAnswer]:
    """Those that are given to any of these questions now."""
    ids = PinnedQuestion.objects.filter(text__in=ways).values("answer")
    return list(PinnedAnswer.objects.filter(pk__in=ids).order_by("pk"))


def _apply(value: list[AnswerPart], context: Context) -> None:
    for part in value:
        there = next(iter(_answers_to(part.ways())), None)
        if there is None:
            settling.make(questions=part.ways(), **_said(part), made_by=context.actor, now=context.now)
        elif _differs(part, there):
            settling.change(there, questions=part.ways(), **_said(part), now=context.now)


def _said(part: AnswerPart) -> dict[str, Any]:
    """What the file says of it beside its questions; whom it is for stays as it is when it says nothing."""
    said: dict[str, Any] = {"text": part.answer, "language": part.language}
    if (reach := part.reach()) is not None:
        said |= {"audience": reach.audience, "agent_ids": reach.agent_ids}
    return said


def _differs(part: AnswerPart, there: PinnedAnswer) -> bool:
    now = {"text": there.text, "language": there.language, "audience": there.audience}
    said = _said(part)
    own_ids = "agent_ids" in said and sorted(said.pop("agent_ids")) != sorted(there.agent_ids)
    ways = set(there.questions.values_list("text", flat=True))
    return own_ids or ways != set(part.ways()) or any(now[name] != value for name, value in said.items())


def _plan(value: list[AnswerPart], context: Context) -> list[str]:
    changes = []
    for part in value:
        there = next(iter(_answers_to(part.ways())), None)
        if there is None or _differs(part, there):
            changes.append(f"answers.{part.ways()[0]}: {'add' if there is None else 'change'}")
    return changes


def _export(context: Context) -> list[dict[str, Any]] | None:
    known = assistants.names()
    kept = PinnedAnswer.objects.filter(enabled=True).prefetch_related("questions").order_by("pk")
    return [_written(answer, known) for answer in kept] or None


def _written(answer: PinnedAnswer, known: dict[int, str]) -> dict[str, Any]:
    ways = sorted(answer.questions.all(), key=lambda question: question.pk)
    data: dict[str, Any] = {"questions": [way.text for way in ways], "answer": answer.text}
    data["language"] = answer.language
    if answer.audience != Audience.CUSTOMERS:
        data["audience"] = answer.audience
    names = [known[one] for one in answer.agent_ids if one in known]
    return data | ({"assistants": names} if names else {})
