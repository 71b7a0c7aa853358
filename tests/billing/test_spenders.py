"""B2 and B5: many processes spend at once and never more than there is; the database lets nobody rewrite it.

`make spenders` has 200 spenders on 50 credits in ten processes; SPENDERS, as "10x20:50", says otherwise.
"""

import json
import os
import subprocess
import sys
from typing import Any

import psycopg
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from billing import credits
from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from tenants.models import Tenant

PRODUCT = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_POOL_MAX": "14"}


def start_with(amount: int) -> None:
    with transaction.atomic():
        change = amount - CreditAccount.objects.get().balance
        credits.grant(amount=change, reason="x", key="start", actor=None, now=timezone.now())


def test_nobody_spends_what_another_process_has_spent(transactional_db: None) -> None:
    size, _colon, there = os.environ.get("SPENDERS", "2x20:10").partition(":")
    processes, threads = (int(number) for number in size.split("x"))
    connection.set_tenant(Tenant.objects.get(slug="alpha"))
    start_with(int(there))
    command = [sys.executable, "-m", "tests.billing.spenders"]
    sizes = ["--processes", str(processes), "--threads", str(threads)]
    spenders = subprocess.Popen(
        [*command, *sizes], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=PRODUCT
    )
    try:
        assert spenders.stdout and spenders.stdout.readline() == "ready\n"
        became = json.loads(spenders.communicate("go\n", timeout=120)[0])
    finally:
        spenders.kill()
        spenders.wait()
    spent, refused = (became.get(name, 0) for name in ("spent", "refused"))
    assert (spent, refused) == (int(there), processes * threads - int(there))
    account, entries = CreditAccount.objects.get(), LedgerEntry.objects.aggregate(total=Sum("amount"))
    assert (account.balance, account.held, entries["total"]) == (0, 0, 0)
    assert LedgerEntry.objects.filter(kind="turn").count() == spent
    assert Hold.objects.filter(status="settled").count() == spent
    assert not Hold.objects.filter(status="held").exists() and credits.discrepancies() == 0


def app_role() -> Any:
    """A connection as the product has it: its own role, not a role of the tests."""
    from django.conf import settings

    return psycopg.connect(settings.TEST_DATABASE_URL, autocommit=True, options="-c search_path=alpha,public")


REWRITES = [
    "UPDATE billing_ledgerentry SET amount = amount + 1",
    "UPDATE billing_ledgerentry SET reason = 'x' WHERE key = 'start'",
    "DELETE FROM billing_ledgerentry",
    "TRUNCATE billing_ledgerentry",
    "TRUNCATE billing_ledgerentry CASCADE",
    "UPDATE billing_usage SET credits = 0",
    "DELETE FROM billing_usage",
    "TRUNCATE billing_usage",
    "INSERT INTO billing_ledgerentry (kind, amount, balance_after, key, reason, created_at) "
    "VALUES ('grant', 1, 1, 'start', 'x', now())",
    "INSERT INTO billing_ledgerentry (kind, amount, balance_after, key, reason, created_at) "
    "VALUES ('grant', 0, 1, 'nothing', 'x', now())",
    "UPDATE billing_creditaccount SET balance = -1",
    "INSERT INTO billing_creditaccount (id, balance, held) VALUES (2, 0, 0)",
    "MERGE INTO billing_ledgerentry USING (VALUES (1)) AS one ON true WHEN MATCHED THEN DELETE",
]


def test_the_database_refuses_to_rewrite_what_money_did(transactional_db: None) -> None:
    connection.set_tenant(Tenant.objects.get(slug="alpha"))
    start_with(7)
    Usage.objects.create(key="turn:1", model="m", credits=1, price={})
    before = list(LedgerEntry.objects.order_by("pk").values_list())
    taken = []
    with app_role() as database:
        for statement in REWRITES:
            try:
                database.execute(statement)
                taken.append(statement)
            except psycopg.Error:
                continue
    assert taken == []
    assert list(LedgerEntry.objects.order_by("pk").values_list()) == before
    assert Usage.objects.get().credits == 1 and CreditAccount.objects.get().balance == 7
