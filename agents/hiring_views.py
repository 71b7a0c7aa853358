"""Assistant › All assistants: hire, copy, rename, retire."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents import hiring, publishing
from agents.forms import NameForm
from agents.models import Agent
from tenants import access


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def agents(request: HttpRequest) -> HttpResponse:
    """All assistants with where they answer, and a box for the name of another one."""
    form = NameForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = _named(
            form,
            lambda name: hiring.hire(name=name, user=access.person(request), now=timezone.now()),
        )
        if made:
            messages.success(request, _("It is there. Say what it is to do, then give it a channel."))
            return redirect("assistants")
    return _page(request, form)


def _named(form: NameForm, act: Callable[[str], object]) -> bool:
    """Do it with the name that was typed, or say on the form what is wrong with it."""
    try:
        act(form.cleaned_data["name"])
    except hiring.NameTaken:
        form.add_error("name", _("Another assistant has this name."))
    except hiring.TooMany:
        form.add_error("name", _("There can be %(most)s assistants at most.") % {"most": hiring.MOST})
    return not form.errors


def _page(request: HttpRequest, form: NameForm, *, renamed: int | None = None) -> HttpResponse:
    at_work = hiring.at_work()
    context = {
        "form": form,
        "renamed": renamed,
        "rows": [
            {
                "agent": agent,
                "places": hiring.places_of(agent),
                "published": agent.published,
                "has_draft": agent.draft is not None
                and bool(publishing.changed(agent.draft, agent.published)),
                "only": len(at_work) == 1,
            }
            for agent in at_work
        ],
        "retired": Agent.objects.exclude(retired_at=None),
    }
    return render(request, "agents/assistants.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@require_POST
def copy(request: HttpRequest, pk: int) -> HttpResponse:
    """Another one like this, under another name."""
    agent, form = _agent(pk), NameForm(request.POST)
    if form.is_valid() and _named(
        form,
        lambda name: hiring.hire(name=name, user=access.person(request), now=timezone.now(), like=agent),
    ):
        messages.success(request, _("The copy is there. It answers nowhere until you give it a channel."))
        return redirect("assistants")
    return _page(request, form, renamed=pk)


@access.roles(*access.MANAGERS)
@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Another name."""
    agent, form = _agent(pk), NameForm(request.POST)
    if form.is_valid() and _named(
        form, lambda name: hiring.rename(agent, name=name, user=access.person(request))
    ):
        messages.success(request, _("Saved."))
        return redirect("assistants")
    return _page(request, form, renamed=pk)


@access.roles(*access.MANAGERS)
@require_POST
def retire(request: HttpRequest, pk: int) -> HttpResponse:
    """Out of service, where no channel has it."""
    try:
        hiring.retire(_agent(pk), user=access.person(request), now=timezone.now())
    except hiring.AtWork as at_work:
        words = _("It answers on %(places)s. Give these channels to another assistant first.")
        only = _("It is the only one: somebody has to answer.")
        messages.error(request, words % {"places": ", ".join(at_work.places)} if at_work.places else only)
    else:
        messages.success(request, _("It is retired. What it said stays, with its versions."))
    return redirect("assistants")


@access.roles(*access.MANAGERS)
@require_POST
def bring_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Into service again."""
    hiring.bring_back(get_object_or_404(Agent, pk=pk), user=access.person(request))
    messages.success(request, _("It is back. Give it a channel."))
    return redirect("assistants")


def _agent(pk: int) -> Agent:
    return get_object_or_404(Agent, pk=pk, retired_at=None)
