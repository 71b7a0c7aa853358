"""A business's own tools in a whole conversation: asked by a model, allowed by proofs, kept as receipts."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from agents import record_tables
from agents.models import OwnTool
from conversations.models import ToolRun
from tenants.db import connection
from tests.conversations.tool_shop import give
from tests.counterparts.endpoint import Endpoint

ANA = "5511999990000"
CSV = "Pedido;Telefone;Situação\nA-1;(11) 99999-0000;enviado\nA-2;(11) 88888-0000;pronto\n"


@pytest.fixture
def endpoint(shop: Any) -> Iterator[Endpoint]:
    connection.set_tenant(shop.tenant)
    with Endpoint() as running:
        yield running


def own(kind: str, name: str, definition: dict[str, Any]) -> None:
    OwnTool.objects.create(kind=kind, name=name, title=name, when="When asked.", definition=definition)


def test_what_another_system_did_is_done_once_with_one_key_and_said(shop: Any, endpoint: Endpoint) -> None:
    own("http", "cancel_order", {
        "method": "POST", "url": f"{endpoint.url}/orders/{{order}}/cancel", "arguments": [{"name": "order"}],
        "claim": "cancelled", "done_path": "ok",
    })  # fmt: skip
    give(shop, "cancel_order")
    endpoint.says("POST /orders/A-1/cancel", {"ok": True, "secret": "not for the model"})
    shop.models.call("cancel_order", order="A-1")
    shop.models.answer_with("Pronto, cancelei o pedido A-1.")
    shop.say("Cancele meu pedido A-1, por favor.")
    shop.work()
    assert shop.texts() == ["Pronto, cancelei o pedido A-1."]
    run = ToolRun.objects.get()
    assert (run.status, run.claims, run.result) == ("done", ["cancelled"], {"done": True})
    assert endpoint.last.headers["idempotency-key"] == run.key and len(endpoint.asked) == 1
    assert "not for the model" not in str(shop.models.requests)


def test_what_the_other_system_did_not_do_is_not_claimed(shop: Any, endpoint: Endpoint) -> None:
    own("http", "cancel_order", {
        "method": "POST", "url": f"{endpoint.url}/cancel", "claim": "cancelled", "done_path": "ok",
    })  # fmt: skip
    give(shop, "cancel_order")
    endpoint.says("POST /cancel", {"ok": False})
    shop.models.call("cancel_order")
    for _try in range(2):
        shop.models.answer_with("Pronto, cancelei o seu pedido.")
    shop.say("Cancele meu pedido, por favor.")
    shop.work()
    assert ToolRun.objects.get().claims == [] and "cancelei" not in " ".join(shop.texts())


def test_a_customer_finds_their_own_rows_and_a_hidden_one_none(shop: Any) -> None:
    connection.set_tenant(shop.tenant)
    sheet = record_tables.read(CSV.encode())
    record_tables.keep(name="pedidos", sheet=sheet, user=None, now=timezone.now())
    own("records", "my_orders", {
        "table": "pedidos", "owner_column": "Telefone",
        "columns": [
            {"name": "Pedido", "shown": True}, {"name": "Situação", "shown": True}, {"name": "Telefone"},
        ],
    })  # fmt: skip
    give(shop, "my_orders")
    for chat in (f"{ANA}@c.us", "99887766@lid"):
        shop.models.call("my_orders")
        shop.models.answer_with("Certo.")
        shop.say("Onde está meu pedido?", chat=chat)
        shop.work()
    mine, hidden = ToolRun.objects.order_by("pk")
    assert mine.result["rows"] == [{"Pedido": "A-1", "Situação": "enviado"}]
    assert hidden.status == "refused" and "A-2" not in str(shop.models.requests)
