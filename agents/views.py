"""Assistant › Publish: what it is told, version by version."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agents import publishing
from agents.forms import VersionForm
from agents.models import Agent
from tenants import access


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest) -> HttpResponse:
    """Show the published words, and publish changed ones as a new version."""
    agent = Agent.objects.order_by("pk").get()
    form = VersionForm(request.POST or None, instance=agent.published)
    if request.method == "POST" and form.is_valid():
        user, content = access.person(request), form.cleaned_data
        version = publishing.publish_at_once(agent, content=content, user=user, now=timezone.now())
        messages.success(request, _("Version %(number)s answers from now on.") % {"number": version.number})
        return redirect("assistant_publish")
    context = {"agent": agent, "form": form, "versions": agent.versions.select_related("published_by")[:20]}
    return render(request, "agents/publish.html", context, status=422 if form.errors else 200)
