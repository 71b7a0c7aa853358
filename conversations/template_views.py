"""Chats: WhatsApp's 24-hour window over the writing box, and the template that leaves when it is closed."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from conversations import handoff, message_templates, shown_thread, template_parts, window
from conversations.models import Channel, Conversation, MessageTemplate
from conversations.template_parts import Blank
from providers.errors import ProviderRejected
from tenants import access

SOON = 2 * 3600  # seconds: from here on the time that is left is a warning


@dataclass(frozen=True, slots=True)
class Window:
    """What the writing box must know: whether it may be written freely, and until when."""

    is_open: bool
    until: datetime | None
    seconds: int

    @property
    def words(self) -> str:
        """The time that is left, in hours and minutes."""
        hours, minutes = divmod(max(1, self.seconds // 60), 60)
        if hours:
            return _("%(hours)s h %(minutes)02d min left") % {"hours": hours, "minutes": minutes}
        return _("%(minutes)s min left") % {"minutes": minutes}

    @property
    def ends_soon(self) -> bool:
        return self.seconds < SOON


@dataclass(frozen=True, slots=True)
class Field:
    """One blank on the page."""

    blank: Blank
    label: str
    value: str


def context(conversation: Conversation, *, now: datetime) -> dict[str, Any]:
    """What the composer shows besides the box; nothing on a channel without such a window."""
    if conversation.channel.kind != Channel.Kind.CLOUD:
        return {"window": None}
    found = _window(conversation, now=now)
    choices = [] if found.is_open else list(message_templates.to_choose(conversation.channel_id))
    return {"window": found, "template_choices": choices}


def refusal(conversation: Conversation, *, now: datetime) -> str:
    """Why free words may not be sent now; empty when they may."""
    if conversation.channel.kind != Channel.Kind.CLOUD or window.is_open(conversation, now=now):
        return ""
    return _("The customer last wrote more than 24 hours ago: send a template.")


def _window(conversation: Conversation, *, now: datetime) -> Window:
    until = window.open_until(conversation)
    left = int((until - now).total_seconds()) if until else 0
    return Window(is_open=left > 0, until=until, seconds=left)


@require_GET
def chat_window(request: HttpRequest, pk: int) -> HttpResponse:
    """The time that is left. When the window has opened or closed since, the page is fetched anew."""
    conversation = _conversation(pk)
    if conversation.channel.kind != Channel.Kind.CLOUD:
        return HttpResponse(status=204)
    found = _window(conversation, now=timezone.now())
    shown = {"conversation": conversation, "window": found}
    response = render(request, "conversations/_window.html", shown)
    if request.GET.get("open", "") not in ("", "01"[found.is_open]):
        response.headers["HX-Refresh"] = "true"
    return response


@access.roles(*access.ANSWERERS)
@require_http_methods(["GET", "POST"])
def chat_template(request: HttpRequest, pk: int) -> HttpResponse:
    """The blanks of a template with what the customer will read; or send it."""
    conversation = _conversation(pk)
    if request.method == "POST":
        return _send(request, conversation)
    template = _chosen(request.GET, conversation)
    if template is None:
        return HttpResponse()
    return render(request, "conversations/_template_fill.html", _shown(conversation, template, request.GET))


def _shown(conversation: Conversation, template: MessageTemplate, given: Mapping[str, str]) -> dict[str, Any]:
    values = {blank.field: given.get(blank.field, "") for blank in template_parts.blanks(template.components)}
    fields = [
        Field(blank, _label(blank), values[blank.field])
        for blank in template_parts.blanks(template.components)
    ]
    return {
        "conversation": conversation,
        "template": template,
        "fields": fields,
        "preview": template_parts.filled(template.components, values),
        "key": uuid.uuid4().hex,
    }


def _label(blank: Blank) -> str:
    if blank.is_file:
        return _("Address of the file at its top (https)")
    if blank.where == "button":
        return _("End of the button's address")
    return _("Blank %(key)s") % {"key": blank.key}


def _send(request: HttpRequest, conversation: Conversation) -> HttpResponse:
    """A template takes the conversation over like any words of a person."""
    template, now, user = _chosen(request.POST, conversation), timezone.now(), access.person(request)
    if template is None:
        return _unfit(_("Choose a template."))
    try:
        template_parts.to_send(template.components, request.POST)
        if conversation.handler != Conversation.Handler.PERSON:
            handoff.take_over(conversation.pk, user=user, now=now)
        message_templates.post_by_person(
            conversation.pk,
            template=template,
            values=request.POST,
            user=user,
            now=now,
            key=request.POST.get("key", "")[:64],
        )
    except template_parts.Unfilled as error:
        return _unfit(_unfilled(error))
    except ProviderRejected as error:
        return _unfit(str(error))
    choices = message_templates.to_choose(conversation.channel_id)
    shown = "conversations/_template_sent.html"
    return shown_thread.answer(request, conversation.pk, template=shown, template_choices=choices)


def _unfit(words: str) -> HttpResponse:
    return HttpResponse(words, status=422, content_type="text/plain")


def _unfilled(error: template_parts.Unfilled) -> str:
    if error.reason == "address":
        return _("The address of the file must begin with https://.")
    if error.reason == "long":
        return _("One of the blanks is too long.")
    return _("Fill in every blank.")


def _chosen(given: Mapping[str, str], conversation: Conversation) -> MessageTemplate | None:
    wanted = given.get("template", "")
    if not wanted.isdigit() or len(wanted) > 18:
        return None
    return message_templates.to_choose(conversation.channel_id).filter(pk=int(wanted)).first()


def _conversation(pk: int) -> Conversation:
    related = Conversation.objects.select_related("contact", "channel", "assigned_to")
    return get_object_or_404(related, pk=pk)
