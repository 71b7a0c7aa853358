"""Rows that a business uploads as CSV for its assistant to look things up in, as spreadsheets write it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from agents.models import OwnTool, RecordRow, RecordTable
from tenants import audit
from tenants.models import User

MOST_BYTES = 2 * 2**20
MOST_ROWS = 5000
MOST_COLUMNS = 60
MOST_LETTERS = 1000  # of one cell
SEPARATORS = (";", ",", "\t", "|")


class Unreadable(Exception):
    """There is no table in the file; the words say why."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it stands in a file."""

    columns: list[str]
    rows: list[dict[str, str]]


def read(content: bytes) -> Sheet:
    """The first line names the columns. Raises Unreadable, with the line where something is wrong."""
    if len(content) > MOST_BYTES:
        raise Unreadable(_("The file is too large: at most 2 MB."))
    text = _decoded(content).replace("\x00", "")
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        raise Unreadable(_("A table needs a line with the names of its columns, and rows below it."))
    separator = max(SEPARATORS, key=lambda mark: lines[0].count(mark))
    try:
        records = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise Unreadable(_("The file cannot be read: a quotation mark is not closed.")) from error
    return _sheet([record for record in records if any(cell.strip() for cell in record)])


def _sheet(records: Sequence[list[str]]) -> Sheet:
    columns = [name.strip()[:200] for name in records[0]]
    while columns and not columns[-1]:
        columns.pop()
    _check(columns, len(records) - 1)
    rows = []
    for number, record in enumerate(records[1:], start=2):
        if any(cell.strip() for cell in record[len(columns) :]):
            raise Unreadable(_("Line %(n)s has more cells than there are columns.") % {"n": number})
        cells = [cell.strip()[:MOST_LETTERS] for cell in record[: len(columns)]]
        rows.append(dict(zip(columns, [*cells, *[""] * (len(columns) - len(cells))], strict=True)))
    return Sheet(columns, rows)


def _check(columns: Sequence[str], rows: int) -> None:
    if len(columns) > MOST_COLUMNS or rows > MOST_ROWS:
        words = _("A table has at most %(rows)s rows and %(columns)s columns.")
        raise Unreadable(words % {"rows": MOST_ROWS, "columns": MOST_COLUMNS})
    if not all(columns):
        raise Unreadable(_("A column has no name in the first line."))
    if len(set(columns)) != len(columns):
        raise Unreadable(_("Two columns have the same name."))


def _decoded(content: bytes) -> str:
    """As spreadsheets write it: UTF-8 with or without a mark, UTF-16, else Windows' own."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def keep(*, name: str, sheet: Sheet, user: User | None, now: datetime) -> RecordTable:
    """The table of this name with these rows instead of those that it had."""
    with transaction.atomic():
        table, _made = RecordTable.objects.select_for_update().get_or_create(
            name=name, defaults={"columns": sheet.columns, "created_at": now}
        )
        table.columns, table.updated_at = sheet.columns, now
        table.save(update_fields=["columns", "updated_at"])
        table.rows.all().delete()
        RecordRow.objects.bulk_create(
            [RecordRow(table=table, values=row) for row in sheet.rows], batch_size=500
        )
        audit.record("record_table.keep", actor=user, target=name, rows=len(sheet.rows))
    return table


def users(table: RecordTable) -> list[OwnTool]:
    """The tools that look things up in it."""
    tools = OwnTool.objects.filter(kind=OwnTool.Kind.RECORDS).order_by("name")
    return [
        tool
        for tool in tools
        if tool.definition.get("store", "table") == "table" and tool.definition.get("table") == table.name
    ]
