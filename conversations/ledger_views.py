"""Today, Messages: the message ledger as a page and as a file."""

import csv
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, time, timedelta

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST
from django_tenants.utils import schema_context

from conversations import accounting, inbox
from conversations.accounting import Wanted
from conversations.models import Channel
from tenants import access, audit
from tenants.db import connection

PAGE = 50
# The wide ones too: they calculate where people type them.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LABELS = (
    ("all", gettext_noop("All")),
    ("waiting", gettext_noop("Waiting")),
    ("unexplained", gettext_noop("Unexplained")),
    ("in", gettext_noop("In")),
    ("out", gettext_noop("Out")),
    ("handed_over", gettext_noop("Handed over")),
    ("ignored", gettext_noop("Ignored")),
    ("failed", gettext_noop("Not sent")),
    ("unknown", gettext_noop("Perhaps sent")),
    ("door", gettext_noop("At the door")),
)


@require_GET
def message_ledger(request: HttpRequest) -> HttpResponse:
    """The list behind the two figures of Today: one page of it, by cursor."""
    wanted, now = _wanted(request), timezone.now()
    size, before = PAGE, _number(request.GET.get("before"))
    rows, following = accounting.page(wanted, now=now, before=before, size=size)
    first = not before
    # An id that became no message is found where it came in.
    at_door = first and (wanted.show == "unexplained" or (wanted.show == "all" and wanted.provider_id))
    told = list(accounting.deliveries(wanted, now=now)[:PAGE]) if at_door else []
    context = {
        "wanted": wanted,
        "labels": LABELS,
        "figures": accounting.figures(now=now),
        "channels": Channel.objects.order_by("name"),
        "accounts": [] if wanted.show == "door" else accounting.accounts(rows),
        "deliveries": rows if wanted.show == "door" else told,
        "unseen": accounting.unseen() if first and wanted.show == "unexplained" else [],
        "following": following,
        "day_from": request.GET.get("from", ""),
        "day_to": request.GET.get("to", ""),
        "query": _query(request),
    }
    return render(request, "conversations/message_ledger.html", context)


@access.roles(*access.MANAGERS)
@require_GET
def message_ledger_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same part of the ledger as a file, written row by row; that somebody took it is recorded."""
    wanted, now = _wanted(request), timezone.now()
    audit.record("message.export", actor=access.person(request), show=wanted.show)
    pieces = _pieces(wanted, now=now)
    body = _sent_while_read(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(body, content_type="text/csv; charset=utf-8")
    name = f"messages-{timezone.localtime(now):%Y-%m-%d}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@access.roles(*access.MANAGERS)
@require_POST
def delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a parked delivery once more, because a person asked."""
    with transaction.atomic(durable=True):
        if not inbox.read_again(pk):
            raise Http404
        audit.record("delivery.again", actor=access.person(request), target=pk)
    return redirect("message_ledger")


def _wanted(request: HttpRequest) -> Wanted:
    """What the address asks for; what makes no sense in it is left out."""
    given = request.GET
    show = given.get("show", "all")
    until = _midnight(given.get("to"))
    return Wanted(
        show=show if show in accounting.SHOWS else "all",
        channel=_channel(given.get("channel", "")),
        since=_midnight(given.get("from")),
        until=until + timedelta(days=1) if until else None,
        provider_id=given.get("id", "").replace("\x00", "").strip()[:190],
    )


def _channel(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _midnight(text: str | None) -> datetime | None:
    """The start of that day in the business's own time."""
    try:
        day = parse_date(text or "")
    except ValueError:
        day = None
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 19 else 0


def _query(request: HttpRequest) -> str:
    """The address without its cursor, for the links of the page."""
    query = request.GET.copy()
    query.pop("before", None)
    return query.urlencode()


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    writer = csv.writer(_Echo())
    return "".join(writer.writerow([_harmless(cell) for cell in row]) for row in rows)


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip(" ")[:1] in FORMULA else cell


def _pieces(wanted: Wanted, *, now: datetime) -> Iterator[str]:
    """The file piece by piece. Each is read in the schema of the request, which is over by then."""
    schema, pieces = connection.schema_name, accounting.export(wanted, now=now)
    while True:
        with schema_context(schema):
            rows = next(pieces, None)
        connection.close_if_unusable_or_obsolete()
        if rows is None:
            return
        yield _csv(rows)


def _next(pieces: Iterator[str]) -> str | None:
    return next(pieces, None)


async def _sent_while_read(pieces: Iterator[str]) -> AsyncIterator[str]:
    """For the server, which would else read the whole before it sends the first byte."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece
