"""Account > Channels > Web chat: make one, choose how it looks, copy its line for the site."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from agents import hiring
from conversations import web_chat
from conversations.models import Channel
from conversations.web_forms import NewWebChatForm, WidgetForm
from conversations.widget import Widget
from tenants import access, audit, live
from tenants.models import WebhookRoute


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def web_chat_new(request: HttpRequest) -> HttpResponse:
    """A new chat for a site; then its line to copy."""
    form = NewWebChatForm.of(Widget(), request.POST or None)
    if request.method == "POST" and form.is_valid():
        channel = _make(form, request)  # type: ignore[arg-type]
        messages.success(request, _("The chat is ready. Put its line on your site."))
        return redirect("web_chat", channel.pk)
    return _page(request, form, Widget())


@transaction.atomic(durable=True)
def _make(form: NewWebChatForm, request: HttpRequest) -> Channel:
    tenant, now = request.tenant, timezone.now()  # type: ignore[attr-defined]
    channel = Channel.objects.create(
        kind=Channel.Kind.WEB,
        name=form.cleaned_data["name"],
        agent=hiring.first(),
        widget=form.widget_settings(),
        created_at=now,
    )
    # The same id in the public schema: the doors find the tenant by it, and by nothing else.
    WebhookRoute.objects.create(pk=channel.pk, tenant=tenant, created_at=now)
    audit.record("channel.add", actor=access.person(request), target=channel.pk)
    live.publish("channel.changed", id=str(channel.pk))
    return channel


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def web_chat_settings(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How it looks, what it says, where it may stand, with a preview beside it."""
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind != Channel.Kind.WEB:
        return redirect("account_channels")
    widget = Widget.model_validate(channel.widget)
    form = WidgetForm.of(widget, request.POST or None)
    if request.method == "POST" and form.is_valid():
        _save(channel, form, request)
        messages.success(request, _("Saved."))
        return redirect("web_chat", pk)
    return _page(request, form, widget, channel)


@transaction.atomic(durable=True)
def _save(channel: Channel, form: WidgetForm, request: HttpRequest) -> None:
    channel.widget = form.widget_settings()
    channel.save(update_fields=["widget"])
    audit.record("channel.edit", actor=access.person(request), target=channel.pk)
    live.publish("channel.changed", id=str(channel.pk))


def _page(
    request: HttpRequest, form: WidgetForm, widget: Widget, channel: Channel | None = None
) -> HttpResponse:
    business = request.tenant.name  # type: ignore[attr-defined]
    context: dict[str, Any] = {"form": form, "channel": channel, "business": business}
    shown = web_chat.widget_of(channel) if channel else widget
    context |= {"look": json.dumps(shown.look(title=business)), "example": json.dumps(_example())}
    if channel is not None:
        context |= card(channel)
    return render(request, "conversations/web_chat.html", context, status=422 if form.errors else 200)


def card(channel: Channel) -> dict[str, Any]:
    """What a web chat shows of itself: its line for the site, and what keeps it from being seen."""
    widget = Widget.model_validate(channel.widget)
    return {
        "script_tag": web_chat.script_tag(channel),
        "refused": web_chat.refused_origins(channel),
        "nowhere": not widget.domains and not settings.WEB_CHAT_ANY_ORIGIN,
        "anywhere": not widget.domains and settings.WEB_CHAT_ANY_ORIGIN,
    }


def _example() -> list[dict[str, Any]]:
    """A short conversation for the preview."""
    at = int(timezone.now().timestamp() * 1000)
    asked = {"id": "1", "from": "visitor", "text": _("Are you open on Saturday?"), "status": "read"}
    answer = {"id": "2", "from": "agent", "text": _("Yes, from 8 to 12."), "status": "read"}
    return [asked | {"at": at - 60_000}, answer | {"at": at, "source": _("Source: Opening hours")}]


@access.roles(*access.MANAGERS)
@require_GET
def web_chat_try(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A page that stands for the business's own site, with this chat on it."""
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind != Channel.Kind.WEB:
        return redirect("account_channels")
    return render(request, "conversations/web_chat_try.html", {"channel": channel})


@access.roles(*access.MANAGERS)
@require_GET
def widget_demo(request: HttpRequest) -> HttpResponse:
    """Where the first web chat can be tried: an address to remember."""
    found = Channel.objects.filter(kind=Channel.Kind.WEB, is_active=True).order_by("created_at").first()
    return redirect("web_chat_try", found.pk) if found else redirect("web_chat_new")
