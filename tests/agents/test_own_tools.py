"""A business's own tools, run against its own systems: what is sent, what is seen, and whose it is."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pydantic import ValidationError

from agents import own_arguments, own_records, own_results, own_tools, record_tables, tool_arguments
from agents.models import OwnTool, ToolSecret
from agents.own_definitions import HttpDefinition, RecordsDefinition
from agents.tools import Claim, Context, Outcome, Reveals, Tool, ToolFailed, offered
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.baserow import TABLE, Server
from tests.counterparts.endpoint import Endpoint
from tests.counterparts.google_drive import Google

ANA, RUI = "5511999990000", "5511888880000"


@pytest.fixture(scope="module")
def _endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture
def endpoint(_endpoint: Endpoint, in_alpha: Any) -> Endpoint:
    _endpoint.forget()
    ToolSecret.objects.create(name="shop", value="top secret")
    return _endpoint


def context(*phones: str, emails: tuple[str, ...] = (), test: bool = False) -> Context:
    return Context(
        conversation_id=None, contact_id=None, turn_id=None, agent_version_id=0, language="pt",
        now=timezone.now(), test=test, phones=frozenset(phones), emails=frozenset(emails),
    )  # fmt: skip


def made(kind: str, definition: dict[str, Any], **more: Any) -> Tool:
    """The tool as the assistant is offered it."""
    OwnTool.objects.create(
        kind=kind, name="order_status", title="Pedido", when="When asked.", definition=definition, **more
    )
    return offered()["order_status"]


def run(tool: Tool, who: Context | None = None, key: str = "k1", **given: Any) -> Outcome:
    return tool.run(tool_arguments.read(tool, given), who or context(), key)


def rehearse(tool: Tool, **given: Any) -> Outcome:
    return tool.rehearse(tool_arguments.read(tool, given), context(test=True), "k1")


def http(endpoint: Endpoint, **more: Any) -> dict[str, Any]:
    return {
        "url": f"{endpoint.url}/orders/{{order}}",
        "arguments": [{"name": "order"}],
        "picks": [{"name": "status", "path": "data.status"}],
        "reveals": "business",
        **more,
    }


class TestHttp:
    def test_only_what_was_picked_is_seen_and_the_key_goes_along(self, endpoint: Endpoint) -> None:
        endpoint.says("GET /orders/A%201", {"data": {"status": "shipped", "card": "4111"}})
        tool = made("http", http(endpoint, sign_in={"how": "bearer", "secret": "shop"}))
        assert run(tool, order="A 1").result == {"status": "shipped"}
        assert endpoint.last.headers["authorization"] == "Bearer top secret"
        assert "idempotency-key" not in endpoint.last.headers and tool.repeatable

    @pytest.mark.parametrize("value", ["../admin", "a/b", "..", ".", "a\\b", "a\nb", "x" * 250])
    def test_no_value_leads_to_another_place(self, endpoint: Endpoint, value: str) -> None:
        tool = made("http", http(endpoint))
        with pytest.raises(ToolFailed):
            run(tool, order=value)
        assert endpoint.asked == []

    def test_no_value_names_a_secret_or_another_parameter(self, endpoint: Endpoint) -> None:
        endpoint.says("POST /notes", {"ok": True})
        definition = {
            "method": "POST", "url": f"{endpoint.url}/notes", "arguments": [{"name": "note"}],
            "query": [{"name": "q", "value": "{note}"}],
            "sign_in": {"how": "header", "name": "X-Key", "secret": "shop"},
            "body": [{"name": "note.text", "value": "Said: {note}"}],
        }  # fmt: skip
        evil = '{{secret:shop}}&admin=1"}'
        outcome = run(made("http", definition), note=evil)
        assert endpoint.last.query == {"q": evil}
        assert endpoint.last.json() == {"note": {"text": f"Said: {evil}"}}
        assert outcome.result == {"done": True}

    def test_numbers_stay_numbers_and_what_was_not_given_is_left_out(self, endpoint: Endpoint) -> None:
        endpoint.says("POST /tables", {"ok": True})
        definition = {
            "method": "POST", "url": f"{endpoint.url}/tables",
            "arguments": [{"name": "people", "kind": "integer"}, {"name": "day", "kind": "date"},
                          {"name": "note", "required": False}],
            "body": [{"name": "people", "value": "{people}"}, {"name": "day", "value": "{day}"},
                     {"name": "note", "value": "{note}"}],
        }  # fmt: skip
        run(made("http", definition), people=4, day="2026-12-24", note=None)
        assert endpoint.last.json() == {"people": 4, "day": "2026-12-24"}

    def test_a_receipt_stands_for_its_claim_only_when_the_other_system_says_so(
        self, endpoint: Endpoint
    ) -> None:
        definition = http(endpoint, method="POST", claim="cancelled", done_path="ok", done_value="true")
        tool = made("http", definition | {"picks": []}, needs_confirmation=True)
        endpoint.says("POST /orders/7", {"ok": False})
        assert not run(tool, order="7").done
        endpoint.says("POST /orders/7", {"ok": True})
        outcome = run(tool, order="7", key="wish-1")
        assert outcome.done and tool.claims == {Claim.CANCELLED} and tool.needs_confirmation
        assert endpoint.last.headers["idempotency-key"] == "wish-1" and not tool.repeatable

    def test_what_is_a_customers_own_is_found_by_their_proved_number_alone(self, endpoint: Endpoint) -> None:
        definition = http(
            endpoint, reveals="customer", owner_path="data[].phone",
            picks=[{"name": "totals", "path": "data[].total"}],
        )  # fmt: skip
        tool = made("http", definition)
        rows = [{"phone": "(11) 99999-0000", "total": 10}, {"phone": "+55 11 88888-0000", "total": 20}]
        endpoint.says("GET /orders/7", {"data": rows})
        assert tool.needs_verified and tool.reveals is Reveals.CUSTOMER
        assert run(tool, context(ANA), order="7").result == {"totals": [10]}
        assert run(tool, context("551199990000"), order="7").result == {"totals": [10]}  # without the ninth
        assert run(tool, context("5521999990000"), order="7").result == {"found": False}
        assert run(tool, context(), order="7").result == {"found": False}

    def test_the_proved_address_is_filled_in_and_nobody_can_say_another(self, endpoint: Endpoint) -> None:
        definition = http(
            endpoint, reveals="customer", query=[{"name": "email", "value": "{customer.email}"}]
        )
        tool = made("http", definition)
        endpoint.says("GET /orders/7", {"data": {"status": "here"}})
        with pytest.raises(ToolFailed):
            run(tool, context(ANA), order="7")
        assert endpoint.asked == []
        run(tool, context(emails=("ana@x.example",)), order="7")
        assert endpoint.last.query == {"email": "ana@x.example"}
        with pytest.raises(tool_arguments.BadArguments):
            run(tool, context(ANA), order="7", **{"customer.email": "rui@x.example"})

    def test_what_goes_wrong_has_a_name(self, endpoint: Endpoint) -> None:
        tool = made("http", http(endpoint))
        assert run(tool, order="404").result == {"found": False}
        endpoint.says("GET /orders/7", status=401)
        with pytest.raises(ProviderRejected):
            run(tool, order="7")
        endpoint.says("GET /orders/7", b"<html>", kind="text/html")
        with pytest.raises(ProviderRejected, match="no JSON"):
            run(tool, order="7")
        endpoint.says("GET /orders/7", status=503)
        with pytest.raises(ProviderError):
            run(tool, order="7")

    def test_a_key_that_was_removed_is_said_before_anything_is_sent(self, endpoint: Endpoint) -> None:
        tool = made("http", http(endpoint, sign_in={"how": "bearer", "secret": "gone"}))
        with pytest.raises(ProviderRejected, match="key"):
            run(tool, order="7")
        assert endpoint.asked == []

    def test_a_rehearsal_is_the_owners_example_unless_looking_is_allowed(self, endpoint: Endpoint) -> None:
        definition = http(endpoint, rehearsal={"example": "status: shipped\nday: Monday"})
        tool = made("http", definition)
        assert rehearse(tool, order="7").result == {"status": "shipped", "day": "Monday"}
        assert endpoint.asked == []
        OwnTool.objects.update(definition=definition | {"rehearsal": {"real": True}})
        endpoint.says("GET /orders/7", {"data": {"status": "real"}})
        assert rehearse(offered()["order_status"], order="7").result == {"status": "real"}


WRONG = [
    {"url": "ftp://x.example/"},
    {"url": "https://{host}.example/", "arguments": [{"name": "host"}]},
    {"url": "https://x.example/{a}"},
    {"url": "https://x.example/", "arguments": [{"name": "a"}]},
    {"url": "https://x.example/{a}", "arguments": [{"name": "a", "required": False}]},
    {"url": "https://x.example/?q={a}", "arguments": [{"name": "a"}]},
    {"url": "https://x.example/{a}", "arguments": [{"name": "a"}, {"name": "a"}]},
    {"url": "https://x.example/", "headers": [{"name": "X", "value": "{a}"}], "arguments": [{"name": "a"}]},
    {"url": "https://x.example/{{secret:shop}}"},
    {"url": "https://x.example/", "body": [{"name": "a", "value": "b"}]},
    {"url": "https://x.example/", "claim": "booked"},
    {"url": "https://x.example/", "reveals": "customer"},
    {"url": "https://x.example/", "method": "POST", "rehearsal": {"real": True}},
    {"url": "https://x.example/", "picks": [{"name": "a", "path": "a..b["}]},
    {"url": "https://x.example/", "reveals": "customer", "owner_path": "rows[].phone",
     "picks": [{"name": "all", "path": "everybody"}]},
    {"url": "https://x.example/", "sign_in": {"how": "bearer"}},
    {"url": "https://x.example/", "what": "is this"},
]  # fmt: skip


def test_a_definition_that_does_not_hold_together_is_none() -> None:
    for definition in WRONG:
        with pytest.raises(ValidationError):
            HttpDefinition.model_validate(definition)
    with pytest.raises(ValidationError):
        RecordsDefinition.model_validate({"columns": [{"name": "a", "search": "same"}]})
    with pytest.raises(ValidationError):
        RecordsDefinition.model_validate({"columns": [{"name": "a", "shown": True}]})


def test_a_row_that_says_nothing_is_no_tool(in_alpha: Any) -> None:
    for kind in ("http", "records", "mcp"):
        OwnTool.objects.create(kind=kind, name=f"empty_{kind}", title="x", when="x", definition={})
    OwnTool.objects.create(
        kind="http", name="off", title="x", when="x", enabled=False, definition={"url": "https://x.example/"}
    )
    assert list(own_tools.tools()) == []


CSV = (
    "Pedido;Nome;Telefone;Situação;Cartão\n"
    "A-1;Ana Souza;(11) 99999-0000;enviado;4111\n"
    "A-2;Rui Lima;11 88888-0000;pronto;4222\n"
    'A-3;"Ana; Paula";+55 (11) 88888-0000;pago;4333\n'
)
COLUMNS = [
    {"name": "Pedido", "search": "same"}, {"name": "Nome", "search": "part"}, {"name": "Telefone"},
    {"name": "Situação", "shown": True}, {"name": "Cartão"},
]  # fmt: skip


@pytest.fixture
def table(in_alpha: Any) -> None:
    sheet = record_tables.read(CSV.encode("cp1252"))
    record_tables.keep(name="pedidos", sheet=sheet, user=None, now=timezone.now())


@pytest.mark.usefixtures("table")
class TestTable:
    def definition(self, **more: Any) -> dict[str, Any]:
        return {"store": "table", "table": "pedidos", "columns": COLUMNS, **more}

    def test_a_row_is_found_as_people_write_it_and_shows_what_was_opened(self) -> None:
        tool = made("records", self.definition())
        found = {"found": 1, "rows": [{"Situação": "enviado"}]}
        assert run(tool, pedido=" a-1 ", nome=None).result == found
        assert run(tool, pedido=None, nome="SOUZA").result == found
        assert run(tool, pedido="A-", nome=None).result == {"found": 0, "rows": []}

    def test_nothing_and_next_to_nothing_are_no_search(self) -> None:
        tool = made("records", self.definition())
        for given in ({"pedido": None, "nome": None}, {"pedido": None, "nome": "an"}):
            with pytest.raises(ToolFailed):
                run(tool, **given)

    def test_a_customers_rows_are_theirs_whatever_is_asked_for(self) -> None:
        tool = made("records", self.definition(owner_column="Telefone"))
        assert tool.needs_verified and tool.reveals is Reveals.CUSTOMER
        assert run(tool, context(ANA), pedido=None, nome=None).result["found"] == 1
        assert run(tool, context(RUI), pedido=None, nome=None).result["found"] == 2
        assert run(tool, context(ANA), pedido="A-2", nome=None).result["found"] == 0
        with pytest.raises(ToolFailed):
            run(tool, context(), pedido="A-1", nome=None)

    def test_more_than_may_be_shown_is_said(self) -> None:
        tool = made("records", self.definition(most=1, owner_column="Telefone"))
        assert run(tool, context(RUI), pedido=None, nome=None).result["more"] is True

    def test_another_file_takes_the_place_of_all_rows(self) -> None:
        tool = made("records", self.definition())
        sheet = record_tables.read("Pedido,Nome,Telefone,Situação,Cartão\nB-9,Eva,1,novo,2\n".encode())
        record_tables.keep(name="pedidos", sheet=sheet, user=None, now=timezone.now())
        assert run(tool, pedido="A-1", nome=None).result["found"] == 0
        assert run(tool, pedido="B-9", nome=None).result["found"] == 1

    def test_a_rehearsal_looks_only_where_it_may(self) -> None:
        definition = self.definition(owner_column="Telefone", rehearsal={"example": "Situação: enviado"})
        assert rehearse(made("records", definition), pedido="A-2", nome=None).result == {
            "found": 1, "rows": [{"Situação": "enviado"}],
        }  # fmt: skip
        definition["rehearsal"] = {"real": True, "customer": "+55 11 88888-0000"}
        OwnTool.objects.update(definition=definition)
        assert rehearse(offered()["order_status"], pedido=None, nome=None).result["found"] == 2


@pytest.mark.parametrize(
    "content,words",
    [
        (b"", "needs a line"), (b"a;b\n", "needs a line"), (b"a;a\n1;2\n", "same name"),
        (b"a;;c\n1;2;3\n", "no name"), (b"a;b\n1;2;3\n", "Line 2"), (b'a;b\n"1;2\n', "quotation"),
        (b"a\n" + b"x\n" * 5001, "at most"), (b"a\n" + b"x" * record_tables.MOST_BYTES, "too large"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(record_tables.Unreadable, match=words):
        record_tables.read(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_is_read_as_spreadsheets_write_it(encoding: str) -> None:
    sheet = record_tables.read(CSV.encode(encoding))
    assert sheet.columns[3] == "Situação" and sheet.rows[2]["Nome"] == "Ana; Paula"


def test_baserow_looks_for_itself_and_only_by_equality(in_alpha: Any) -> None:
    ToolSecret.objects.create(name="token", value="aBcDeFgHiJkLmNoP")
    with Server() as server:
        server.fill(
            ["Pedido", "Fone", "Situação"], *[[f"P{n}", ANA, {"id": 1, "value": "ok"}] for n in range(9)]
        )
        definition = {
            "store": "baserow", "address": server.url, "table": TABLE, "secret": "token",
            "columns": [{"name": "Pedido", "search": "same"}, {"name": "Situação", "shown": True}],
        }  # fmt: skip
        assert run(made("records", definition), pedido="P3").result == {
            "found": 1, "rows": [{"Situação": "ok"}],
        }  # fmt: skip
        assert len(server.app.requests) == 1 and '"equal"' in server.app.requests[0].query["filters"]


def test_a_google_sheet_is_a_table_with_its_first_line_as_names(in_alpha: Any, settings: Any) -> None:
    with Google() as google:
        settings.GOOGLE_SHEETS_URL = google.url
        ToolSecret.objects.create(name="google", value=google.key())
        google.app.sheets["sheet-00001"] = {"Cursos": [["Curso", "Vagas"], ["Inglês", 3], [], ["Francês"]]}
        definition = {
            "store": "sheets", "address": "sheet-00001", "secret": "google",
            "columns": [{"name": "Curso", "search": "part", "shown": True}, {"name": "Vagas", "shown": True}],
        }  # fmt: skip
        assert run(made("records", definition), curso="ingles").result["rows"] == [
            {"Curso": "Inglês", "Vagas": "3"}
        ]


def test_a_list_at_an_address_is_a_table_with_what_is_inside_by_dots(endpoint: Endpoint) -> None:
    rows = [
        {"code": "77", "who": {"email": "Ana@x.example"}},
        {"code": "78", "who": {"email": "r@x.example"}},
    ]
    endpoint.says("GET /list", {"data": {"items": rows}})
    definition = {
        "store": "http", "address": f"{endpoint.url}/list", "list_path": "data.items",
        "sign_in": {"how": "query", "name": "key", "secret": "shop"}, "owner_column": "who.email",
        "owner_by": "email", "columns": [{"name": "code", "shown": True}, {"name": "who.email"}],
    }  # fmt: skip
    tool = made("records", definition)
    assert run(tool, context(emails=("ana@x.example",))).result["rows"] == [{"code": "77"}]
    assert endpoint.last.query == {"key": "top secret"}
    endpoint.says("GET /list", {"data": {}})
    with pytest.raises(ProviderRejected, match="no list"):
        run(tool, context(emails=("ana@x.example",)))


def test_a_result_is_small_plain_and_says_that_it_was_cut() -> None:
    whole = {"a": 1, "b": [True, None, "x"], "c": {"d": "é"}}
    assert own_results.clipped(whole) == whole
    cut = own_results.clipped({"rows": [{"t": "x" * 900, "n": n} for n in range(500)], "hidden": "a‮b\x07"})
    assert cut["cut"] is True and len(str(cut)) < 5000 and cut["hidden"] == "ab"
    assert own_results.example_of('{"a": 1}') == {"a": 1}
    assert own_results.example_of("Só amanhã.") == {"answer": "Só amanhã."}


def test_names_for_programs_come_from_words() -> None:
    assert own_arguments.named("Nº do pedido") == "no_do_pedido"
    assert own_arguments.named("1º", taken=["x_1o"]) == "x_1o_2"
    assert own_arguments.named("注文").startswith("x")
    assert own_records.folded("  SÃO   Paulo ") == "sao paulo"


def test_who_uses_built_in_tools_only_is_not_asked_for_others(in_alpha: Any) -> None:
    for names, rows in ((["call_person"], 0), (["call_person", "order_status"], 1)):
        with CaptureQueriesContext(connection) as asked:
            assert "call_person" in offered(names)
        assert sum("owntool" in one["sql"] for one in asked.captured_queries) == rows
