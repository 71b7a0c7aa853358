"""Money over all businesses: the ledgers searched, a charge given back once, months that add up."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, statements
from billing.models import CreditAccount, LedgerEntry
from tenants.models import AuditEntry, Tenant
from tests.tenants import staff

pytestmark = pytest.mark.django_db
LEDGER = "/admin/finance/ledger/"


def spend(tenant: Tenant, *, amount: int, key: str, at: datetime) -> LedgerEntry:
    with schema_context(tenant.schema_name):
        held = credits.hold(key=key, amount=amount, now=at)
        entry = credits.settle(held, cost=amount, key=key, reason="answer", now=at)
    assert entry is not None
    return entry


def sum_of(tenant: Tenant) -> tuple[int, int]:
    """The balance, and what the ledger makes of it."""
    with schema_context(tenant.schema_name):
        return CreditAccount.objects.get().balance, credits.discrepancies()


def test_a_charge_is_given_back_once_with_a_reason(client_for: Any, alpha: Tenant) -> None:
    charge = spend(alpha, amount=7, key="turn:41", at=timezone.now())
    before = sum_of(alpha)[0]
    browser, path = client_for(None, staff.make("finance")), f"{LEDGER}alpha/{charge.pk}/back/"
    assert browser.get(path).status_code == 200
    assert browser.post(path, {"reason": ""}).status_code == 200 and sum_of(alpha)[0] == before
    for _twice in range(2):
        assert browser.post(path, {"reason": "It was wrong"}).status_code == 302
    assert sum_of(alpha) == (before + 7, 0)
    with schema_context("alpha"):
        entry = LedgerEntry.objects.get(key=f"back:{charge.pk}")
        grant = LedgerEntry.objects.filter(kind="grant").order_by("pk")[0]
        with pytest.raises(credits.NotACharge):
            credits.give_back(grant, reason="x", actor=None, now=timezone.now())
    assert (entry.kind, entry.amount, entry.reason) == ("correction", 7, "It was wrong")
    assert AuditEntry.objects.filter(action="credits.give_back", tenant=alpha).exists()
    assert browser.post(f"{LEDGER}alpha/{grant.pk}/back/", {"reason": "x"}).status_code == 404
    for other in ("support", "operator"):
        assert client_for(None, staff.make(other)).post(path, {"reason": "x"}).status_code == 403


def test_the_ledgers_are_searched_by_cause_time_and_size(
    client_for: Any, alpha: Tenant, beta: Tenant
) -> None:
    now = timezone.now()
    spend(alpha, amount=7, key="turn:4100", at=now)
    spend(beta, amount=9, key="turn:4100_", at=now)
    browser = client_for(None, staff.make("finance"))

    def found(**wishes: str) -> set[tuple[str, str]]:
        page = browser.get(LEDGER, wishes)
        assert page.status_code == 200
        return {(tenant.slug, one.key) for one, tenant, _kind, _who in page.context["rows"]}

    assert found(key="turn:4100") == {("alpha", "turn:4100"), ("beta", "turn:4100_")}
    assert found(key="turn:4100_") == {("beta", "turn:4100_")}  # and no sign stands for others
    assert found(key="turn:", business="alpha", least="5") == {("alpha", "turn:4100")}
    assert found(key="turn:", business="alpha", least="8") == set()
    day = f"{timezone.localdate():%Y-%m-%d}"
    assert {("beta", "turn:4100_")} <= found(since=day, until=day, kind="turn")
    assert "at least four signs" in browser.get(LEDGER, {"kind": "turn"}).content.decode()
    assert "no business at this address" in browser.get(LEDGER, {"business": "nobody"}).content.decode()
    assert browser.get(LEDGER, {"key": "x\x00y", "before": "9" * 40}).status_code == 200


def test_months_add_up_in_the_business_own_time_and_as_files(client_for: Any, alpha: Tenant) -> None:
    """An answer at 23:30 of 31 October in São Paulo is October's, whatever UTC says."""
    Tenant.objects.filter(pk=alpha.pk).update(timezone="America/Sao_Paulo", name="=HYPERLINK(1)")
    alpha.refresh_from_db()
    month, late = date(2030, 10, 1), datetime(2030, 11, 1, 2, 30, tzinfo=UTC)
    opening = sum_of(alpha)[0]
    spend(alpha, amount=5, key="turn:1", at=late - timedelta(days=3))
    spend(alpha, amount=3, key="turn:2", at=late)
    spend(alpha, amount=2, key="turn:3", at=late + timedelta(hours=1))
    with schema_context("alpha"):
        october, november = (statements.of_month(alpha, one) for one in (month, statements.following(month)))
    assert (october.opening, october.closing, october.by_kind) == (opening, opening - 8, [("turn", 2, -8)])
    assert october.agrees and november.agrees and november.opening == october.closing
    assert [went for _day, _came, went in october.by_day] == [-5, -3]
    browser = client_for(None, staff.make("finance"))
    page = browser.get("/admin/finance/alpha/statement/?month=2030-10").content.decode()
    assert f"{opening - 8:,}" in page
    lines = rows(browser.get("/admin/finance/alpha/statement/?month=2030-10&form=csv"))
    assert lines[-1] == ["'=HYPERLINK(1)", "2030-10", "closing", "", str(opening - 8)]
    whole = {line[1]: line for line in rows(browser.get("/admin/finance/months.csv?month=2030-10"))[1:]}
    assert (whole["alpha"][3], whole["alpha"][-1], whole["alpha"][0]) == (
        str(opening),
        str(opening - 8),
        "'=HYPERLINK(1)",
    )
    assert AuditEntry.objects.get(action="finance.export").target == "2030-10"


def rows(answer: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_months_are_read_from_an_address() -> None:
    today = date(2030, 12, 5)
    assert statements.month_of("2031-02", today=today) == date(2031, 2, 1)
    assert {statements.month_of(text, today=today) for text in ("", "x", "2031-13", "0000-01")} == {
        date(2030, 12, 1)
    }
    assert statements.following(date(2030, 12, 1)) == date(2031, 1, 1)
    assert statements.preceding(date(2031, 1, 1)) == date(2030, 12, 1)
