"""Assistant › Teach › Sources: places that documents come from, added, changed, looked at again, let go."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from knowledge import reaching, sources, trying
from knowledge.kinds import Refused
from knowledge.models import Document, Source
from knowledge.source_forms import FORMS, ReachForm, SecretMixin, SourceForm
from tenants import access, audit, live
from tenants.secrets import last_four

DAY = 24


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, kind: str) -> HttpResponse:
    """Add a place; `try` in the form only looks whether it can be read."""
    if kind not in FORMS:
        raise Http404
    form = FORMS[kind](request.POST or None, request.FILES or None)
    if request.method == "POST" and "try" in request.POST:
        return _tried(request, form, kind=kind)
    if request.method == "POST" and form.is_valid() and (made := _add(request, form)) is not None:
        messages.success(request, _("“%(name)s” is added. It is being read.") % {"name": made.title})
        return redirect("assistant")
    return _page(request, form, kind=kind)


def _add(request: HttpRequest, form: SourceForm) -> Source | None:
    data = form.cleaned_data
    try:
        made = sources.add(
            kind=form.kind,
            title=data["title"],
            address=data["address"],
            options=form.kept_options(),
            secret=form.new_secret() or "",
            refresh_hours=data["refresh_hours"],
            reach=form.reach(),
            added_by=access.person(request),
            now=timezone.now(),
        )
    except Refused as error:
        _say(form, error)
        return None
    audit.record("source.add", actor=access.person(request), target=made.pk, kind=form.kind)
    return made


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def source(request: HttpRequest, pk: int) -> HttpResponse:
    """A place's settings; what its form leaves out stays as it is."""
    found = get_object_or_404(Source, pk=pk)
    make = FORMS[found.kind]
    form = make(
        request.POST or None, request.FILES or None, source=found, initial=SourceForm.of_source(found)
    )
    if request.method == "POST" and "try" in request.POST:
        return _tried(request, form, kind=found.kind)
    if request.method == "POST" and form.is_valid() and _change(request, form, found):
        messages.success(request, _("Saved."))
        return redirect("assistant")
    return _page(request, form, kind=found.kind)


def _change(request: HttpRequest, form: SourceForm, found: Source) -> bool:
    data, options = form.cleaned_data, form.kept_options()
    try:
        sources.change(
            found.pk,
            title=data["title"],
            options=None if options == found.options else options,  # the place itself stays as it is
            secret=form.new_secret(),
            refresh_hours=data["refresh_hours"],
            now=timezone.now(),
        )
    except Refused as error:
        _say(form, error)
        return False
    reach = form.reach()
    if "agent_ids" not in form.fields:
        reach = reaching.Reach(reach.audience, tuple(found.agent_ids))
    reaching.set_source(found.pk, reach)
    audit.record("source.change", actor=access.person(request), target=found.pk)
    return True


def _say(form: SourceForm, error: Refused) -> None:
    form.add_error(error.field if error.field in form.fields else None, str(error))


def _tried(request: HttpRequest, form: SourceForm, *, kind: str) -> HttpResponse:
    """Whether the place can be read; nothing is kept, and nothing that was typed is lost."""
    words = _try(form) if form.is_valid() else ""
    if not request.headers.get("HX-Request"):
        return _page(request, form, kind=kind, tried=words)
    context = {"form": form, "tried": words}
    return render(request, "knowledge/_source_tried.html", context)


def _try(form: SourceForm) -> str:
    kept = form.source
    try:
        return trying.tried(
            kind=form.kind,
            address=kept.address if kept else form.cleaned_data["address"],
            options=form.kept_options(),
            secret=form.new_secret() or (kept.secret if kept else ""),
        )
    except Refused as error:
        _say(form, error)
        return ""


def _page(request: HttpRequest, form: SourceForm, *, kind: str, tried: str = "") -> HttpResponse:
    if form.is_bound and isinstance(form, SecretMixin):
        form.remember()
    context: dict[str, Any] = {"form": form, "kind": kind, "source": form.source, "tried": tried}
    context["secret_hint"] = last_four(form.source.secret) if form.source and form.source.secret else ""
    return render(request, "knowledge/source.html", context, status=422 if form.errors else 200)


@access.roles(*access.MANAGERS)
@require_POST
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Look now."""
    get_object_or_404(Source, pk=pk)
    if not sources.refresh(pk, now=timezone.now()):
        messages.info(request, _("It is being looked at already."))
    return _back(request)


@access.roles(*access.MANAGERS)
@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Look again only when asked; or again every day, when it is paused."""
    found = get_object_or_404(Source, pk=pk)
    sources.change(pk, refresh_hours=0 if found.refresh_hours else DAY, now=timezone.now())
    return _back(request)


@access.roles(*access.MANAGERS)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the place and everything that came from it."""
    found = get_object_or_404(Source, pk=pk)
    sources.remove(pk)
    audit.record("source.remove", actor=access.person(request), target=pk, kind=found.kind)
    messages.success(request, _("“%(name)s” is removed.") % {"name": found.title})
    return redirect("assistant")


@access.roles(*access.MANAGERS)
@require_http_methods(["GET", "POST"])
def document_reach(request: HttpRequest, pk: int) -> HttpResponse:
    """Whom a document is for."""
    found = get_object_or_404(Document.objects.select_related("source"), pk=pk)
    form = ReachForm(request.POST or None, initial=ReachForm.of(found))
    if request.method == "POST" and form.is_valid():
        reach = form.reach()
        if "agent_ids" not in form.fields:
            reach = reaching.Reach(reach.audience, tuple(found.agent_ids))
        reaching.set_document(pk, reach)
        audit.record("document.reach", actor=access.person(request), target=pk, audience=reach.audience)
        messages.success(request, _("Saved."))
        return redirect("document", pk)
    context = {"form": form, "document": found}
    return render(request, "knowledge/document_reach.html", context, status=422 if form.errors else 200)


def _back(request: HttpRequest) -> HttpResponse:
    """To the list; a page that does not leave it hears of the change."""
    if request.headers.get("HX-Request"):
        live.publish("source.changed")
        return HttpResponse(status=204)
    return redirect("assistant")
