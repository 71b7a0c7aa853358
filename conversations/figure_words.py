"""The figures in words: their names, what each means, and how it is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from conversations import reasons
from conversations.figure_periods import Period
from conversations.figures import TIERS, Part

Words = str | Promise
Totals = Mapping[str, Any]
MILLION = 1_000_000
DOLLAR = "US$"

# What each list shows, as the head of its page says it, and what is counted there.
SHOWN: dict[str, tuple[Words, Words]] = {
    "all": (
        gettext_lazy("Conversations"),
        gettext_lazy(
            "One begins when a customer writes after 12 hours of silence, or after the chat was closed."
            " The test chat does not count."
        ),
    ),
    "resolved": (
        gettext_lazy("Resolved without a person"),
        gettext_lazy(
            "The assistant answered, always knew an answer, and nobody of your team was called or wrote."
        ),
    ),
    "person": (
        gettext_lazy("With a person"),
        gettext_lazy("It was handed to your team, or somebody of your team wrote in it."),
    ),
    "unknown": (
        gettext_lazy("Without an answer"),
        gettext_lazy("The assistant had to say at least once that it does not know."),
    ),
    "silent": (
        gettext_lazy("Nobody answered"),
        gettext_lazy("Neither the assistant nor a person answered, or not yet: stickers, thanks, opt-outs."),
    ),
    "replied": (
        gettext_lazy("First reply"),
        gettext_lazy(
            "From a customer's first message to the first that left from us, by the assistant or a person."
            " Automatic lines do not count."
        ),
    ),
    "solved": (
        gettext_lazy("Time to the last reply"),
        gettext_lazy("From a customer's first message to our last one in the same conversation."),
    ),
    "rated": (
        gettext_lazy("Rating"),
        gettext_lazy("What customers answered, from 1 to 5, when they were asked how it was."),
    ),
    "pleased": (gettext_lazy("Rated 4 or 5"), gettext_lazy("The customer rated it 4 or 5.")),
    "liked": (gettext_lazy("Liked"), gettext_lazy("The customer reacted to a message with a good sign.")),
    "disliked": (
        gettext_lazy("Not liked"),
        gettext_lazy("The customer reacted to a message with a bad sign."),
    ),
    "answered": (
        gettext_lazy("Answered by the assistant"),
        gettext_lazy("The assistant answered at least once."),
    ),
    "paid": (
        gettext_lazy("Credits for a conversation"),
        gettext_lazy("Credits for its answers and voice notes, shared among all conversations of the time."),
    ),
    "unpriced": (
        gettext_lazy("Without a known price"),
        gettext_lazy("It has answers of a model whose vendor's price nobody has entered."),
    ),
    "unasked": (
        gettext_lazy("Answered without a model"),
        gettext_lazy("Settled answers, answers given again, and other matters that are turned away."),
    ),
    "fast": (gettext_lazy("Fast"), gettext_lazy("The model of this tier answered.")),
    "balanced": (gettext_lazy("Balanced"), gettext_lazy("The model of this tier answered.")),
    "advanced": (gettext_lazy("Advanced"), gettext_lazy("The model of this tier answered.")),
    "premium": (gettext_lazy("Premium"), gettext_lazy("The model of this tier answered.")),
}
VENDORS_PRICE = gettext_lazy(
    "What the models' vendors take for the answers, by their price lists, shared among all conversations."
)
SPENT = gettext_lazy("All credits used in this time, also for documents that were read.")
WEEKDAYS = (
    gettext_lazy("Monday"),
    gettext_lazy("Tuesday"),
    gettext_lazy("Wednesday"),
    gettext_lazy("Thursday"),
    gettext_lazy("Friday"),
    gettext_lazy("Saturday"),
    gettext_lazy("Sunday"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """How a figure moved: the words, and whether that is "better", "worse" or neither ("")."""

    words: str
    sign: str  # up, down, same
    verdict: str


@dataclass(frozen=True, slots=True)
class Card:
    """One figure: its name, what it means, its value, what stands under it, and which list it opens."""

    key: str
    name: Words
    meaning: Words
    value: str
    under: str
    show: str
    change: Change | None


def cards(now: Totals, before: Totals) -> list[Card]:
    """The figures at the head of the page, each beside the time before."""
    return [
        _count("all", now, before, better=0),
        _share("resolved", now, before, better=1),
        _share("person", now, before, better=-1),
        _time("replied", "reply", now, before),
        _time("solved", "resolve", now, before),
        _rating(now, before),
        _share("unknown", now, before, better=-1),
        _credits(now, before),
        _price(now, before),
    ]


def _count(key: str, now: Totals, before: Totals, *, better: int) -> Card:
    value, was = now[f"n_{key}"], before[f"n_{key}"]
    return _card(key, number(value), _before(number(was)), key, _relative(value, was, better=better))


def _share(key: str, now: Totals, before: Totals, *, better: int) -> Card:
    value, was = _percent(now, key), _percent(before, key)
    shown = "–" if value is None else percent(value)
    under = _("%(n)s of %(all)s") % {"n": number(now[f"n_{key}"]), "all": number(now["n_all"])}
    return _card(key, shown, under if now["n_all"] else "", key, _points(value, was, better=better))


def _time(key: str, column: str, now: Totals, before: Totals) -> Card:
    value, was = now[f"{column}_half"], before[f"{column}_half"]
    most = now[f"{column}_most"]
    under = (
        _("half within it; 9 of 10 within %(time)s") % {"time": duration(most)} if most is not None else ""
    )
    return _card(key, duration(value), under, key, _relative(value, was, better=-1))


def _rating(now: Totals, before: Totals) -> Card:
    value, was = now["mean_score"], before["mean_score"]
    shown = "–" if value is None else formats.number_format(value, 1)
    signs = _("%(good)s liked, %(bad)s not") % {
        "good": number(now["n_liked"]),
        "bad": number(now["n_disliked"]),
    }
    rated = now["n_rated"]
    count = ngettext("%(n)s rating", "%(n)s ratings", rated) % {"n": number(rated)}
    change = None if value is None or was is None else _change(float(value - was), better=1, digits=1)
    return _card("rated", shown, f"{count} · {signs}", "rated", change)


def _credits(now: Totals, before: Totals) -> Card:
    value, was = _each(now, "sum_credits"), _each(before, "sum_credits")
    shown = "–" if value is None else formats.number_format(value, 1)
    under = _("%(n)s credits in all") % {"n": number(now["sum_credits"])}
    return _card("paid", shown, under, "paid", _relative(value, was, better=-1))


def _price(now: Totals, before: Totals) -> Card:
    value, was = _each(now, "sum_cost"), _each(before, "sum_cost")
    unknown = now["sum_unpriced"]
    under = _("%(price)s in all") % {"price": dollars(now["sum_cost"])}
    if unknown:
        under = _("%(price)s in all; no price is known of %(n)s answers") % {
            "price": dollars(now["sum_cost"]),
            "n": number(unknown),
        }
    shown = "–" if value is None else dollars(value)
    return Card(
        "price",
        _("Vendor's price of a conversation"),
        VENDORS_PRICE,
        shown,
        under,
        "unpriced" if unknown else "answered",
        _relative(value, was, better=-1),
    )


def _card(key: str, value: str, under: str, show: str, change: Change | None) -> Card:
    name, meaning = SHOWN[key]
    return Card(key, name, meaning, value, under, show, change)


def _before(value: str) -> str:
    return _("%(value)s in the time before") % {"value": value}


def _percent(totals: Totals, key: str) -> float | None:
    return 100 * totals[f"n_{key}"] / totals["n_all"] if totals["n_all"] else None


def _each(totals: Totals, key: str) -> float | None:
    return totals[key] / totals["n_all"] if totals["n_all"] else None


# -- changes


def _relative(value: float | None, was: float | None, *, better: int) -> Change | None:
    """In percent of what it was; nothing where there was nothing."""
    if value is None or not was:
        return None
    return _change(100 * (float(value) - float(was)) / float(was), better=better, unit=_(" %"))


def _points(value: float | None, was: float | None, *, better: int) -> Change | None:
    if value is None or was is None:
        return None
    return _change(value - was, better=better, unit=_(" points"))


def _change(moved: float, *, better: int, unit: str = "", digits: int = 0) -> Change:
    shown = round(moved, digits)
    if not shown:
        return Change(_("as before"), "same", "")
    size = formats.number_format(abs(shown), digits)
    verdict = "" if not better else ("better" if (shown > 0) == (better > 0) else "worse")
    return Change(f"{'+' if shown > 0 else '−'}{size}{unit}", "up" if shown > 0 else "down", verdict)


# -- values


def number(value: float | None) -> str:
    return formats.number_format(value or 0, 0, use_l10n=True, force_grouping=True)


def percent(value: float) -> str:
    return _("%(n)s %%") % {"n": formats.number_format(value, 0)}


def duration(seconds: float | None) -> str:
    """Seconds as people read them: 4 s, 12 min, 3 h 20 min, 2 d 4 h; a dash for none."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < 60:
        return _("%(n)s s") % {"n": whole}
    minutes = whole // 60
    if minutes < 60:
        return _("%(n)s min") % {"n": minutes}
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    return _("%(days)s d %(hours)s h") % {"days": hours // 24, "hours": hours % 24}


def dollars(millionths: float | None) -> str:
    """Money of the vendors: two digits, four where that would be nothing."""
    value = (millionths or 0) / MILLION
    digits = 4 if 0 < value < 0.1 else 2
    return f"{DOLLAR} {formats.number_format(value, digits, force_grouping=True)}"


def reason(words: str) -> str:
    """Why a person was needed; empty is somebody who came by themselves."""
    return reasons.why_ended(words) if words else _("somebody of the team wrote by themselves")


def title(period: Period) -> str:
    """The time in words."""
    first = formats.date_format(period.first, "DATE_FORMAT")
    if period.days == 1:
        return first
    if period.kind == "month":
        return formats.date_format(period.first, "YEAR_MONTH_FORMAT")
    return _("%(first)s to %(last)s") % {
        "first": first,
        "last": formats.date_format(period.last, "DATE_FORMAT"),
    }


def piece(begun: datetime, period: Period) -> str:
    """A piece of the time, as a chart writes under it."""
    if period.bucket == "hour":
        return formats.time_format(begun, "TIME_FORMAT")
    if period.bucket == "month":
        return formats.date_format(begun, "YEAR_MONTH_FORMAT")
    return formats.date_format(begun, "MONTH_DAY_FORMAT")


def tiers(totals: Totals) -> list[tuple[str, str, int, int]]:
    """Answers by tier, then those that no model was asked for: list, name, count, percent."""
    counts = [(name, totals[f"sum_{name}"]) for name in (*TIERS, "unasked")]
    answers = sum(count for _name, count in counts)
    return [
        (name, str(SHOWN[name][0]), count, round(100 * count / answers)) for name, count in counts if count
    ]


def narrowed(part: Part) -> list[str]:
    """What else a list is of, in words."""
    told = [] if part.reason is None else [reason(part.reason)]
    if part.weekday is not None:
        told.append(str(WEEKDAYS[part.weekday - 1]))
    if part.hour is not None:
        told.append(_("between %(hour)s:00 and %(next)s:00") % {"hour": part.hour, "next": part.hour + 1})
    return [*told, _("without a topic")] if part.theme == 0 else told
