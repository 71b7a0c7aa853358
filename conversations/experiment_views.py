"""Assistant › Publish › Compare: two versions on live customers, and what can be said of them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from agents import at_hand
from agents.models import Agent, AgentVersion, Experiment
from conversations import experiments, significance
from conversations.experiments import Results, Unfit
from conversations.significance import Comparison, Share, Verdict
from tenants import access

MOST_VERSIONS = 30
EARLIER = 10


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """The comparison that is under way, or the form that begins one."""
    agent = at_hand.agent(request)
    problem = _started(request, agent) if request.method == "POST" else ""
    if request.method == "POST" and not problem:
        return redirect("assistant_publish_compare")
    context = _context(request, agent) | {"problem": problem}
    return render(request, "agents/compare.html", context, status=422 if problem else 200)


def _started(request: HttpRequest, agent: Agent) -> str:
    """What is wrong with what was entered; empty when the comparison began."""
    number, share = request.POST.get("other", ""), request.POST.get("share", "")
    other = agent.versions.filter(number=int(number)).first() if _is_number(number) else None
    if other is None or not _is_number(share):
        return _("Choose a version, and a share between 1 and 99 percent.")
    user = access.person(request)
    try:
        experiments.start(agent, other=other, share=int(share), user=user, now=timezone.now())
    except Unfit as error:
        return str(error)
    messages.success(request, _("From now on customers are answered by both versions."))
    return ""


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) < 9


@access.roles(*access.MANAGERS)
@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Everybody is answered by the published version again."""
    found = get_object_or_404(Experiment, pk=pk)
    experiments.end(found, user=access.person(request), now=timezone.now())
    messages.success(request, _("The comparison is over. The published version answers everybody."))
    return redirect("assistant_publish_compare")


def _context(request: HttpRequest, agent: Agent) -> dict[str, Any]:
    known = Experiment.objects.filter(agent=agent).select_related("agent", "first", "second")
    opened = known.filter(ended_at=None).first()
    chosen = request.GET.get("show", "")
    shown = opened or (known.filter(pk=int(chosen)).first() if _is_number(chosen) else known.first())
    versions = agent.versions.filter(status=AgentVersion.Status.PUBLISHED)[:MOST_VERSIONS]
    results = experiments.results(shown) if shown else None
    return {
        "agent": agent,
        "published": agent.published,
        "others": [one for one in versions if one != agent.published],
        "opened": opened,
        "overtaken": bool(opened and experiments.is_overtaken(opened)),
        "experiment": shown,
        "results": results,
        "figures": list(_figures(results)) if results else [],
        "least": significance.LEAST_CUSTOMERS,
        "earlier": [one for one in known[:EARLIER] if one != shown],
        "entered": {"other": request.POST.get("other", ""), "share": request.POST.get("share", "50")},
    }


def _figures(results: Results) -> Iterable[dict[str, Any]]:
    """A row for each thing that is compared: both figures with their range, and what can be said."""
    first, second = results.first, results.second
    yield _share(_("Resolved by the assistant"), first.resolved, second.resolved, results.resolved)
    yield _share(_("Handed over"), first.handed_over, second.handed_over, results.handed_over)
    yield _share(_("Pleased, of those who reacted"), first.pleased, second.pleased, results.pleased)
    yield {
        "name": _("Credits for each customer"),
        "first": number_format(first.credits_each, decimal_pos=1),
        "second": number_format(second.credits_each, decimal_pos=1),
        "said": _said(results.credits),
    }


def _share(name: str, first: Share, second: Share, compared: Comparison) -> dict[str, Any]:
    return {
        "name": name,
        "first": _percent(first.value) if first.of else "–",
        "first_range": _range(first),
        "second": _percent(second.value) if second.of else "–",
        "second_range": _range(second),
        "said": _said(compared),
    }


def _range(share: Share) -> str:
    """So many of so many, and between which shares the true one is."""
    low, high = share.interval
    counted = _("%(count)s of %(of)s") % {"count": share.count, "of": share.of}
    return f"{counted} · {_percent(low)}–{_percent(high)}" if share.of else counted


def _percent(value: float) -> str:
    return f"{number_format(value * 100, decimal_pos=0)} %"


def _said(compared: Comparison) -> str:
    """An honest sentence on what was compared."""
    if compared.verdict == Verdict.TOO_FEW:
        return _("Too few to say anything.")
    if compared.verdict == Verdict.NO_DIFFERENCE:
        if compared.seen is None:
            return _("No difference that could not be chance.")
        words = _(
            "No difference that could not be chance; with so many customers one of %(seen)s would show."
        )
        return words % {"seen": _percent(compared.seen)}
    higher = "B" if compared.verdict == Verdict.SECOND_HIGHER else "A"
    chance = number_format(max(compared.chance or 0.0, 0.0001) * 100, decimal_pos=2)
    words = _("%(side)s has more. By chance alone this happens in %(chance)s %% of comparisons or less.")
    return words % {"side": higher, "chance": chance}
