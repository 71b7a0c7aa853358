"""Tables as CSV: no cell is a formula, and a file is sent while it is read."""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from decimal import Decimal

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django_tenants.utils import schema_context

from tenants.db import connection

# The wide ones too: they calculate where people type them.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Cell = str | int | Decimal  # numbers stay numbers, a minus before them as well
Rows = Iterable[Sequence[Cell]]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula. Pure."""
    return f"'{cell}" if cell.lstrip(" ")[:1] in FORMULA else cell


def plain(cell: str) -> str:
    """What stood in a cell before it was made harmless. Pure."""
    return cell[1:] if cell[:1] == "'" and cell[1:].lstrip(" ")[:1] in FORMULA else cell


def lines(rows: Rows) -> str:
    """Rows as the lines of a file. Pure."""
    writer = csv.writer(_Echo())
    return "".join(writer.writerow([_cell(cell) for cell in row]) for row in rows)


def _cell(cell: Cell) -> str:
    return harmless(cell) if isinstance(cell, str) else str(cell)


def streamed(request: HttpRequest, *, name: str, batches: Iterator[Rows]) -> StreamingHttpResponse:
    """A download, written batch by batch while it is read; each in the schema of the request."""
    pieces = _pieces(batches, schema=connection.schema_name)
    body = _sent_while_read(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _pieces(batches: Iterator[Rows], *, schema: str) -> Iterator[str]:
    """The file piece by piece. The request is over by the time that they are read."""
    while True:
        with schema_context(schema):
            rows = next(batches, None)
        connection.close_if_unusable_or_obsolete()
        if rows is None:
            return
        yield lines(rows)


def _next(pieces: Iterator[str]) -> str | None:
    return next(pieces, None)


async def _sent_while_read(pieces: Iterator[str]) -> AsyncIterator[str]:
    """For the server, which would else read the whole before it sends the first byte."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece
