"""Settle answers: make, change, switch off, forget; and other ways to ask for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from knowledge import cases, likeness, pinned
from knowledge.models import LANGUAGES, Audience, PinnedAnswer, PinnedQuestion
from tenants import live
from tenants.background import enqueue
from tenants.models import User

LONGEST_QUESTION, LONGEST_ANSWER = 500, 4000
MOST_WAYS = 30


class Unfit(ValueError):
    """It cannot be settled like this; the words say what to mend."""


class Taken(Unfit):
    """Another settled answer is given to this question already."""

    def __init__(self, answer_id: int) -> None:
        super().__init__(_("This question has a settled answer already. Change that one."))
        self.answer_id = answer_id


@transaction.atomic
def make(
    *,
    questions: Sequence[str],
    text: str,
    language: str,
    made_by: User | None,
    now: datetime,
    audience: str = Audience.CUSTOMERS,
    agent_ids: Iterable[int] = (),
    turn_id: int | None = None,
) -> PinnedAnswer:
    """Settle an answer, and keep its first question as a regression case; raises Unfit or Taken."""
    ways, words = _ways(questions), _answer(text)
    _free(ways)
    answer = PinnedAnswer.objects.create(
        text=words,
        language=_language(language),
        audience=audience,
        agent_ids=sorted(set(agent_ids)),
        turn_id=turn_id,
        made_by=made_by,
        created_at=now,
        changed_at=now,
    )
    _add(answer, ways)
    cases.keep(question=ways[0], answer=answer, now=now)
    _changed(answer, now=now)
    return answer


@transaction.atomic
def change(
    answer: PinnedAnswer,
    *,
    now: datetime,
    text: str | None = None,
    language: str | None = None,
    questions: Sequence[str] | None = None,
    audience: str | None = None,
    agent_ids: Iterable[int] | None = None,
) -> PinnedAnswer:
    """Other words, another reach, other ways to ask; what is not named stays. Raises Unfit or Taken."""
    answer.text = answer.text if text is None else _answer(text)
    answer.language = answer.language if language is None else _language(language)
    answer.audience = audience or answer.audience
    answer.agent_ids = answer.agent_ids if agent_ids is None else sorted(set(agent_ids))
    answer.changed_at = now
    answer.save(update_fields=["text", "language", "audience", "agent_ids", "changed_at"])
    if questions is not None:
        _replace_ways(answer, _ways(questions), now=now)
    _changed(answer, now=now)
    return answer


@transaction.atomic
def also_asked(answer: PinnedAnswer, question: str, *, now: datetime) -> None:
    """One more way to ask for it; raises Unfit or Taken."""
    known = list(answer.questions.order_by("pk").values_list("text", flat=True))
    change(answer, questions=[*known, question], now=now)


def _replace_ways(answer: PinnedAnswer, ways: Sequence[str], *, now: datetime) -> None:
    _free(ways, answer=answer)
    known = set(answer.questions.values_list("text", flat=True))
    answer.questions.exclude(text__in=ways).delete()
    _add(answer, [way for way in ways if way not in known])
    answer.cases.exclude(question__in=ways).delete()
    if not answer.cases.exists():
        cases.keep(question=ways[0], answer=answer, now=now)


@transaction.atomic
def switch(answer: PinnedAnswer, *, on: bool, now: datetime) -> None:
    """Give it, or keep it back without forgetting it."""
    answer.enabled, answer.changed_at = on, now
    answer.save(update_fields=["enabled", "changed_at"])
    _changed(answer, now=now)


@transaction.atomic
def forget(answer: PinnedAnswer, *, now: datetime) -> None:
    """Take it away with its questions and cases; the documents answer again."""
    answer.delete()
    cases.knowledge_changed(now=now)
    live.publish("answers.changed")


def _changed(answer: PinnedAnswer, *, now: datetime) -> None:
    enqueue(pinned.embed)
    cases.knowledge_changed(now=now)
    live.publish("answers.changed", id=answer.pk)


def _ways(questions: Sequence[str]) -> list[str]:
    """The questions, each once whatever its capitals and accents; raises Unfit."""
    ways: dict[str, str] = {}
    for question in questions:
        text = line(question)[:LONGEST_QUESTION]
        if text:
            ways.setdefault(likeness.plain(text) or text, text)
    if not ways:
        raise Unfit(_("Write the question that it answers."))
    if len(ways) > MOST_WAYS:
        raise Unfit(_("An answer has at most 30 ways to ask for it."))
    return list(ways.values())


def _answer(text: str) -> str:
    words = text.replace("\x00", "").strip()
    if not words:
        raise Unfit(_("Write the answer."))
    if len(words) > LONGEST_ANSWER:
        raise Unfit(_("An answer has at most 4,000 characters."))
    return words


def _language(language: str) -> str:
    if language not in LANGUAGES:
        raise Unfit(_("Choose one of the four languages."))
    return language


def _free(ways: Sequence[str], *, answer: PinnedAnswer | None = None) -> None:
    """Raise Taken when one of these is another answer's question."""
    others: Any = PinnedQuestion.objects.filter(text__in=ways)
    if answer is not None:
        others = others.exclude(answer=answer)
    taken = others.order_by("pk").first()
    if taken is not None:
        raise Taken(taken.answer_id)


def _add(answer: PinnedAnswer, ways: Sequence[str]) -> None:
    """Raise Taken when somebody else settled one of these a moment ago."""
    try:
        with transaction.atomic():
            PinnedQuestion.objects.bulk_create(PinnedQuestion(answer=answer, text=way) for way in ways)
    except IntegrityError:
        _free(ways, answer=answer)
        raise


def line(text: str) -> str:
    """In one line, without what no database keeps."""
    return " ".join(text.replace("\x00", " ").split())


@transaction.atomic
def learn(answer: PinnedAnswer, questions: Iterable[str], *, now: datetime) -> None:
    """More ways to ask for it, as far as they are no other answer's and there is room."""
    known = list(answer.questions.order_by("pk").values_list("text", flat=True))
    others = PinnedQuestion.objects.exclude(answer=answer)
    new = [line(question)[:LONGEST_QUESTION] for question in questions if line(question)]
    free = [way for way in new if way not in known and not others.filter(text=way).exists()]
    if free:
        change(answer, questions=[*known, *free][:MOST_WAYS], now=now)
