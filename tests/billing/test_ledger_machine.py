"""B1: whatever happens to credits and payments, in any order, repeated or lost: the books are right.

Top-ups by card, by boleto and by themselves, refunds by finance and at the vendor, disputes won and lost,
holds, settlements, releases, charges given back, grants and corrections, each event delivered in any order,
several times or never: after each step the entries add up to the balance and to the days' sums, work never
takes it below zero, and no payment or refund counts twice. When everything was told or swept, the ledger says
what the vendor says. `make ledger` goes 10,000 steps; LEDGER_STEPS says how many otherwise.
"""

import os
import uuid
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing import asking, credits, payers, recharging, rollup
from billing.models import CreditAccount, Hold, LedgerEntry
from providers.payment_objects import LIVE_REFUNDS
from tenants.models import CreditRequest, DailyTotal, PaymentCustomer, Tenant, TopUp
from tests.billing.till import Till
from tests.counterparts.stripe import Stripe

STEPS = int(os.environ.get("LEDGER_STEPS", "120"))
A_RUN = 40 if STEPS < 1000 else 100  # steps from one beginning
BOUGHT = ("topup", "refund", "dispute")


def total(kinds: tuple[str, ...] = ()) -> int:
    entries = LedgerEntry.objects.filter(kind__in=kinds) if kinds else LedgerEntry.objects.all()
    return int(entries.aggregate(total=Sum("amount", default=0))["total"])


class Books(RuleBasedStateMachine):
    """One business's ledger and its account at the vendor."""

    tenant: Tenant
    vendor: Stripe
    settings: Any

    def __init__(self) -> None:
        super().__init__()
        self.savepoint: Any = transaction.atomic()
        self.savepoint._from_testcase = True  # what opens its own outermost transaction may do so inside
        self.savepoint.__enter__()
        self.till = Till(self.tenant, self.vendor, self.settings)
        self.opening = total()
        self.topups: list[TopUp] = []
        self.holds: list[Hold] = []
        self.told: list[dict[str, Any]] = []  # events that were delivered, and may come again

    def teardown(self) -> None:
        try:
            self.everything_is_told()
        finally:
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    # -- work

    @rule(amount=st.integers(1, 400))
    def hold(self, amount: int) -> None:
        available = CreditAccount.objects.get().available
        key = f"turn:{uuid.uuid4().int % 10**15}"
        try:
            with transaction.atomic():
                self.holds.append(credits.hold(key=key, amount=amount, now=timezone.now()))
        except credits.InsufficientCredits:
            assert available < amount

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), cost=st.integers(0, 900), again=st.booleans())
    def settle(self, data: Any, cost: int, again: bool) -> None:
        hold = data.draw(st.sampled_from(self.holds))
        for _time in range(1 + again):
            credits.settle(hold, cost=cost, key=hold.key, reason="answer", now=timezone.now())

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        credits.release(data.draw(st.sampled_from(self.holds)), now=timezone.now())

    @rule(data=st.data(), again=st.booleans())
    def give_back(self, data: Any, again: bool) -> None:
        charges = list(LedgerEntry.objects.filter(kind="turn").order_by("pk"))
        if charges:
            charge = data.draw(st.sampled_from(charges))
            for _time in range(1 + again):
                credits.give_back(charge, reason="not delivered", actor=None, now=timezone.now())

    @rule(amount=st.integers(-500, 500).filter(bool))
    def adjust(self, amount: int) -> None:
        available = CreditAccount.objects.get().available
        try:
            with transaction.atomic():
                credits.grant(
                    amount=amount, reason="x", key=f"staff:{uuid.uuid4()}", actor=None, now=timezone.now()
                )
        except credits.InsufficientCredits:
            assert amount < 0 and available + amount < 0

    # -- payments

    @rule(credits=st.integers(100, 2000), cents=st.integers(500, 20_000))
    def top_up(self, credits: int, cents: int) -> None:
        try:
            topup = self.till.start(credits=credits, amount=cents)
        except payers.Frozen:
            self.till.enter()
            assert PaymentCustomer.objects.exclude(frozen_at=None).exists()
        else:
            if topup.pk not in {each.pk for each in self.topups}:
                self.topups.append(topup)

    def _open(self) -> list[TopUp]:
        sessions = self.vendor.account.sessions
        return [each for each in self.topups if sessions[str(each.session_id)]["status"] == "open"]

    @precondition(lambda self: self._open())
    @rule(data=st.data(), method=st.sampled_from(["card", "card", "boleto"]))
    def pay(self, data: Any, method: str) -> None:
        self.till.pay(data.draw(st.sampled_from(self._open())), method=method)

    @precondition(lambda self: self._open())
    @rule(data=st.data())
    def expire(self, data: Any) -> None:
        self.vendor.account.expire_session(str(data.draw(st.sampled_from(self._open())).session_id))
        self.till.collect()

    def _processing(self) -> list[str]:
        account = self.vendor.account
        waiting = [key for key, one in account.intents.items() if one["status"] == "processing"]
        return [key for key, one in account.sessions.items() if one["payment_intent"] in waiting]

    @precondition(lambda self: self._processing())
    @rule(data=st.data(), paid=st.booleans())
    def bank_decides(self, data: Any, paid: bool) -> None:
        self.vendor.account.decide_session(data.draw(st.sampled_from(self._processing())), paid=paid)
        self.till.collect()

    @rule(said=st.sampled_from(["ok", "ok", "processing", "insufficient_funds", "authentication_required"]))
    def recharge(self, said: str) -> None:
        """The saved card is charged by itself, or its bank says no."""
        balance = CreditAccount.objects.get().balance
        try:
            payer = self.till.with_card()
        except payers.Frozen:
            return self.till.enter()
        self.vendor.account.answers[payer.payment_method] = said
        self.till.recharging(below=balance + 1, up_to=balance + 300)
        topup = recharging.begin(now=timezone.now())
        if topup is not None:
            recharging.pay(topup, now=timezone.now())
        self.till.enter()
        self.till.collect()

    def _charging(self) -> list[str]:
        account = self.vendor.account
        by_hand = {one["payment_intent"] for one in account.sessions.values()}
        waiting = [key for key, one in account.intents.items() if one["status"] == "processing"]
        return [key for key in waiting if key not in by_hand]

    @precondition(lambda self: self._charging())
    @rule(data=st.data(), paid=st.booleans())
    def bank_decides_a_charge(self, data: Any, paid: bool) -> None:
        self.vendor.account.decide_intent(data.draw(st.sampled_from(self._charging())), paid=paid)
        self.till.collect()

    def _paid(self) -> list[TopUp]:
        return list(TopUp.objects.filter(status="paid").order_by("pk"))

    @rule(data=st.data(), share=st.floats(0.05, 1))
    def finance_refunds(self, data: Any, share: float) -> None:
        found = [each for each in self._paid() if asking.left_to_refund(each) > 0]
        if found:
            topup = data.draw(st.sampled_from(found))
            amount = max(1, int(asking.left_to_refund(topup) * share))
            key, now = f"refund:{uuid.uuid4()}", timezone.now()
            asking.for_refund(topup, amount=amount, reason="x", key=key, asker=self.till.asker, now=now)

    @rule(fault=st.sampled_from(["", "", "status", "after_reset"]))
    def refunds_are_sent(self, fault: str) -> None:
        if fault:
            self.vendor.fail_next("refunds", fault, times=3)
        for pk in CreditRequest.objects.filter(status="allowed").order_by("pk").values_list("pk", flat=True):
            due = CreditRequest.objects.get(pk=pk).next_try_at
            asking.send_one_back(pk, now=max(due, timezone.now()))
            self.till.enter()
        self.vendor.app.next_faults.clear()
        self.till.collect()

    def _charges(self) -> list[dict[str, Any]]:
        charges = self.vendor.account.charges.values()
        return [one for one in charges if not one["disputed"] and one["amount_refunded"] < one["amount"]]

    @precondition(lambda self: self._charges())
    @rule(data=st.data(), share=st.floats(0.05, 1))
    def vendor_refunds(self, data: Any, share: float) -> None:
        """In the vendor's own dashboard."""
        charge = data.draw(st.sampled_from(self._charges()))
        amount = max(1, int((charge["amount"] - charge["amount_refunded"]) * share))
        self.vendor.account.create_refund({"payment_intent": charge["payment_intent"], "amount": str(amount)})
        self.till.collect()

    @rule(data=st.data())
    def refund_fails(self, data: Any) -> None:
        account = self.vendor.account
        sent = [key for key, one in account.refunds.items() if one["status"] == "succeeded"]
        if sent:
            account.decide_refund(data.draw(st.sampled_from(sent)), status="failed")
            self.till.collect()

    @precondition(lambda self: self._charges())
    @rule(data=st.data(), inquiry=st.booleans())
    def dispute(self, data: Any, inquiry: bool) -> None:
        charge = data.draw(st.sampled_from(self._charges()))
        self.vendor.account.dispute_payment(charge["payment_intent"], inquiry=inquiry)
        self.till.collect()

    @rule(data=st.data(), won=st.booleans())
    def dispute_ends(self, data: Any, won: bool) -> None:
        account = self.vendor.account
        is_open = ("needs_response", "warning_needs_response")
        found = [key for key, one in account.disputes.items() if one["status"] in is_open]
        if found:
            account.decide_dispute(data.draw(st.sampled_from(found)), won=won)
            self.till.collect()

    # -- what the vendor tells

    @precondition(lambda self: self.till.waiting)
    @rule(data=st.data(), times=st.integers(1, 3))
    def is_told(self, data: Any, times: int) -> None:
        event = self.till.waiting.pop(data.draw(st.integers(0, len(self.till.waiting) - 1)))
        assert self.till.deliver(event, times=times) == 200
        self.told.append(event)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def is_told_again(self, data: Any) -> None:
        before = total()
        assert self.till.deliver(data.draw(st.sampled_from(self.told))) == 200
        assert total() == before

    @precondition(lambda self: self.till.waiting)
    @rule(data=st.data())
    def is_lost(self, data: Any) -> None:
        self.till.waiting.pop(data.draw(st.integers(0, len(self.till.waiting) - 1)))

    @rule()
    def night(self) -> None:
        self.till.sweep()

    # -- what must hold

    @invariant()
    def books_are_right(self) -> None:
        account = CreditAccount.objects.get()
        held = Hold.objects.filter(status="held").aggregate(total=Sum("amount", default=0))["total"]
        assert (account.balance, account.held) == (total(), held)
        assert account.available + account.owed >= 0
        if not LedgerEntry.objects.filter(kind__in=("refund", "dispute"), amount__lt=0).exists():
            assert account.available >= 0 and account.owed == 0
        last = LedgerEntry.objects.order_by("-pk").first()
        assert last is not None and last.balance_after == account.balance

    @invariant()
    def days_say_the_same(self) -> None:
        assert rollup.refresh_one(self.tenant, now=timezone.now())
        sums = DailyTotal.objects.filter(tenant=self.tenant).aggregate(
            **{f"sum_{name}": Sum(name, default=0) for name in rollup.CHANGES}
        )
        assert sum(sums.values()) == CreditAccount.objects.get().balance

    @invariant()
    def never_two_charges_at_once(self) -> None:
        assert TopUp.objects.filter(kind="auto", status__in=TopUp.OPEN).count() <= 1

    @invariant()
    def no_payment_counts_twice(self) -> None:
        keys = list(LedgerEntry.objects.filter(kind="topup").values_list("key", flat=True))
        assert len(keys) == len(set(keys)) == len(self._paid())
        for topup in self._paid():
            assert 0 <= topup.refunded_credits <= topup.credits

    def everything_is_told(self) -> None:
        """The night after: the ledger says of every payment what the vendor says."""
        self.refunds_are_sent("")
        self.till.sweep()
        self.till.sweep()
        account = self.vendor.account
        for intent, payment in account.intents.items():
            topup = TopUp.objects.get(pk=payment["metadata"]["topup"])
            assert (topup.status == "paid") == (payment["status"] == "succeeded")
            out = self._out(intent)
            if topup.status == "paid":
                assert topup.refunded_amount == out
                assert abs(topup.refunded_credits * topup.charged - topup.credits * out) <= 2 * topup.charged
        paid = self._paid()
        assert total(BOUGHT) == sum(each.credits - each.refunded_credits for each in paid)
        ends = ("won", "lost", "closed")
        is_open = any(not one["status"].endswith(ends) for one in account.disputes.values())
        assert PaymentCustomer.objects.exclude(frozen_at=None).exists() == is_open
        self.books_are_right(), self.days_say_the_same()

    def _out(self, intent: str) -> int:
        """Cents of a payment that are not in the vendor's account any more."""
        account = self.vendor.account
        refunds = [one for one in account.refunds.values() if one["payment_intent"] == intent]
        disputes = [one for one in account.disputes.values() if one["payment_intent"] == intent]
        back = sum(one["amount"] for one in refunds if one["status"] in LIVE_REFUNDS)
        lost = [one for one in disputes if sum(each["amount"] for each in one["balance_transactions"]) < 0]
        return back + sum(one["amount"] for one in lost)


def test_the_books_are_right_whatever_happens(in_alpha: Tenant, stripe: Stripe, settings: Any) -> None:
    settings.SECOND_PAIR_OF_EYES = settings.REFUND_SECOND_PAIR_OF_EYES = 10**9
    machine = type("Books", (Books,), {"tenant": in_alpha, "vendor": stripe, "settings": settings})
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=max(1, STEPS // A_RUN),
            stateful_step_count=A_RUN,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
