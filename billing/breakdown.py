"""A month of a business's ledger in groups: by day, kind, assistant, channel, model or conversation.

Every entry of the month is in exactly one group, so the groups always sum to the ledger's change. What was
given back is in the group of its charge. What was added and not spent is a group of its own, except by day
and by kind. Names are looked up elsewhere (billing.statement_words); here are only numbers.
"""

import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from django.utils import timezone
from psycopg import sql

from billing.models import LedgerEntry
from tenants.db import connection

ADDED, NONE = "added", "none"  # what was not spent; what was spent on nothing that has this number
SPENT = [kind.value for kind in LedgerEntry.SPENT]
# What a group is told by: the days are the business's own.
BY: Mapping[str, LiteralString] = {
    "day": "(entry.created_at AT TIME ZONE {zone})::date::text",
    "kind": "entry.of_kind",
    "agent": "CASE WHEN entry.is_spent THEN coalesce(used.agent_id::text, 'none') ELSE 'added' END",
    "channel": "CASE WHEN entry.is_spent THEN coalesce(used.channel_id::text, 'none') ELSE 'added' END",
    "model": "CASE WHEN entry.is_spent THEN coalesce(used.model, 'none') ELSE 'added' END",
    "conversation": (
        "CASE WHEN entry.is_spent THEN coalesce(used.conversation_id::text, 'none') ELSE 'added' END"
    ),
}
# An entry that gives a charge back is explained by that charge, whenever it was made.
_ENTRIES = sql.SQL("""
WITH entry AS (
    SELECT entry.*, coalesce(charge.key, entry.key) AS cause, coalesce(charge.kind, entry.kind) AS of_kind,
      coalesce(charge.kind, entry.kind) = ANY({spent}) AS is_spent
    FROM billing_ledgerentry AS entry
    LEFT JOIN billing_ledgerentry AS charge
      ON charge.id = CASE WHEN entry.key ~ '^back:[0-9]{{1,18}}$' THEN substr(entry.key, 6)::bigint END
    WHERE entry.created_at >= {start} AND entry.created_at < {end} AND entry.id > {after}),
  told AS (
    SELECT entry.*, used.model, used.agent_id, used.channel_id, used.conversation_id, used.input_tokens,
      used.output_tokens, used.cache_read_tokens, used.cache_write_tokens, used.audio_seconds, used.pages,
      used.characters, used.messages, used.exact, {by} AS label
    FROM entry LEFT JOIN billing_usage AS used ON used.key = entry.cause)
""")
_GROUPS = sql.SQL("""
SELECT label, count(*), coalesce(sum(amount) FILTER (WHERE amount < 0), 0)::bigint,
  coalesce(sum(amount) FILTER (WHERE amount > 0), 0)::bigint, count(*) FILTER (WHERE NOT exact)
FROM told GROUP BY label ORDER BY {order}
""")
_ROWS = sql.SQL("""
SELECT id, created_at, kind, of_kind, amount, balance_after, key, reason, model, agent_id::text,
  channel_id::text, conversation_id::text, input_tokens, output_tokens, cache_read_tokens,
  cache_write_tokens, audio_seconds, pages, characters, messages, exact
FROM told WHERE {where} ORDER BY id LIMIT {most} OFFSET {skip}
""")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, and the time zone in which its days are told."""

    start: datetime
    end: datetime
    zone: str


@dataclass(frozen=True, slots=True)
class Group:
    """One line: `of` is a number, a day, a kind or a model, ADDED or NONE; credits."""

    of: str
    entries: int
    taken: int  # zero or less
    added: int  # zero or more: given back, or bought and granted
    estimated: int  # uses that nobody counted exactly

    @property
    def change(self) -> int:
        return self.taken + self.added


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, with what was used for it where anything was."""

    id: int
    created_at: datetime
    kind: str
    of_kind: str  # of the charge, where this gives one back
    amount: int
    balance_after: int
    key: str
    reason: str
    model: str | None
    agent: str | None
    channel: str | None
    conversation: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    audio_seconds: int | None
    pages: int | None
    characters: int | None
    messages: int | None
    exact: bool | None

    @property
    def turn_id(self) -> int | None:
        """The answer that it paid for."""
        what, _colon, number = self.key.partition(":")
        return int(number) if what == "turn" and number.isdigit() else None


def groups(span: Span, by: str) -> list[Group]:
    """What was spent most first; days in their order. One statement. KeyError for an unknown `by`."""
    order = sql.SQL("label" if by == "day" else "sum(amount), label")
    with connection.cursor() as cursor:
        cursor.execute(_entries(span, by) + _GROUPS.format(order=order))
        return [Group(*row) for row in cursor.fetchall()]


def group(span: Span, by: str, of: str) -> Group:
    """One of them; empty where there is none such."""
    return next((one for one in groups(span, by) if one.of == of), Group(of, 0, 0, 0, 0))


def lines(
    span: Span, *, by: str = "kind", of: str | None = None, after: int = 0, skip: int = 0, most: int = 500
) -> Sequence[Line]:
    """The entries of a group, or of the whole span, in their order, beyond the id `after`. One statement."""
    where = sql.SQL("true") if of is None else sql.SQL("label = {}").format(sql.Literal(of))
    rows = _ROWS.format(where=where, most=sql.Literal(most), skip=sql.Literal(skip))
    with connection.cursor() as cursor:
        cursor.execute(_entries(span, by, after=after) + rows)
        return [Line(*row) for row in cursor.fetchall()]


def _entries(span: Span, by: str, *, after: int = 0) -> sql.Composed:
    zone = sql.Literal(span.zone)
    return _ENTRIES.format(
        spent=sql.Literal(SPENT),
        start=sql.Literal(span.start),
        end=sql.Literal(span.end),
        after=sql.Literal(after),
        by=sql.SQL(BY[by]).format(zone=zone),
    )


# -- the months that there are


_MONTHS = sql.SQL("""
SELECT date_trunc('month', created_at AT TIME ZONE {zone})::date AS month, count(*),
  coalesce(sum(amount) FILTER (WHERE kind = ANY({spent})), 0)::bigint, sum(amount)::bigint
FROM billing_ledgerentry GROUP BY month ORDER BY month
""")


@dataclass(frozen=True, slots=True)
class Month:
    """A month with entries: what was spent (zero or less), what came, what there was at its end."""

    first: date
    entries: int
    spent: int
    added: int
    closing: int


def months(zone: str) -> list[Month]:
    """Every month with an entry, the latest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_MONTHS.format(zone=sql.Literal(zone), spent=sql.Literal(SPENT)))
        rows = cursor.fetchall()
    found, closing = [], 0
    for first, entries, spent, change in rows:
        closing += change
        found.append(Month(first, entries, spent, change - spent, closing))
    return found[::-1]


def today(zone: str, *, now: datetime) -> Span:
    """The business's day so far."""
    start = timezone.localtime(now, timezone=zoneinfo.ZoneInfo(zone)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return Span(start, now, zone)
