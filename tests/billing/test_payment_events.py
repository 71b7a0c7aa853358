"""B3: what the vendor tells, forged, twice, out of order, altered, late or never."""

import copy
import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from billing import payment_events, payment_sweep
from billing.payment_admin import PackForm
from tenants.models import AuditEntry, PaymentEvent, PaymentSweep, TopUp
from tests.billing.buyer import DOOR, Buyer
from tests.counterparts.stripe import signed
from tests.tenants import staff

pytestmark = pytest.mark.django_db
PARKED = {"status": "failed", "next_try_at": None}


def test_what_was_not_signed_is_refused_and_leaves_no_row(buyer: Buyer, settings: Any) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    body = json.dumps(buyer.stripe.news()[-1]).encode()
    good, old = signed(body)["stripe-signature"], signed(body, at=time.time() - 600)["stripe-signature"]
    forged = signed(body, secret="whsec_another")["stripe-signature"]
    for signature in ("", "nonsense", "t=1,v1=", old, forged):
        assert buyer.knock(body, signature=signature) == 400
    assert buyer.knock(body.replace(b"20000", b"2000000"), signature=good) == 400
    assert buyer.knock(json.dumps(json.loads(body), indent=1).encode(), signature=good) == 400
    assert buyer.knock(b"\xff\xfe", signature=good) == 400 and buyer.knock(b"", signature=good) == 400
    assert buyer.knock(b"[]") == 400 and buyer.knock(b'{"object": "refund"}') == 400
    assert buyer._public.get(DOOR).status_code == 405 and not PaymentEvent.objects.exists()
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_another"]  # one is being changed for the other
    assert buyer.knock(body, signature=forged) == 200
    settings.STRIPE_WEBHOOK_SECRETS = []
    assert buyer.knock(body, signature=good) == 400


def test_the_door_is_the_installations_own(buyer: Buyer) -> None:
    buyer.bought()
    body = json.dumps({}).encode()
    for browser in (buyer.browser,):
        assert browser.post(DOOR, body, content_type="application/json").status_code == 404


def test_the_door_only_stores_and_the_work_follows(buyer: Buyer) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    for event in buyer.stripe.news():
        assert buyer.knock(json.dumps(event).encode()) == 200
    assert {event.status for event in buyer.events()} == {
        "new",
        "ignored",
    }  # charge.succeeded is nothing to us
    assert buyer.fresh(topup).status == "pending" and buyer.entries() == []
    buyer.background.run()
    done = {event.type: event.status for event in buyer.events()}
    assert done["checkout.session.completed"] == "done" and done["payment_intent.succeeded"] == "ignored"
    assert buyer.events(type="checkout.session.completed")[0].tenant == buyer.tenant


@pytest.mark.parametrize(
    ("altered", "reason"),
    [
        ({"amount_subtotal": 100, "amount_total": 100}, "costs another amount"),
        ({"currency": "usd"}, "costs another amount"),
        ({"customer": "cus_another"}, "another payer's"),
        ({"client_reference_id": "999999"}, "another top-up"),
        ({"amount_total": 19_999}, "less was paid"),
    ],
)
def test_a_payment_that_does_not_fit_gives_nothing_and_a_person_looks(
    buyer: Buyer, altered: dict[str, Any], reason: str, client_for: Any, settings: Any
) -> None:
    settings.ADMINS = [("Operator", "operator@frontdesk.example")]
    topup = buyer.buy()
    buyer.pay(topup)
    session = buyer.stripe.account.sessions[str(topup.session_id)]
    before = copy.deepcopy(session)
    session.update(altered)
    buyer.told()
    [parked] = buyer.events(**PARKED)
    assert reason in parked.error and buyer.entries() == [] and buyer.fresh(topup).status == "pending"
    [letter] = [one for one in mail.outbox if "parked" in one.subject]
    assert parked.event_id in letter.body and reason in letter.body
    session.update(before)  # mended
    browser = client_for(None, staff.make("finance"))
    path = f"/admin/tenants/paymentevent/{parked.pk}/again/"
    assert browser.get(path).status_code == 200 and buyer.entries() == []
    assert browser.post(path).status_code == 302
    buyer.background.run()
    assert buyer.fresh(topup).status == "paid" and len(buyer.entries()) == 1
    assert AuditEntry.objects.filter(action="payment_event.again").exists()


def test_what_the_account_sells_beside_us_is_ignored(buyer: Buyer) -> None:
    topup = buyer.buy()
    session = buyer.stripe.account.sessions[str(topup.session_id)]
    account = buyer.stripe.account
    others = {**copy.deepcopy(session), "id": "cs_test_other", "client_reference_id": None}
    others["_intent"] = {"metadata": {}}
    account.sessions["cs_test_other"] = others
    account.pay_session("cs_test_other")
    account.create_refund({"payment_intent": others["payment_intent"]})
    buyer.told()
    assert {event.status for event in buyer.events()} == {"ignored"} and buyer.entries() == []


def test_a_vendor_that_is_away_is_asked_again(buyer: Buyer) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    buyer.stripe.fail_next("checkout/sessions", times=1)
    buyer.told()
    [waiting] = buyer.events(status="failed")
    assert waiting.attempts == 1 and waiting.next_try_at and buyer.entries() == []
    assert not payment_events.handle(waiting.pk, now=timezone.now()) and buyer.entries() == []  # not yet due
    PaymentEvent.objects.filter(pk=waiting.pk).update(next_try_at=timezone.now())
    buyer.background.run_one(payment_events.sweep)
    buyer.background.run()
    assert buyer.fresh(topup).status == "paid" and len(buyer.entries()) == 1


def test_a_refused_key_parks_after_a_while_and_loses_nothing(buyer: Buyer, settings: Any) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    settings.STRIPE_SECRET_KEY = "sk_wrong"
    buyer.told()
    [waiting] = buyer.events(status="failed", type="checkout.session.completed")
    assert "refuses the key" in waiting.error and waiting.next_try_at is not None
    PaymentEvent.objects.filter(pk=waiting.pk).update(
        attempts=payment_events.MOST_ATTEMPTS - 1, next_try_at=timezone.now()
    )
    payment_events.handle(waiting.pk, now=timezone.now())
    [parked] = buyer.events(**PARKED)
    assert parked.pk == waiting.pk and "given up" in parked.error


def test_two_workers_take_an_event_once(buyer: Buyer) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    for event in buyer.stripe.news():
        buyer.knock(json.dumps(event).encode())
    [event] = buyer.events(type="checkout.session.completed")
    now = timezone.now()
    PaymentEvent.objects.filter(pk=event.pk).update(
        next_try_at=now + timedelta(minutes=1)
    )  # one has claimed it
    payment_events.handle(event.pk, now=now)
    assert buyer.fresh(topup).status == "pending" and buyer.events(pk=event.pk)[0].attempts == 0


def test_the_night_finds_what_never_came(buyer: Buyer) -> None:
    paid, boleto, closed = buyer.buy(), buyer.buy(buyer.small), buyer.buy("free", amount="50")
    account = buyer.stripe.account
    account.pay_session(str(paid.session_id))
    account.pay_session(str(boleto.session_id), method="boleto")
    account.expire_session(str(closed.session_id))
    dropped = len([event for event in buyer.stripe.news() if event["type"].startswith("checkout")])
    assert dropped == 3 and buyer.entries() == []
    looked = payment_sweep.look_at_night(now=timezone.now())
    buyer.background.run()
    assert (
        looked is not None and looked.missed == 4 and looked.events == 4
    )  # and one payment_intent.succeeded
    assert [buyer.fresh(one).status for one in (paid, boleto, closed)] == ["paid", "processing", "expired"]
    again = payment_sweep.look_at_night(now=timezone.now())
    assert again is not None and (again.missed, again.repaired) == (0, 0) and len(buyer.entries()) == 1
    refund = account.create_refund({"payment_intent": buyer.fresh(paid).payment_intent, "_status": "pending"})
    account.decide_session(str(boleto.session_id), paid=True)
    later = timezone.now() + timedelta(hours=2)
    assert payment_sweep.look_at_open(now=later) == 1 and buyer.fresh(boleto).status == "paid"
    payment_sweep.look_at_night(now=later)
    buyer.background.run()
    account.decide_refund(refund["id"], status="failed")
    buyer.stripe.account.events.clear()  # not even the vendor's list has it any more
    third = payment_sweep.look_at_night(now=later)
    assert third is not None and third.repaired == 1
    assert sum(amount for _key, amount in buyer.entries()) == 2500


def test_a_night_without_the_vendor_is_made_up_for(buyer: Buyer) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    buyer.stripe.fail_next("events")
    assert payment_sweep.look_at_night(now=timezone.now()) is None and not PaymentSweep.objects.exists()
    PaymentSweep.objects.create(since=timezone.now(), until=timezone.now() - timedelta(days=12))
    assert payment_sweep._since(now=timezone.now()) < timezone.now() - timedelta(days=12)
    buyer.background.run_one(payment_sweep.reconcile)
    buyer.background.run()
    assert buyer.fresh(topup).status == "paid"


def test_old_events_are_forgotten_and_parked_ones_are_kept(buyer: Buyer) -> None:
    buyer.bought()
    parked = buyer.events()[0]
    PaymentEvent.objects.update(received_at=timezone.now() - timedelta(days=100))
    PaymentEvent.objects.filter(pk=parked.pk).update(status="failed")
    buyer.stripe.account.events.clear()
    payment_sweep.look_at_night(now=timezone.now())
    assert [event.pk for event in buyer.events()] == [parked.pk]


def test_packs_are_set_by_finance_and_written_down(buyer: Buyer, client_for: Any) -> None:
    browser, path = client_for(None, staff.make("finance")), "/admin/tenants/pack/add/"
    wanted = {"currency": "EUR", "credits": "1000", "amount": "1500", "is_offered": "on"}
    for wrong, said in ({"currency": "€€€"}, "Three letters"), ({"amount": "5"}, "At least 50"):
        assert said in str(PackForm({**wanted, **wrong}).errors)
    assert browser.post(path, wanted).status_code == 302
    assert AuditEntry.objects.filter(action="pack.set").count() == 1
    topup = buyer.bought("free", amount="100")
    assert browser.get("/admin/tenants/topup/").status_code == 200
    page = browser.get(f"/admin/tenants/topup/{topup.pk}/send-back/")
    assert page.status_code == 302 and f"/topups/{topup.pk}/refund/" in page["Location"]
    for other in ("support", "operator"):
        assert client_for(None, staff.make(other)).get(path).status_code == 403
    assert TopUp.objects.get().amount == 10_000
