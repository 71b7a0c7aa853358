"""Chats: the thread, page by page; who else looks at it; and whether words have arrived here."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from conversations import composer, presence, suggesting, thread
from conversations.models import Conversation, Message
from conversations.shown_thread import answer, find, number, rights
from tenants import access


def page_context(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The middle pane of Chats: the end of the thread, or with `?at=` the place of one message."""
    return {
        **_opened(request, conversation),
        **rights(request),
        **composer.context(conversation, now=timezone.now()),
        **_seen(request, conversation),
        "notes_only": request.GET.get("note") == "1",
    }


def _opened(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    at = number(request, "at")
    part = thread.around(conversation, at) if at else None
    if part is None:
        shown = thread.shown(conversation)
        return (
            shown
            | {"at": None, "tail_query": f"?since={shown['part'].first}"}
            | {"at": None, "tail_query": ""}
        )
    if part.has_newer:
        query = f"?first={part.first}&last={part.last}"
        return thread.context(conversation, part) | {"at": at, "tail_query": query}
    return thread.live_end(conversation, part) | {"at": at, "tail_query": f"?since={part.first}"}


def _seen(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    others = presence.others(conversation.pk, user=access.person(request), now=timezone.now())
    return {"present": others}


@require_GET
def chat_thread(request: HttpRequest, pk: int) -> HttpResponse:
    """The live end of a thread, from `?since=` on; or the stretch from `?first=` to `?last=`."""
    conversation = find(pk)
    first, last = number(request, "first"), number(request, "last")
    if first and last:
        context = thread.context(conversation, thread.between(conversation, first, last))
    else:
        context = thread.shown(conversation, since=number(request, "since") or 0)
    return render(request, "conversations/_thread.html", context | rights(request))


@require_GET
def chat_older(request: HttpRequest, pk: int) -> HttpResponse:
    """The messages before `?before=`, with the way further back."""
    conversation = find(pk)
    part = thread.older(conversation, before=number(request, "before") or 0)
    context = thread.context(conversation, part) | rights(request)
    return render(request, "conversations/_thread_older.html", context)


@require_GET
def chat_newer(request: HttpRequest, pk: int) -> HttpResponse:
    """The messages after `?after=`, with the way further on."""
    conversation = find(pk)
    part = thread.newer(conversation, after=number(request, "after") or 0)
    context = thread.context(conversation, part) | rights(request)
    return render(request, "conversations/_thread_newer.html", context)


@require_GET
def message_bubble(request: HttpRequest, pk: int) -> HttpResponse:
    """One message anew: for a page that shows it far above the end."""
    message = get_object_or_404(Message.objects.select_related("conversation__channel"), pk=pk)
    conversation = find(message.conversation_id)
    context = thread.context(conversation, thread.one(message)) | rights(request)
    return render(
        request, "conversations/_message_alone.html", context | {"message": context["part"].messages[0]}
    )


@require_GET
def chat_presence(request: HttpRequest, pk: int) -> HttpResponse:
    """Which colleagues look at it and write."""
    conversation = find(pk)
    return render(request, "conversations/_presence.html", _seen(request, conversation))


@access.roles(*access.ANSWERERS)
@require_POST
def chat_here(request: HttpRequest, pk: int) -> HttpResponse:
    """I look at this chat, or have `left` it: the others see it."""
    conversation, user = find(pk), access.person(request)
    if request.POST.get("left"):
        presence.leave(conversation.pk, user=user)
        return HttpResponse(status=204)
    presence.look(conversation.pk, user=user, now=timezone.now())
    return render(request, "conversations/_presence.html", _seen(request, conversation))


@access.roles(*access.ANSWERERS)
@require_POST
def chat_typing(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody of the team writes: the colleagues see it, and who looks at a chat from a site."""
    presence.write(find(pk), user=access.person(request), now=timezone.now())
    return HttpResponse(status=204)


@require_GET
def chat_sent(request: HttpRequest, pk: int) -> HttpResponse:
    """Whether what a page sent under a key has arrived here."""
    conversation, key = find(pk), request.GET.get("key", "")[:64]
    is_sent = bool(key) and conversation.messages.filter(wish=key).exists()
    return JsonResponse({"sent": is_sent})


@access.roles(*access.ANSWERERS)
@require_POST
def message_translate(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a message translated for whoever reads this language; it stands below it, once it is there."""
    related = Message.objects.select_related("conversation", "transcript")
    message = get_object_or_404(related, pk=pk)
    if message.words:
        suggesting.translate(
            message, language=thread.reader_language(), user=access.person(request), now=timezone.now()
        )
    return answer(request, message.conversation_id)
