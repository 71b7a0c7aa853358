"""Assistant › Models: the business's own accounts at vendors of models, tried before they are used."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from agents import model_providers, trying
from agents.models import ModelProvider, vendors
from agents.provider_forms import ProviderForm
from providers import registry
from tenants import access

PAGE = "agents/model.html"


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def model_new(request: HttpRequest, vendor: str) -> HttpResponse:
    """The form for an account at this vendor; a POST tries it, and keeps it when it works."""
    if vendor not in dict(vendors()):
        raise Http404
    known = registry.all_known()[vendor]
    form = ProviderForm(request.POST or None, vendor=known)
    if request.method == "POST" and ModelProvider.objects.count() >= model_providers.MOST:
        form.add_error(None, _("No more can be added."))
    return _form(request, form, {"label": dict(vendors())[vendor], "provider": None})


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def model(request: HttpRequest, pk: int) -> HttpResponse:
    """One account; a POST tries what was typed, and keeps it when it works."""
    provider = get_object_or_404(ModelProvider, pk=pk)
    known = registry.all_known().get(provider.vendor)
    if known is None:  # its file was taken out of this installation
        messages.error(
            request, _("This installation does not know the vendor %(name)s.") % {"name": provider}
        )
        return redirect("assistant_models")
    form = ProviderForm(request.POST or None, vendor=known, provider=provider)
    context = {
        "label": provider.get_vendor_display(),
        "provider": provider,
        "headers": sorted(provider.headers or {}),
        "used": model_providers.named_by(provider),
    }
    return _form(request, form, context)


def _form(request: HttpRequest, form: ProviderForm, context: dict[str, Any]) -> HttpResponse:
    if request.method == "GET" or not form.is_valid():
        status = 422 if form.errors else 200
        return render(request, PAGE, {"form": form, "tried": (), **context}, status=status)
    row = form.row()
    sure = "anyway" in request.POST
    tried = [] if sure else trying.try_out(row, language=get_language() or "en")
    works = all(one.ok for one in tried)
    if "test" in request.POST or not works:
        form.show_key()
        context |= {"form": form, "tried": tried, "refused": not works and "test" not in request.POST}
        return render(request, PAGE, context, status=200 if works else 422)
    model_providers.keep(row, actor=access.person(request))
    messages.success(request, _("Saved. It is used from now on."))
    return redirect("assistant_models")


@access.roles(*access.MANAGERS)
@require_POST
def model_try(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask it once for everything that it does, as it is kept."""
    provider = get_object_or_404(ModelProvider, pk=pk)
    tried = trying.try_out(provider, language=get_language() or "en")
    if request.headers.get("HX-Request"):
        return render(request, "agents/_model_tried.html", {"tried": tried})
    for one in tried:
        said = messages.success if one.ok else messages.error
        said(request, f"{provider}: {one.words}")
    return redirect("assistant_models")


@access.roles(*access.MANAGERS)
@require_POST
def model_default(request: HttpRequest, pk: int) -> HttpResponse:
    """Let it answer wherever nothing else is chosen."""
    provider = get_object_or_404(ModelProvider, pk=pk)
    model_providers.make_default(provider.pk, actor=access.person(request))
    messages.success(request, _("It answers from now on, wherever nothing else is chosen."))
    return redirect("assistant_models")


@access.roles(*access.MANAGERS)
@require_POST
def model_remove(request: HttpRequest, pk: int) -> HttpResponse:
    provider = get_object_or_404(ModelProvider, pk=pk)
    model_providers.remove(provider.pk, actor=access.person(request))
    messages.success(request, _("Removed; its key is forgotten."))
    return redirect("assistant_models")
