"""Chats, the head of a thread: take over, give back, close; whose it is, who goes first, and for how long."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import desk_handling, desk_head, desk_seats, handoff, shown_thread
from conversations.models import Conversation
from tenants import access, undoing
from tenants.models import User


@require_GET
def chat_head(request: HttpRequest, pk: int) -> HttpResponse:
    """The head of one thread, for a page that heard of a change."""
    return _head(request, pk)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_take_over(request: HttpRequest, pk: int) -> HttpResponse:
    """One click: it is mine, and the assistant is silent."""
    _conversation(pk)
    handoff.take_over(pk, user=access.person(request), now=timezone.now(), minutes=_minutes(request))
    return _shown(request, pk)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_give_back(request: HttpRequest, pk: int) -> HttpResponse:
    """The assistant answers again; with `answer` also what nobody has answered yet."""
    _conversation(pk)
    user, now = access.person(request), timezone.now()
    if request.POST.get("answer") == "1":
        desk_handling.give_back_to_answer(pk, user=user, now=now)
    else:
        handoff.give_back(pk, user=user, now=now)
    return _shown(request, pk)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_close(request: HttpRequest, pk: int) -> HttpResponse:
    """File it, and go back to the list, with a way back."""
    name = _conversation(pk).contact.display_name
    handoff.close(pk, user=access.person(request), now=timezone.now())
    undoing.offer(request, _("Closed: %(name)s") % {"name": name}, to=reverse("chat_reopen", args=[pk]))
    return redirect("chats")


@access.roles(*access.ANSWERERS)
@require_POST
def chat_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it out of the file again."""
    _conversation(pk)
    handoff.reopen(pk, user=access.person(request), now=timezone.now())
    return redirect("chat", pk)


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def chat_desk(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet of one chat: whose it is, who goes first, for how long the assistant is silent."""
    conversation = _conversation(pk)
    if request.method == "POST":
        return _handled(request, conversation)
    context = desk_head.handling(conversation, now=timezone.now())
    return render(request, "conversations/_chat_desk.html", context)


def _handled(request: HttpRequest, conversation: Conversation) -> HttpResponse:
    """Only what the form has sent changes."""
    given, user, now = request.POST, access.person(request), timezone.now()
    if "to" in given:
        desk_handling.assign(conversation.pk, to=_member(given["to"]), user=user, now=now)
    if given.get("priority", "") in {str(value) for value in Conversation.Priority.values}:
        desk_handling.set_priority(conversation.pk, int(given["priority"]), user=user, now=now)
    minutes = _minutes(request)
    if minutes is not None:
        desk_handling.hold(conversation.pk, minutes=minutes, user=user, now=now)
    return _shown(request, conversation.pk)


def _member(text: str) -> User | None:
    """Somebody of this business who answers customers; None for nobody. Raises Http404 for anybody else."""
    if not text:
        return None
    found = [one.user for one in desk_seats.members() if str(one.user.pk) == text]
    if not found:
        raise Http404
    return found[0]


def _minutes(request: HttpRequest) -> int | None:
    text = request.POST.get("minutes", "")
    return int(text) if text.isdigit() and int(text[:6]) in desk_head.TIMES else None


def _shown(request: HttpRequest, pk: int) -> HttpResponse:
    return _head(request, pk) if request.headers.get("HX-Request") else redirect("chat", pk)


def _head(request: HttpRequest, pk: int) -> HttpResponse:
    context = desk_head.context(_conversation(pk), now=timezone.now())
    return render(request, "conversations/_chat_head.html", context | shown_thread.rights(request))


def _conversation(pk: int) -> Any:
    related = Conversation.objects.select_related("contact", "channel", "assigned_to")
    return get_object_or_404(related, pk=pk)
