"""Today, Messages: the message ledger as a page and as a file."""

import uuid
from datetime import datetime, time, timedelta

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET, require_POST

from conversations import accounting, inbox
from conversations.accounting import Wanted
from conversations.models import Channel
from tenants import access, audit, spreadsheets

PAGE = 50
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
    name = f"messages-{timezone.localtime(now):%Y-%m-%d}.csv"
    return spreadsheets.streamed(request, name=name, batches=accounting.export(wanted, now=now))


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
