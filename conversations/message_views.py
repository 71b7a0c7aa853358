"""Chats: what a person does beyond words. Reactions, corrections, taking back; places, choices, polls."""

import uuid
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import (
    beyond_words,
    channel_words,
    channels,
    choices,
    gestures,
    handoff,
    outbox,
    shown_thread,
    template_views,
)
from conversations.models import Conversation, Message
from providers.errors import ProviderError
from tenants import access

LONGEST = 4000
LONGEST_OPTION = 24  # what a row of WhatsApp's lists shows


class Unfit(ValueError):
    """What was entered cannot be sent; the words say what to mend."""


@access.roles(*access.ANSWERERS)
@require_GET
def message_more(request: HttpRequest, pk: int) -> HttpResponse:
    """What can be done to a message, and how far it came."""
    message, now = _message(pk), timezone.now()
    context = {
        "message": message,
        "reactions": gestures.REACTIONS if gestures.may_react(message) else (),
        "may_translate": message.direction == Message.Direction.IN and bool(message.body),
        "may_edit": gestures.may_edit(message, now=now),
        "may_take_back": gestures.may_take_back(message, now=now),
    }
    return render(request, "conversations/_message_sheet.html", context)


@access.roles(*access.ANSWERERS)
@require_POST
def message_react(request: HttpRequest, pk: int) -> HttpResponse:
    """React, or take our reaction away."""
    message, text = _message(pk), request.POST.get("reaction", "")
    if text and text not in gestures.REACTIONS:
        return _unfit(_("Choose one of the reactions."))
    return _done(request, message, lambda: gestures.react(message, text, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def message_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Other words instead of what was sent."""
    message, text = _message(pk), request.POST.get("text", "").replace("\x00", "").strip()
    if not 0 < len(text) <= LONGEST:
        return _unfit(_("Write between 1 and 4,000 characters."))
    user = access.person(request)
    return _done(request, message, lambda: gestures.edit(message, text, user=user, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_POST
def message_take_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back what was sent, for everybody."""
    message, user = _message(pk), access.person(request)
    return _done(request, message, lambda: gestures.take_back(message, user=user, now=timezone.now()))


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def chat_more(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a place, choices or a poll; that takes the conversation over like any words of a person."""
    conversation = get_object_or_404(_conversations(), pk=pk)
    if request.method == "POST":
        return _send(request, conversation)
    limits = channels.transport(conversation.channel).limits
    context = {"conversation": conversation, "limits": limits, "key": uuid.uuid4().hex}
    return render(request, "conversations/_send_more.html", context)


def _send(request: HttpRequest, conversation: Conversation) -> HttpResponse:
    now, user = timezone.now(), access.person(request)
    try:
        text, content = _made(request.POST, conversation)
    except Unfit as error:
        return _unfit(str(error))
    if reason := template_views.refusal(conversation, now=now):
        return _unfit(reason)
    if conversation.handler != Conversation.Handler.PERSON:
        handoff.take_over(conversation.pk, user=user, now=now)
    key = request.POST.get("key", "")[:64]
    outbox.post_by_person(conversation.pk, user=user, text=text, content=content, key=key, now=now)
    return shown_thread.answer(request, conversation.pk)


def _made(given: Mapping[str, str], conversation: Conversation) -> tuple[str, dict[str, Any]]:
    """The words and the content of what a person wants to send; raises Unfit."""
    limits = channels.transport(conversation.channel).limits
    kind = given.get("kind", "")
    if kind == "place" and limits.places:
        return _place(given)
    if kind == "choices" and limits.lists:
        return _choices(given)
    if kind == "poll" and limits.polls:
        return _poll(given)
    raise Unfit(_("This channel cannot send that."))


def _place(given: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    found = beyond_words.place_in(given.get("where", "")[:2000])
    if found is None:
        raise Unfit(_("Paste a link to a map, or coordinates such as -23.5505, -46.6333."))
    place = {"latitude": found[0], "longitude": found[1], "title": _line(given.get("title", ""), 100)}
    return beyond_words.place_in_words(place), {"location": place}


def _choices(given: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    question, titles = _question(given)
    options = [{"id": f"o{number}", "title": title} for number, title in enumerate(titles, start=1)]
    button = _line(given.get("button", ""), 20) or _("Choose")
    return question, {"choices": {"button": button, "options": options}}


def _poll(given: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    question, titles = _question(given)
    return question, {"poll": {"name": question, "options": titles}}


def _question(given: Mapping[str, str]) -> tuple[str, list[str]]:
    question = _line(given.get("question", ""), 255)
    titles = list(
        dict.fromkeys(filter(None, (_line(one, 200) for one in given.get("options", "").split("\n"))))
    )
    if not question:
        raise Unfit(_("Write the question."))
    if not 2 <= len(titles) <= choices.MOST:
        raise Unfit(_("Write two to ten options, each on a line of its own."))
    if any(len(title) > LONGEST_OPTION for title in titles):
        raise Unfit(_("An option has at most 24 characters."))
    return question, titles


def _line(text: str, most: int) -> str:
    return " ".join(text.replace("\x00", "").split())[:most]


def _done(request: HttpRequest, message: Message, act: Any) -> HttpResponse:
    try:
        act()
    except ProviderError as error:
        return _unfit(channel_words.said(error))
    return shown_thread.answer(request, message.conversation_id)


def _unfit(words: str) -> HttpResponse:
    return HttpResponse(words, status=422, content_type="text/plain")


def _message(pk: int) -> Message:
    return get_object_or_404(Message.objects.select_related("conversation__channel"), pk=pk)


def _conversations() -> Any:
    return Conversation.objects.select_related("contact", "channel", "assigned_to")
