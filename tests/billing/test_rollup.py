"""Days of all businesses: summed from the ledgers, in the business's own time, and held against them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, rollup
from billing.models import CreditAccount, LedgerEntry, Usage
from tenants.models import DailyTotal, Tenant
from tests.tenants import staff

pytestmark = pytest.mark.django_db
NOON = datetime(2031, 5, 14, 12, tzinfo=UTC)
Days = dict[date, tuple[int, int, int, int, int]]


def spend(tenant: Tenant, amount: int, *, at: datetime, key: str, cost: int | None = 0) -> LedgerEntry:
    with schema_context(tenant.schema_name):
        held = credits.hold(key=key, amount=amount, now=at)
        entry = credits.settle(held, cost=amount, key=key, reason="answer", now=at)
        Usage.objects.create(key=key, model="m", credits=amount, price={}, vendor_cost=cost, created_at=at)
    assert entry is not None
    return entry


def grant(tenant: Tenant, amount: int, *, at: datetime, key: str) -> None:
    with schema_context(tenant.schema_name):
        credits.grant(amount=amount, reason="x", key=key, actor=None, now=at)


def days(tenant: Tenant) -> Days:
    rows = DailyTotal.objects.filter(tenant=tenant).order_by("day")
    return {row.day: (row.bought, row.granted, row.spent, row.taken_back, row.closing) for row in rows}


def adds_up(tenant: Tenant) -> bool:
    """Days, ledger and balance say the same."""
    with schema_context(tenant.schema_name):
        balance = CreditAccount.objects.get().balance
        entries = LedgerEntry.objects.count()
    rows = list(DailyTotal.objects.filter(tenant=tenant).order_by("day"))
    change = sum(row.bought + row.granted + row.spent + row.taken_back for row in rows)
    return change == balance == rows[-1].closing and sum(row.entries for row in rows) == entries


def test_a_day_is_the_business_own_and_closes_with_what_there_was(alpha: Tenant, beta: Tenant) -> None:
    Tenant.objects.filter(pk=alpha.pk).update(timezone="America/Sao_Paulo")
    rollup.reconcile_all(now=NOON)
    opening = list(days(alpha).values())[-1][-1]
    late = datetime(2031, 5, 14, 2, 30, tzinfo=UTC)  # still the 13th in São Paulo
    spend(alpha, 5, at=late, key="turn:1", cost=700)
    charge = spend(alpha, 3, at=NOON, key="turn:2", cost=None)
    grant(alpha, 50, at=NOON, key="gift")
    with schema_context("alpha"):
        credits.give_back(charge, reason="failed", actor=None, now=NOON)
    assert rollup.refresh_all(now=NOON) == []
    found = days(alpha)
    assert found[date(2031, 5, 13)] == (0, 0, -5, 0, opening - 5)
    assert found[date(2031, 5, 14)] == (0, 50, 0, 0, opening + 45)  # what was given back was not spent
    costs = DailyTotal.objects.filter(tenant=alpha, day__gte=date(2031, 5, 13)).order_by("day")
    assert list(costs.values_list("vendor_cost", "unpriced")) == [(700, 0), (0, 1)]
    assert adds_up(alpha) and adds_up(beta)


def test_late_entries_and_another_time_zone_are_summed_anew(alpha: Tenant) -> None:
    grant(alpha, 40, at=NOON - timedelta(days=20), key="old")
    assert rollup.refresh_all(now=NOON) == [] and adds_up(alpha)
    spend(alpha, 6, at=NOON - timedelta(days=9), key="turn:late")  # committed now, of nine days ago
    assert rollup.refresh_all(now=NOON) == [] and adds_up(alpha)
    assert days(alpha)[(NOON - timedelta(days=9)).date()][2] == -6
    spend(alpha, 2, at=datetime(2031, 5, 14, 1, tzinfo=UTC), key="turn:night")
    Tenant.objects.filter(pk=alpha.pk).update(timezone="America/Sao_Paulo")
    assert rollup.reconcile_all(now=NOON) == [] and adds_up(alpha)
    assert days(alpha)[date(2031, 5, 13)][2] == -2 and date(2031, 5, 14) not in days(alpha)


def test_summing_again_changes_nothing(alpha: Tenant, beta: Tenant) -> None:
    spend(alpha, 6, at=NOON, key="turn:1")
    rollup.refresh_all(now=NOON)
    before = days(alpha), days(beta)
    for again in (rollup.refresh_all, rollup.reconcile_all, rollup.refresh_all):
        assert again(now=NOON) == []
    assert (days(alpha), days(beta)) == before


def test_a_balance_that_the_ledger_does_not_explain_alarms_once_and_until_it_is_right(
    alpha: Tenant, client_for: Any, settings: Any
) -> None:
    settings.ADMINS = [("Operator", "operator@frontdesk.example")]
    rollup.reconcile_all(now=NOON)
    finance = client_for(None, staff.make("finance"))
    assert "differ" not in finance.get("/admin/").content.decode()
    with schema_context("alpha"):
        CreditAccount.objects.update(balance=CreditAccount.objects.get().balance + 7)
    for look in (rollup.refresh_all, rollup.reconcile_all, rollup.refresh_all):
        assert look(now=NOON) == ["alpha"]
    assert len(mail.outbox) == 1 and "alpha" in mail.outbox[0].subject
    for page in ("/admin/", "/admin/finance/", "/admin/finance/totals/"):
        assert "Alpha Clinic" in finance.get(page).content.decode()
        assert "differ" in finance.get(page).content.decode()
    assert "differ" not in client_for(None, staff.make("support")).get("/admin/").content.decode()
    with schema_context("alpha"):
        CreditAccount.objects.update(balance=CreditAccount.objects.get().balance - 7)
    assert rollup.refresh_all(now=NOON) == [] and adds_up(alpha)
    assert "differ" not in finance.get("/admin/").content.decode()


def test_many_businesses_cost_one_statement_a_batch(alpha: Tenant, beta: Tenant) -> None:
    rollup.reconcile_all(now=NOON)
    spend(alpha, 6, at=NOON, key="turn:1")
    spend(beta, 6, at=NOON, key="turn:1")
    with CaptureQueriesContext(connection) as captured:
        rollup.refresh_all(now=NOON)
    sums = [each for each in captured.captured_queries if "billing_ledgerentry" in each["sql"]]
    assert len(sums) == 1 and len(captured) <= 10


def test_a_business_whose_tables_are_being_changed_does_not_stop_the_others(
    transactional_db: None, background: Any
) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE beta.billing_usage RENAME TO billing_usage_away")
    try:
        assert rollup.refresh_all(now=timezone.now()) == []
        assert adds_up(alpha)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE beta.billing_usage_away RENAME TO billing_usage")
