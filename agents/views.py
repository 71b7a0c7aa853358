"""Assistant › Publish: what it is told, as a draft that is edited, looked at, published, taken back."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from agents import at_hand, describing, gates, publishing
from agents.forms import DraftForm, PublishForm
from agents.models import Agent, AgentVersion
from tenants import access
from tenants.models import Role

VERSIONS_SHOWN = 30


@access.roles(*access.MANAGERS)
@require_GET
def publish(request: HttpRequest) -> HttpResponse:
    """The draft in a form that keeps itself, and the versions that were published."""
    agent = at_hand.agent(request)
    return _editor(request, agent, DraftForm.of(publishing.working(agent)))


def _editor(
    request: HttpRequest, agent: Agent, form: DraftForm, *, notes: Mapping[str, Any] | None = None
) -> HttpResponse:
    content = publishing.content_of(publishing.working(agent))
    versions = agent.versions.filter(status=AgentVersion.Status.PUBLISHED).select_related("published_by")
    context = {
        "agent": agent,
        "form": form,
        "seen": {name: publishing.digest(content[name]) for name in form.parts()},
        "notes": notes or {},
        "blank": dict.fromkeys(("rule", "example", "topic", "field", "when", "words", "say"), ""),
        "versions": versions[:VERSIONS_SHOWN],
        **_state(request, agent),
    }
    return render(request, "agents/publish.html", context, status=422 if form.errors or notes else 200)


def _state(request: HttpRequest, agent: Agent, *, seen: Mapping[str, str] | None = None) -> dict[str, Any]:
    """How the draft stands, and what somebody else has written that this page does not show."""
    draft = agent.versions.filter(status=AgentVersion.Status.DRAFT).select_related("edited_by").first()
    changed = publishing.changed(draft, agent.published) if draft else []
    theirs = []
    if draft and seen and draft.edited_by_id != access.person(request).pk:
        theirs = [name for name, digest in seen.items() if publishing.digest(getattr(draft, name)) != digest]
    return {
        "agent": agent,
        "draft": draft,
        "changed": [describing.LABELS[name] for name in changed],
        "theirs": [describing.LABELS[name] for name in theirs],
        "published": agent.published,
    }


# -- the draft


@access.roles(*access.MANAGERS)
@require_POST
def draft(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what is right of what was typed; what is not right says so, and stays in its box."""
    agent = _agent(pk)
    form = DraftForm.of(publishing.working(agent), request.POST)
    kept = form.content()
    seen = {name: digest for name, digest in _seen(request).items() if name != request.POST.get("keep")}
    edited = publishing.edit_draft(
        agent, content=kept, user=access.person(request), seen=seen, now=timezone.now()
    )
    notes = {name: describing.DESCRIBE[name](value) for name, value in edited.clashes.items()}
    if not request.htmx:  # type: ignore[attr-defined]
        return _editor(request, agent, form, notes=notes) if form.errors or notes else _to_editor(agent)
    now_seen = {name: publishing.digest(value) for name, value in kept.items() if name not in notes}
    context = {
        **_state(request, agent),
        "form": form,
        "seen": now_seen,
        "notes": notes,
        "parts": [(name, [form[part] for part in made_of]) for name, made_of in form.parts().items()],
        "unkept": bool(form.errors or notes),
    }
    return render(request, "agents/_draft_saved.html", context, status=422 if context["unkept"] else 200)


def _seen(request: HttpRequest) -> dict[str, str]:
    """What the page says that it has shown, by field."""
    sent = request.POST if request.method == "POST" else request.GET
    return {name: sent[f"seen-{name}"] for name in DraftForm.parts() if f"seen-{name}" in sent}


@access.roles(*access.MANAGERS)
@require_GET
def draft_state(request: HttpRequest, pk: int) -> HttpResponse:
    """How the draft stands; a page asks when it hears that it was changed."""
    return render(request, "agents/_draft_state.html", _state(request, _agent(pk), seen=_seen(request)))


@access.roles(*access.MANAGERS)
@require_POST
def draft_discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Back to what is published."""
    agent = _agent(pk)
    publishing.discard_draft(agent, user=access.person(request))
    messages.success(request, _("The draft is as what is published again."))
    return _to_editor(agent)


# -- publication


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def review(request: HttpRequest, pk: int) -> HttpResponse:
    """What the draft says otherwise, word by word, and what speaks against it; then publish it."""
    agent = _agent(pk)
    found = agent.draft
    if found is None or not publishing.changed(found, agent.published):
        messages.info(request, _("There is nothing to publish: the draft says what is published."))
        return _to_editor(agent)
    form = PublishForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _publish(request, agent, found, form)
    return _review(request, agent, found, form)


def _publish(request: HttpRequest, agent: Agent, found: AgentVersion, form: PublishForm) -> HttpResponse:
    said, user = form.cleaned_data, access.person(request)
    override = said["override"] if _is_owner(request) else ""
    try:
        version = publishing.publish(
            found, user=user, now=timezone.now(), seen=said["seen"], note=said["note"], override=override
        )
    except publishing.Outdated:
        form.add_error(None, _("The draft was changed meanwhile. Look at it again before you publish it."))
    except publishing.Refused:
        form.add_error("override", _("Something below stops it. Only an owner may publish it all the same."))
    else:
        messages.success(request, _("Version %(number)s answers from now on.") % {"number": version.number})
        return _to_editor(agent)
    return _review(request, agent, AgentVersion.objects.get(pk=found.pk), form)


def _review(request: HttpRequest, agent: Agent, found: AgentVersion, form: PublishForm) -> HttpResponse:
    objections = gates.check(found)
    context = {
        "agent": agent,
        "draft": found,
        "form": form,
        "seen": publishing.fingerprint(found),
        "changes": describing.changes(agent.published, found),
        "objections": objections,
        "blocked": any(objection.blocks for objection in objections),
        "is_owner": _is_owner(request),
    }
    return render(request, "agents/review.html", context, status=422 if form.errors else 200)


def _is_owner(request: HttpRequest) -> bool:
    return request.membership.role == Role.OWNER  # type: ignore[attr-defined]


@require_GET
def version(request: HttpRequest, pk: int) -> HttpResponse:
    """What one version said, and what was new in it: where every answer's reason leads to."""
    found = _version(pk)
    before = found.agent.versions.filter(
        status=AgentVersion.Status.PUBLISHED, number__lt=found.number
    ).first()
    if found.status == AgentVersion.Status.DRAFT:
        before = found.agent.published
    context = {
        "version": found,
        "agent": found.agent,
        "said": describing.said(found),
        "before": before,
        "changes": describing.changes(before, found) if before else [],
        "in_force": found.agent.published == found,
    }
    return render(request, "agents/version.html", context)


@access.roles(*access.MANAGERS)
@require_POST
def revert(request: HttpRequest, pk: int) -> HttpResponse:
    """Let customers be answered as by this version again: a new one that says the same."""
    found = get_object_or_404(_versions(), pk=pk, status=AgentVersion.Status.PUBLISHED)
    made = publishing.publish_at_once(
        found.agent,
        content=publishing.content_of(found),
        user=access.person(request),
        now=timezone.now(),
        note=_("As version %(number)s") % {"number": found.number},
    )
    words = _("Version %(number)s answers from now on, with the words of version %(old)s.")
    messages.success(request, words % {"number": made.number, "old": found.number})
    return _to_editor(found.agent)


def _agent(pk: int) -> Agent:
    return get_object_or_404(Agent, pk=pk, retired_at=None)


def _versions() -> Any:
    return AgentVersion.objects.select_related("agent", "published_by")


def _version(pk: int) -> AgentVersion:
    found: AgentVersion = get_object_or_404(_versions(), pk=pk)
    return found


def _to_editor(agent: Agent) -> HttpResponse:
    return redirect(f"{reverse('assistant_publish')}?{at_hand.PARAMETER}={agent.pk}")
