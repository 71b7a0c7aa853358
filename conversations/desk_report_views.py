"""Numbers › Agreed times: what was kept and what was not, as a page and as a file."""

from datetime import datetime, time, timedelta

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_GET

from conversations import desk_report
from tenants import access, audit, spreadsheets

PAGE, USUAL, LONGEST = 50, timedelta(days=7), timedelta(days=366)


@access.roles(*access.MANAGERS)
@require_GET
def agreed_times(request: HttpRequest) -> HttpResponse:
    """The figures of a time, by default the last week, and the clocks behind them."""
    since, until = _time(request)
    state = _state(request)
    pages = Paginator(desk_report.listed(since, until, state=state), PAGE)
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "report": desk_report.of_time(since, until),
        "page_obj": pages.get_page(request.GET.get("page")),
        "state": state,
        "day_from": timezone.localtime(since).date(),
        "day_to": timezone.localtime(until - timedelta(seconds=1)).date(),
        "query": query.urlencode(),
    }
    return render(request, "conversations/agreed_times.html", context)


@access.roles(*access.MANAGERS)
@require_GET
def agreed_times_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same as a file; that somebody took it is recorded."""
    since, until = _time(request)
    audit.record("agreed_times.export", actor=access.person(request), state=_state(request))
    name = f"agreed-times-{timezone.localtime(since):%Y-%m-%d}.csv"
    batches = desk_report.as_table(since, until, state=_state(request))
    return spreadsheets.streamed(request, name=name, batches=batches)


def _state(request: HttpRequest) -> str:
    wanted = request.GET.get("show", "")
    return wanted if wanted in desk_report.STATES else ""


def _time(request: HttpRequest) -> tuple[datetime, datetime]:
    """From the beginning of one day to the end of another, in the business's own time."""
    tomorrow = _midnight(timezone.localdate().isoformat()) + timedelta(days=1)
    until = _midnight(request.GET.get("to"), tomorrow - timedelta(days=1)) + timedelta(days=1)
    since = _midnight(request.GET.get("from"), until - USUAL)
    if not since < until <= since + LONGEST:
        since = until - USUAL
    return since, until


def _midnight(text: str | None, otherwise: datetime | None = None) -> datetime:
    try:
        day = parse_date(text or "")
    except ValueError:
        day = None
    if day is None:
        return otherwise or timezone.now()
    return timezone.make_aware(datetime.combine(day, time.min))
