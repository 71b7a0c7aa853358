"""Today, and one chat; the list beside it is conversations.list_views."""

from typing import Any

from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conversations import (
    attachments,
    channels,
    citing,
    handoff,
    list_views,
    listing,
    outbox,
    receipt_words,
    restrictions,
    route_words,
    template_views,
    today,
    writing,
)  # fmt: skip
from conversations.models import Conversation, Message, Turn
from tenants import access

LONGEST_REPLY = 4000
SHOWN_INLINE = ("image/jpeg", "image/png", "image/gif", "image/webp", "audio/", "video/")


@require_GET
def today_page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return render(request, "conversations/today.html", today.summary(now=now, midnight=midnight))


@require_GET
def chat(request: HttpRequest, pk: int) -> HttpResponse:
    """The inbox with one conversation; opening it says that it was read."""
    conversation = _conversation(pk)
    if conversation.unread_count and request.membership.role in access.ANSWERERS:  # type: ignore[attr-defined]
        Conversation.objects.filter(pk=pk).update(unread_count=0)
        conversation.unread_count = 0
    context = {
        **list_views.context(request),
        **list_views.beside(request),
        **listing.thread(conversation),
        "largest": attachments.largest(conversation.channel),
        **template_views.context(conversation, now=timezone.now()),
        **_abilities(conversation),
    }
    return render(request, "conversations/chats.html", context)


def _abilities(conversation: Conversation) -> dict[str, Any]:
    """What the channel carries beyond words and files, and what WhatsApp forbids towards this person."""
    limits = channels.transport(conversation.channel).limits
    return {
        "sends_more": limits.places or limits.lists,
        "restricted": restrictions.refuses(conversation, now=timezone.now()),
    }


@require_GET
def chat_of_turn(request: HttpRequest, pk: int) -> HttpResponse:
    """The conversation in which a turn answered: where the ledger's entries lead."""
    return redirect("chat", pk=get_object_or_404(Turn, pk=pk).conversation_id)


@require_GET
def chat_thread(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "conversations/_thread.html", listing.thread(_conversation(pk)))


@require_GET
def chat_person(request: HttpRequest, pk: int) -> HttpResponse:
    return render(request, "conversations/_person.html", {"conversation": _conversation(pk)})


@access.roles(*access.ANSWERERS)
@require_POST
def chat_send(request: HttpRequest, pk: int) -> HttpResponse:
    """A person answers, in words or with a file; that takes the conversation over: one voice speaks."""
    conversation, file = _conversation(pk), request.FILES.get("file")
    text = request.POST.get("text", "").replace("\x00", "").strip()
    if reason := template_views.refusal(conversation, now=timezone.now()):
        return HttpResponse(reason, status=422, content_type="text/plain")
    try:
        attached = _attached(file, text, conversation)
    except attachments.Unsuitable as error:
        return HttpResponse(str(error), status=422, content_type="text/plain")
    if conversation.handler != Conversation.Handler.PERSON:
        handoff.take_over(pk, user=access.person(request), now=timezone.now())
    _post(request, conversation, text, attached)
    return _thread_or_page(request, pk)


def _attached(file: Any, text: str, conversation: Conversation) -> outbox.Attached | None:
    """The file in the store, if there is one; raises Unsuitable with what is wrong with it or the words."""
    if file is None and not 0 < len(text) <= LONGEST_REPLY:
        raise attachments.Unsuitable(_("Write between 1 and 4,000 characters."))
    if file is None:
        return None
    if len(text) > attachments.LONGEST_CAPTION:
        raise attachments.Unsuitable(_("With a file, write at most 1,024 characters."))
    return attachments.accept(file, channel=conversation.channel)


def _post(
    request: HttpRequest, conversation: Conversation, text: str, attached: outbox.Attached | None
) -> None:
    """Queue it once a key; a file that is not the message's after all does not stay in the store."""
    reply_to, stored = request.POST.get("reply_to", ""), ""
    try:
        message = outbox.post_by_person(
            conversation.pk,
            user=access.person(request),
            text=text,
            now=timezone.now(),
            reply_to_id=int(reply_to) if reply_to.isdigit() and len(reply_to) < 19 else None,
            attached=attached,
            key=request.POST.get("key", "")[:64],
        )
        stored = str(message.media.name)
    finally:
        if attached is not None and stored != attached.path:
            attachments.forget(attached)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_typing(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody of the team writes: who looks at the chat from a site sees it."""
    writing.note(_conversation(pk), now=timezone.now())
    return HttpResponse(status=204)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_take_over(request: HttpRequest, pk: int) -> HttpResponse:
    _conversation(pk)
    handoff.take_over(pk, user=access.person(request), now=timezone.now())
    return redirect("chat", pk)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_give_back(request: HttpRequest, pk: int) -> HttpResponse:
    _conversation(pk)
    handoff.give_back(pk, user=access.person(request), now=timezone.now())
    return redirect("chat", pk)


@access.roles(*access.ANSWERERS)
@require_POST
def chat_close(request: HttpRequest, pk: int) -> HttpResponse:
    _conversation(pk)
    handoff.close(pk, user=access.person(request), now=timezone.now())
    return redirect("chats")


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
    return _thread_or_page(request, message.conversation_id)


@access.roles(*access.ANSWERERS)
@require_POST
def message_arrived(request: HttpRequest, pk: int) -> HttpResponse:
    """A person looked, and a message that was perhaps sent has arrived."""
    try:
        message = outbox.confirm(pk, user=access.person(request), now=timezone.now())
    except Message.DoesNotExist:
        raise Http404 from None
    return _thread_or_page(request, message.conversation_id)


@require_GET
def message_media(request: HttpRequest, pk: int) -> FileResponse:
    """A customer's file, to members only. What a browser could run is never shown, only offered to save."""
    message = get_object_or_404(Message.objects.exclude(media=""), pk=pk)
    inline = message.media_type.startswith(SHOWN_INLINE)
    response = FileResponse(
        default_storage.open(str(message.media.name)),
        as_attachment=not inline,
        filename=message.media_name or f"file-{pk}",
        content_type=message.media_type if inline else "application/octet-stream",
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _conversation(pk: int) -> Conversation:
    related = Conversation.objects.select_related("contact", "channel", "assigned_to")
    return get_object_or_404(related, pk=pk)


def _thread_or_page(request: HttpRequest, pk: int) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return render(request, "conversations/_thread.html", listing.thread(_conversation(pk)))
    return redirect("chat", pk)
