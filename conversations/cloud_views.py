"""Account > Channels > WhatsApp Cloud API: add a number, have its deliveries come here, its templates."""

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from conversations import cloud_setup, late, message_templates
from conversations.cloud_forms import AccessForm, ChangeCloudForm, NewCloudForm
from conversations.models import Channel, MessageTemplate
from providers.errors import ProviderError
from tenants import access, audit, live


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
@never_cache
def cloud_new(request: HttpRequest) -> HttpResponse:
    """Add a number; then its deliveries are asked for."""
    form = NewCloudForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and (made := _add(request, form)) is not None:
        _ask_for_deliveries(request, made)
        return redirect("account_channel", made.pk)
    return _page(request, form)


def _add(request: HttpRequest, form: NewCloudForm) -> Channel | None:
    data = form.cleaned_data
    try:
        return cloud_setup.add(
            tenant=request.tenant,  # type: ignore[attr-defined]
            by=access.person(request),
            name=data["name"],
            agent=data["agent"],
            access=form.access(),
            now=timezone.now(),
        )
    except cloud_setup.Refused as error:
        form.add_error(error.field, str(error))
    return None


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
@never_cache
def cloud_access(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Another token, secret or account of a number that is there."""
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind != Channel.Kind.CLOUD:
        return redirect("account_channels")
    form = ChangeCloudForm(request.POST or None, channel=channel)
    if request.method == "POST" and form.is_valid() and _change(request, channel, form):
        messages.success(request, _("Saved."))
        return redirect("account_channel", pk)
    return _page(request, form, channel)


def _change(request: HttpRequest, channel: Channel, form: ChangeCloudForm) -> bool:
    try:
        cloud_setup.change(channel, by=access.person(request), access=form.access(), now=timezone.now())
    except cloud_setup.Refused as error:
        form.add_error(error.field, str(error))
    return not form.errors


def _page(request: HttpRequest, form: AccessForm, channel: Channel | None = None) -> HttpResponse:
    context = {"form": form, "channel": channel}
    return render(request, "conversations/cloud_access.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@require_POST
def cloud_deliveries(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Have WhatsApp deliver this number's messages here."""
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind == Channel.Kind.CLOUD:
        _ask_for_deliveries(request, channel)
    return redirect("account_channel", pk)


def _ask_for_deliveries(request: HttpRequest, channel: Channel) -> None:
    try:
        cloud_setup.ask_for_deliveries(channel)
    except ProviderError as error:
        words = _("WhatsApp does not deliver here yet: %(reason)s Enter the address at Meta by hand.")
        messages.error(request, words % {"reason": str(error)})
    else:
        messages.success(request, _("WhatsApp delivers here now."))


@access.roles(*access.MANAGERS)
@require_POST
def cloud_templates(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Read the templates again, now."""
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind != Channel.Kind.CLOUD:
        return redirect("account_channels")
    try:
        count = message_templates.read(channel, now=timezone.now())
    except ProviderError as error:
        messages.error(request, str(error))
    else:
        words = ngettext("%(count)s template was read.", "%(count)s templates were read.", count)
        messages.success(request, words % {"count": count})
    return redirect("account_channel", pk)


@access.roles(*access.MANAGERS)
@require_POST
def cloud_late(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Which template carries what is sent after the 24 hours; none of them is an answer too."""
    channel = get_object_or_404(Channel, pk=pk)
    if channel.kind != Channel.Kind.CLOUD:
        return redirect("account_channels")
    wanted = request.POST.get("late_template", "")
    if wanted and wanted not in map(late.key_of, late.fitting(channel)):
        messages.error(request, _("This template has not exactly one blank, or is not approved any more."))
        return redirect("account_channel", pk)
    with transaction.atomic(durable=True):
        Channel.objects.filter(pk=pk).update(late_template=wanted)
        audit.record("channel.edit", actor=access.person(request), target=pk)
        live.publish("channel.changed", id=str(pk))
    messages.success(request, _("Saved."))
    return redirect("account_channel", pk)


def card(channel: Channel) -> dict[str, Any]:
    """What a number shows of itself: where WhatsApp must deliver, and its templates."""
    return {
        "webhook_url": cloud_setup.webhook_url(channel),
        "templates": list(channel.templates.all()),
        "approved": MessageTemplate.APPROVED,
        "late_choices": [(late.key_of(one), one) for one in late.fitting(channel)],
    }
