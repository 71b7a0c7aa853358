"""Assistant › Teach › Sources: everything that was taught, how it fares, and files that are added."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from knowledge import asked, assistants, corrections, documents, shelf
from knowledge.models import Document
from tenants import access

A_PAGE = 25
INSIDE = 15  # documents of a place that are shown at once
LONGEST_SEARCH = 100
STATES = (
    ("", gettext_lazy("all")),
    ("ready", gettext_lazy("ready")),
    ("reading", gettext_lazy("being read")),
    ("attention", gettext_lazy("needs attention")),
    ("review", gettext_lazy("changes answers")),
    ("gone", gettext_lazy("not there any more")),
)


@require_GET
def teach(request: HttpRequest) -> HttpResponse:
    context = {**_shelf(request), "examples": shelf.examples().exists()}
    return render(request, "knowledge/teach.html", context)


def _shelf(request: HttpRequest) -> dict[str, Any]:
    """The list as it was asked for: searched, filtered, on this page, with one place folded out."""
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    state = request.GET.get("state", "")
    state = state if state in dict(STATES) else ""
    page = Paginator(shelf.found(query=query, state=state), A_PAGE).get_page(request.GET.get("page"))
    items = shelf.items(list(page.object_list))
    wanted = {"q": query, "state": state, "page": page.number if page.number > 1 else ""}
    wanted = {name: value for name, value in wanted.items() if value}
    opened = _opened(request, items)
    return {
        "items": items,
        "page_obj": page,
        "query": query,
        "state": state,
        "states": STATES,
        "assistants": assistants.names(),
        "asked": urlencode(wanted),
        "opened": opened,
        "here": f"{reverse('assistant')}?{urlencode({**wanted, **_folded_out(opened)})}",
        "inside": _inside(request, opened),
        "is_empty": not (items or query or state),
    }


def _opened(request: HttpRequest, items: list[shelf.Item]) -> int | None:
    """The place that is folded out, when it is on this page."""
    asked = request.GET.get("open", "")
    return next((one.source.pk for one in items if one.source and str(one.source.pk) == asked), None)


def _folded_out(opened: int | None) -> dict[str, int]:
    return {} if opened is None else {"open": opened}


def _inside(request: HttpRequest, opened: int | None) -> Any:
    """The documents of the place that is folded out, those that need attention first."""
    if opened is None:
        return None
    rows = Document.objects.filter(source=opened).order_by(shelf.urgency(), "title", "pk")
    return Paginator(rows, INSIDE).get_page(request.GET.get("inside"))


@access.roles(*access.MANAGERS)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """One or several files; what is wrong with one of them ends in its own state on the page."""
    files = request.FILES.getlist("files")
    if not files:
        return HttpResponse(_("Choose at least one file."), status=422, content_type="text/plain")
    try:
        _keep(request, files)
    except documents.StorageFull:
        return HttpResponse(str(documents.NO_ROOM), status=507, content_type="text/plain")
    if request.headers.get("HX-Request"):
        return render(request, "knowledge/_shelf.html", _shelf(request))
    return redirect("assistant")


def _keep(request: HttpRequest, files: Sequence[UploadedFile]) -> None:
    """Where answers were given or passages corrected, a person is asked before that changes."""
    asks = bool(asked.recent(1)) or corrections.exist()
    for file in files:
        documents.add(
            file=file, name=file.name or "document", added_by=access.person(request), now=timezone.now(),
            reviews=asks,
        )  # fmt: skip


@require_GET
def row(request: HttpRequest, pk: int) -> HttpResponse:
    document = get_object_or_404(Document, pk=pk)
    context = {"document": document, "assistants": assistants.names(), "padding": ""}
    return render(request, "knowledge/_document.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Document, pk=pk)
    documents.remove(pk)
    return redirect("assistant")


@access.roles(*access.MANAGERS)
@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a failed document read once more."""
    get_object_or_404(Document, pk=pk)
    documents.try_again(pk)
    return redirect("assistant")
