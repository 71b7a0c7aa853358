"""Buying credits, from the page to the ledger, against Stripe's counterpart."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import payment_sweep
from billing.models import LedgerEntry
from tenants.models import AuditEntry, Pack, PaymentCustomer, TopUp
from tenants.notices import Notification
from tests.billing.buyer import Buyer

pytestmark = pytest.mark.django_db


def test_a_pack_is_bought_and_counts_once_however_often_it_is_told(buyer: Buyer) -> None:
    before = buyer.balance()
    topup = buyer.buy()
    assert (topup.status, topup.credits, topup.amount, topup.currency) == ("pending", 2000, 20_000, "brl")
    assert "Not paid yet" in buyer.page(topup) and buyer.balance() == before
    buyer.pay(topup)
    news = buyer.stripe.news() * 5
    random.Random(7).shuffle(news)
    buyer.told(news)
    paid = buyer.fresh(topup)
    assert (paid.status, paid.charged, paid.method) == ("paid", 20_000, "card") and paid.paid_at
    assert buyer.entries() == [(f"topup:{paid.payment_intent}", 2000)] and buyer.balance() == before + 2000
    page = buyer.page(topup)
    assert "2,000 credits were added" in page and f"{buyer.stripe.url}/invoice/" in page
    acts = AuditEntry.objects.filter(tenant=buyer.tenant, action__startswith="topup.").order_by("pk")
    assert [(act.action, act.actor is None) for act in acts] == [("topup.start", False), ("topup.paid", True)]


def test_the_vendor_is_asked_as_its_contract_says(buyer: Buyer, settings: Any) -> None:
    settings.STRIPE_TAX = settings.STRIPE_TAX_IDS = True
    settings.STRIPE_TAX_CODE = "txcd_10103001"
    topup = buyer.buy()
    [session] = buyer.stripe.calls("checkout/sessions")
    [customer] = buyer.stripe.calls("customers")
    assert customer["metadata"] == {"business": "alpha"} and customer["email"] == "owner@alpha.example"
    assert session["client_reference_id"] == session["metadata"]["topup"] == str(topup.pk)
    assert session["mode"] == "payment" and session["invoice_creation"] == {"enabled": "true"}
    price = session["line_items"][0]["price_data"]
    assert (price["unit_amount"], price["currency"], price["tax_behavior"]) == ("20000", "brl", "exclusive")
    assert price["product_data"]["tax_code"] == "txcd_10103001"
    assert session["automatic_tax"] == session["tax_id_collection"] == {"enabled": "true"}
    assert session["customer_update"] == {"address": "auto", "name": "auto"}
    assert session["payment_intent_data"]["metadata"]["topup"] == str(topup.pk)
    assert "setup_future_usage" not in session["payment_intent_data"]  # nobody agreed to that
    assert "payment_method_types" not in session
    assert session["success_url"].endswith(f"//alpha.localhost:8000/account/topups/{topup.pk}/")
    keys = [key for _method, path, _params, key in buyer.stripe.app.calls if path == "checkout/sessions"]
    assert keys == [f"topup:{topup.pk}"]


def test_taxes_are_paid_beside_and_never_bought_as_credits(buyer: Buyer, settings: Any) -> None:
    settings.STRIPE_TAX = True
    buyer.stripe.account.tax_percent = 20
    topup = buyer.bought()
    assert (topup.amount, topup.charged, topup.status) == (20_000, 24_000, "paid")
    assert [amount for _key, amount in buyer.entries()] == [2000]
    assert "R$240.00" in buyer.page(topup)


@pytest.mark.parametrize(
    ("typed", "credits", "amount"),
    [("150", 1500, 15_000), ("R$ 99,95", 999, 9_995), ("1,500.50", 15_005, 150_050)],
)
def test_any_amount_is_bought_at_the_rate(buyer: Buyer, typed: str, credits: int, amount: int) -> None:
    topup = buyer.bought("free", amount=typed)
    assert (topup.credits, topup.amount) == (credits, amount)
    assert [amount for _key, amount in buyer.entries()] == [credits]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"what": "free", "amount": "much"}, "Write an amount"),
        ({"what": "free", "amount": "4.99"}, "From R$5.00 to R$100,000.00"),
        ({"what": "free", "amount": "1.005"}, "Write an amount"),
        ({"what": "free", "amount": ""}, "Write an amount"),
        ({"what": "999999"}, "Select a valid choice"),
        ({"what": ""}, "Choose how many credits."),
    ],
)
def test_a_wrong_order_keeps_what_was_typed(buyer: Buyer, fields: dict[str, str], said: str) -> None:
    answer = buyer.order(fields["what"], amount=fields.get("amount", ""), keeps_card="on")
    page = answer.content.decode()
    assert answer.status_code == 200 and said in page
    assert f'value="{fields["amount"]}"' in page if fields.get("amount") else True
    assert not TopUp.objects.exists() and not buyer.stripe.calls("checkout/sessions")


def test_two_clicks_are_one_purchase(buyer: Buyer) -> None:
    assert buyer.buy().pk == buyer.buy().pk
    assert len(buyer.stripe.account.sessions) == 1


def test_a_boleto_is_processing_until_the_bank_says(buyer: Buyer) -> None:
    topup, before = buyer.bought(method="boleto"), buyer.balance()
    assert topup.status == "processing" and buyer.entries() == []
    assert "your bank says within days" in buyer.page(topup) and "Processing" in buyer.page()
    buyer.stripe.account.decide_session(str(topup.session_id), paid=True)
    buyer.told()
    assert buyer.fresh(topup).status == "paid" and buyer.balance() == before + 2000
    assert Notification.objects.filter(tenant=buyer.tenant, kind="topup_paid").count() == 1
    other = buyer.bought(buyer.small, method="boleto")
    buyer.stripe.account.decide_session(str(other.session_id), paid=False)
    buyer.told()
    assert buyer.fresh(other).status == "failed" and buyer.balance() == before + 2000
    assert "nothing was charged" in buyer.page(other)
    assert Notification.objects.filter(tenant=buyer.tenant, kind="topup_failed").count() == 1


def test_a_purchase_is_given_up_or_runs_out(buyer: Buyer) -> None:
    topup, before = buyer.buy(), buyer.balance()
    assert buyer.browser.post(f"/account/topups/{topup.pk}/cancel").status_code == 302
    assert buyer.fresh(topup).status == "canceled"
    assert buyer.stripe.account.sessions[str(topup.session_id)]["status"] == "expired"
    buyer.told()  # that it expired, which we know better
    assert buyer.fresh(topup).status == "canceled"
    late = buyer.buy()
    buyer.pay(late)
    buyer.browser.post(f"/account/topups/{late.pk}/cancel")  # a moment too late
    assert buyer.fresh(late).status == "paid" and len(buyer.entries()) == 1
    third = buyer.buy(buyer.small)
    buyer.stripe.account.expire_session(str(third.session_id))
    buyer.told()
    assert buyer.fresh(third).status == "expired" and buyer.balance() == before + 2000


def test_nobody_tells_and_the_page_finds_out(buyer: Buyer) -> None:
    topup = buyer.buy()
    buyer.pay(topup)
    assert "Not paid yet" in buyer.page(topup)
    buyer.page(topup)  # somebody else looks, too: the vendor is asked once
    assert buyer.background.names().count("billing.payment_sweep.check_topup") == 1
    buyer.background.run()
    assert "were added to your balance" in buyer.page(topup) and len(buyer.entries()) == 1


def test_a_card_is_kept_by_consent_and_removed_in_one_click(buyer: Buyer) -> None:
    buyer.bought(buyer.small)
    assert PaymentCustomer.objects.get(tenant=buyer.tenant).payment_method == ""
    buyer.bought(keeps_card="on")
    last = buyer.stripe.calls("checkout/sessions")[-1]
    assert last["payment_intent_data"]["setup_future_usage"] == "off_session"
    payer = PaymentCustomer.objects.get(tenant=buyer.tenant)
    assert (payer.card_brand, payer.card_last4, f"{payer.card_expires_on:%Y-%m}") == (
        "visa",
        "4242",
        "2031-08",
    )
    assert payer.consented_at and payer.consented_by.email == "owner@alpha.example"
    assert "Visa ending in 4242" in buyer.page()
    buyer.stripe.account.renew_card(payer.payment_method, last4="1111", year=2035)
    buyer.told()
    assert "ending in 1111" in buyer.page()
    buyer.browser.post("/account/card/drop")
    dropped = PaymentCustomer.objects.get(tenant=buyer.tenant)
    assert (dropped.payment_method, dropped.consented_at) == ("", None)
    assert buyer.stripe.account.cards[payer.payment_method]["customer"] is None
    assert AuditEntry.objects.filter(tenant=buyer.tenant, action="card.drop").count() == 1


def test_what_the_vendor_drops_is_dropped(buyer: Buyer) -> None:
    buyer.bought(keeps_card="on")
    payer = PaymentCustomer.objects.get(tenant=buyer.tenant)
    buyer.stripe.account.detach(payer.payment_method)
    buyer.told()
    assert PaymentCustomer.objects.get(tenant=buyer.tenant).payment_method == ""
    buyer.stripe.account.delete_customer(payer.customer_id)
    buyer.told()
    assert PaymentCustomer.objects.get(tenant=buyer.tenant).gone_at
    buyer.bought()
    again = PaymentCustomer.objects.get(tenant=buyer.tenant)
    assert again.customer_id != payer.customer_id and again.gone_at is None
    assert len(buyer.entries()) == 2


def test_a_vendor_that_fails_costs_nothing_and_nothing_typed(buyer: Buyer) -> None:
    buyer.stripe.fail_next("customers")
    answer = buyer.order("free", amount="77.70")
    assert answer.status_code == 200 and "does not answer just now" in answer.content.decode()
    assert 'value="77.70"' in answer.content.decode() and not TopUp.objects.exists()
    buyer.stripe.fail_next("checkout/sessions")
    assert "does not answer just now" in buyer.order().content.decode()
    topup = TopUp.objects.get()
    assert topup.status == "pending" and topup.session_id is None
    page = buyer.browser.post(f"/account/topups/{topup.pk}/pay")  # "Go to payment", once more
    assert page["Location"] == buyer.fresh(topup).url
    assert len(buyer.stripe.account.sessions) == 1


def test_an_answer_that_was_lost_is_asked_for_again_by_its_key(buyer: Buyer) -> None:
    buyer.stripe.fail_next("checkout/sessions", "after_reset")
    assert "does not answer just now" in buyer.order().content.decode()
    topup = buyer.buy()  # the same order, once more
    assert len(buyer.stripe.calls("checkout/sessions")) == 2 and len(buyer.stripe.account.sessions) == 1
    assert topup.session_id in buyer.stripe.account.sessions


def test_a_page_that_we_never_heard_of_is_known_by_its_number(buyer: Buyer) -> None:
    """Killed between the vendor's answer and our row."""
    topup = buyer.buy()
    TopUp.objects.filter(pk=topup.pk).update(session_id=None, url="")
    buyer.stripe.account.pay_session(str(topup.session_id))
    buyer.told()
    paid = buyer.fresh(topup)
    assert (paid.status, paid.session_id) == ("paid", topup.session_id) and len(buyer.entries()) == 1


def test_without_a_page_it_ends_after_an_hour(buyer: Buyer) -> None:
    topup = buyer.buy()
    past = timezone.now() - timedelta(hours=2)
    TopUp.objects.filter(pk=topup.pk).update(session_id=None, url="", created_at=past)
    assert payment_sweep.look_at_open(now=timezone.now()) == 1
    assert buyer.fresh(topup).status == "expired"


def test_a_refused_order_says_so(buyer: Buyer) -> None:
    buyer.large.amount = 40
    buyer.large.save()
    page = buyer.order().content.decode()
    assert "takes no amount as small as this" in page and TopUp.objects.get().status == "failed"


def test_currencies_are_offered_and_remembered(buyer: Buyer) -> None:
    dollars = Pack.objects.create(currency="usd", credits=1000, amount=2_000)
    hidden = Pack.objects.create(currency="usd", credits=9, amount=100, is_offered=False)
    page = buyer.page()  # English, so dollars
    assert "$20.00" in page and "R$" not in page and "Another amount" not in page
    assert "R$200.00" in buyer.browser.get("/account/?currency=brl").content.decode()
    assert "Select a valid choice" in buyer.order(hidden, currency="usd").content.decode()
    topup = buyer.bought(dollars, currency="usd")
    assert (topup.currency, topup.credits) == ("usd", 1000)
    buyer.bought(buyer.small)
    assert "R$200.00" in buyer.page()  # as the last time


def test_who_may_buy_and_who_may_look(buyer: Buyer, client_for: Any, member_of: Any) -> None:
    topup = buyer.buy()
    path, tenant = f"/account/topups/{topup.pk}/", buyer.tenant
    for role, looks, buys in [
        ("manager", 200, 403),
        ("agent", 403, 403),
        ("viewer", 403, 403),
        ("finance", 200, 302),
    ]:
        browser = client_for(tenant, member_of(tenant, role))
        assert browser.get(path).status_code == looks, role
        assert (
            browser.post("/account/buy", {"currency": "brl", "what": buyer.small.pk}).status_code == buys
        ), role
        assert browser.post(f"{path}pay").status_code == buys, role
    page = client_for(tenant, member_of(tenant, "manager")).get("/account/").content.decode()
    assert "Owners and finance buy credits" in page and "Go to payment" not in page


def test_another_business_finds_nothing_of_it(
    buyer: Buyer, beta: Any, client_for: Any, member_of: Any
) -> None:
    topup = buyer.bought()
    other = client_for(beta, member_of(beta))
    assert other.get(f"/account/topups/{topup.pk}/").status_code == 404
    for deed in ("pay", "cancel"):
        assert other.post(f"/account/topups/{topup.pk}/{deed}").status_code == 404
    with schema_context("beta"):
        assert not LedgerEntry.objects.filter(kind="topup").exists()


def test_cards_and_invoices_are_the_vendors_page(buyer: Buyer) -> None:
    assert buyer.browser.post("/account/portal")["Location"] == "/account/"
    buyer.bought()
    payer = PaymentCustomer.objects.get(tenant=buyer.tenant)
    answer = buyer.browser.post("/account/portal")
    assert answer["Location"] == f"{buyer.stripe.url}/portal/{payer.customer_id}"
    [asked] = buyer.stripe.calls("billing_portal/sessions")
    assert asked["return_url"].endswith("//alpha.localhost:8000/account/")


def test_only_pages_that_lead_to_payment_may_send_forms_there(buyer: Buyer) -> None:
    topup = buyer.buy()
    for path in ("/account/", f"/account/topups/{topup.pk}/"):
        policy = buyer.browser.get(path)["Content-Security-Policy"]
        assert f"form-action 'self' {buyer.stripe.url};" in policy and "script-src 'self';" in policy
    elsewhere = buyer.browser.get("/account/team/")["Content-Security-Policy"]
    assert "form-action 'self';" in elsewhere


def test_without_a_key_the_page_says_whom_to_ask(buyer: Buyer, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY, settings.PAYMENTS_CONTACT = "", "money@frontdesk.example"
    page = buyer.page()
    assert (
        "not sold on this page" in page and "money@frontdesk.example" in page and "Go to payment" not in page
    )
    assert buyer.order().status_code == 200 and not TopUp.objects.exists()
    buyer.background.run_one(payment_sweep.reconcile)  # asks nobody, and does not fail
