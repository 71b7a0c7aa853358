"""Today, Numbers: the figures of a time, the list behind each, and all of it as files."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from agents.models import Agent, AgentVersion
from conversations import figure_files, figure_periods, figure_words, figures, talks, themes
from conversations.figure_periods import Period
from conversations.figures import Part
from conversations.models import Channel, Talk, Theme
from tenants import access, audit, spreadsheets

PAGE = 50
SECONDS = 2.0  # that the page waits for what is not counted yet
MOST_VERSIONS = 30


@require_GET
def numbers(request: HttpRequest) -> HttpResponse:
    """All figures of a time, beside the time before."""
    now, period, part = _asked(request)
    is_all = talks.refresh(now=now, within=SECONDS)
    names = _names(part)
    totals = figures.totals(period.start, period.end, part)
    context = {
        **_frame(request, period, part, names),
        "is_all": is_all,
        "totals": totals,
        "cards": figure_words.cards(totals, figures.totals(period.before_start, period.before_end, part)),
        "tiers": figure_words.tiers(totals),
        "spent": figures.spent(period.start, period.end),
        "pieces": _pieces(period, part),
        "heat": figures.heat(period, part),
        "hours": range(24),
        "reasons": figures.reasons(period, part),
        "themes": figures.themes(period, part),
        "most_rows": figures.MOST_ROWS,
        "channels_met": figures.by_channel(period, part, names["channels"]),
        "agents_met": figures.by_agent(period, part, names["agents"]),
        "versions_met": figures.by_version(period, part, names["versions"]),
        "gaps": figures.gaps(period),
    }
    return render(request, "conversations/numbers.html", context)


def _pieces(period: Period, part: Part) -> list[dict[str, Any]]:
    """The charts' rows, each with the address of its list."""
    return [
        {
            "piece": piece,
            "name": figure_words.piece(piece.start, period),
            "query": _piece_query(piece, period, part),
        }
        for piece in figures.series(period, part)
    ]


def _piece_query(piece: figures.Piece, period: Period, part: Part) -> str:
    asked: dict[str, Any] = {"by": "custom", "from": piece.first.isoformat(), "to": piece.last.isoformat()}
    if period.bucket == "hour":
        asked = {"by": "day", "on": piece.first.isoformat(), "hour": piece.start.hour}
    return urlencode(asked | _filters(part))


@require_GET
def numbers_list(request: HttpRequest) -> HttpResponse:
    """The conversations behind a figure, the latest first."""
    now, period, part = _asked(request)
    talks.refresh(now=now, within=SECONDS)
    found = figures.listed(period, part)
    rows = list(_below(found, request.GET.get("before", ""))[: PAGE + 1])
    context = {
        **_frame(request, period, part, _names(part)),
        "count": found.order_by().count(),
        "rows": rows[:PAGE],
        "following": rows[PAGE - 1].pk if len(rows) > PAGE else 0,
        "shown": figure_words.SHOWN[part.show],
        "narrowed": figure_words.narrowed(part),
        "theme": Theme.objects.defer("vector").filter(pk=part.theme).first() if part.theme else None,
        "list_query": _list_query(period, part),
    }
    return render(request, "conversations/numbers_list.html", context)


@require_GET
def numbers_export(request: HttpRequest) -> StreamingHttpResponse:
    """One table of the page as a file, whole."""
    now, period, part = _asked(request)
    what = request.GET.get("what", "")
    tables = figure_files.tables(period, part, _names(part))
    talks.refresh(now=now, within=SECONDS)
    name = what if what in tables else "totals"
    file = f"{name}-{period.first}-{period.last}.csv"
    return spreadsheets.streamed(request, name=file, batches=iter([tables[name]()]))


@access.roles(*access.MANAGERS)
@require_GET
def numbers_list_export(request: HttpRequest) -> StreamingHttpResponse:
    """The conversations behind a figure as a file, with customers' names; who took it is recorded."""
    now, period, part = _asked(request)
    talks.refresh(now=now, within=SECONDS)
    audit.record("numbers.export", actor=access.person(request), show=part.show)
    file = f"conversations-{part.show}-{period.first}-{period.last}.csv"
    return spreadsheets.streamed(request, name=file, batches=_batches(period, part))


def _batches(period: Period, part: Part) -> Iterator[list[tuple[str, ...]]]:
    yield [figure_files.LIST_HEADER]
    before = ""
    while rows := list(_below(figures.listed(period, part), before)[: figure_files.BATCH]):
        yield [figure_files.list_row(row) for row in rows]
        before = str(rows[-1].pk)


@access.roles(*access.MANAGERS)
@require_POST
def numbers_theme(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a topic a name of one's own."""
    theme = get_object_or_404(Theme.objects.defer("vector"), pk=pk)
    try:
        themes.rename(theme, request.POST.get("name", ""), user=access.person(request))
    except ValidationError as error:
        return HttpResponse(error.message, status=422, content_type="text/plain")
    query = urlencode({"theme": pk} | figure_periods.read(request.POST, **_clock()).asked)
    return redirect(f"{reverse('numbers_list')}?{query}")


# -- what an address asks for


def _clock() -> dict[str, Any]:
    return {"now": timezone.now(), "zone": timezone.get_current_timezone()}


def _asked(request: HttpRequest) -> tuple[datetime, Period, Part]:
    """The moment, the time and the part; what makes no sense in an address is left out."""
    given, clock = request.GET, _clock()
    show, reason = given.get("show", "all"), given.get("reason")
    part = Part(
        channel=_uuid(given.get("channel", "")),
        agent=_within(given.get("agent"), 1, 2**31 - 1),
        version=_within(given.get("version"), 1, 2**31 - 1),
        show=show if show in figures.SHOWS else "all",
        reason=None if reason is None else reason.replace("\x00", "")[:80],
        theme=_within(given.get("theme"), 0, 2**31 - 1),
        weekday=_within(given.get("weekday"), 1, 7),
        hour=_within(given.get("hour"), 0, 23),
    )
    return clock["now"], figure_periods.read(given, **clock), part


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _within(text: str | None, least: int, most: int) -> int | None:
    number = int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else -1
    return number if least <= number <= most else None


def _below(found: Any, before: str) -> Any:
    """What stands below this row of the list."""
    pk = _within(before, 1, 10**11)
    last = Talk.objects.filter(pk=pk).only("started_at").first() if pk else None
    if last is None:
        return found
    return found.filter(Q(started_at__lt=last.started_at) | Q(started_at=last.started_at, pk__lt=last.pk))


def _names(part: Part) -> dict[str, dict[Any, str]]:
    """What the filters offer and the tables say: names by id."""
    channels = Channel.objects.exclude(kind=Channel.Kind.TEST).order_by("name", "pk")
    versions = AgentVersion.objects.filter(status=AgentVersion.Status.PUBLISHED)
    if part.agent is not None:
        versions = versions.filter(agent=part.agent)
    told = versions.order_by("-pk").values_list("pk", "agent__name", "number")[:MOST_VERSIONS]
    return {
        "channels": dict(channels.values_list("pk", "name")),
        "agents": dict(Agent.objects.order_by("name", "pk").values_list("pk", "name")),
        "versions": {pk: _("%(name)s, version %(n)s") % {"name": name, "n": n} for pk, name, n in told},
    }


def _frame(
    request: HttpRequest, period: Period, part: Part, names: Mapping[str, Mapping[Any, str]]
) -> dict[str, Any]:
    """What stands around the figures and around their lists."""
    filters = _filters(part)
    return {
        "period": period,
        "period_name": figure_words.title(period),
        "part": part,
        "names": names,
        "query": urlencode(period.asked | filters),
        "filters": urlencode(filters),
        "earlier": urlencode(period.earlier | filters),
        "later": urlencode(period.later | filters) if period.later else "",
        "is_filtered": bool(filters),
    }


def _filters(part: Part) -> dict[str, Any]:
    wishes = {"channel": part.channel, "agent": part.agent, "version": part.version}
    return {name: wish for name, wish in wishes.items() if wish is not None}


def _list_query(period: Period, part: Part) -> str:
    more = {"reason": part.reason, "theme": part.theme, "weekday": part.weekday, "hour": part.hour}
    told = {name: wish for name, wish in more.items() if wish is not None}
    return urlencode(period.asked | _filters(part) | {"show": part.show} | told)
