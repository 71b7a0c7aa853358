"""Stripe's SDK against its counterpart: what is asked, and what each error becomes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from providers import payments
from providers.errors import About, AccountRefused, ProviderError
from providers.payments import Declined, NeedsAuthentication, NotThere, Order, PaymentRefused, Payments
from tests.counterparts.stripe import KEY, Stripe

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def _stripe() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def stripe(_stripe: Stripe) -> Stripe:
    _stripe.reset()
    return _stripe


@pytest.fixture
def vendor(stripe: Stripe) -> Payments:
    return payments.client(key=KEY, url=stripe.url)


@pytest.fixture
def card(stripe: Stripe, vendor: Payments) -> tuple[str, str]:
    """A customer and their saved card."""
    customer = vendor.customer(
        name="Alpha", email="a@x.example", reference="alpha", language="pt-BR", key="c"
    )
    method = stripe.account.new_card()
    method["customer"] = customer
    return customer, str(method["id"])


def charge(vendor: Payments, card: tuple[str, str], *, key: str, amount: int = 5_000) -> payments.Payment:
    return vendor.charge(
        customer=card[0], method=card[1], amount=amount, currency="brl", reference="7", title="x", key=key
    )


def test_the_same_key_charges_once(vendor: Payments, stripe: Stripe, card: tuple[str, str]) -> None:
    first = charge(vendor, card, key="auto:1:1")
    assert first == charge(vendor, card, key="auto:1:1") and first.status == "succeeded"
    assert (first.received, first.reference, first.method) == (5_000, "7", "card")
    assert first.card is not None and (first.card.last4, first.card.method) == ("4242", card[1])
    with pytest.raises(PaymentRefused) as refused:
        charge(vendor, card, key="auto:1:1", amount=6_000)
    assert refused.value.code == "idempotency" and len(stripe.account.intents) == 1
    stripe.fail_next("payment_intents", "after_reset")  # charged, and the answer is lost
    with pytest.raises(ProviderError) as lost:
        charge(vendor, card, key="auto:1:2")
    assert lost.value.outcome_unknown
    assert charge(vendor, card, key="auto:1:2").status == "succeeded" and len(stripe.account.intents) == 2


@pytest.mark.parametrize("code", ["insufficient_funds", "lost_card", "generic_decline"])
def test_a_decline_says_why(vendor: Payments, stripe: Stripe, card: tuple[str, str], code: str) -> None:
    stripe.account.answers[card[1]] = code
    for _same_key in range(2):
        with pytest.raises(Declined) as declined:
            charge(vendor, card, key="k")
        assert declined.value.code == code and not isinstance(declined.value, NeedsAuthentication)
    tried = vendor.payment(declined.value.payment_intent)
    assert (tried.status, tried.error) == ("requires_payment_method", code)
    assert vendor.cancel(tried.id).status == "canceled"


def test_a_bank_that_wants_its_owner_to_confirm(
    vendor: Payments, stripe: Stripe, card: tuple[str, str]
) -> None:
    stripe.account.answers[card[1]] = "authentication_required"
    with pytest.raises(NeedsAuthentication) as asked:
        charge(vendor, card, key="k")
    assert asked.value.payment_intent in stripe.account.intents


def test_what_may_pass_is_told_from_what_will_not(
    stripe: Stripe, vendor: Payments, card: tuple[str, str]
) -> None:
    with pytest.raises(AccountRefused):
        payments.client(key="sk_wrong", url=stripe.url).payment("pi_1")
    with pytest.raises(NotThere):
        vendor.payment("pi_1")
    with pytest.raises(PaymentRefused) as small:
        charge(vendor, card, key="small", amount=1)
    assert small.value.code == "amount_too_small"
    for fault, about in (("status", About.BUSY), ("busy", About.BUSY)):
        stripe.fail_next("payment_intents", fault)
        with pytest.raises(ProviderError) as failed:
            charge(vendor, card, key=fault)
        assert failed.value.about == about and not isinstance(failed.value, PaymentRefused)
    stripe.fail_next("payment_intents", "after")
    with pytest.raises(ProviderError) as unknown:
        charge(vendor, card, key="after")
    assert unknown.value.outcome_unknown and "***" not in str(unknown.value)


def test_a_vendor_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments, "RETRIES", 0)
    with pytest.raises(ProviderError) as away:
        Payments(key=KEY, url="http://127.0.0.1:9").payment("pi_1")
    assert away.value.about == About.NETWORK


def test_an_order_is_paid_refunded_and_disputed(
    vendor: Payments, stripe: Stripe, card: tuple[str, str]
) -> None:
    order = Order(
        customer=card[0], reference="7", amount=2_000, currency="brl", title="x", success_url="https://a.example",
        cancel_url="https://a.example", expires_at=NOW + timedelta(hours=12), keeps_card=True,
    )  # fmt: skip
    made = vendor.checkout(order, key="topup:7")
    assert vendor.checkout(order, key="topup:7") == made and made.status == "open"
    stripe.account.pay_session(made.id)
    paid = vendor.checkout_of(made.id)
    assert (paid.paid, paid.subtotal, paid.reference) == ("paid", 2_000, "7") and paid.payment is not None
    assert paid.payment.keeps_card and paid.invoice_url and paid.payment.receipt_url
    refund = vendor.refund(payment_intent=paid.payment_intent, amount=500, key="r", reference="3")
    assert vendor.refund(payment_intent=paid.payment_intent, amount=500, key="r", reference="3") == refund
    assert vendor.refunds(paid.payment_intent) == [refund] and refund.is_live
    dispute = stripe.account.dispute_payment(paid.payment_intent)
    assert vendor.dispute(dispute["id"]).withdrawn and not vendor.dispute(dispute["id"]).is_over
    stripe.account.decide_dispute(dispute["id"], won=True)
    assert [one.withdrawn for one in vendor.disputes(paid.payment_intent)] == [False]


def test_events_are_listed_oldest_first_over_pages(
    vendor: Payments, stripe: Stripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payments, "PAGES_OF", 3)
    for number in range(8):
        stripe.account.tell("refund.created", {"id": f"re_{number}", "object": "refund"})
    stripe.account.tell("plan.created", {"id": "plan_1", "object": "plan"})
    told = vendor.events(since=NOW - timedelta(hours=1))
    assert [event.object_id for event in told] == [f"re_{number}" for number in range(8)]


def test_a_card_is_dropped_however_often(vendor: Payments, stripe: Stripe, card: tuple[str, str]) -> None:
    assert vendor.card(card[1]) is not None
    for _twice in range(2):
        vendor.drop_card(card[1])
    assert stripe.account.cards[card[1]]["customer"] is None
    vendor.drop_card("pm_nobody")
    assert vendor.card("pm_nobody") is None
    assert vendor.has_customer(card[0])
    stripe.account.delete_customer(card[0])
    assert not vendor.has_customer(card[0]) and not vendor.has_customer("cus_nobody")
