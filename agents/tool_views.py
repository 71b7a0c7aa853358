"""Assistant › Tools: what the assistant may do, and the tools that the business made itself."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agents import at_hand, hiring, own_keeping, own_testing, own_tools, publishing
from agents import tools as registry
from agents.mcp_form import USES, McpToolForm
from agents.models import Agent, OwnTool, RecordTable, ToolSecret
from agents.own_definitions import McpDefinition
from agents.own_keeping import Words
from agents.own_testing import Tried
from agents.records_form import OWNERS, SEARCH, STORES, RecordsToolForm
from agents.tool_forms import ARGUMENT_KINDS, CLAIMS, HttpToolForm, ToolForm, list_of
from agents.tools import Claim, Reveals, Tool
from providers.errors import ProviderError
from tenants import access

# An empty row of each list.
BLANK: dict[str, dict[str, str]] = {
    "arguments": {"name": "", "kind": "text", "required": "1", "about": "", "choices": "", "example": ""},
    "query": {"name": "", "value": ""},
    "body": {"name": "", "value": ""},
    "headers": {"name": "", "value": ""},
    "picks": {"name": "", "path": ""},
    "columns": {"name": "", "search": "", "required": "", "shown": "", "owner": ""},
}
UNCHOSEN = {"name": "", "description": "", "use": "off", "confirm": "", "claim": ""}


@access.roles(*access.MANAGERS)
@require_safe
def tools(request: HttpRequest) -> HttpResponse:
    """Everything that the assistant could do, with a switch each; the draft is what is switched."""
    agent = at_hand.agent(request)
    return render(request, "agents/tools.html", _overview(agent))


def _overview(agent: Agent) -> dict[str, Any]:
    version, published = publishing.working(agent), agent.published
    chosen, live = set(version.tools), set(published.tools if published else ())
    own = list(OwnTool.objects.order_by("title"))
    return {
        "agent": agent,
        "built_in": [_switch(tool, chosen, live) for tool in registry.built_in().values()],
        "own": [_own(tool, chosen, live) for tool in own],
        "tables": RecordTable.objects.order_by("name"),
        "secrets": ToolSecret.objects.order_by("name"),
        "waits": chosen != live,
    }


def _switch(tool: Tool, chosen: set[str], live: set[str]) -> dict[str, Any]:
    return {
        "tool": tool, "name": tool.name, "title": tool.title, "on": tool.name in chosen,
        "waits": (tool.name in chosen) != (tool.name in live), "claims": claims_of(tool),
        "private": tool.needs_verified or tool.reveals is Reveals.CUSTOMER,
        "asks": tool.needs_confirmation,
    }  # fmt: skip


def claims_of(tool: Tool) -> list[Any]:
    """What a receipt of the tool stands for, in words."""
    words = dict(CLAIMS) | {Claim.CALLED_PERSON: _("a person is called")}
    return [words[claim] for claim in sorted(tool.claims)]


def _own(row: OwnTool, chosen: set[str], live: set[str]) -> dict[str, Any]:
    """A tool of the business's with its switches: one, or one for each that is offered of a server."""
    found = own_tools.built(row)
    return {"row": row, "switches": [_switch(tool, chosen, live) for tool in found]}


@access.roles(*access.MANAGERS)
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Let the draft use a tool, or not."""
    agent = _agent(request)
    name, on = request.POST.get("tool", ""), request.POST.get("on") == "1"
    known = registry.offered()
    if on and name not in known:
        raise Http404
    own_keeping.switch(agent, [name], on=on, user=access.person(request), now=timezone.now())
    if not request.headers.get("HX-Request"):
        return redirect("assistant_tools")
    return render(request, "agents/_tools_lists.html", _overview(agent))


def _agent(request: HttpRequest) -> Agent:
    """The assistant whose page was shown, not the one that another tab has chosen since."""
    pk = request.POST.get("agent", "")
    if not pk.isdecimal() or len(pk) > 9:
        return at_hand.agent(request)
    return get_object_or_404(Agent, pk=int(pk))


# -- one tool


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest, kind: str, store: str = "") -> HttpResponse:
    """A new tool; `test` in the form only tries it."""
    return _edit(request, None, kind=kind, store=store)


@access.roles(*access.MANAGERS)
@never_cache
@require_http_methods(["GET", "POST"])
def tool(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a tool, or try it."""
    own = get_object_or_404(OwnTool, pk=pk)
    return _edit(request, own, kind=own.kind, store=str(own.definition.get("store") or "table"))


def _edit(request: HttpRequest, own: OwnTool | None, *, kind: str, store: str) -> HttpResponse:
    make = {"http": HttpToolForm, "mcp": McpToolForm}.get(kind) or STORES.get(store, STORES["table"])
    initial = {"table": request.GET.get("table", "")} if kind == "records" else {}
    form: Any = make(request.POST or None, own=own, initial=initial)
    form.user = access.person(request)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form, kind=kind)
    if "test" in request.POST:
        return _page(request, form, kind=kind, tried=_tried(request, form))
    if isinstance(form, RecordsToolForm) and ("columns" in request.POST or not form.parsed_columns):
        return _page(request, form, kind=kind, tried=_columns(form))
    return _kept(request, form, kind=kind)


def _tried(request: HttpRequest, form: ToolForm) -> Tried:
    now = timezone.now()
    assert form.parsed is not None
    tried = own_testing.tried(form.parsed, now=now, really="really" in request.POST)
    if form.own is not None:
        own_keeping.tested(form.own, problem=tried.problem, now=now)
    return tried


def _columns(form: RecordsToolForm) -> Tried:
    """The columns as they are there, put into the form for the owner to open."""
    assert form.parsed is not None
    bare = form.parsed.model_copy(update={"columns": [], "owner_column": ""})
    tried = own_testing.tried(bare, now=timezone.now())
    if columns := tried.facts.get("columns"):
        form.show_columns(columns)
    return tried


def _kept(request: HttpRequest, form: ToolForm, *, kind: str) -> HttpResponse:
    data, user, now, own = form.cleaned_data, access.person(request), timezone.now(), form.own
    words = Words(
        title=data["title"],
        when=data["when"],
        needs_verified=data["needs_verified"],
        needs_confirmation=data.get("needs_confirmation", False),
    )
    definition = form.parsed
    assert definition is not None
    if isinstance(definition, McpDefinition) and (own is None or "read" in request.POST):
        try:
            definition = own_keeping.listed(definition)
        except ProviderError as error:
            form.add_error("url", _(str(error)))
            return _page(request, form, kind=kind)
    if own is None:
        own = own_keeping.add(kind, words, definition, user=user, now=now)
        _offer(request, own, now=now)
    else:
        before = {tool.name for tool in own_tools.built(own)}
        own_keeping.change(own, words, definition, user=user)
        messages.success(request, _("Saved. Whoever uses it uses it so from now on."))
        own.refresh_from_db()
        if new := [tool.name for tool in own_tools.built(own) if tool.name not in before]:
            own_keeping.switch(at_hand.agent(request), new, on=True, user=user, now=now)
    is_listed = isinstance(definition, McpDefinition) and not any(t.use != "off" for t in definition.tools)
    return redirect("assistant_tool", own.pk) if is_listed else redirect("assistant_tools")


def _offer(request: HttpRequest, own: OwnTool, *, now: Any) -> None:
    """A tool that somebody has just made is meant to be used: it is switched on in the draft."""
    names = [tool.name for tool in own_tools.built(own)]
    if not names:
        messages.info(request, _("Choose now which of the server's tools are offered."))
        return
    own_keeping.switch(at_hand.agent(request), names, on=True, user=access.person(request), now=now)
    messages.success(request, _("“%(name)s” is there, and switched on in the draft.") % {"name": own.title})


@access.roles(*access.MANAGERS)
@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a tool out of use at once, or back into use."""
    own = get_object_or_404(OwnTool, pk=pk)
    own_keeping.pause(own, enabled=request.POST.get("on") == "1", user=access.person(request))
    return redirect("assistant_tools")


@access.roles(*access.MANAGERS)
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a tool."""
    own = get_object_or_404(OwnTool, pk=pk)
    own_keeping.remove(own, user=access.person(request))
    messages.success(request, _("“%(name)s” is removed.") % {"name": own.title})
    return redirect("assistant_tools")


# -- the page


def _page(request: HttpRequest, form: Any, *, kind: str, tried: Tried | None = None) -> HttpResponse:
    context = {
        "form": form,
        "kind": kind,
        "store": getattr(form, "store", ""),
        "own": form.own,
        "tried": tried,
        "argument_kinds": ARGUMENT_KINDS,
        "claims": CLAIMS,
        "search": SEARCH,
        "owners": OWNERS,
        "uses": USES,
        "offered": _offered(form),
        "rows": _rows(form),
        "blank": BLANK,
        "used_by": _users(form.own) if form.own else [],
    }
    return render(request, "agents/tool.html", context, status=422 if form.errors else 200)


def _rows(form: Any) -> dict[str, list[dict[str, str]]]:
    """The rows of each list in the form, with an empty one at the end for whoever has no script."""
    found = {}
    for name, blank in BLANK.items():
        if name in form.fields:
            typed = form.fields[name].typed
            sent = (row for row in form[name].value() or () if any(row.get(one) for one in typed))
            rows = [{**blank, **row} for row in sent]
            found[name] = rows if name == "columns" else [*rows, blank]
    return found


def _offered(form: Any) -> list[Mapping[str, Any]]:
    """A server's tools with what is chosen of them, as typed where the form is shown again."""
    if not isinstance(form, McpToolForm) or form.own is None:
        return []
    typed = {row["name"]: row for row in (form["tools"].value() or ())} if form.is_bound else {}
    known = list_of(form.own.definition.get("tools"))
    return [{**UNCHOSEN, **one, **typed.get(str(one.get("name")), {})} for one in known]


def _users(own: OwnTool) -> list[Agent]:
    """The assistants whose published words name it."""
    names = {tool.name for tool in own_tools.built(own)}
    return [a for a in hiring.at_work() if a.published and names & set(a.published.tools)]
