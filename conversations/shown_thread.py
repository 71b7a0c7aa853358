"""The thread as what a view answers with, and what all views of a thread ask of a request."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from conversations import notes, thread
from conversations.models import Conversation
from tenants import access

LONGEST_ID = 18  # digits


def answer(request: HttpRequest, pk: int, **beside: Any) -> HttpResponse:
    """The thread as it is now, after something was done in it; the page for who has no scripts."""
    if not request.headers.get("HX-Request"):
        return redirect("chat", pk)
    template = beside.pop("template", "conversations/_thread.html")
    context = thread.shown(find(pk), since=number(request, "since") or 0)
    return render(request, template, context | rights(request) | beside)


def rights(request: HttpRequest) -> dict[str, Any]:
    """What the bubbles of a thread need to know of who reads."""
    role = request.membership.role  # type: ignore[attr-defined]
    return {
        "can_answer": role in access.ANSWERERS,
        "reader": request.user,
        "removes_notes": notes.may_remove(role),
    }


def find(pk: int) -> Conversation:
    """The conversation with what every page of it shows; 404."""
    related = Conversation.objects.select_related("contact", "channel", "assigned_to")
    return get_object_or_404(related, pk=pk)


def number(request: HttpRequest, name: str) -> int | None:
    """An id in the address or the form; None for what is none."""
    given = request.GET.get(name) or request.POST.get(name) or ""
    return int(given) if given.isdecimal() and len(given) <= LONGEST_ID else None
