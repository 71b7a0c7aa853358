"""Money that goes back takes its credits along, never more; disputes freeze; what is owed comes first."""

import random
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, refunds
from billing.models import CreditAccount
from tenants.models import PaymentCustomer, Refund, TopUp
from tenants.notices import Notification
from tests.billing.buyer import Buyer

pytestmark = pytest.mark.django_db


def send_back(buyer: Buyer, topup: TopUp, amount: int = 0, **more: Any) -> str:
    """In the vendor's own dashboard; the refund's id."""
    wanted = {"payment_intent": topup.payment_intent, **more}
    return str(buyer.stripe.account.create_refund({**wanted, **({"amount": amount} if amount else {})})["id"])


def taken(buyer: Buyer) -> list[int]:
    return [amount for _key, amount in buyer.entries("refund", "dispute")]


def spend(buyer: Buyer, amount: int) -> None:
    with schema_context(buyer.tenant.schema_name):
        held = credits.hold(key=f"turn:{amount}", amount=amount, now=timezone.now())
        credits.settle(held, cost=amount, key=held.key, reason="answer", now=timezone.now())


def account(buyer: Buyer) -> CreditAccount:
    with schema_context(buyer.tenant.schema_name):
        return CreditAccount.objects.get()


def test_parts_take_their_part_and_the_last_cent_takes_the_rest(buyer: Buyer, settings: Any) -> None:
    settings.STRIPE_TAX, buyer.stripe.account.tax_percent = True, 17
    topup, before = buyer.bought("free", amount="100.01"), buyer.balance()
    assert (topup.credits, topup.charged) == (1000, 11_701)
    for amount in (3_900, 3_900, 3_901):
        refund = send_back(buyer, topup, amount)
        assert buyer.stripe.account.refunds[refund]["amount"] == amount
        buyer.told()
    assert taken(buyer) == [-333, -334, -333] and buyer.balance() == before - 1000
    fresh = buyer.fresh(topup)
    assert (fresh.refunded_amount, fresh.refunded_credits) == (11_701, 1000)
    assert "1,000" in buyer.page(topup) and "taken back: 333 credits" in buyer.page(topup)


def test_events_of_a_refund_come_in_any_order_and_five_times(buyer: Buyer) -> None:
    """Also before we know of the payment itself."""
    topup, chance = buyer.buy(), random.Random(3)
    before = buyer.balance()
    buyer.pay(topup)
    intent = buyer.stripe.account.sessions[str(topup.session_id)]["payment_intent"]
    first = send_back(buyer, TopUp(payment_intent=intent), 5_000, _status="pending")
    send_back(buyer, TopUp(payment_intent=intent), 10_000)
    buyer.stripe.account.decide_refund(first, status="failed")
    news = buyer.stripe.news() * 5
    chance.shuffle(news)
    refund_first = sorted(news, key=lambda event: not event["type"].startswith("refund"))
    buyer.told(refund_first)
    assert buyer.balance() == before + 1000 and buyer.fresh(topup).refunded_credits == 1000
    assert {row.status for row in Refund.objects.all()} == {"failed", "succeeded"}
    assert {event.status for event in buyer.events()} == {"done", "ignored"}


def test_a_refund_that_fails_gives_the_credits_again(buyer: Buyer) -> None:
    topup, before = buyer.bought(), buyer.balance()
    refund = send_back(buyer, topup, 7_777, _status="pending")
    buyer.told()
    assert taken(buyer) == [-778]
    buyer.stripe.account.decide_refund(refund, status="failed")
    buyer.told()
    assert taken(buyer) == [-778, 778] and buyer.balance() == before
    keys = [key for key, _amount in buyer.entries("refund")]
    assert keys == [f"refund:{refund}", f"refund:{refund}:2"]
    assert buyer.fresh(topup).refunded_amount == 0
    stale = refunds.Outflow("refund", refund, 7_777, "brl", "succeeded", "", True)
    refunds.take_over(topup.pk, stale, now=timezone.now())  # fetched before, written after
    assert buyer.balance() == before


def test_below_zero_work_waits_and_the_next_purchase_covers_it_first(buyer: Buyer) -> None:
    topup = buyer.bought()
    spend(buyer, buyer.balance() - 300)
    with schema_context(buyer.tenant.schema_name):
        under_way = credits.hold(key="turn:7", amount=200, now=timezone.now())
    send_back(buyer, topup)
    buyer.told()
    assert (account(buyer).balance, account(buyer).held, account(buyer).owed) == (-1700, 200, 1900)
    assert "the next purchase covers it first" in buyer.page()
    with schema_context(buyer.tenant.schema_name):
        with pytest.raises(credits.InsufficientCredits):
            credits.hold(key="turn:8", amount=1, now=timezone.now())
        # What was reserved before the refund came is paid out of what it had reserved.
        entry = credits.settle(under_way, cost=150, key="turn:7", reason="answer", now=timezone.now())
    assert entry is not None and entry.amount == -150
    assert (account(buyer).balance, account(buyer).held, account(buyer).owed) == (-1850, 0, 1850)
    buyer.bought(buyer.small)
    assert (account(buyer).balance, account(buyer).owed) == (-1350, 1350)
    buyer.bought("free", amount="200.10")
    assert (account(buyer).balance, account(buyer).owed) == (651, 0)
    spend(buyer, 651)


def test_a_dispute_takes_freezes_and_gives_back_when_won(buyer: Buyer) -> None:
    topup, before = buyer.bought(keeps_card="on"), buyer.balance()
    dispute = buyer.stripe.account.dispute_payment(str(topup.payment_intent))["id"]
    buyer.told(reversed(buyer.stripe.news()))
    assert taken(buyer) == [-2000] and PaymentCustomer.objects.get().frozen_at
    assert "disputes one of your payments" in buyer.page()
    assert buyer.order().status_code == 200 and len(buyer.stripe.account.sessions) == 1
    buyer.stripe.account.decide_dispute(dispute, won=True)
    buyer.told(buyer.stripe.news() * 2)
    assert taken(buyer) == [-2000, 2000] and buyer.balance() == before
    assert PaymentCustomer.objects.get().frozen_at is None
    told = (
        Notification.objects.filter(tenant=buyer.tenant, kind__contains="disput")
        .order_by("pk")
        .values_list("kind", flat=True)
    )
    assert list(told) == ["payment_disputed", "dispute_over"]
    buyer.bought(buyer.small)


def test_a_lost_dispute_keeps_the_credits_and_sells_again(buyer: Buyer) -> None:
    topup = buyer.bought()
    dispute = buyer.stripe.account.dispute_payment(str(topup.payment_intent), amount=5_000)["id"]
    buyer.told()
    buyer.stripe.account.decide_dispute(dispute, won=False)
    buyer.told()
    assert taken(buyer) == [-500] and PaymentCustomer.objects.get().frozen_at is None
    assert Refund.objects.get().status == "lost"


def test_an_inquiry_takes_nothing(buyer: Buyer) -> None:
    topup = buyer.bought()
    dispute = buyer.stripe.account.dispute_payment(str(topup.payment_intent), inquiry=True)["id"]
    buyer.told()
    assert taken(buyer) == [] and PaymentCustomer.objects.get().frozen_at
    buyer.stripe.account.decide_dispute(dispute, won=False)
    buyer.told()
    assert taken(buyer) == [] and PaymentCustomer.objects.get().frozen_at is None


def test_another_currency_is_parked(buyer: Buyer) -> None:
    topup = buyer.bought()
    refund = send_back(buyer, topup, 5_000)
    buyer.stripe.account.refunds[refund]["currency"] = "usd"
    buyer.told()
    assert taken(buyer) == [] and {event.error for event in buyer.events(status="failed")} == {
        f"refund of top-up {topup.pk} is in another currency"
    }
