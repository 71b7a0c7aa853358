"""Assistant › Publish › Cases: what the draft is asked before customers hear it, and what that showed."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST

from agents import at_hand, publishing
from agents.models import Agent, Evaluation, EvaluationResult
from conversations import gate, gate_cases
from tenants import access

Verdict = EvaluationResult.Verdict
KINDS = {
    gate_cases.PINNED: _("pinned case"),
    gate_cases.SCENARIO: _("scenario"),
    gate_cases.REAL: _("asked last week"),
    gate_cases.SIMULATION: _("simulated customer"),
}
SHOWN = (
    ("", _("What to look at")),
    ("changed", _("Changed")),
    ("passed", _("As expected")),
    ("all", _("All")),
)
EARLIER = 10
MOST_ROWS = 400


@access.roles(*access.MANAGERS)
@require_GET
def cases(request: HttpRequest) -> HttpResponse:
    """The last evaluation of what is being edited, as it goes on."""
    agent = at_hand.agent(request)
    version = publishing.working(agent)
    found = gate.latest(version) if version.pk else None
    return render(request, "agents/cases.html", _context(request, agent, found) | {"version": version})


@access.roles(*access.MANAGERS)
@require_GET
def evaluation(request: HttpRequest, pk: int) -> HttpResponse:
    """An earlier evaluation."""
    found = get_object_or_404(Evaluation.objects.select_related("version__agent", "base"), pk=pk)
    context = _context(request, found.version.agent, found)
    return render(request, "agents/cases.html", context | {"version": found.version, "is_earlier": True})


@access.roles(*access.MANAGERS)
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Ask the draft its cases, in the background."""
    version = publishing.working(at_hand.agent(request))
    if version.pk is None:
        messages.error(request, _("There is nothing to ask yet: write what the assistant is told first."))
        return redirect("assistant_publish_cases")
    try:
        gate.begin(version, user=access.person(request), now=timezone.now())
    except gate.TooMany as error:
        messages.error(request, str(error))
    return redirect("assistant_publish_cases")


@access.roles(*access.MANAGERS)
@require_GET
def box(request: HttpRequest) -> HttpResponse:
    """How it stands, in a few lines: part of the page on which one publishes."""
    agent = at_hand.agent(request)
    version = publishing.working(agent)
    found = gate.latest(version) if version.pk else None
    return render(request, "agents/_cases_box.html", _state(agent, found) | {"version": version})


def _context(request: HttpRequest, agent: Agent, found: Evaluation | None) -> dict[str, Any]:
    show = request.GET.get("show", "")
    results = _shown(found.results.all(), show) if found else []
    earlier = Evaluation.objects.filter(version__agent=agent).select_related("version", "created_by")
    return _state(agent, found) | {
        "rows": [_row(one) for one in results],
        "show": show,
        "shown": SHOWN,
        "earlier": earlier[:EARLIER],
    }


def _state(agent: Agent, found: Evaluation | None) -> dict[str, Any]:
    """How far an evaluation is, and what it counts."""
    done = found.results.count() if found else 0
    total = int(found.totals.get("cases", 0)) if found else 0
    return {
        "agent": agent,
        "evaluation": found,
        "is_open": bool(found and found.status in (Evaluation.Status.QUEUED, Evaluation.Status.RUNNING)),
        "done": done,
        "total": total,
        "percent": done * 100 // total if total else 0,
        "sums": _sums(found) if found and found.status == Evaluation.Status.DONE else {},
        "problem": _(found.problem) if found and found.problem else "",
    }


def _sums(found: Evaluation) -> dict[str, Any]:
    """The totals, and how far each pair went up or down."""
    totals = dict(found.totals)
    pairs = {name: totals[name] for name in ("handed_over", "unanswered", "credits", "ms") if name in totals}
    moved = {f"{name}_by": after - before for name, (before, after) in pairs.items()}
    return totals | moved


def _shown(results: QuerySet[EvaluationResult], show: str) -> Iterable[EvaluationResult]:
    """Those of a filter, what stops the publication first, then what fails, then what changed."""
    order = {
        Verdict.FAILED.value: 1,
        Verdict.CHANGED.value: 2,
        Verdict.PASSED.value: 3,
        Verdict.SAME.value: 4,
    }
    ordered = sorted(results[:MOST_ROWS], key=lambda one: (not one.blocks, order[one.verdict], one.pk))
    kept = {
        "": lambda one: one.verdict == Verdict.FAILED or gate.is_changed(one),
        "changed": gate.is_changed,
        "passed": lambda one: one.verdict in (Verdict.PASSED, Verdict.SAME),
    }.get(show)
    return [one for one in ordered if kept is None or kept(one)]


def _row(result: EvaluationResult) -> dict[str, Any]:
    return {"result": result, "kind": KINDS.get(result.kind, result.kind), "reasons": gate.in_words(result)}
