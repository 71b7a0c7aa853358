"""Revenue, margins, businesses by month, old holds, disputes, and what the accountant gets."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, export_views, rollup, takings
from billing.models import Hold
from tenants.models import AuditEntry, DailyTotal, PaymentCustomer, Refund, Tenant, TopUp
from tests.tenants import staff

pytestmark = pytest.mark.django_db
NOW = datetime(2031, 5, 14, 12, tzinfo=UTC)
MAY, APRIL = date(2031, 5, 1), date(2031, 4, 1)


def paid(
    tenant: Tenant, number: int, *, at: datetime = NOW, currency: str = "brl", amount: int = 10_000
) -> TopUp:
    return TopUp.objects.create(
        tenant=tenant, status="paid", credits=1000, currency=currency, amount=amount,
        charged=amount * 11 // 10, payment_intent=f"pi_{number}", paid_at=at, created_at=at, method="card",
    )  # fmt: skip


def gone(topup: TopUp, number: int, *, kind: str = "refund", live: bool = True, at: datetime = NOW) -> Refund:
    """A fifth of it."""
    return Refund.objects.create(
        topup=topup, kind=kind, vendor_id=f"x_{number}", amount=2_200, credits=200, status="succeeded",
        is_live=live, created_at=at, reason="=HYPERLINK(1)",
    )  # fmt: skip


def rows(answer: Any) -> list[list[str]]:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return list(csv.reader(io.StringIO(content.decode())))


class TestTakings:
    def test_are_by_month_and_currency_without_tax(self, alpha: Tenant, beta: Tenant) -> None:
        first = paid(alpha, 1)
        paid(beta, 2, at=NOW - timedelta(days=30))
        paid(beta, 3, currency="eur", amount=5_000)
        gone(first, 1), gone(first, 2, kind="dispute"), gone(first, 3, live=False)
        paid(beta, 4, at=NOW - timedelta(days=400))  # longer ago than is shown
        found = takings.by_month(now=NOW)
        assert [(one.month, one.currency, one.payments, one.gross) for one in found] == [
            (MAY, "brl", 1, 10_000), (MAY, "eur", 1, 5_000), (APRIL, "brl", 1, 10_000),
        ]  # fmt: skip
        assert (found[0].refunded, found[0].disputed, found[0].net) == (2_000, 2_000, 6_000)

    def test_have_a_margin_where_each_currency_has_a_rate(self, alpha: Tenant, settings: Any) -> None:
        paid(alpha, 1)
        DailyTotal.objects.create(
            tenant=alpha, day=date(2031, 5, 3), bought=1000, spent=-400, closing=600, vendor_cost=2_500_001,
            unpriced=3, entries=2,
        )  # fmt: skip
        taken = takings.by_month(now=NOW)
        settings.EXCHANGE_RATES = {}
        [margin] = takings.margins(taken, now=NOW)
        assert (margin.margin, takings.without_rate(taken), margin.cost) == (None, ["brl"], 251)
        settings.EXCHANGE_RATES = {"brl": Decimal("5")}
        [margin] = takings.margins(taken, now=NOW)
        assert (margin.revenue, margin.margin, margin.percent, margin.unpriced) == (2_000, 1_749, 87, 3)

    def test_businesses_open_and_close_a_month_with_what_the_days_say(self, alpha: Tenant) -> None:
        for day, spent, closing in ((date(2031, 4, 9), -5, 95), (date(2031, 5, 2), -10, 85), (MAY, 0, 95)):
            DailyTotal.objects.create(tenant=alpha, day=day, spent=spent, closing=closing, entries=1)
        row = takings.totals(MAY).get(pk=alpha.pk)
        assert (row.opening, row.spent, row.closing, row.bought) == (95, -10, 85, 0)
        row = takings.totals(date(2031, 6, 1)).get(pk=alpha.pk)
        assert (row.opening, row.spent, row.closing) == (85, 0, 85)


class TestPages:
    def test_show_what_there_is_and_teach_where_there_is_nothing(
        self, client_for: Any, alpha: Tenant
    ) -> None:
        browser = client_for(None, staff.make("finance"))

        def page(name: str) -> str:
            answer = browser.get(f"/admin/finance/{name}/")
            assert answer.status_code == 200
            return str(answer.content.decode())

        assert "Nobody has bought credits yet" in page("revenue")
        assert "Nothing is reserved for too long" in page("holds")
        assert "No payment was disputed" in page("disputes")
        topup = paid(alpha, 1, at=timezone.now())
        gone(topup, 1, kind="dispute", at=timezone.now())
        PaymentCustomer.objects.create(tenant=alpha, customer_id="cus_1", frozen_at=timezone.now())
        with schema_context("alpha"):
            Hold.objects.create(key="turn:77", amount=5, created_at=timezone.now() - timedelta(hours=1))
            Hold.objects.create(key="turn:78", amount=5, created_at=timezone.now())
        revenue, disputes, holds = page("revenue"), page("disputes"), page("holds")
        assert "R$100.00" in revenue and "EXCHANGE_RATES" not in revenue
        assert "Alpha Clinic" in disputes and "R$22.00" in disputes and "Cannot buy" in disputes
        assert "turn:77" in holds and "turn:78" not in holds and "?business=alpha&amp;key=turn" in holds

    def test_are_ordered_by_what_is_known_only(self, client_for: Any, alpha: Tenant, beta: Tenant) -> None:
        today = timezone.localdate()
        DailyTotal.objects.create(tenant=beta, day=today, spent=-9, closing=1, entries=1)
        browser = client_for(None, staff.make("finance"))

        def first(order: str) -> str:
            answer = browser.get("/admin/finance/totals/", {"order": order, "month": "x", "page": "9x"})
            return str(answer.context["rows"][0][0].slug)

        assert [first(one) for one in ("spent", "", "status", "tenant__name;--")] == [
            "beta", "alpha", "alpha", "alpha",
        ]  # fmt: skip

    def test_ask_as_much_for_many_payments_as_for_two(self, client_for: Any, alpha: Tenant) -> None:
        browser = client_for(None, staff.make("finance"))
        asked = []
        for numbers in (range(2), range(2, 30)):
            for number in numbers:
                gone(paid(alpha, number, at=timezone.now()), number, kind="dispute", at=timezone.now())
            for name in ("revenue", "disputes", "totals", "requests"):
                with CaptureQueriesContext(connection) as captured:
                    assert browser.get(f"/admin/finance/{name}/").status_code == 200
                asked.append((name, len(captured)))
        few, many = dict(asked[:4]), dict(asked[4:])
        assert {name: (few[name], many[name]) for name in few if many[name] > few[name]} == {}


class TestForTheAccountant:
    def test_files_are_whole_safe_and_in_the_audit(
        self, client_for: Any, alpha: Tenant, beta: Tenant, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(connection, "close", lambda: None)  # a file is written after its request
        Tenant.objects.filter(pk=alpha.pk).update(name="=1+1")
        topup = paid(alpha, 1)
        gone(topup, 1)
        with schema_context("alpha"):
            credits.grant(amount=-3, reason="-x", key="g", actor=None, now=NOW)
        browser = client_for(None, staff.make("finance"))

        def file(what: str) -> list[list[str]]:
            answer = browser.get(f"/admin/finance/export/{what}.csv", {"month": "2031-05"})
            assert answer.status_code == 200 and f"{what}-2031-05.csv" in answer["Content-Disposition"]
            return rows(answer)

        [_head, payment] = file("payments")
        assert payment[:3] == ["'=1+1", "alpha", str(topup.pk)]
        assert payment[5:9] == ["BRL", "100.00", "110.00", "1000"]
        [_head, refund] = file("refunds")
        assert refund[6:9] == ["BRL", "22.00", "200"] and refund[-1] == "'=HYPERLINK(1)"
        [_head, entry] = file("credits")
        assert (entry[5], entry[7:]) == ("-3", ["g", "'-x"])  # a number stays one
        told = AuditEntry.objects.filter(action="finance.export").order_by("pk")
        assert [each.target for each in told] == ["payments 2031-05", "refunds 2031-05", "credits 2031-05"]
        assert browser.get("/admin/finance/export/keys.csv").status_code == 404
        stranger = client_for(None, staff.make("support"))
        assert stranger.get("/admin/finance/export/payments.csv").status_code == 403

    def test_movements_of_a_month_are_the_change_of_the_balance(
        self, alpha: Tenant, monkeypatch: Any
    ) -> None:
        with schema_context("alpha"):
            for number in range(1, 4):
                credits.grant(amount=number, reason="x", key=f"g:{number}", actor=None, now=NOW)
        rollup.refresh_all(now=NOW)
        monkeypatch.setattr(export_views, "ROWS", 2)
        pieces = list(export_views.movements(MAY))
        total = sum(int(row[5]) for piece in pieces[1:] for row in piece if row[1] == "alpha")
        assert total == 6 == DailyTotal.objects.get(tenant=alpha, day=NOW.date()).granted
