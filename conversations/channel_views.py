"""Account > Channels: the ways in and out, whether they work, and how a number is connected."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import channel_cards, channel_words, connecting
from conversations.channel_forms import ChannelForm, GatewayForm, PhoneForm, WahaForm
from conversations.models import Channel
from providers.errors import ProviderError
from tenants import access, audit, live

HISTORY = 20
ASKING = ("SCAN_QR_CODE", "STARTING", "PASSKEY_REQUIRED", "PASSKEY_CONFIRMATION_REQUIRED")


@access.roles(*access.MANAGERS)
@require_GET
def channels(request: HttpRequest) -> HttpResponse:
    """Every way in with its light, and what can be added."""
    found = list(Channel.objects.select_related("agent").order_by("-is_active", "created_at", "name"))
    cards = {channel.kind: channel_cards.card_of(channel) for channel in found}
    context = {
        "rows": [(channel, cards[channel.kind]) for channel in found],
        "to_add": channel_cards.to_add(),
    }
    return render(request, "conversations/channels.html", context)


@access.roles(*access.MANAGERS)
@require_GET
@never_cache
def channel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One channel: its light, its connection, its settings, its history."""
    return _page(request, _channel(pk))


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
@never_cache
def channel_new_waha(request: HttpRequest) -> HttpResponse:
    """Add a number behind a WAHA gateway; then its phone is connected on the channel's own page."""
    tenant = request.tenant  # type: ignore[attr-defined]
    form = WahaForm(request.POST or None, tenant=tenant)
    if request.method == "POST" and form.is_valid() and (made := _add(request, form)) is not None:
        return redirect("account_channel", made.pk)
    status = 422 if form.errors else 200
    return render(request, "conversations/channel_new_waha.html", {"form": form}, status=status)


def _add(request: HttpRequest, form: WahaForm) -> Channel | None:
    tenant = request.tenant  # type: ignore[attr-defined]
    try:
        return connecting.add(
            tenant=tenant, by=access.person(request), now=timezone.now(), **form.cleaned_data
        )
    except connecting.SessionTaken:
        form.offer_take_over()
    except connecting.Refused as error:
        form.add_error(error.field, str(error))
    return None


@access.roles(*access.MANAGERS)
@require_GET
@never_cache
def channel_pairing(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The QR code of this moment, or what else connecting asks for; it fetches itself again."""
    found = _waha(pk)
    shown = connecting.pairing(found, now=timezone.now())
    return render(request, "conversations/_channel_pairing.html", _pairing(found, shown))


def _pairing(found: Channel, shown: connecting.Pairing) -> dict[str, Any]:
    asks_again = shown.status in ASKING or bool(shown.error)
    return {"channel": found, "pairing": shown, "asks_again": asks_again}


@access.roles(*access.MANAGERS)
@require_POST
def channel_code(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for a code to type on the phone instead of scanning."""
    found, form = _waha(pk), PhoneForm(request.POST)
    if form.is_valid():
        _try(request, "", lambda: connecting.request_code(found, form.cleaned_data["phone"]))
    else:
        messages.error(request, _("Write the number of the phone."))
    return redirect("account_channel", pk)


@access.roles(*access.MANAGERS)
@require_POST
def channel_do(request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
    """Connect, restart, log out, confirm a code, switch on or off."""
    found, now, by = _channel(pk), timezone.now(), access.person(request)
    verbs: dict[str, tuple[str, Callable[[], Any]]] = {
        "on": (_("It is switched on."), lambda: connecting.switch(found, on=True, by=by, now=now)),
        "off": (_("It is switched off."), lambda: connecting.switch(found, on=False, by=by, now=now)),
    }
    if found.kind == Channel.Kind.WAHA:
        verbs |= {
            "connect": ("", lambda: connecting.connect(found, now=now)),
            "restart": (_("It starts again."), lambda: connecting.restart(found, now=now)),
            "log-out": (_("The phone is disconnected."), lambda: connecting.log_out(found, now=now)),
            "confirm": ("", lambda: connecting.confirm(found, now=now)),
        }
    if verb not in verbs:
        raise Http404
    _try(request, *verbs[verb])
    return redirect("account_channel", pk)


@access.roles(*access.MANAGERS)
@require_POST
def channel_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Another name, another assistant, another patience."""
    found = _channel(pk)
    form = _settings(found, request.POST)
    if not form.is_valid():
        return _page(request, found, settings=form, status=422)
    with transaction.atomic(durable=True):
        Channel.objects.filter(pk=pk).update(**form.cleaned_data)
        audit.record("channel.edit", actor=access.person(request), target=pk)
        live.publish("channel.changed", id=str(pk))
    messages.success(request, _("Saved."))
    return redirect("account_channel", pk)


@access.roles(*access.MANAGERS)
@require_POST
def channel_gateway(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The gateway moved, or has another key."""
    found, form = _waha(pk), GatewayForm(request.POST)
    if form.is_valid():
        try:
            connecting.change_gateway(
                found, by=access.person(request), now=timezone.now(), **form.cleaned_data
            )
        except connecting.Refused as error:
            form.add_error(error.field, str(error))
    if form.errors:
        return _page(request, _channel(pk), gateway=form, status=422)
    messages.success(request, _("Saved."))
    return redirect("account_channel", pk)


@access.roles(*access.MANAGERS)
@require_POST
def channel_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Delete a channel on which nobody has written."""
    found = _channel(pk)
    if found.kind not in connecting.DELETABLE:
        raise Http404
    try:
        left = connecting.remove(found, by=access.person(request))
    except connecting.InUse:
        messages.error(
            request, _("Customers wrote on this channel. Switch it off instead: their chats stay.")
        )
        return redirect("account_channel", pk)
    if left:
        words = _("It is deleted here. Its session is still at the gateway: %(reason)s")
        messages.error(request, words % {"reason": left})
    else:
        messages.success(request, _("It is deleted."))
    return redirect("account_channels")


def _try(request: HttpRequest, done: str, act: Callable[[], Any]) -> None:
    """Do it, and say how that went."""
    try:
        act()
    except ProviderError as error:
        messages.error(request, channel_words.said(error))
    else:
        if done:
            messages.success(request, done)


def _page(
    request: HttpRequest,
    found: Channel,
    *,
    settings: ChannelForm | None = None,
    gateway: GatewayForm | None = None,
    status: int = 200,
) -> HttpResponse:
    card = channel_cards.card_of(found)
    context = {
        "channel": found,
        "card": card,
        "is_remote": not channel_words.is_ours(found),
        "settings": settings or _settings(found, None),
        "gateway": gateway or GatewayForm(initial={"base_url": found.base_url}),
        "history": found.statuses.order_by("-pk")[:HISTORY],
        "can_delete": found.kind in connecting.DELETABLE and not found.identities.exists(),
        **card.context(found),
    }
    return render(request, "conversations/channel.html", context, status=status)


def _settings(found: Channel, data: Any) -> ChannelForm:
    shown = ("name", "watchdog_minutes", "call_reply")
    initial = {"agent": found.agent_id} | {name: getattr(found, name) for name in shown}
    remote = not channel_words.is_ours(found)
    return ChannelForm(data, channel=found, remote=remote, initial=initial)


def _channel(pk: uuid.UUID) -> Channel:
    return get_object_or_404(Channel.objects.select_related("agent"), pk=pk)


def _waha(pk: uuid.UUID) -> Channel:
    return get_object_or_404(Channel.objects.select_related("agent"), pk=pk, kind=Channel.Kind.WAHA)
