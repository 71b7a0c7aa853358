"""Assistant › Teach: what the business's documents are and how they fare."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from knowledge import documents
from knowledge.models import Document
from tenants import access

SHOWN = 200


@require_GET
def teach(request: HttpRequest) -> HttpResponse:
    return render(request, "knowledge/teach.html", {"documents": Document.objects.order_by("-pk")[:SHOWN]})


@access.roles(*access.MANAGERS)
@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """One or several files; what is wrong with one of them ends in its own state on the page."""
    files = request.FILES.getlist("files")
    if not files:
        return HttpResponse(_("Choose at least one file."), status=422, content_type="text/plain")
    for file in files:
        documents.add(file=file, name=file.name or "document", added_by=request.user, now=timezone.now())  # type: ignore[arg-type]
    if request.headers.get("HX-Request"):
        return render(
            request, "knowledge/_documents.html", {"documents": Document.objects.order_by("-pk")[:SHOWN]}
        )
    return redirect("assistant")


@require_GET
def row(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "knowledge/_document.html", {"document": get_object_or_404(Document, pk=pk)})


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
