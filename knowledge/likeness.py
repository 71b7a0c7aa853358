"""Whether two questions may be the same, beyond what their vectors say. Pure.

Vectors put "Do you open on Saturday?" beside "Do you close on Sunday?". So before two questions are taken for
one, what they name is compared: numbers and times, days, negation, opposites, what kind of thing is asked
for, and the words that tell what it is about.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from knowledge import likeness_words as words
from knowledge.questions import fold, written_out

LONGEST = 500
_TOKEN = re.compile(r"\w+")
_TIME = re.compile(
    r"\b(\d{1,2})(?:(?::|\s?h(?:s|rs|oras?|eures?|ours?)?\s?)(\d{2})?\b|\s?(?=[ap]\.?m\b))(?:\s?([ap])\.?m\b)?"
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?::\d\d)?")
_CENTS = re.compile(r"[.,]0{1,2}$")
_THOUSANDS = re.compile(r"(?<=\d)[.,](?=\d{3}(?:\D|$))")
_NOT_SHORT = re.compile(r"n['’]t\b")


@dataclass(frozen=True, slots=True)
class Marks:
    """What a sentence names; two that disagree in one of these are not the same."""

    numbers: frozenset[str]
    days: frozenset[str]
    negated: bool
    kinds: frozenset[str]  # of what is asked for: price, place, time, duration, count, person, reason
    sides: frozenset[tuple[int, str]]  # of pairs of opposites: opens or closes, books or cancels
    words: tuple[str, ...]  # those that tell what it is about


@dataclass(frozen=True, slots=True)
class Limits:
    """How near the vectors of the same question are, by how its words compare; from tests/knowledge."""

    same_words: float
    other_words: float  # a telling word stands on one side or on both
    across: float  # in another language, where words cannot be compared


def core(question: str) -> str:
    """The question without greetings and thanks around it; empty when nothing else is said."""
    bare = question[:LONGEST].strip()
    while True:
        cut = words.TAIL.sub("", words.HEAD.sub("", bare))
        if cut == bare:
            return bare if _TOKEN.search(bare) else ""
        bare = cut


def plain(question: str) -> str:
    """What is compared where two questions are alike to the letter."""
    return " ".join(_TOKEN.findall(fold(core(question))))


def marks(sentence: str, *, language: str) -> Marks:
    """What this sentence names; `language` is its own, of two letters, or empty."""
    said = words.TAG.sub("", written_out(sentence[:LONGEST], language=language or None))
    folded = fold(_NOT_SHORT.sub(" not", said))
    for pattern, one in words.PHRASES:
        folded = pattern.sub(one, folded)
    numbers, rest = _numbers(folded, language)
    tokens = _TOKEN.findall(rest)
    return Marks(
        numbers=numbers,
        days=frozenset(words.DAYS[t] for t in tokens if t in words.DAYS),
        negated=any(t in words.NEGATIONS or (t == "no" and language in ("es", "en")) for t in tokens),
        kinds=frozenset(kind for kind, pattern in words.KINDS if pattern.search(folded)),
        sides=frozenset(_sides(tokens)),
        words=tuple(dict.fromkeys(t for t in tokens if _tells(t))),
    )


def _numbers(folded: str, language: str) -> tuple[frozenset[str], str]:
    """The numbers and times in it, written one way, and the text without them."""
    found: list[str] = []

    def time(match: re.Match[str]) -> str:
        hour, minute, half = int(match[1]), match[2] or "00", match[3]
        if (half == "p" and hour < 12) or (half == "a" and hour == 12):
            hour = (hour + 12) % 24
        found.append(f"{hour}:{minute}" if minute != "00" else f"{hour}")
        return " "

    rest = _TIME.sub(time, folded)
    for number in _NUMBER.findall(rest):
        found.append(_THOUSANDS.sub("", _CENTS.sub("", number)).replace(",", "."))
    rest = _NUMBER.sub(" ", rest)
    counted = words.COUNTED.get(language, {})
    for token in _TOKEN.findall(rest):
        if token in counted:
            found.append(counted[token])
    return frozenset(found), " ".join(t for t in rest.split() if t not in counted)


def _sides(tokens: Iterable[str]) -> Iterable[tuple[int, str]]:
    for token in tokens:
        for number, group in enumerate(words.OPPOSITES):
            for side, pattern in group.items():
                if pattern.match(token):
                    yield number, side


def _tells(token: str) -> bool:
    if len(token) < 3 or token.isdigit() or token in words.DAYS:
        return False
    if token in words.NEGATIONS:
        return False
    return token not in words.COMMON and not any(p.match(token) for p in words.OPPOSITES[0].values())


def is_question(text: str, *, language: str) -> bool:
    """Whether somebody asks for something that could be known; not a greeting, a yes or an address."""
    bare = core(text)
    if not bare:
        return False
    found = marks(bare, language=language)
    if not (found.words or found.days or found.sides or found.kinds & {"place", "time", "person"}):
        return False
    asks = {fold(t) for t in _TOKEN.findall(written_out(bare, language=language or None))} & words.ASKING
    return "?" in bare or bool(found.kinds) or bool(asks)


def is_same(
    asked: str, language: str, known: str, known_language: str, *, near: float, limits: Limits
) -> bool:
    """Whether two questions are one; `near` is the likeness of their vectors, languages may be guesses."""
    if plain(asked) == plain(known):
        return True
    one_language = language == known_language or shares_words(asked, known)
    wanted = needed(
        marks(core(asked), language=known_language if one_language else language),
        marks(core(known), language=known_language),
        same_language=one_language,
        limits=limits,
    )
    return wanted is not None and near >= wanted


def shares_words(asked: str, known: str) -> bool:
    """Whether most words of a question stand in another one, so that both are in its language.

    A short question tells no language, and is taken for one in the business's own.
    """
    theirs = set(plain(known).split())
    ours = plain(asked).split()
    return bool(ours) and sum(word in theirs for word in ours) >= 2 / 3 * len(ours)


def needed(one: Marks, other: Marks, *, same_language: bool, limits: Limits) -> float | None:
    """How near their vectors must be for the two to be the same question; None when they are not."""
    if one.numbers != other.numbers or one.days != other.days or one.negated != other.negated:
        return None
    if one.kinds != other.kinds or opposed(one, other):
        return None
    if not same_language:
        return limits.across
    return limits.other_words if any(unmatched(one.words, other.words)) else limits.same_words


def opposed(one: Marks, other: Marks) -> bool:
    """Whether they stand on different sides of a pair of opposites."""
    for number in {n for n, _side in one.sides} & {n for n, _side in other.sides}:
        mine = {side for n, side in one.sides if n == number}
        if mine != {side for n, side in other.sides if n == number}:
            return True
    return False


def unmatched(one: Iterable[str], other: Iterable[str]) -> tuple[list[str], list[str]]:
    """The telling words of each that the other has in no form."""
    ours, theirs = list(one), list(other)
    return (
        [word for word in ours if not any(alike(word, it) for it in theirs)],
        [word for word in theirs if not any(alike(word, it) for it in ours)],
    )


def alike(one: str, other: str) -> bool:
    """Whether two folded words are forms of one word, or one is the other mistyped."""
    if one == other or _stem(one) == _stem(other):
        return True
    short, long = sorted((one, other), key=len)
    if len(short) >= 5 and _common(one, other) >= max(5, 0.6 * len(long)):
        return True
    return len(short) >= 5 and one[0] == other[0] and _one_off(short, long)


def _stem(word: str) -> str:
    for ending, instead in (("oes", "ao"), ("aes", "ao"), ("ais", "al"), ("eis", "el"), ("ing", "")):
        if word.endswith(ending) and len(word) > len(ending) + 3:
            word = word.removesuffix(ending) + instead
            break
    else:
        word = word.removesuffix("s") if len(word) > 3 else word
    return word.rstrip("aeo") if len(word.rstrip("aeo")) >= 3 else word


def _common(one: str, other: str) -> int:
    """How many letters the two begin with together."""
    return next(
        (n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _one_off(short: str, long: str) -> bool:
    """Whether one letter was left out, added, changed, or changed places with its neighbour."""
    if len(long) - len(short) > 1:
        return False
    start = _common(short, long)
    if len(short) == len(long):
        swapped = short[start + 1 : start + 2] + short[start : start + 1] + short[start + 2 :]
        return short[start + 1 :] == long[start + 1 :] or swapped == long[start:]
    return short[start:] == long[start + 1 :]
