"""Account › Integrations: the business's own systems, what they are told, and how that went."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conversations import hooks
from conversations.hook_forms import HookForm
from conversations.models import HookDelivery, HookEndpoint
from tenants import access

PAGE = 25


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def integrations(request: HttpRequest) -> HttpResponse:
    """The addresses; a POST adds one and shows its secret, this once."""
    endpoints = HookEndpoint.objects.order_by("name")
    form = HookForm(request.POST or None, initial={"events": ["message.received", "message.sent"]})
    if request.method == "POST" and len(endpoints) >= hooks.MOST_ENDPOINTS:
        form.add_error(None, _("No more addresses can be added."))
    elif request.method == "POST" and form.is_valid():
        made = hooks.add(**form.cleaned_data, actor=access.person(request), now=timezone.now())
        return _one(request, made, HookForm(endpoint=made, initial=_initial(made)), secret=made.secret)
    context = {"endpoints": endpoints, "form": form}
    return render(request, "conversations/integrations.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def integration(request: HttpRequest, pk: int) -> HttpResponse:
    """One address with its log; a POST changes it."""
    endpoint = get_object_or_404(HookEndpoint, pk=pk)
    form = HookForm(request.POST or None, endpoint=endpoint, initial=_initial(endpoint))
    if request.method == "POST" and form.is_valid():
        hooks.change(endpoint, **form.cleaned_data, actor=access.person(request))
        messages.success(request, _("Saved."))
        return redirect("account_integration", pk)
    return _one(request, endpoint, form)


@access.roles(*access.MANAGERS)
@require_GET
def integration_log(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(HookEndpoint, pk=pk)
    return render(request, "conversations/_hook_log.html", _log(request, endpoint))


@access.roles(*access.MANAGERS)
@never_cache
@require_POST
def integration_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """A new secret, shown this once; the one before signs too for a day."""
    endpoint = get_object_or_404(HookEndpoint, pk=pk)
    secret = hooks.rotate(endpoint, actor=access.person(request), now=timezone.now())
    return _one(request, endpoint, HookForm(endpoint=endpoint, initial=_initial(endpoint)), secret=secret)


@access.roles(*access.MANAGERS)
@require_POST
def integration_test(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(HookEndpoint, pk=pk, is_active=True)
    hooks.send_test(endpoint, now=timezone.now())
    messages.success(request, _("A test is on its way: see the log."))
    return redirect("account_integration", pk)


@access.roles(*access.MANAGERS)
@require_POST
def integration_switch(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(HookEndpoint, pk=pk)
    hooks.switch(endpoint, on=bool(request.POST.get("on")), actor=access.person(request))
    return redirect("account_integration", pk)


@access.roles(*access.MANAGERS)
@require_POST
def integration_remove(request: HttpRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(HookEndpoint, pk=pk)
    hooks.remove(endpoint, actor=access.person(request))
    messages.success(request, _("The address is told nothing any more."))
    return redirect("account_integrations")


@access.roles(*access.MANAGERS)
@require_POST
def hook_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Send an event again; its id stays, so that the other side can tell."""
    delivery = get_object_or_404(HookDelivery.objects.filter(endpoint__is_active=True), pk=pk)
    hooks.replay(delivery, actor=access.person(request), now=timezone.now())
    messages.success(request, _("The event goes out again."))
    return redirect("account_integration", delivery.endpoint_id)


def _one(request: HttpRequest, endpoint: HookEndpoint, form: HookForm, *, secret: str = "") -> HttpResponse:
    now = timezone.now()
    overlaps = endpoint.previous_until is not None and endpoint.previous_until > now
    context: dict[str, Any] = {"endpoint": endpoint, "form": form, "secret": secret, "overlaps": overlaps}
    context |= _log(request, endpoint)
    return render(request, "conversations/integration.html", context, status=422 if form.errors else 200)


def _log(request: HttpRequest, endpoint: HookEndpoint) -> dict[str, Any]:
    status = request.GET.get("status", "")
    rows = endpoint.deliveries.order_by("-pk")
    if status in HookDelivery.Status.values:
        rows = rows.filter(status=status)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    choices = [("", _("all")), *HookDelivery.Status.choices]
    return {"endpoint": endpoint, "page_obj": page, "status": status, "statuses": choices}


def _initial(endpoint: HookEndpoint) -> dict[str, Any]:
    return {"name": endpoint.name, "url": endpoint.url, "events": endpoint.events}
