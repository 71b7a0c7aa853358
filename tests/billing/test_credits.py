"""The ledger: once, never below zero, nothing lost."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Sum
from django.db.utils import DatabaseError
from django.utils import timezone

from billing import credits, usage
from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from providers import llm
from tenants.models import Tenant


def grant(amount: int, key: str) -> LedgerEntry:
    with transaction.atomic():
        return credits.grant(amount=amount, reason="test", key=key, actor=None, now=timezone.now())


def start_with(amount: int) -> None:
    """An account of exactly so many credits, all of them explained."""
    balance = CreditAccount.objects.get().balance
    if amount != balance:
        grant(amount - balance, "start")


def balanced() -> bool:
    account = CreditAccount.objects.get()
    entries = LedgerEntry.objects.aggregate(total=Sum("amount"))["total"] or 0
    held = Hold.objects.filter(status="held").aggregate(total=Sum("amount"))["total"] or 0
    return (account.balance, account.held) == (entries, held) and 0 <= held <= entries


class TestLedger:
    def test_a_hold_is_settled_at_what_was_used(self, in_alpha: Tenant) -> None:
        start_with(100)
        hold = credits.hold(key="turn:1", amount=20, now=timezone.now())
        entry = credits.settle(hold, cost=7, key="turn:1", reason="answer", now=timezone.now())
        assert entry is not None and (entry.amount, entry.balance_after) == (-7, 93)
        assert balanced() and CreditAccount.objects.get().held == 0

    def test_the_same_cause_happens_once(self, in_alpha: Tenant) -> None:
        start_with(100)
        hold = credits.hold(key="turn:1", amount=20, now=timezone.now())
        assert credits.hold(key="turn:1", amount=20, now=timezone.now()).pk == hold.pk
        for _ in range(3):
            credits.settle(hold, cost=7, key="turn:1", reason="answer", now=timezone.now())
        credits.release(hold, now=timezone.now())
        grant(50, "gift")
        grant(50, "gift")
        assert CreditAccount.objects.get().balance == 143
        assert balanced()

    def test_a_failed_answer_is_free(self, in_alpha: Tenant) -> None:
        start_with(100)
        credits.release(credits.hold(key="turn:1", amount=20, now=timezone.now()), now=timezone.now())
        assert CreditAccount.objects.get().balance == 100 and balanced()

    def test_more_than_was_held_is_taken_only_as_far_as_there_is(self, in_alpha: Tenant) -> None:
        start_with(10)
        hold = credits.hold(key="turn:1", amount=4, now=timezone.now())
        entry = credits.settle(hold, cost=1000, key="turn:1", reason="answer", now=timezone.now())
        assert entry is not None and entry.amount == -10 and CreditAccount.objects.get().balance == 0

    def test_what_is_not_there_cannot_be_held_or_taken_back(self, in_alpha: Tenant) -> None:
        start_with(10)
        with pytest.raises(credits.InsufficientCredits):
            credits.hold(key="turn:1", amount=11, now=timezone.now())
        with pytest.raises(credits.InsufficientCredits):
            grant(-11, "back")
        assert balanced()

    def test_the_database_refuses_to_change_the_past(self, in_alpha: Tenant) -> None:
        entry = grant(5, "gift")
        for statement in (
            "UPDATE billing_ledgerentry SET amount = 500 WHERE id = %s",
            "DELETE FROM billing_ledgerentry WHERE id = %s",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement, [entry.pk])
        assert LedgerEntry.objects.get(pk=entry.pk).amount == 5

    def test_what_was_used_is_kept_with_the_price_it_had_for_good(self, in_alpha: Tenant) -> None:
        now = timezone.now()
        price = credits.price_for("anything", at=now)
        used = llm.Usage(input_tokens=1200, output_tokens=80)
        row = usage.of_tokens(key="turn:1", model="anything", tokens=used, cost=4, price=price, now=now)
        assert (row.credits, row.input_tokens) == (4, 1200)
        assert row.price["input_per_million"] == price.input_per_million
        with pytest.raises(DatabaseError), transaction.atomic():
            Usage.objects.filter(pk=row.pk).update(credits=0)
        with pytest.raises(DatabaseError), transaction.atomic():
            row.delete()

    def test_a_hold_that_somebody_works_on_is_no_orphan(self, in_alpha: Tenant) -> None:
        start_with(100)
        now = timezone.now()
        kept, lost = (credits.hold(key=key, amount=5, now=now) for key in ("turn:1", "turn:2"))
        later = now + timedelta(minutes=5)
        assert credits.release_orphans(keep=[kept.pk], older_than=later, now=later) == 1
        lost.refresh_from_db()
        assert lost.status == Hold.Status.RELEASED and CreditAccount.objects.get().held == 5
        assert balanced()

    def test_two_businesses_do_not_share_a_purse(self, in_alpha: Tenant, beta: Tenant) -> None:
        connection.set_tenant(beta)
        before = CreditAccount.objects.get().balance
        connection.set_tenant(in_alpha)
        grant(77, "gift")
        connection.set_tenant(beta)
        assert CreditAccount.objects.get().balance == before
        assert not LedgerEntry.objects.filter(key="gift").exists()

    def test_a_price_is_the_newest_that_has_begun(self, in_alpha: Tenant) -> None:
        from billing.models import Price

        old = Price.objects.get(model="*")
        Price.objects.create(
            model="*", input_per_million=9, output_per_million=9, cache_read_per_million=9,
            cache_write_per_million=9, effective_from=timezone.now() + timedelta(days=1),
        )  # fmt: skip
        assert credits.price_for("unheard-of", at=timezone.now()).pk == old.pk
        assert credits.price_for("unheard-of", at=timezone.now() + timedelta(days=2)).input_per_million == 9


def test_fifty_at_once_spend_what_there_is_and_not_more(transactional_db: None) -> None:
    tenant = Tenant.objects.get(slug="alpha")
    connection.set_tenant(tenant)
    start_with(10)
    outcomes: list[str] = []
    together = threading.Barrier(50)

    def spend(worker: int) -> None:
        connection.set_tenant(tenant)
        together.wait()
        for turn in range(4):
            outcomes.append(_spend_one(f"turn:{worker}:{turn}"))
        connection.close()

    threads = [threading.Thread(target=spend, args=(worker,)) for worker in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.set_tenant(tenant)
    assert outcomes.count("spent") == 10 and len(outcomes) == 200
    assert CreditAccount.objects.get().balance == 0 and balanced()


def _spend_one(key: str) -> str:
    try:
        with transaction.atomic():
            hold = credits.hold(key=key, amount=1, now=timezone.now())
        with transaction.atomic():
            credits.settle(hold, cost=1, key=key, reason="answer", now=timezone.now())
    except credits.InsufficientCredits:
        return "refused"
    return "spent"
