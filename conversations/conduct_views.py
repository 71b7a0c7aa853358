"""Assistant › Conduct: when people are there, and what the product may do by itself."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from conversations import breakers, rules
from conversations.conduct_forms import ConductForm
from conversations.models import Breaker
from tenants import access, audit


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def conduct(request: HttpRequest) -> HttpResponse:
    """Show the rules, and keep changed ones."""
    form = ConductForm(request.POST or None, instance=rules.current())
    if request.method == "POST" and form.is_valid():
        with transaction.atomic(durable=True):
            kept = form.save()
            audit.record("conduct.change", actor=access.person(request), target=kept)
        messages.success(request, _("Saved. It holds from now on."))
        return redirect("assistant_conduct")
    context = {"form": form, "closed": rules.closed(rules.current(), now=timezone.now())}
    return render(request, "conversations/conduct.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@require_POST
def breaker_try(request: HttpRequest, pk: int) -> HttpResponse:
    """Somebody mended what was wrong with a vendor: the next question asks it."""
    row = get_object_or_404(Breaker, pk=pk)
    breakers.try_again(row.pk, now=timezone.now())
    messages.success(request, _("The next question asks it again."))
    return redirect("today")
