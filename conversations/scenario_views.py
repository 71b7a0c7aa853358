"""Assistant › Publish › Scenarios: the talks that this assistant must get right, pinned or not."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents import at_hand, tools
from agents.models import Agent, Scenario
from conversations.scenario_forms import ScenarioForm
from tenants import access

PAGE = 30


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def scenarios(request: HttpRequest) -> HttpResponse:
    """The list, and a form for another one."""
    agent = at_hand.agent(request)
    form = ScenarioForm(request.POST or None, agent=agent)
    if request.method == "POST" and form.is_valid():
        form.make(now=timezone.now())
        messages.success(request, _("Kept. The next draft is asked this, too."))
        return redirect("assistant_publish_scenarios")
    return render(request, "agents/scenarios.html", _context(request, agent, form), status=_status(form))


def _status(form: ScenarioForm) -> int:
    return 422 if form.errors else 200


def _context(request: HttpRequest, agent: Agent, form: ScenarioForm) -> dict[str, Any]:
    page = Paginator(agent.scenarios.order_by("pk"), PAGE).get_page(request.GET.get("page"))
    return {"agent": agent, "form": form, "page_obj": page, "rows": [_row(one) for one in page.object_list]}


def _row(scenario: Scenario) -> dict[str, Any]:
    """What the customer says, and what is expected, in words."""
    says = [one if isinstance(one, str) else one.get("say", "") for one in scenario.says]
    return {"scenario": scenario, "says": says, "expected": list(_expected(scenario.expects or {}))}


def _expected(expects: dict[str, Any]) -> list[str]:
    lists = (
        ("cites", _("names the document “%(words)s”")),
        ("says", _("says “%(words)s”")),
        ("says_not", _("does not say “%(words)s”")),
        ("tool", _("uses the tool “%(words)s”")),
    )
    named = {"tool": tools.title}  # everything else is somebody's own words
    told = [
        words % {"words": named.get(key, str)(one)}
        for key, words in lists
        for one in _several(expects.get(key))
    ]
    decided = (
        ("refuses", _("does not answer it"), _("answers it")),
        ("hands_over", _("calls a person"), _("calls no person")),
    )
    return told + [(yes if expects[key] else no) for key, yes, no in decided if expects.get(key) is not None]


def _several(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


@access.roles(*access.MANAGERS)
@require_POST
def pin(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a failing one stop a publication, or not any more."""
    scenario = get_object_or_404(Scenario, pk=pk)
    kinds = {Scenario.Kind.CASE.value: Scenario.Kind.PINNED, Scenario.Kind.PINNED.value: Scenario.Kind.CASE}
    if scenario.kind in kinds:
        Scenario.objects.filter(pk=pk).update(kind=kinds[scenario.kind], created_at=timezone.now())
    return redirect("assistant_publish_scenarios")


@access.roles(*access.MANAGERS)
@require_POST
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Scenario, pk=pk).delete()
    messages.success(request, _("It is not asked any more."))
    return redirect("assistant_publish_scenarios")
