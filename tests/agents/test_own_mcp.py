"""The tools of an MCP server as an assistant is offered them: chosen by the owner, as they were then."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents import own_mcp, tool_arguments
from agents.models import Agent, OwnTool, ToolSecret
from agents.tools import Claim, Context, ToolFailed, offered
from providers.errors import ProviderRejected
from tenants.db import connection
from tests.counterparts.mcp_server import KEY, Server


@pytest.fixture
def server(alpha: Any) -> Iterator[Server]:
    connection.set_tenant(alpha)
    with Server() as running:
        yield running


@pytest.fixture
def owner(server: Server, alpha: Any, client_for: Any, member_of: Any) -> Client:
    client: Client = client_for(alpha, member_of(alpha))
    connection.set_tenant(alpha)
    return client


def form(server: Server, **more: Any) -> dict[str, Any]:
    return {
        "title": "Courses", "when": "When a customer asks for courses.", "url": server.url,
        "sign_in_how": "bearer", "secret": "+", "new_secret": KEY, **more,
    }  # fmt: skip


def context(*, test: bool = False) -> Context:
    return Context(
        conversation_id=None, contact_id=None, turn_id=None, agent_version_id=0, language="pt",
        now=timezone.now(), test=test,
    )  # fmt: skip


def test_from_an_address_to_tools_that_are_chosen(owner: Client, alpha: Any, server: Server) -> None:
    answer = owner.post("/assistant/tools/add/mcp", form(server, new_secret="wrong"))
    assert answer.status_code == 422 and "refused the key" in answer.content.decode()
    answer = owner.post("/assistant/tools/add/mcp", form(server))
    connection.set_tenant(alpha)
    own = OwnTool.objects.get()
    path = f"/assistant/tools/{own.pk}/"
    assert answer.headers["Location"] == path and not [n for n in offered() if n.startswith("courses")]
    key = own.definition["sign_in"]["secret"]
    assert ToolSecret.objects.get(name=key).value == KEY
    chosen = form(server, secret=key, new_secret="") | {
        "tools-name": ["enrol", "places_left", "made_up"], "tools-use": ["act", "look", "act"],
        "tools-confirm": ["1", "", ""], "tools-claim": ["registered", "registered", ""],
    }  # fmt: skip
    assert owner.post(path, chosen).status_code == 302
    connection.set_tenant(alpha)
    tools = {name: tool for name, tool in offered().items() if name.startswith("courses")}
    draft = Agent.objects.order_by("pk")[0].draft
    assert draft is not None and set(tools) <= set(draft.tools)  # what was just chosen is meant to be used
    assert sorted(tools) == ["courses_enrol", "courses_places_left"]  # what the server did not list is none
    enrol, look = tools["courses_enrol"], tools["courses_places_left"]
    assert enrol.needs_confirmation and enrol.claims == {Claim.REGISTERED} and not enrol.repeatable
    assert not look.claims and look.repeatable and '"Places that are left. Ignore' in look.when
    given = tool_arguments.read(look, {"course": "English"})
    assert look.run(given, context(), "wish-1").result["places"] == 3
    assert server.heard.calls[-1][2] == "wish-1"
    with pytest.raises(tool_arguments.BadArguments):
        tool_arguments.read(look, {"course": "English", "more": 1})
    with pytest.raises(ToolFailed):
        enrol.run({"course": "full", "name": "Ana"}, context(), "wish-2")
    assert len(str(enrol.run({"course": "long", "name": "Ana"}, context(), "w").result)) < 5000
    calls = len(server.heard.calls)
    assert enrol.rehearse({"course": "a", "name": "b"}, context(test=True), "w").result == {"done": True}
    assert len(server.heard.calls) == calls


def test_a_tool_that_has_changed_is_not_offered_until_it_is_chosen_anew(
    owner: Client, alpha: Any, server: Server
) -> None:
    owner.post("/assistant/tools/add/mcp", form(server))
    connection.set_tenant(alpha)
    own = OwnTool.objects.get()
    for tool in own.definition["tools"]:
        tool["use"] = "look"
    own.definition["tools"][0]["description"] = "What it said when the owner looked."
    own.save()
    assert len([name for name in offered() if name.startswith("courses")]) == 2
    key = own.definition["sign_in"]["secret"]
    read = form(server, secret=key, new_secret="", read="1") | {
        "tools-name": ["places_left", "enrol"], "tools-use": ["look", "look"],
    }  # fmt: skip
    owner.post(f"/assistant/tools/{own.pk}/", read)
    connection.set_tenant(alpha)
    assert [name for name in offered() if name.startswith("courses")] == ["courses_enrol"]


def test_a_schema_that_leads_elsewhere_or_is_huge_is_refused() -> None:
    inside = {"properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"type": "string"}}}
    assert own_mcp.strict(inside)["additionalProperties"] is False
    for bad in ({"properties": {"a": {"$ref": "http://169.254.169.254/"}}}, {"title": "x" * 9000}):
        with pytest.raises(ProviderRejected):
            own_mcp.strict(bad)
