"""B3: each of the vendor's events five times, in any order, forged or never: each payment counts once."""

import json
import random
from typing import Any

import pytest
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

from billing import credits, rollup
from billing.models import CreditAccount, LedgerEntry
from tenants.models import PaymentCustomer, PaymentEvent, Tenant, TopUp
from tests.billing.till import Till
from tests.counterparts.stripe import Stripe, signed

pytestmark = pytest.mark.django_db
TOLD = {
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "payment_method.detached",
    "customer.deleted",
}


@pytest.fixture
def till(alpha: Tenant, stripe: Stripe, settings: Any) -> Till:
    return Till(alpha, stripe, settings)


def a_life(till: Till) -> int:
    """Everything that may happen to payments, nothing of it told yet; what the credits must be in the end."""
    account, opening = till.stripe.account, CreditAccount.objects.get().balance
    by_card, by_boleto, unpaid, dropped, lost, asked = (
        till.start(credits=number * 100, amount=number * 1_000) for number in range(10, 16)
    )
    for topup in (by_card, lost, asked):
        account.pay_session(str(topup.session_id))
    for topup in (by_boleto, unpaid):
        account.pay_session(str(topup.session_id), method="boleto")
        account.decide_session(str(topup.session_id), paid=topup is by_boleto)
    account.expire_session(str(dropped.session_id))
    intent = {
        topup.pk: account.sessions[str(topup.session_id)]["payment_intent"]
        for topup in (by_card, by_boleto, lost, asked)
    }
    account.create_refund({"payment_intent": intent[by_card.pk], "amount": "2000"})  # a fifth stays back
    failed = account.create_refund({"payment_intent": intent[by_card.pk], "amount": "5000"})
    account.decide_refund(failed["id"], status="failed")
    account.decide_dispute(account.dispute_payment(intent[lost.pk])["id"], won=False)
    account.decide_dispute(account.dispute_payment(intent[by_boleto.pk])["id"], won=True)
    account.decide_dispute(account.dispute_payment(intent[asked.pk], inquiry=True)["id"], won=True)
    card = account.new_card()
    card["customer"] = account.sessions[str(by_card.session_id)]["customer"]
    account.detach(card["id"])
    account.delete_customer(account.sessions[str(by_card.session_id)]["customer"])
    till.collect()
    return opening + (1_000 - 200) + 1_100 + 1_500


def look_right(till: Till, balance: int) -> None:
    assert CreditAccount.objects.get().balance == balance
    assert LedgerEntry.objects.aggregate(total=Sum("amount"))["total"] == balance
    assert credits.discrepancies() == 0 and rollup.refresh_one(till.tenant, now=timezone.now())
    statuses = list(TopUp.objects.order_by("pk").values_list("status", flat=True))
    assert statuses == ["paid", "paid", "failed", "expired", "paid", "paid"]
    payer = PaymentCustomer.objects.get()
    assert payer.frozen_at is None and payer.gone_at is not None
    assert not PaymentEvent.objects.filter(status__in=["new", "failed"]).exists()


@pytest.mark.parametrize("seed", range(2))
def test_each_event_five_times_and_in_any_order(till: Till, seed: int) -> None:
    balance = a_life(till)
    events, till.waiting = till.waiting, []
    assert {each["type"] for each in events} >= TOLD
    told = events * 5
    random.Random(seed).shuffle(told)
    for event in told:
        assert till.deliver(event) == 200
    look_right(till, balance)
    assert PaymentEvent.objects.count() == len(events)
    once = LedgerEntry.objects.values_list("key", flat=True)
    assert len(once) == len(set(once))


def test_none_of_them_and_the_night_finds_all(till: Till) -> None:
    balance = a_life(till)
    till.waiting.clear()
    till.sweep()
    look_right(till, balance)
    entries = LedgerEntry.objects.count()
    till.sweep()
    assert LedgerEntry.objects.count() == entries


def test_what_is_forged_stale_or_somebody_elses_moves_nothing(till: Till, beta: Tenant) -> None:
    topup = till.start()
    till.pay(topup)
    [event] = [each for each in till.waiting if each["type"] == "checkout.session.completed"]
    before, browser = CreditAccount.objects.get().balance, Client(headers={"host": "localhost"})
    body = json.dumps(event).encode()
    header = signed(body)["stripe-signature"]
    forged = {
        "none": (body, ""),
        "another secret": (body, signed(body, secret="whsec_other")["stripe-signature"]),
        "ten minutes old": (body, signed(body, at=timezone.now().timestamp() - 600)["stripe-signature"]),
        "written anew": (json.dumps(event, indent=1).encode(), header),
        "another amount": (body.replace(b'"amount_subtotal": 10000', b'"amount_subtotal": 1'), header),
    }
    for what, (sent, signature) in forged.items():
        answer = browser.post(
            "/payments/events", sent, content_type="application/json", headers={"stripe-signature": signature}
        )
        assert answer.status_code == 400, what
    till.enter()
    assert not PaymentEvent.objects.exists() and CreditAccount.objects.get().balance == before
    # Signed, and not what was ordered: an amount, a currency, another business's number.
    session = till.stripe.account.sessions[str(topup.session_id)]
    other = TopUp.objects.create(
        tenant=beta, credits=5_000, currency="brl", amount=10_000, customer_id="cus_b"
    )
    for wrong in ({"amount_subtotal": 1}, {"currency": "usd"}, {"client_reference_id": str(other.pk)}):
        right = dict(session)
        session |= wrong
        assert till.deliver({**event, "id": f"evt_{next(iter(wrong))}"}) == 200
        session |= right
    till.enter()
    parked = PaymentEvent.objects.filter(status="failed", next_try_at=None)
    assert parked.count() == 3 and all(each.error for each in parked)
    assert CreditAccount.objects.get().balance == before
    assert TopUp.objects.get(pk=other.pk).status == "pending"
    assert till.deliver(event) == 200  # and the right one counts
    assert CreditAccount.objects.get().balance == before + topup.credits
