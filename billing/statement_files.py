"""Statements as tables: the groups of a month, and every entry with what was used for it."""

import zoneinfo
from collections.abc import Iterator, Sequence
from datetime import date

from billing import breakdown, statement_words, statements
from billing.breakdown import Line, Span
from tenants.models import Tenant
from tenants.spreadsheets import Cell

BATCH = 500
GROUPS = ("month", "by", "of", "name", "entries", "taken", "added", "change", "estimated uses")
ENTRIES = (
    "entry", "when", "kind", "credits", "balance", "cause", "reason", "agent", "channel", "conversation",
    "model", "tokens read", "tokens written", "tokens read from cache", "tokens put into cache",
    "seconds heard", "pages read", "characters spoken", "messages by template", "counted",
)  # fmt: skip


def span_of(tenant: Tenant, month: date) -> Span:
    start, end = statements.bounds(month, timezone=tenant.timezone)
    return Span(start, end, tenant.timezone)


def groups(tenant: Tenant, month: date) -> Iterator[list[Sequence[Cell]]]:
    """What there was, every group of every kind, and what there is; batch by batch."""
    whole, span, first = statements.of_month(tenant, month), span_of(tenant, month), f"{month:%Y-%m}"
    yield [GROUPS, (first, "", "", "opening", "", "", "", whole.opening, "")]
    for by in breakdown.BY:
        found = statement_words.rows(breakdown.groups(span, by), by=by, month=month)
        yield [
            (
                first, by, row.group.of, row.name, row.group.entries, row.group.taken, row.group.added,
                row.group.change, row.group.estimated,
            )
            for row in found
        ]  # fmt: skip
    yield [(first, "", "", "closing", "", "", "", whole.closing, "")]


def entries(
    span: Span, *, by: str = "kind", of: str | None = None, header: bool = True
) -> Iterator[list[Sequence[Cell]]]:
    """Every entry of a group or of the whole span, BATCH at a time; moments in the business's own time."""
    if header:
        yield [ENTRIES]
    last = 0
    while found := breakdown.lines(span, by=by, of=of, after=last, most=BATCH):
        yield [_row(line, zone=span.zone) for line in found]
        last = found[-1].id


def _row(line: Line, *, zone: str) -> Sequence[Cell]:
    counted = "" if line.exact is None else "exact" if line.exact else "estimated"
    return (
        line.id,
        line.created_at.astimezone(zoneinfo.ZoneInfo(zone)).isoformat(timespec="seconds"),
        line.kind,
        line.amount,
        line.balance_after,
        line.key,
        line.reason,
        line.agent or "",
        line.channel or "",
        line.conversation or "",
        line.model or "",
        *(0 if one is None else one for one in _counted(line)),
        counted,
    )


def _counted(line: Line) -> tuple[int | None, ...]:
    return (
        line.input_tokens, line.output_tokens, line.cache_read_tokens, line.cache_write_tokens,
        line.audio_seconds, line.pages, line.characters, line.messages,
    )  # fmt: skip
