"""Questions with their answers, kept as one document: each pair is a passage, the question its heading."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from knowledge import documents, passages
from knowledge.models import Document
from knowledge.passages import Passage
from knowledge.reaching import Reach
from tenants.models import User

LONGEST_QUESTION = 200
LONGEST_ANSWER = 5000
MOST = 2000


@dataclass(frozen=True, slots=True)
class Pair:
    """A question as customers ask it, and what they are to be told."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Row:
    """A pair as somebody typed it, `number` its line or 0; `problem` says in words why it cannot be taken."""

    number: int
    question: str
    answer: str
    problem: str = ""


@dataclass(slots=True)
class Checked:
    """What can be taken, what cannot and why, and how many said the same twice."""

    pairs: list[Pair] = field(default_factory=list)
    wrong: list[Row] = field(default_factory=list)
    repeated: int = 0


def checked(rows: Iterable[Row]) -> Checked:
    """Tell good rows from bad ones; empty ones are passed over. Nothing that was typed is dropped unsaid."""
    found, first = Checked(), dict[str, Row]()
    for row in rows:
        question, answer = " ".join(row.question.split()), row.answer.strip()
        if not question and not answer:
            continue
        earlier = first.get(same(question))
        problem = row.problem or _problem(question, answer, earlier)
        if problem:
            found.wrong.append(Row(row.number, row.question.strip(), answer, problem))
        elif earlier is not None:
            found.repeated += 1
        else:
            first[same(question)] = Row(row.number, question, answer)
            found.pairs.append(Pair(question, answer))
    return found


def same(question: str) -> str:
    """What two ways to write one question have in common: no case, no accents, no marks at the end."""
    letters = unicodedata.normalize("NFKD", question.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(plain.split()).strip(" ?!.¿¡")


def _problem(question: str, answer: str, earlier: Row | None) -> str:
    if not question:
        return _("The question is missing.")
    if not answer:
        return _("The answer is missing.")
    if len(question) > LONGEST_QUESTION:
        return _("The question is too long: at most %(most)s letters.") % {"most": LONGEST_QUESTION}
    if len(answer) > LONGEST_ANSWER:
        return _("The answer is too long: at most %(most)s letters.") % {"most": LONGEST_ANSWER}
    if earlier is not None and earlier.answer != answer and earlier.number:
        return _("The same question has another answer in line %(number)s.") % {"number": earlier.number}
    if earlier is not None and earlier.answer != answer:
        return _("The same question has another answer already.")
    return ""


def merged(old: Sequence[Pair], new: Sequence[Pair]) -> list[Pair]:
    """The old pairs, with the new answers where the question is the same, then the new questions."""
    by_question = {same(pair.question): pair for pair in old}
    by_question |= {same(pair.question): pair for pair in new}
    return list(by_question.values())


def keep(
    *, title: str, pairs: Sequence[Pair], reach: Reach | None, added_by: User | None, now: datetime
) -> Document:
    """Keep them under this title, in place of those that were there; unchanged ones are not read anew."""
    content = passages.written(Passage((pair.question,), pair.answer) for pair in pairs)
    return documents.add(
        file=ContentFile(content),
        name=f"pairs{passages.SUFFIX}",
        title=title,
        added_by=added_by,
        now=now,
        form=Document.Form.PAIRS,
        reach=reach,
    )


def of(document: Document) -> list[Pair]:
    """The pairs of a document as they were typed."""
    with document.file.open("rb") as file:
        kept = passages.read(file.read())
    return [Pair(one.heading[0] if one.heading else "", one.text) for one in kept]
