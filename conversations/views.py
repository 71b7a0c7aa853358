"""Today, and one chat; the list beside it is conversations.list_views."""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from conversations import (
    citing,
    customer_person,
    desk_head,
    list_views,
    media_pages,
    outbox,
    receipt_words,
    route_words,
    shown_thread,
    thread_views,
)  # fmt: skip
from conversations.models import Conversation, Message, Turn
from tenants import access, live, notifying


@require_GET
def chat(request: HttpRequest, pk: int) -> HttpResponse:
    """The inbox with one conversation; opening it says that it was read."""
    conversation = _conversation(pk)
    reads = request.membership.role in access.ANSWERERS and access.leaves_traces(request)  # type: ignore[attr-defined]
    if conversation.unread_count and reads:
        Conversation.objects.filter(pk=pk).update(unread_count=0)
        conversation.unread_count = 0
        live.publish("conversation.read", id=pk, conversation=pk)
    if reads:
        notifying.over(url=request.path, users=[access.person(request)], now=timezone.now())
    context = {
        **list_views.context(request),
        **list_views.beside(request),
        **thread_views.page_context(request, conversation),
        **desk_head.context(conversation, now=timezone.now()),
        **customer_person.beside(conversation, role=request.membership.role),  # type: ignore[attr-defined]
    }
    return render(request, "conversations/chats.html", context)


@require_GET
def chat_of_turn(request: HttpRequest, pk: int) -> HttpResponse:
    """The conversation in which a turn answered: where the ledger's entries lead."""
    return redirect("chat", pk=get_object_or_404(Turn, pk=pk).conversation_id)


@require_GET
def chat_person(request: HttpRequest, pk: int) -> HttpResponse:
    conversation, role = _conversation(pk), request.membership.role  # type: ignore[attr-defined]
    context = {"conversation": conversation, **customer_person.beside(conversation, role=role)}
    return render(request, "conversations/_person.html", context)


@require_GET
def message_why(request: HttpRequest, pk: int) -> HttpResponse:
    """What an answer was made from, and what it cost."""
    message = get_object_or_404(Message.objects.exclude(turn=None), pk=pk)
    turn = (
        Turn.objects.select_related("agent_version", "pinned")
        .prefetch_related("passages")
        .get(messages=message)
    )
    context = {
        "turn": turn,
        "message": message,
        "parts": citing.parts(message, turn),
        "tool_runs": receipt_words.of_turn(turn),
        "route": route_words.of_turn(turn),
    }
    return render(request, "conversations/_why.html", context)


@access.roles(*access.ANSWERERS)
@require_POST
def message_retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Send again what failed or is unknown: the decision of a person who saw it."""
    try:
        message = outbox.retry(pk, now=timezone.now())
    except Message.DoesNotExist:
        raise Http404 from None
    return shown_thread.answer(request, message.conversation_id)


@access.roles(*access.ANSWERERS)
@require_POST
def message_arrived(request: HttpRequest, pk: int) -> HttpResponse:
    """A person looked, and a message that was perhaps sent has arrived."""
    try:
        message = outbox.confirm(pk, user=access.person(request), now=timezone.now())
    except Message.DoesNotExist:
        raise Http404 from None
    return shown_thread.answer(request, message.conversation_id)


@require_GET
def message_media(request: HttpRequest, pk: int) -> HttpResponseBase:
    """A message's file, to members only."""
    return media_pages.answer(request, get_object_or_404(Message.objects.exclude(media=""), pk=pk))


def _conversation(pk: int) -> Conversation:
    related = Conversation.objects.select_related("contact", "channel", "assigned_to")
    return get_object_or_404(related, pk=pk)
