"""The figures as files: each table of the page whole, and the list behind a figure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from conversations import figure_words, figures
from conversations.figure_periods import Period
from conversations.figures import Group, Part
from conversations.models import Talk

BATCH = 500
Table = list[tuple[str, ...]]
Names = Mapping[str, Mapping[Any, str]]
LIST_HEADER = (
    "conversation", "customer", "channel", "began_at", "last_words_at", "messages", "answers",
    "messages_of_team", "first_reply_seconds", "last_reply_seconds", "handed_over_at", "reason", "unknown",
    "credits", "vendor_price_usd", "rating", "liked", "disliked", "assistant", "version", "topic",
)  # fmt: skip


def tables(period: Period, part: Part, names: Names) -> dict[str, Callable[[], Table]]:
    """Every table by the name that an address has for it; made when it is asked for."""
    return {
        "totals": lambda: _totals(period, part),
        "series": lambda: _series(period, part),
        "hours": lambda: _hours(period, part),
        "reasons": lambda: [("reason", "conversations"), *_text(figures.reasons(period, part))],
        "topics": lambda: _groups("topic", figures.themes(period, part)),
        "channels": lambda: _groups("channel", figures.by_channel(period, part, names["channels"])),
        "assistants": lambda: _groups("assistant", figures.by_agent(period, part, names["agents"])),
        "versions": lambda: _groups("version", figures.by_version(period, part, names["versions"])),
        "tiers": lambda: _tiers(period, part),
        "gaps": lambda: _gaps(period),
    }


def _totals(period: Period, part: Part) -> Table:
    now = figures.totals(period.start, period.end, part)
    before = figures.totals(period.before_start, period.before_end, part)
    rows = [(name, _plain(value), _plain(before[name])) for name, value in now.items()]
    return [("figure", "value", "before"), *rows]


def _series(period: Period, part: Part) -> Table:
    header = ("from", "to", "conversations", "resolved", "with_person", "credits", "reply_half", "reply_90")
    rows = [
        (
            _iso(one.start), one.last.isoformat(), str(one.conversations), str(one.resolved), str(one.person),
            str(one.spent), _plain(one.reply_half), _plain(one.reply_most),
        )
        for one in figures.series(period, part)
    ]  # fmt: skip
    return [header, *rows]


def _hours(period: Period, part: Part) -> Table:
    heat = figures.heat(period, part)
    rows = [(str(day), str(hour), str(count)) for day, hours in heat.rows for hour, count, _warm in hours]
    return [("weekday", "hour", "conversations"), *rows]


def _tiers(period: Period, part: Part) -> Table:
    told = figure_words.tiers(figures.totals(period.start, period.end, part))
    rows = [(name, str(count), str(percent)) for name, _words, count, percent in told]
    return [("tier", "answers", "percent"), *rows]


def _gaps(period: Period) -> Table:
    rows = [(one.question, one.status, str(one.customers)) for one in figures.gaps(period, most=None)]
    return [("question", "status", "customers"), *rows]


def _groups(what: str, groups: Sequence[Group]) -> Table:
    header = (what, "conversations", "resolved", "with_person", "unknown", "reply_half", "rating", "credits")
    rows = [
        (
            one.name, str(one.conversations), str(one.resolved), str(one.person), str(one.unknown),
            _plain(one.reply_half), _plain(one.score), str(one.credits),
        )
        for one in groups
    ]  # fmt: skip
    return [header, *rows]


def list_row(talk: Talk) -> tuple[str, ...]:
    """One line of the list of conversations; its related rows should be loaded."""
    version = talk.version
    return (
        str(talk.conversation_id),
        talk.conversation.contact.display_name,
        talk.channel.name,
        _iso(talk.started_at),
        _iso(talk.last_at),
        str(talk.messages),
        str(talk.answers),
        str(talk.person_messages),
        _plain(talk.reply_seconds),
        _plain(talk.resolve_seconds),
        _iso(talk.handed_at),
        talk.handed_reason,
        str(talk.unknown),
        str(talk.credits),
        f"{talk.provider_cost / figure_words.MILLION:.6f}",
        _plain(talk.score),
        str(int(talk.liked)),
        str(int(talk.disliked)),
        version.agent.name if version else "",
        str(version.number) if version else "",
        talk.theme.name if talk.theme else "",
    )


def _text(rows: Iterable[tuple[Any, ...]]) -> Table:
    return [tuple(str(cell) for cell in row) for row in rows]


def _plain(value: float | None) -> str:
    """A number as programs read it: no grouping, a point, nothing for none."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.2f}".rstrip("0").rstrip(".")


def _iso(moment: datetime | None) -> str:
    """In the business's own time, with its offset."""
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else ""
