"""Assistant › Begin with a blueprint, and away with its examples when one's own papers are there."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from agents import hiring
from conversations import beginnings
from knowledge import documents, shelf
from tenants import access, catalogue


@access.roles(*access.MANAGERS)
@require_GET
def blueprints(request: HttpRequest) -> HttpResponse:
    """What there is to begin with, and which examples are still in use."""
    context = {
        "blueprints": catalogue.known().values(),
        "is_new": beginnings.is_new(),
        "examples": shelf.examples().order_by("title"),
    }
    return render(request, "agents/blueprints.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def blueprint_begin(request: HttpRequest) -> HttpResponse:
    """Take one."""
    blueprint = catalogue.known().get(request.POST.get("blueprint", ""))
    if blueprint is None:
        raise Http404
    try:
        begun = beginnings.begin(blueprint, user=access.person(request), now=timezone.now())
    except documents.StorageFull:
        messages.error(request, documents.NO_ROOM)
        return redirect("assistant_blueprints")
    except hiring.TooMany:
        messages.error(request, _("A business has at most 20 assistants. Retire one first."))
        return redirect("assistant_blueprints")
    name = {"name": begun.agent.name}
    if not begun.beside:
        messages.success(request, _("%(name)s is reading its example documents.") % name)
        return redirect("welcome")
    messages.success(request, _("%(name)s is there, beside what you had. No channel has it yet.") % name)
    return redirect(f"{reverse('assistant_publish')}?assistant={begun.agent.pk}")


@access.roles(*access.MANAGERS)
@require_POST
def examples_forget(request: HttpRequest) -> HttpResponse:
    """Remove what was only an example."""
    count = beginnings.forget_examples(user=access.person(request), now=timezone.now())
    told = ngettext("%(n)s example document was removed.", "%(n)s example documents were removed.", count)
    messages.success(request, told % {"n": count})
    return redirect("assistant_blueprints")
