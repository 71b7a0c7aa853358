"""Assistant › Tools by HTTP: made, tried, switched, taken out; keys are written and never read."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agents.models import Agent, OwnTool, RecordTable, ToolSecret
from agents.tools import offered
from tenants.db import connection
from tests.counterparts.endpoint import Endpoint

SECRET = "canary-secret-1234567890"


@pytest.fixture(scope="module")
def _endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(_endpoint: Endpoint) -> Endpoint:
    _endpoint.forget()
    return _endpoint


@pytest.fixture
def owner(alpha: Any, client_for: Any, member_of: Any) -> Iterator[Client]:
    client = client_for(alpha, member_of(alpha))
    connection.set_tenant(alpha)
    yield client


def post(client: Client, alpha: Any, path: str, data: dict[str, Any]) -> Any:
    answer = client.post(path, data)
    connection.set_tenant(alpha)
    return answer


def http_form(endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    return {
        "title": "Order status", "when": "When a customer asks where the order is.", "method": "GET",
        "url": f"{endpoint.url}/orders/{{order}}", "reveals": "business",
        "arguments-name": ["order", ""], "arguments-kind": ["text", "text"], "arguments-required": ["1", "1"],
        "arguments-about": ["its number", ""], "arguments-choices": ["", ""], "arguments-example": ["7", ""],
        "picks-name": ["status"], "picks-path": ["data.status"], **more,
    }  # fmt: skip


ADD = "/assistant/tools/add/http"


class TestHttpForm:
    def test_a_tool_is_made_in_a_form_and_switched_on_in_the_draft(
        self, owner: Client, alpha: Any, endpoint: Endpoint
    ) -> None:
        form = http_form(endpoint, sign_in_how="bearer", secret="+", new_secret=SECRET)
        assert post(owner, alpha, ADD, form).status_code == 302
        own = OwnTool.objects.get()
        assert own.name == "order_status" and own.definition["arguments"][0]["example"] == "7"
        assert ToolSecret.objects.get().value == SECRET and SECRET not in str(own.definition)
        agent = Agent.objects.get()
        assert agent.draft is not None and "order_status" in agent.draft.tools
        assert "order_status" not in (agent.published.tools if agent.published else [])
        page = owner.get(f"/assistant/tools/{own.pk}/").content.decode()
        assert "Order status" in page and "data.status" in page and SECRET not in page

    def test_trying_shows_what_is_sent_and_seen_and_no_secret(
        self, owner: Client, alpha: Any, endpoint: Endpoint
    ) -> None:
        endpoint.says("GET /orders/7", {"data": {"status": "shipped"}, "echo": SECRET})
        form = http_form(
            endpoint, sign_in_how="query", sign_in_name="key", secret="+", new_secret=SECRET, test="1"
        )
        page = post(owner, alpha, ADD, form).content.decode()
        assert "&quot;status&quot;: &quot;shipped&quot;" in page and "data.status" in page
        assert endpoint.last.query == {"key": SECRET} and SECRET not in page and "••••" in page
        assert not OwnTool.objects.exists()  # trying keeps nothing but the key
        kept = ToolSecret.objects.get().name
        again = http_form(endpoint, sign_in_how="query", sign_in_name="key", secret=kept)
        assert post(owner, alpha, ADD, again).status_code == 302 and ToolSecret.objects.count() == 1

    def test_what_acts_is_shown_and_not_sent_until_it_is_meant(
        self, owner: Client, alpha: Any, endpoint: Endpoint
    ) -> None:
        endpoint.says("POST /orders/7", {"ok": True})
        form = http_form(endpoint, method="POST", test="1")
        page = post(owner, alpha, ADD, form).content.decode()
        assert f"POST {endpoint.url}/orders/7" in page and endpoint.asked == []
        post(owner, alpha, ADD, form | {"really": "1"})
        assert endpoint.asked == ["POST /orders/7"]

    def test_a_mistake_is_said_and_nothing_that_was_typed_is_lost(
        self, owner: Client, alpha: Any, endpoint: Endpoint
    ) -> None:
        form = http_form(
            endpoint, url="https://{order}.example/", sign_in_how="bearer", secret="+", new_secret=SECRET
        )
        answer = post(owner, alpha, ADD, form)
        page = answer.content.decode()
        assert answer.status_code == 422 and not OwnTool.objects.exists()
        assert "its number" in page and "data.status" in page and SECRET not in page

    def test_changed_tried_paused_and_removed(self, owner: Client, alpha: Any, endpoint: Endpoint) -> None:
        post(owner, alpha, ADD, http_form(endpoint))
        own = OwnTool.objects.get()
        path = f"/assistant/tools/{own.pk}/"
        endpoint.says("GET /orders/7", status=500)
        post(owner, alpha, path, http_form(endpoint, test="1"))
        assert OwnTool.objects.get().problem and OwnTool.objects.get().tested_at
        post(owner, alpha, path, http_form(endpoint, title="Where it is"))
        assert (OwnTool.objects.get().title, OwnTool.objects.get().name) == ("Where it is", "order_status")
        post(owner, alpha, f"{path}pause", {"on": "0"})
        assert "order_status" not in offered()
        assert "out of use" in owner.get("/assistant/tools/").content.decode()
        connection.set_tenant(alpha)
        post(owner, alpha, f"{path}remove", {})
        assert not OwnTool.objects.exists()


def test_a_switch_writes_the_draft_and_only_for_what_there_is(
    owner: Client, alpha: Any, endpoint: Endpoint
) -> None:
    post(owner, alpha, ADD, http_form(endpoint))
    agent = Agent.objects.get()
    form = {"agent": agent.pk, "tool": "order_status", "on": "0"}
    post(owner, alpha, "/assistant/tools/switch", form)
    assert agent.draft is not None and "order_status" not in agent.draft.tools
    assert post(owner, alpha, "/assistant/tools/switch", form | {"on": "1"}).status_code == 302
    assert "order_status" in agent.draft.tools
    assert post(owner, alpha, "/assistant/tools/switch", {"tool": "nothing", "on": "1"}).status_code == 404


CSV = "Pedido;Telefone;Situação\nA-1;11 99999-0000;enviado\n".encode()


def test_from_a_file_to_a_tool_without_typing_a_column(owner: Client, alpha: Any) -> None:
    file = SimpleUploadedFile("Pedidos 2026.csv", CSV)
    answer = post(owner, alpha, "/assistant/tools/tables/add", {"file": file})
    table = RecordTable.objects.get()
    assert answer.status_code == 302 and table.name == "pedidos_2026" and table.rows.count() == 1
    form: dict[str, Any] = {"title": "Pedido", "when": "Always.", "table": table.name, "most": "5"}
    path = "/assistant/tools/add/table"
    page = post(owner, alpha, path, form).content.decode()  # nothing chosen yet: the columns are read
    assert not OwnTool.objects.exists() and page.count('name="columns-name"') == 3
    assert page.index('value="Pedido"') < page.index('value="Telefone"') < page.index('value="Situação"')
    form |= {
        "columns-name": table.columns, "columns-search": ["same", "", ""], "columns-required": ["1", "", ""],
        "columns-shown": ["", "", "1"], "columns-owner": ["", "phone", ""],
    }  # fmt: skip
    assert post(owner, alpha, path, form).status_code == 302
    own = OwnTool.objects.get()
    assert own.definition["owner_column"] == "Telefone" and offered()["pedido"].needs_verified
    page = owner.get(f"/assistant/tools/{own.pk}/").content.decode()
    assert page.count("selected") >= 3
    connection.set_tenant(alpha)
    answer = post(owner, alpha, f"/assistant/tools/tables/{table.pk}/remove", {})
    assert RecordTable.objects.exists()  # a tool looks into it
    bad = SimpleUploadedFile("x.csv", b"a;a\n1;2\n")
    assert post(owner, alpha, f"/assistant/tools/tables/{table.pk}/", {"file": bad}).status_code == 422
    assert table.rows.get().values["Pedido"] == "A-1"


def test_a_key_is_written_replaced_and_not_removed_while_a_tool_signs_in_with_it(
    owner: Client, alpha: Any, endpoint: Endpoint
) -> None:
    post(owner, alpha, "/assistant/tools/keys", {"name": "shop", "value": "old"})
    post(owner, alpha, "/assistant/tools/keys", {"name": "shop", "value": SECRET})
    key = ToolSecret.objects.get()
    assert key.value == SECRET
    post(owner, alpha, ADD, http_form(endpoint, sign_in_how="bearer", secret="shop"))
    post(owner, alpha, f"/assistant/tools/keys/{key.pk}/remove", {})
    assert ToolSecret.objects.exists()
    assert SECRET not in owner.get("/assistant/tools/").content.decode()
    connection.set_tenant(alpha)
    OwnTool.objects.all().delete()
    post(owner, alpha, f"/assistant/tools/keys/{key.pk}/remove", {})
    assert not ToolSecret.objects.exists()
    for bad in ({"name": "../x", "value": "v"}, {"name": "x", "value": ""}):
        post(owner, alpha, "/assistant/tools/keys", bad)
    assert not ToolSecret.objects.exists()
