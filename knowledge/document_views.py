"""One document: what is known of it, its passages to read and correct, its pages, its file."""

from typing import Any

from django.core.files.storage import default_storage
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from knowledge import assistants, corrections, pictures
from knowledge.models import Chunk, Document
from tenants import access

A_PAGE = 20
AROUND = 15  # passages before and after the one that was asked for, where there are no pages
LONGEST_SEARCH = 100
# What a browser shows as it is. Everything else is only offered to save: it could run there.
SHOWN_AS = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "txt": "text/plain; charset=utf-8", "md": "text/plain; charset=utf-8", "csv": "text/plain; charset=utf-8",
}  # fmt: skip
# A file from outside is shown as if by a stranger: no script, no form, nothing of ours within its reach.
ALONE = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"


@require_GET
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """Everything about one document; a search in its passages replaces only them."""
    found = get_object_or_404(Document.objects.select_related("added_by", "source"), pk=pk)
    context = {"document": found, "reaches": assistants.named(found.agent_ids), **_passages(request, found)}
    part = request.headers.get("HX-Target") == "passages"
    return render(request, "knowledge/_passages.html" if part else "knowledge/document.html", context)


def _passages(request: HttpRequest, found: Document) -> dict[str, Any]:
    query = request.GET.get("q", "").replace("\x00", "").strip()[:LONGEST_SEARCH]
    chunks = found.chunks.defer("embedding", "search").order_by("position")
    if query:
        chunks = chunks.filter(text__icontains=query)
    page = Paginator(chunks, A_PAGE).get_page(request.GET.get("page"))
    return {"chunks": page.object_list, "page_obj": page, "query": query}


@access.roles(*access.MANAGERS)
@require_POST
def passage_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a passage answer, or not."""
    chunk = corrections.switch(pk, enabled=request.POST.get("enabled") == "on")
    if chunk is None:
        raise Http404
    return _row_or_page(request, chunk)


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def passage_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Correct the words of a passage, or take the correction back."""
    chunk = get_object_or_404(_chunks(), pk=pk)
    if request.method == "GET":
        return render(request, "knowledge/passage_edit.html", {"chunk": chunk, "text": chunk.text})
    text = chunk.original or chunk.text if request.POST.get("restore") else request.POST.get("text", "")
    try:
        changed = corrections.edit(pk, text=text)
    except corrections.Unsuitable:
        problem = _("Write between 1 and 2,000 characters.")
        context = {"chunk": chunk, "text": text, "problem": problem}
        return render(request, "knowledge/passage_edit.html", context, status=422)
    if changed is None:
        raise Http404
    return redirect(f"{_at(changed)}#passage-{changed.pk}")


def _row_or_page(request: HttpRequest, chunk: Chunk) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "knowledge/_passage.html", {"chunk": chunk, "document": chunk.document})
    return redirect(f"{_at(chunk)}#passage-{chunk.pk}")


def _at(chunk: Chunk) -> str:
    """The page of the document's passages that this one is on."""
    before = chunk.document.chunks.filter(position__lt=chunk.position).count()
    url: str = redirect("document", chunk.document_id)["Location"]
    return f"{url}?page={before // A_PAGE + 1}"


def _chunks() -> QuerySet[Chunk]:
    return Chunk.objects.select_related("document", "document__source").defer("embedding", "search")


# -- where a passage stands


@require_GET
def passage(request: HttpRequest, pk: int) -> HttpResponse:
    """The document opened where the passage stands, with the passage marked."""
    chunk = get_object_or_404(_chunks(), pk=pk)
    found, count = chunk.document, pictures.answering(chunk.document).pages
    context: dict[str, Any] = {"chunk": chunk, "document": found}
    if count:
        return render(request, "knowledge/passage.html", {**context, **_on_page(request, chunk, count)})
    first, last = chunk.position - AROUND, chunk.position + AROUND
    around = found.chunks.filter(position__range=(max(first, 0), last)).defer("embedding", "search")
    return render(request, "knowledge/passage.html", {**context, "chunks": around.order_by("position")})


def _on_page(request: HttpRequest, chunk: Chunk, count: int) -> dict[str, Any]:
    """One page of the document: the passage's own, or another that was asked for."""
    boxes = pictures.boxes(chunk.document, chunk)
    number = _number(request, default=chunk.page or 1, most=count)
    chunks = chunk.document.chunks.filter(page=number).defer("embedding", "search").order_by("position")
    beside = chunk.page != number and any(box[0] == number for box in boxes)  # it goes on here
    return {
        "number": number,
        "count": count,
        "mark_of_file": pictures.answering(chunk.document).sha256[:12],
        "marks": [Mark(*box[1:5]) for box in boxes if box[0] == number],
        "chunks": [chunk, *chunks] if beside else chunks,
    }


class Mark:
    """A marked place of a page, in shares of it."""

    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        self.left, self.top, self.width, self.height = left, top, right - left, bottom - top


def _number(request: HttpRequest, *, default: int, most: int) -> int:
    """The page that was asked for, within the document."""
    asked = request.GET.get("page", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else default
    return min(max(number, 1), most)


@require_GET
def document_page(request: HttpRequest, pk: int) -> HttpResponse:
    """A page as a picture: `?page=`, counted from 1."""
    found = get_object_or_404(Document, pk=pk)
    most = max(pictures.answering(found).pages, 1)
    try:
        drawn = pictures.page(found, _number(request, default=1, most=most))
    except pictures.NoPicture:
        return HttpResponse(_("This page cannot be shown."), status=422, content_type="text/plain")
    except pictures.Busy:
        answer = HttpResponse(_("Too many pages at once. Try again."), status=503, content_type="text/plain")
        answer.headers["Retry-After"] = "10"
        return answer
    answer = HttpResponse(drawn, content_type="image/webp")
    # Its address carries the file's own mark: another file has another address.
    answer.headers["Cache-Control"] = "private, max-age=86400"
    answer.headers["Content-Security-Policy"] = ALONE
    return answer


@require_GET
def document_file(request: HttpRequest, pk: int) -> FileResponse:
    """The file as it was added, to members only."""
    found = get_object_or_404(Document.objects.exclude(file=""), pk=pk)
    shown_as = SHOWN_AS.get(found.kind, "")
    try:
        file = default_storage.open(str(found.file.name))
    except FileNotFoundError:
        raise Http404 from None  # replaced a moment ago
    response = FileResponse(
        file,
        as_attachment=not shown_as,
        filename=_file_name(found),
        content_type=shown_as or "application/octet-stream",
    )
    response.headers["Content-Security-Policy"] = ALONE
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _file_name(found: Document) -> str:
    """The title, with the ending of its kind."""
    ending = f".{found.kind}" if found.kind else ""
    return found.title if found.title.lower().endswith(ending) else f"{found.title}{ending}"
