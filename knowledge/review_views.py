"""A document that would change answers: which ones, and the word of a person."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from knowledge import documents, reviewing
from knowledge.models import Document
from providers.errors import ProviderError
from tenants import access


@require_GET
def document_review(request: HttpRequest, pk: int) -> HttpResponse:
    """The questions whose best passage would be another one, before and after."""
    document = get_object_or_404(Document, pk=pk)
    if document.status != Document.Status.REVIEW:
        return redirect("document", pk)
    try:
        changes, away = reviewing.changes(document), False
    except ProviderError:
        changes, away = [], True
    answers = [change for change in changes if change.kind == "answer"]
    edits = [change for change in changes if change.kind == "edit"]
    context = {"document": document, "answers": answers, "edits": edits, "away": away}
    return render(request, "knowledge/review.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def document_accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Put what was read live."""
    get_object_or_404(Document, pk=pk)
    documents.accept(pk)
    return redirect("document", pk)


@access.roles(*access.MANAGERS)
@require_POST
def document_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what was read; what answered before goes on."""
    get_object_or_404(Document, pk=pk)
    documents.discard(pk)
    return redirect("assistant")
