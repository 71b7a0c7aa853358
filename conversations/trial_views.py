"""Assistant › Try, and the three steps to the first answer."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conversations import citing, trial
from conversations.models import Message, Turn
from knowledge import documents
from knowledge.models import Document
from tenants import access

MAX_QUESTION = 2000
MAX_PASTED = 200_000
SAMPLES = Path(settings.BASE_DIR) / "agents" / "demo" / "documents"


@require_GET
def try_page(request: HttpRequest) -> HttpResponse:
    return render(request, "agents/try.html", _thread(request))


@require_GET
def try_thread(request: HttpRequest) -> HttpResponse:
    return render(request, "agents/_try_thread.html", _thread(request))


@access.roles(*access.ANSWERERS)
@require_POST
def try_send(request: HttpRequest) -> HttpResponse:
    """Ask in the test chat; the answer arrives on the page by itself."""
    text = request.POST.get("text", "").strip()
    if not text or len(text) > MAX_QUESTION:
        context = {
            **_thread(request),
            "problem": _("Write a question of at most 2,000 characters."),
            "text": text,
        }
        return render(request, "agents/_try_thread.html", context, status=422)
    trial.ask(text, user=access.person(request), now=timezone.now())
    return render(request, "agents/_try_thread.html", _thread(request))


@require_GET
def welcome(request: HttpRequest) -> HttpResponse:
    """Teach, ask, answered: where a new owner starts."""
    context = {**_thread(request), "documents": Document.objects.order_by("-pk")[:10]}
    return render(request, "agents/welcome.html", {**context, "step": _step(context)})


@access.roles(*access.MANAGERS)
@require_POST
def welcome_teach(request: HttpRequest) -> HttpResponse:
    """Pasted text, or the sample business's documents, become the first knowledge."""
    if request.POST.get("sample"):
        for path in sorted(SAMPLES.iterdir()):
            _add(request, path.name, path.read_bytes())
        return redirect("welcome")
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


def _thread(request: HttpRequest) -> dict[str, Any]:
    conversation = trial.conversation_of(access.person(request))
    if conversation is None:
        return {"conversation": None, "messages_shown": [], "thinking": False}
    newest = conversation.messages.select_related("turn", "reply_to").prefetch_related(*citing.with_sources())
    shown = list(newest.order_by("-pk")[:50])[::-1]
    thinking = (
        bool(conversation.reply_due_at) or conversation.turns.filter(status=Turn.Status.RUNNING).exists()
    )
    return {"conversation": conversation, "messages_shown": shown, "thinking": thinking}


def _step(context: dict[str, Any]) -> int:
    """1 teach, 2 ask, 3 answered."""
    ready = any(document.status == "ready" for document in context["documents"])
    answered = any(m.direction == Message.Direction.OUT and m.turn_id for m in context["messages_shown"])
    return 3 if answered else 2 if ready else 1
