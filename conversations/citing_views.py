"""Where an answer's passage stands: the document at its page, or what was read when it is gone."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from conversations.models import TurnPassage
from knowledge import corrections
from knowledge.models import Document


@require_GET
def chat_passage(request: HttpRequest, pk: int) -> HttpResponse:
    """Open what an answer rests on; a passage that was replaced since is shown as it was read."""
    read = get_object_or_404(TurnPassage.objects.select_related("turn"), pk=pk)
    chunk_id = corrections.standing(chunk_id=read.chunk_id, document_id=read.document_id, text=read.text)
    if chunk_id is not None:
        return redirect("passage", chunk_id)
    document = Document.objects.filter(pk=read.document_id).first() if read.document_id else None
    return render(request, "conversations/chat_passage.html", {"read": read, "document": document})
