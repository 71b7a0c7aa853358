"""Whether an answer is what was expected, by rules; and in what two answers differ. Pure.

A model may be asked, too (`model_judge`), but rules come first and only they stop a publication.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from agents.expecting import ALTERNATIVES, Expects
from agents.safety import fold

CALLS_PERSON = "call_person"
ABOUT_TOOLS = ("not_called", "untried")  # reasons whose words are a tool's name
ALIKE = 0.55  # of the words of two answers that say the same in other words
# Why an answer is not what was expected, and what is different in another; %(words)s are somebody's own.
WORDS = {
    "error": gettext_noop("No answer came: %(words)s"),
    "silent": gettext_noop("It was not answered."),
    "not_cited": gettext_noop("The answer is not from “%(words)s”."),
    "not_said": gettext_noop("It does not say “%(words)s”."),
    "said": gettext_noop("It says “%(words)s”."),
    "not_called": gettext_noop("The tool “%(words)s” was not used."),
    "untried": gettext_noop("Whether the tool “%(words)s” is used can only be seen with a model."),
    "answered": gettext_noop("It answered what it should leave alone."),
    "refused": gettext_noop("It said that it does not know."),
    "not_handed_over": gettext_noop("No person was called."),
    "handed_over": gettext_noop("A person was called."),
    "other_intent": gettext_noop("It was taken for “%(words)s”."),
    "too_long": gettext_noop("The customer had to write %(words)s times."),
    "not_settled": gettext_noop("Not answered as settled. %(words)s"),
    "now_hands_over": gettext_noop("now calls a person"),
    "no_longer_hands_over": gettext_noop("calls no person any more"),
    "now_answers": gettext_noop("now answers"),
    "no_longer_answers": gettext_noop("does not know any more"),
    "other_source": gettext_noop("another source"),
    "other_tools": gettext_noop("other tools"),
    "other_numbers": gettext_noop("other numbers"),
    "other_words": gettext_noop("other words"),
}
_NUMBER = re.compile(r"\d+(?:[.,:h]\d+)*")
_THOUSANDS = re.compile(r"(?<=\d)[.\u00a0\u202f](?=\d{3}(?:\D|$))|(?<=\d),(?=\d{3}(?:\D|$))")
_CENTS = re.compile(r"(?<=\d)[.,]00(?!\d)")
_MONEY = re.compile(r"(r\$|us\$|\$|€|£)\s+(?=\d)")
_CLOCK = re.compile(r"\b0?(\d{1,2})(?:h|:)(\d{2})?(?:\s?h)?\b")

Reason = Mapping[str, str]  # {"why": a key of WORDS, "words": somebody's own}


@dataclass(frozen=True, slots=True)
class Said:
    """What one message of a customer was answered, and what that took; `ms` milliseconds."""

    asked: str = ""
    text: str = ""
    supported: bool = False
    refused: bool = False  # it was none of the business's affairs, and nobody was asked
    handed_over: bool = False
    sources: tuple[str, ...] = ()  # titles of the documents that the answer names
    tools: tuple[str, ...] = ()
    calls: bool = True  # whether who answered can call tools: quotes from documents cannot
    settled: int | None = None  # the settled answer that was given
    intent: str = ""
    tier: str = ""
    model: str = ""
    credits: int = 0
    ms: int = 0
    error: str = ""


def reason(why: str, words: object = "") -> Reason:
    """A reason as it is kept: translated when somebody reads it."""
    return {"why": why, "words": str(words)[:200]}


def in_words(kept: Reason) -> str:
    """A kept reason in the reader's language."""
    return _(WORDS.get(kept.get("why", ""), "%(words)s")) % {"words": kept.get("words", "")}


def judge(expects: Expects, talk: Sequence[Said], *, whole: bool = False) -> list[Reason]:
    """What of a talk is not as expected, empty when all is.

    Judged is the last answer; with `whole` what was said and cited anywhere counts.
    """
    if not talk:
        return [reason("silent")]
    if failed := [one for one in talk if one.error]:
        return [reason("error", failed[0].error)]
    judged = talk if whole else talk[-1:]
    return [
        *_about_words(expects, talk, judged),
        *_about_sources(expects, judged),
        *(reason("not_called", name) for name in _uncalled(expects, talk) if _can_call(talk)),
        *_about_ending(expects, talk, judged),
    ]


def untried(expects: Expects, talk: Sequence[Said]) -> list[Reason]:
    """The tools of which nothing is known, as no model answered: neither right nor wrong."""
    failed = not talk or any(one.error for one in talk)
    if failed or _can_call(talk):
        return []
    return [reason("untried", name) for name in _uncalled(expects, talk)]


def _uncalled(expects: Expects, talk: Sequence[Said]) -> list[str]:
    """The expected tools that nobody used; who was called by the rules was called."""
    called = {name for one in talk for name in one.tools}
    if any(one.handed_over for one in talk):
        called.add(CALLS_PERSON)
    return [name for name in expects.tool if name not in called]


def _can_call(talk: Sequence[Said]) -> bool:
    return all(one.calls for one in talk)


def _about_words(expects: Expects, talk: Sequence[Said], judged: Sequence[Said]) -> Iterable[Reason]:
    yield from (
        reason("not_said", fact) for fact in expects.says if not any(says(one.text, fact) for one in judged)
    )
    yield from (
        reason("said", words) for words in expects.says_not if any(says(one.text, words) for one in talk)
    )


def _about_sources(expects: Expects, judged: Sequence[Said]) -> Iterable[Reason]:
    """What a person settled needs no document: it is the business's own word."""
    if not expects.cites or any(one.settled for one in judged):
        return
    wanted = {fold(title) for title in expects.cites}
    if not any(fold(title) in wanted for one in judged for title in one.sources):
        yield reason("not_cited", expects.cites[0])


def _about_ending(expects: Expects, talk: Sequence[Said], judged: Sequence[Said]) -> Iterable[Reason]:
    refused = any(is_refusal(one) for one in judged)
    called = any(one.handed_over for one in talk)
    if expects.refuses is not None and refused is not expects.refuses:
        yield reason("refused" if refused else "answered")
    if expects.hands_over is not None and called is not expects.hands_over:
        yield reason("handed_over" if called else "not_handed_over")
    if expects.intent and judged[-1].intent and judged[-1].intent != expects.intent:
        yield reason("other_intent", judged[-1].intent)
    if expects.at_most is not None and len(talk) > expects.at_most:
        yield reason("too_long", len(talk))


def is_refusal(said: Said) -> bool:
    """Whether it said that it does not know, or does not talk about that; a call of a person is none."""
    return (said.refused or not said.supported) and not said.handed_over and not said.error


def says(text: str, fact: str) -> bool:
    """Whether a text says a fact in one of its ways; accents, capitals, ways to write numbers aside."""
    spoken = _plain(text)
    ways = (_plain(way) for way in fact.split(ALTERNATIVES))
    return any(re.search(rf"(?<!\w){re.escape(way)}(?!\w)", spoken) for way in ways if way)


def _plain(text: str) -> str:
    """As words are compared: R$ 1.200,00 is r$1200, 08:00 and 8h are 8h."""
    folded = _MONEY.sub(r"\1", _CENTS.sub("", _THOUSANDS.sub("", fold(text.replace("\u00a0", " ")))))
    return _CLOCK.sub(_clock, folded)


def _clock(found: re.Match[str]) -> str:
    minutes = found[2] or ""
    return f"{int(found[1])}h{'' if minutes in ('', '00') else minutes}"


# -- before and after


def differences(before: Sequence[Said], after: Sequence[Said]) -> list[Reason]:
    """In what the last answers differ for a customer; empty when they say the same."""
    if not before or not after:
        return [reason("other_words")] if bool(before) != bool(after) else []
    old, new = before[-1], after[-1]
    if any(one.handed_over for one in before) != any(one.handed_over for one in after):
        return [reason("now_hands_over" if not old.handed_over else "no_longer_hands_over")]
    if is_refusal(old) != is_refusal(new):
        return [reason("now_answers" if is_refusal(old) else "no_longer_answers")]
    found = []
    if set(old.sources[:1]) != set(new.sources[:1]):
        found.append(reason("other_source"))
    if sorted(set(_tools(before))) != sorted(set(_tools(after))):
        found.append(reason("other_tools"))
    if _numbers(old.text) != _numbers(new.text):
        found.append(reason("other_numbers"))
    elif _likeness(old.text, new.text) < ALIKE:
        found.append(reason("other_words"))
    return found


def _tools(talk: Iterable[Said]) -> Iterable[str]:
    return (name for one in talk for name in one.tools)


def _numbers(text: str) -> set[str]:
    return set(_NUMBER.findall(_plain(text)))


def _likeness(one: str, other: str) -> float:
    """The share of words that two texts have in common, 0 to 1."""
    first, second = (set(re.findall(r"\w{3,}", _plain(text))) for text in (one, other))
    return len(first & second) / len(first | second) if first | second else 1.0


def as_kept(talk: Sequence[Said]) -> dict[str, Any]:
    """A talk as `EvaluationResult` keeps it: the last answer, with the sums of the talk."""
    if not talk:
        return {}
    last = talk[-1]
    kept: dict[str, Any] = {
        "text": last.text[:2000],
        "supported": last.supported,
        "refused": last.refused,
        "handed_over": any(one.handed_over for one in talk),
        "tier": last.tier,
        "model": last.model,
        "credits": sum(one.credits for one in talk),
        "ms": sum(one.ms for one in talk),
        "tools": list(_tools(talk)),
        "sources": list(last.sources),
    }
    if len(talk) > 1:
        kept["talk"] = [[one.asked[:300], one.text[:600]] for one in talk]
    return kept | ({"error": last.error} if last.error else {})
