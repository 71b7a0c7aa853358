"""Statements: every grouping sums to the ledger's change, each figure opens its entries, files agree."""

import csv
import io
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any

import pypdfium2
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone, translation

from agents.models import Agent
from billing import breakdown, credits, statement_files, statement_pdf, statements, usage
from billing.models import LedgerEntry
from conversations.models import Channel, Contact, Conversation
from providers import llm
from tenants.models import AuditEntry, Tenant
from tests.billing.test_credits import grant

ZONE = zoneinfo.ZoneInfo("America/Sao_Paulo")
MONTH = date(2026, 9, 1)


def moment(day: int, hour: int = 12, month: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZONE)


def spend(key: str, cost: int, at: datetime, *, kind: str = "turn", **whose: Any) -> LedgerEntry:
    """One use as the product keeps it."""
    held = credits.hold(key=key, amount=cost, agent_id=whose.get("agent_id"), now=at)
    price = credits.price_for("m", at=at)
    tokens = llm.Usage(input_tokens=100, output_tokens=10, exact=not key.endswith("7"))
    usage.of_tokens(
        key=key, model=whose.pop("model", "m"), tokens=tokens, cost=cost, price=price,
        whose=usage.Whose(**whose), now=at,
    )  # fmt: skip
    entry = credits.settle(held, cost=cost, key=key, reason="answer", kind=kind, now=at)
    assert entry is not None
    return entry


@pytest.fixture
def month(in_alpha: Tenant) -> Iterator[Tenant]:
    """September of a business: two assistants, a channel, a chat; grants, charges and what was given back."""
    in_alpha.timezone = "America/Sao_Paulo"
    in_alpha.save(update_fields=["timezone"])
    agent = Agent.objects.order_by("pk")[0]
    channel = Channel.objects.create(kind="waha", name="WhatsApp da loja", agent=agent)
    contact = Contact.objects.create(name="=Ana Conceição")
    chat = Conversation.objects.create(contact=contact, channel=channel, address="1@c.us")
    whose: dict[str, Any] = {"agent_id": agent.pk, "channel_id": channel.pk, "conversation_id": chat.pk}
    _enter("august", 1000, moment(30, month=8))
    first = spend("turn:1", 40, moment(31, month=8), **whose)
    spend("turn:2", 7, moment(1, 0), **whose)
    second = spend("turn:3", 12, moment(1), **whose)
    spend("turn:17", 5, moment(15), **whose)
    spend("draft:1", 3, moment(15), kind="draft", agent_id=999_999, model="other")
    credits.spend(kind="reading", amount=10, key="reading:1", reason="document read", now=moment(20))
    credits.give_back(second, reason="free: not delivered", actor=None, now=moment(2))
    credits.give_back(first, reason="a mistake", actor=None, now=moment(3))
    _enter("september", 500, moment(10))
    spend("turn:4", 9, moment(30, 23), **whose)
    spend("turn:5", 100, moment(1, 0, month=10), **whose)
    yield in_alpha
    connection.set_tenant(in_alpha)


def _enter(key: str, amount: int, at: datetime) -> None:
    credits.grant(amount=amount, reason="paid", key=key, actor=None, now=at)


def groups(tenant: Tenant, by: str) -> dict[str, int]:
    found = breakdown.groups(statement_files.span_of(tenant, MONTH), by)
    return {one.of: one.change for one in found}


class TestGroups:
    def test_every_grouping_sums_to_the_ledgers_change(self, month: Tenant) -> None:
        whole = statements.of_month(month, MONTH)
        assert whole.change == 500 + 40 - 7 - 5 - 3 - 10 - 9
        for by in breakdown.BY:
            found = breakdown.groups(statement_files.span_of(month, MONTH), by)
            assert sum(one.change for one in found) == whole.change, by
            assert sum(one.entries for one in found) == 9, by
            for one in found:
                span = statement_files.span_of(month, MONTH)
                lines = breakdown.lines(span, by=by, of=one.of)
                assert sum(line.amount for line in lines) == one.change, (by, one.of)
                assert len(lines) == one.entries

    def test_what_is_given_back_stands_with_its_charge(self, month: Tenant) -> None:
        agent = Agent.objects.order_by("pk")[0]
        assert groups(month, "agent") == {
            str(agent.pk): 40 - 7 - 5 - 9, "999999": -3, "none": -10, "added": 500,
        }  # fmt: skip
        assert groups(month, "kind") == {"turn": 40 - 7 - 5 - 9, "draft": -3, "reading": -10, "grant": 500}
        assert groups(month, "model") == {"m": 19, "other": -3, "none": -10, "added": 500}
        by_day = groups(month, "day")
        assert by_day["2026-09-01"] == -19 and by_day["2026-09-30"] == -9 and "2026-10-01" not in by_day

    def test_months_follow_on_from_each_other(self, month: Tenant) -> None:
        found = breakdown.months(month.timezone)
        assert found[0].closing == credits.standing(since=moment(1)).balance
        by_first = {one.first: one for one in found}
        september = by_first[MONTH]
        assert september.closing - by_first[date(2026, 8, 1)].closing == september.spent + september.added
        assert september.closing == statements.of_month(month, MONTH).closing


class TestPages:
    @pytest.fixture
    def owner(self, month: Tenant, client_for: Any, member_of: Any) -> Client:
        browser: Client = client_for(month, member_of(month))
        return browser

    def test_months_open_a_month_and_that_its_entries(self, owner: Client, month: Tenant) -> None:
        page = owner.get("/account/statements/").content.decode()
        assert "/account/statements/2026-09/" in page
        for by in breakdown.BY:
            shown = owner.get(f"/account/statements/2026-09/?by={by}")
            assert shown.status_code == 200 and shown.context["together"].change == 506, by
            for row in shown.context["rows"]:
                opened = owner.get(row.url)
                assert opened.status_code == 200
                assert opened.context["group"].change == row.group.change
                assert sum(line.amount for line, *_words in opened.context["lines"]) == row.group.change
        named = owner.get("/account/statements/2026-09/?by=agent").content.decode()
        assert "number 999999, deleted" in named
        assert "WhatsApp da loja" in owner.get("/account/statements/2026-09/?by=channel").content.decode()
        assert "=Ana Conceição" in owner.get("/account/statements/2026-09/?by=conversation").content.decode()

    def test_what_is_no_month_is_not_found_and_what_is_no_grouping_is_the_first(self, owner: Client) -> None:
        for wrong in ("2026-13", "september", "0000-01", "alpha", "9999-99"):
            assert owner.get(f"/account/statements/{wrong}/").status_code == 404, wrong
        page = owner.get("/account/statements/2026-09/?by=actor_id;drop&page=99")
        assert page.status_code == 200 and page.context["by"] == "kind"
        for by in breakdown.BY:
            odd = owner.get("/account/statements/2026-09/entries", {"by": by, "of": "'; DROP TABLE x\x00"})
            assert odd.status_code == 200 and odd.context["group"].entries == 0, by

    def test_an_empty_month_teaches(self, owner: Client) -> None:
        page = owner.get("/account/statements/2025-01/").content.decode()
        assert "Nothing in this month" in page

    def test_the_tables_agree_with_the_ledger_and_trick_no_spreadsheet(
        self, owner: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "close", lambda: None)  # a file is written after its request
        answer = owner.get("/account/statements/2026-09/entries?form=csv")
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
        assert sum(int(row["credits"]) for row in rows) == 506 and len(rows) == 9
        assert {row["counted"] for row in rows} == {"exact", "estimated", ""}
        assert rows[0]["when"].endswith("-03:00")
        table = b"".join(owner.get("/account/statements/2026-09/statement.csv").streaming_content).decode()
        by = list(csv.DictReader(io.StringIO(table)))
        for grouping in breakdown.BY:
            assert sum(int(row["change"]) for row in by if row["by"] == grouping) == 506
        assert "'=Ana" in table
        assert AuditEntry.objects.filter(action="credits.statement").count() == 2

    def test_only_who_sees_to_the_money_reads_them(
        self, month: Tenant, client_for: Any, member_of: Any
    ) -> None:
        pages = ["", "2026-09/", "2026-09/entries", "2026-09/statement.csv", "2026-09/statement.pdf"]
        for role, status in (("manager", 200), ("finance", 200), ("agent", 403), ("viewer", 403)):
            browser = client_for(month, member_of(month, role))
            for page in pages:
                assert browser.get(f"/account/statements/{page}").status_code == status, (role, page)

    def test_a_page_asks_as_much_for_many_as_for_few(
        self, owner: Client, month: Tenant, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        for number in range(30):
            connection.set_tenant(month)
            contact = Contact.objects.create(name=f"Contact {number}")
            channel = Channel.objects.get(name="WhatsApp da loja")
            chat = Conversation.objects.create(contact=contact, channel=channel, address=f"{number}@c.us")
            spend(f"turn:9{number}", 1, moment(11), channel_id=channel.pk, conversation_id=chat.pk)
        with django_assert_max_num_queries(24):
            page = owner.get("/account/statements/2026-09/?by=conversation")
        assert len(page.context["rows"]) >= 30


class TestToPrint:
    @pytest.mark.parametrize(
        ("language", "words"),
        [
            ("pt-br", ["Ação & Café <Ltda>", "1.506", "setembro"]),
            ("en", ["Ação & Café <Ltda>", "1,506", "September"]),
            ("es", ["Ação & Café <Ltda>", "septiembre"]),
            ("fr", ["Ação & Café <Ltda>", "septembre"]),
        ],
    )
    def test_says_everything_with_its_accents(self, month: Tenant, language: str, words: list[str]) -> None:
        _enter("more", 1000, moment(12))
        month.name = "Ação & Café <Ltda>"
        with translation.override(language):
            drawn = statement_pdf.of_month(month, MONTH, now=moment(5, month=10))
        text = _text(drawn)
        assert all(word.casefold() in text.casefold() for word in words), text[:1500]
        assert "alpha.localhost" in text and "WhatsApp da loja" in text

    def test_every_page_says_which_it_is(self, month: Tenant) -> None:
        for number in range(140):
            spend(f"turn:8{number}", 1, moment(11), conversation_id=5_000_000 + number, model=f"m{number}")
        drawn = statement_pdf.of_month(month, MONTH, now=moment(5, month=10))
        pages = pypdfium2.PdfDocument(drawn)
        texts = [page.get_textpage().get_text_range() for page in pages]
        assert len(texts) > 3
        assert all(f"Page {n} of {len(texts)}" in text for n, text in enumerate(texts, start=1))
        assert "81 others" in "".join(texts)  # of 141 chats, with the one that has a name

    def test_a_letter_that_the_fonts_do_not_have_is_no_error(self, month: Tenant) -> None:
        month.name = "Łódź 🐈 東京"
        assert b"%PDF-" in statement_pdf.of_month(month, MONTH, now=moment(5, month=10))[:8]


def _text(drawn: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(drawn))


def test_today_is_told_by_kind(alpha: Any, client_for: Any, member_of: Any) -> None:
    connection.set_tenant(alpha)
    grant(100, "start")
    now = timezone.now()
    spend("turn:1", 12, now)
    credits.spend(kind="reading", amount=10, key="reading:1", reason="document read", now=now)
    page = client_for(alpha, member_of(alpha)).get("/account/")
    told = {group.of: group.change for _kind, group in page.context["spending"]["by_kind"]}
    assert told == {"turn": -12, "reading": -10}
    assert "What things cost" in page.content.decode()
