"""The three steps to the first answer."""

from collections.abc import Sequence

from django.contrib import messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conversations import trial_views
from conversations.trial_shown import Exchange
from knowledge import documents
from knowledge.models import Document
from tenants import access, catalogue

MAX_PASTED = 200_000


@require_GET
def welcome(request: HttpRequest) -> HttpResponse:
    """Teach, ask, answered: where a new owner starts."""
    tried = trial_views.context(request, trial_views.published_bench())
    known = list(Document.objects.order_by("-pk")[:10])
    examples = any(document.origin.startswith(catalogue.PREFIX) for document in known)
    step = _step(known, tried["exchanges"])
    context = {**tried, "documents": known, "examples": examples, "step": step}
    return render(request, "agents/welcome.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def welcome_teach(request: HttpRequest) -> HttpResponse:
    """Pasted text becomes the first knowledge."""
    text = request.POST.get("text", "").strip()
    if not text or len(text) > MAX_PASTED:
        messages.error(request, _("Paste between 1 and 200,000 characters."))
        return redirect("welcome")
    try:
        _add(request, f"{_title(request, text)}.txt", text.encode())
    except documents.StorageFull:
        messages.error(request, documents.NO_ROOM)
    return redirect("welcome")


def _add(request: HttpRequest, name: str, content: bytes) -> None:
    documents.add(
        file=SimpleUploadedFile(name, content),
        name=name,
        added_by=access.person(request),
        now=timezone.now(),
    )


def _title(request: HttpRequest, text: str) -> str:
    return (request.POST.get("title", "").strip() or text.splitlines()[0])[:60].strip(" .") or _(
        "Pasted text"
    )


def _step(known: Sequence[Document], asked: Sequence[Exchange]) -> int:
    """1 teach, 2 ask, 3 answered."""
    ready = any(document.status == "ready" for document in known)
    answered = any(
        message.turn_id for one in asked for side in one.answers.values() for message in side.messages
    )
    return 3 if answered else 2 if ready else 1
