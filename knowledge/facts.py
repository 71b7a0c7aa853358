"""Whether two sentences about the same thing name different facts: prices, times, durations, shares. Pure.

Precision over recall: what is not clearly the same thing with another number is no contradiction.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from knowledge import facts_words as words
from knowledge.likeness import LONGEST, Marks, alike, marks, opposed, unmatched
from knowledge.questions import fold
from providers import sentences

MOST_SENTENCES = 60
_DIGITS = re.compile(r"\d+")
_CELLS = re.compile(r"^(?P<name>[^:;]{2,80})\. (?P<cells>[^:;]{1,40}: [^;]+(?:; [^:;]{1,40}: [^;]+)*)$")


@dataclass(frozen=True, slots=True)
class Fact:
    """A sentence, what it names, and its values by their kind."""

    text: str
    marks: Marks
    values: tuple[tuple[str, frozenset[str]], ...]
    counted: frozenset[str]  # numbers that are no values: of people, of a room


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sentences that cannot both be true, and where they differ: `190` against `180`."""

    one: str
    other: str
    ours: str
    theirs: str


def conflict(one: str, other: str, *, language: str, headings: tuple[str, str] = ("", "")) -> Conflict | None:
    """The first contradiction of two passages in one language; headings say what they are about."""
    if _apart(headings[0], headings[1], language=language):
        return None
    theirs = list(_facts(other, language=language))
    for fact in _facts(one, language=language):
        for against in theirs:
            if (found := _conflict(fact, against)) is not None:
                return found
    return None


def otherwise(settled: str, passage: str, *, about: str, language: str) -> str:
    """The sentence of a passage that contradicts a settled answer to the question `about`; empty for none."""
    subject = marks(about, language=language)
    for fact in _facts(settled, language=language):
        for against in _facts(passage, language=language):
            if _speaks_of(against, subject) and _values_differ(fact, against):
                return against.text
            if (found := _conflict(fact, against)) is not None:
                return found.other
    return ""


def has_values(text: str) -> bool:
    """Whether prices or times stand in it: what changes within a year."""
    folded = fold(text)
    return any(pattern.search(folded) for kind, pattern in words.VALUES if kind in ("money", "time"))


def _speaks_of(fact: Fact, subject: Marks) -> bool:
    """Whether a sentence is about all that a question names."""
    if not subject.words or subject.days != fact.marks.days or opposed(subject, fact.marks):
        return False
    return not unmatched(subject.words, fact.marks.words)[0] and not subject.numbers - fact.marks.numbers


def _facts(text: str, *, language: str) -> Iterator[Fact]:
    """The sentences that may contradict others: rows of tables one value at a time."""
    for sentence in list(_sentences(text))[:MOST_SENTENCES]:
        shown = sentence[:LONGEST]
        named = marks(shown, language=language)
        if _subject(named):
            values, rest = _values(shown)
            yield Fact(shown, named, values, frozenset(_DIGITS.findall(rest)))


def _sentences(text: str) -> Iterator[str]:
    for line in text.splitlines():
        row = _CELLS.match(line.strip())
        if row is not None:
            yield from (f"{row['name']}: {cell}" for cell in row["cells"].split("; "))
        else:
            yield from (part for part in sentences.split(line) if part.strip())


def _values(sentence: str) -> tuple[tuple[tuple[str, frozenset[str]], ...], str]:
    """Amounts of money, shares, durations and times of day in a sentence, by kind; and the rest of it."""
    rest, found = fold(sentence), []
    for kind, pattern in words.VALUES:
        matches = list(pattern.finditer(rest))
        if matches:
            found.append((kind, frozenset(_plain(match) for match in matches)))
            rest = pattern.sub(" ", rest)
    return tuple(found), rest


def _plain(match: re.Match[str]) -> str:
    number = next(group for group in match.groups() if group)
    unit = match.groupdict().get("unit") or ""
    return f"{words.number(number)}{words.UNITS.get(unit, unit[:3])}"


def _conflict(one: Fact, other: Fact) -> Conflict | None:
    if one.counted != other.counted or not _same_subject(one.marks, other.marks):
        return None
    differing = _values_differ(one, other)
    if differing is not None:
        return Conflict(one.text, other.text, *differing)
    if _is_denied(one, other):
        return Conflict(one.text, other.text, one.text[:60], other.text[:60])
    return None


def _same_subject(one: Marks, other: Marks) -> bool:
    """Whether the sentences say the same but for their numbers: words that only one has are few or none."""
    if one.days != other.days or opposed(one, other):
        return False
    ours, theirs = (_subject(one), _subject(other))
    if not ours or not theirs:
        return False
    alone, alone_too = unmatched(ours, theirs)
    shared = len(ours) - len(alone)
    if shared == 0 or (alone and alone_too):
        return False
    return len(alone) + len(alone_too) <= (1 if shared >= 2 else 0)


def _subject(named: Marks) -> list[str]:
    """What it is about: its telling words, or that it opens or closes."""
    hours = [f"={side}" for number, side in sorted(named.sides) if number == 0]
    return [word for word in named.words if word not in words.LABELS] + hours


def _values_differ(one: Fact, other: Fact) -> tuple[str, str] | None:
    """What each says, where both name values of one kind and neither names all that the other does."""
    theirs = dict(other.values)
    for kind, ours in one.values:
        against = theirs.get(kind)
        if against and len(ours) == len(against) and not (ours <= against or against <= ours):
            return ", ".join(sorted(ours)), ", ".join(sorted(against))
    return None


def _is_denied(one: Fact, other: Fact) -> bool:
    """The same sentence, once with "not": all telling words shared, at least two, and nothing else named."""
    if one.marks.negated == other.marks.negated or one.values != other.values:
        return False
    if one.marks.numbers != other.marks.numbers or one.marks.kinds != other.marks.kinds:
        return False
    ours, theirs = _subject(one.marks), _subject(other.marks)
    return len(ours) >= 2 and len(ours) == len(theirs) and not any(unmatched(ours, theirs))


def _apart(one: str, other: str, *, language: str) -> bool:
    """Whether two headings name different things: another branch, another year, another service."""
    ours, theirs = (marks(heading, language=language) for heading in (one, other))
    if ours.days != theirs.days or opposed(ours, theirs):
        return True
    named = [[word for word in side.words if not _is_label(word)] for side in (ours, theirs)]
    return all(unmatched(named[0], named[1]))


def _is_label(word: str) -> bool:
    return any(alike(word, label) for label in words.LABELS)
