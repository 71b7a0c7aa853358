"""Chats: a message that goes later. What waits, and to change, stop or send it now."""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import handoff, send_later, shown_thread
from conversations.models import FollowUp
from tenants import access

PAGE = 100


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def chat_later(request: HttpRequest, pk: int) -> HttpResponse:
    """The form with what waits in this chat already; or keep what was written."""
    conversation = shown_thread.find(pk)
    if request.method == "GET":
        return _form(request, {"conversation": conversation, "dropped": send_later.ended(conversation)})
    try:
        send_later.plan(
            pk,
            text=_words(request),
            due_at=send_later.moment(request.POST.get("due_at", "")),
            if_silent=bool(request.POST.get("if_silent")),
            key=request.POST.get("key", "")[:40] or uuid.uuid4().hex,
            user=access.person(request),
            now=timezone.now(),
        )
    except send_later.Unfit as error:
        return _unfit(str(error))
    return shown_thread.answer(request, pk)


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def follow_up_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Other words, or another moment."""
    row = _row(pk)
    if request.method == "GET":
        return _form(request, {"conversation": shown_thread.find(row.conversation_id), "row": row})
    try:
        send_later.change(
            row,
            text=_words(request),
            due_at=send_later.moment(request.POST.get("due_at", "")),
            if_silent=bool(request.POST.get("if_silent")),
            now=timezone.now(),
        )
    except send_later.Unfit as error:
        return _unfit(str(error))
    return shown_thread.answer(request, row.conversation_id)


@access.roles(*access.ANSWERERS)
@require_POST
def follow_up_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Do not send it; with the way back on the page."""
    row = _row(pk)
    if not send_later.stop(row, now=timezone.now()):
        return _unfit(_("It has left already, or was stopped."))
    if not request.headers.get("HX-Request"):
        return redirect("chat", row.conversation_id)
    response = shown_thread.answer(request, row.conversation_id)
    response.content += render(request, "conversations/_later_stopped.html", {"row": row}).content
    return response


@access.roles(*access.ANSWERERS)
@require_POST
def follow_up_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """It goes after all, at its moment."""
    row = _row(pk)
    if not send_later.go_on(row, now=timezone.now()):
        return _unfit(_("Its moment has passed."))
    return shown_thread.answer(request, row.conversation_id)


@access.roles(*access.ANSWERERS)
@require_POST
def follow_up_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Send it at once; a person's words take the chat over, as any that they send now."""
    row = _row(pk)
    if row.author_id is not None:
        handoff.take_over(row.conversation_id, user=access.person(request), now=timezone.now())
    if send_later.send_now(row, now=timezone.now()) is None:
        return _unfit(_("It has left already, or was stopped."))
    return shown_thread.answer(request, row.conversation_id)


@require_GET
def later(request: HttpRequest) -> HttpResponse:
    """Everything that waits to be sent, in all chats, the next first."""
    waiting = FollowUp.objects.filter(status=FollowUp.Status.WAITING)
    rows = waiting.select_related("author", "conversation__contact", "conversation__channel")
    context = {"rows": rows.order_by("due_at", "pk")[:PAGE]} | shown_thread.rights(request)
    return render(request, "conversations/later.html", context)


def _form(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    choices = send_later.choices(now=timezone.now())
    beside = {"choices": choices, "key": uuid.uuid4().hex}
    row = context.get("row")
    value = f"{timezone.localtime(row.due_at):%Y-%m-%dT%H:%M}" if row else choices[1].value
    return render(
        request, "conversations/_later_sheet.html", {"row": None, **context, **beside, "value": value}
    )


def _row(pk: int) -> FollowUp:
    return get_object_or_404(FollowUp.objects.select_related("author"), pk=pk)


def _words(request: HttpRequest) -> str:
    return request.POST.get("text", "").replace("\x00", "").strip()


def _unfit(words: str) -> HttpResponse:
    return HttpResponse(words, status=422, content_type="text/plain")
