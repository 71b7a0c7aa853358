"""B4: killed exactly between two steps of a payment. Credits come once, and go back once.

As M2: a real process is killed by SIGKILL at each point, every doorbell that it rang is lost, and what is
found afterwards is found by the sweeps. (Hold, model, settle, send: test_kill_windows.)
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Sum
from django.utils import timezone

from billing import asking, credits, payment_events, recharge_sweep, recharging
from billing.models import CreditAccount, LedgerEntry
from tenants.models import CreditRequest, PaymentEvent, TopUp
from tests.billing.till import Till, settings_of
from tests.counterparts.stripe import Stripe, signed
from tests.risks.test_kill_windows import Kill
from tests.risks.test_kill_windows import kill as kill  # a fixture
from tests.tenants import staff

BUY = [
    ("providers.payments:Payments.customer:after", "the vendor knows the payer and we do not"),
    ("billing.topups:_begin:after", "the row is there, the vendor not yet asked"),
    ("providers.payments:Payments.checkout:after", "the page is there and nobody knows"),
]
KNOCK = [
    ("billing.payment_events:receive:before", "heard of, not yet stored"),
    ("billing.payment_events:ring_public:before", "stored, nobody has said 200"),
]
EVENT = [
    ("billing.payment_setup:vendor:before", "claimed, the vendor not yet asked"),
    ("billing.topups:take_over:before", "the vendor has answered, nothing is written"),
    ("billing.topups:buy:after", "the entry is written, not yet committed"),
    ("billing.topups:take_over:after", "committed, the event is not marked"),
    ("billing.payment_events:_close:after", "marked"),
]
REFUND = [
    ("billing.asking:_order:before", "claimed, the vendor not yet asked"),
    ("billing.asking:_order:after", "the vendor has done it and nobody knows"),
    ("billing.refunds:follow:before", "the request is marked, no credits have moved"),
    ("billing.refunds:take_back:after", "the entry is written, not yet committed"),
    ("billing.refunds:follow:after", "done"),
]
CHARGE = [
    ("billing.recharging:begin:after", "the row is there, the card is not charged"),
    ("billing.recharging:_charge:after", "the card is charged and nobody knows"),
    ("billing.topups:take_over_payment:after", "done"),
]


@pytest.fixture(scope="module")
def vendor() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def till(shop: Any, vendor: Stripe, settings: Any) -> Till:
    return Till(shop.tenant, vendor, settings)


def minutes_pass(till: Till) -> None:
    """Whoever had claimed something is dead by now, and the sweeps go their rounds."""
    past = timezone.now() - timedelta(minutes=5)
    PaymentEvent.objects.exclude(next_try_at=None).update(next_try_at=past)
    CreditRequest.objects.exclude(next_try_at=None).update(next_try_at=past)
    TopUp.objects.filter(status="pending").update(created_at=past)
    for sweep in (payment_events.sweep, asking.sweep, recharge_sweep.sweep):
        sweep.apply(throw=True)
    till.enter()


def books_are_right() -> bool:
    total = LedgerEntry.objects.aggregate(total=Sum("amount"))["total"]
    return bool(CreditAccount.objects.get().balance == total) and credits.discrepancies() == 0


def test_a_purchase_is_one_wherever_its_beginning_or_our_door_dies(
    till: Till,
    vendor: Stripe,
    kill: Kill,
    background: Any,
) -> None:
    for number, (point, what) in enumerate([*BUY, *KNOCK], start=1):
        amount, told = number * 1_000, settings_of(vendor)
        if (point, what) in BUY:
            kill("buy", point, settings=told, buyer=till.asker.pk, amount=amount)
        topup = till.start(amount=amount)  # the payer clicks again
        event = paid(till, topup)
        if (point, what) in KNOCK:
            body = json.dumps(event).encode()
            kill("knock", point, settings=told, body=body.decode(), signature=signature_of(body))
            minutes_pass(till)
        background.sent.clear()
        assert till.deliver(event) == 200  # the vendor heard no 200, and tells again
        topup.refresh_from_db()
        assert (topup.status, TopUp.objects.count(), len(vendor.account.sessions)) == (
            "paid",
            number,
            number,
        ), what
        assert LedgerEntry.objects.filter(kind="topup").count() == number and books_are_right(), what
    assert len(vendor.account.customers) == 1


def paid(till: Till, topup: TopUp) -> dict[str, Any]:
    """The event of its payment, which nobody has told us yet."""
    till.pay(topup)
    [event] = [each for each in till.waiting if each["type"] == "checkout.session.completed"]
    till.waiting.clear()
    return event


def signature_of(body: bytes) -> str:
    return signed(body)["stripe-signature"]


def test_a_payment_is_credited_once_wherever_its_work_dies(
    till: Till,
    vendor: Stripe,
    kill: Kill,
    background: Any,
) -> None:
    for point, what in EVENT:
        topup = till.start()
        event = paid(till, topup)
        payment_events.receive([_event(event)], now=timezone.now())
        background.sent.clear()  # the doorbell is lost
        row = PaymentEvent.objects.get(event_id=event["id"])
        kill("event", point, settings=settings_of(vendor), event_id=row.pk)
        minutes_pass(till)
        background.run()
        till.enter()
        topup.refresh_from_db()
        row.refresh_from_db()
        assert (topup.status, row.status) == ("paid", "done"), what
        entry = LedgerEntry.objects.filter(key=f"topup:{topup.payment_intent}")
        assert [each.amount for each in entry] == [topup.credits] and books_are_right(), what
        assert till.deliver(event, times=2) == 200
        assert LedgerEntry.objects.filter(kind="topup").count() == TopUp.objects.filter(status="paid").count()


def _event(raw: dict[str, Any]) -> Any:
    from providers import payment_objects

    return payment_objects.event(raw)


def test_a_refund_happens_once_wherever_its_work_dies(
    till: Till,
    vendor: Stripe,
    kill: Kill,
    background: Any,
) -> None:
    finance = staff.make("finance")
    for number, (point, what) in enumerate(REFUND, start=1):
        topup = till.bought()
        background.sent.clear()
        before = CreditAccount.objects.get().balance
        row = asking.for_refund(
            topup, amount=4_000, reason="x", key=f"refund:{number}", asker=finance, now=timezone.now()
        )
        background.sent.clear()
        kill("refund", point, settings=settings_of(vendor), request_id=row.pk)
        minutes_pass(till)
        background.run()
        till.deliver_all()
        row.refresh_from_db()
        made, paid = vendor.account.refunds.values(), topup.payment_intent
        sent = [one for one in made if one["payment_intent"] == paid]
        assert (row.status, [one["amount"] for one in sent]) == ("done", [4_000]), what
        assert CreditAccount.objects.get().balance == before - 400 and books_are_right(), what
        assert LedgerEntry.objects.filter(kind="refund").count() == number, what


def test_a_card_is_charged_once_wherever_the_recharge_dies(
    till: Till,
    vendor: Stripe,
    kill: Kill,
    background: Any,
) -> None:
    payer = till.with_card()
    for number, (point, what) in enumerate(CHARGE, start=1):
        balance = CreditAccount.objects.get().balance
        till.recharging(below=balance + 1, up_to=balance + 500)
        kill("charge", point, settings=settings_of(vendor))
        minutes_pass(till)
        background.run()
        till.deliver_all()
        charges = [one for one in vendor.account.charges.values() if one["customer"] == payer.customer_id]
        assert len(charges) == number, what
        assert CreditAccount.objects.get().balance == balance + 500 and books_are_right(), what
        assert TopUp.objects.filter(kind="auto").exclude(status="paid").count() == 0, what
    assert recharging.rules().failures == 0
