"""The saved card fills credits up by itself: once, within the ceiling; what goes wrong goes down a ladder."""

import threading
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, recharge_sweep, recharging, topups
from billing.models import AutoRecharge, CreditAccount, LedgerEntry
from billing.packs import Choice
from tenants.models import AuditEntry, Pack, PaymentCustomer, Tenant, TopUp, User
from tenants.notices import Notification
from tests.billing.till import Till
from tests.counterparts.stripe import Stripe

pytestmark = pytest.mark.django_db
THRESHOLD, TARGET = 200, 1000
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


class Shop(Till):
    """A business with a saved card, which fills up to 1,000 credits when fewer than 200 are left."""

    owner: User

    def __init__(self, tenant: Tenant, stripe: Stripe, settings: Any, background: Any) -> None:
        super().__init__(tenant, stripe, settings)
        self.background = background
        Pack.objects.all().delete()
        Pack.objects.create(currency="brl", credits=100, amount=1000, is_rate=True)
        self.save_card()
        self.have(500)

    def save_card(self) -> None:
        """Bought once by hand, with the card kept."""
        choice = Choice(100, 1000, "brl")
        topup = topups.start(self.tenant, choice, keeps_card=True, asker=self.asker, now=timezone.now())
        self.enter()
        self.pay(topup)
        self.deliver_all()

    def have(self, amount: int) -> None:
        missing = amount - CreditAccount.objects.get().balance
        if missing:
            key = f"have:{LedgerEntry.objects.count()}"
            with transaction.atomic():
                credits.grant(amount=missing, reason="x", key=key, actor=None, now=timezone.now())
        self.background.commit()
        self.background.sent.clear()
        Notification.objects.all().delete()

    def switch_on(self, *, ceiling: int = 50_000) -> None:
        recharging.switch_on(
            threshold=THRESHOLD,
            target=TARGET,
            currency="brl",
            ceiling=ceiling,
            actor=self.asker,
            now=timezone.now(),
        )

    def spend(self, amount: int) -> None:
        key = f"turn:{LedgerEntry.objects.count()}"
        with transaction.atomic():
            credits.spend(kind="turn", amount=amount, key=key, reason="answer", now=timezone.now())

    def work_off(self) -> None:
        self.background.run()
        self.enter()

    def sweep(self, *, after: timedelta = timedelta()) -> None:
        """The beat's look, at a later moment."""
        now = timezone.now() + after
        for pk in recharge_sweep.unfinished(now=now):
            topup = TopUp.objects.select_related("tenant").get(pk=pk)
            recharging.finish(topup, now=now)
            self.enter()
        if self.tenant.schema_name in recharge_sweep.due(now=now):
            topup_now = recharging.begin(now=now)
            if topup_now is not None:
                recharging.pay(topup_now, now=now)
        self.enter()

    @property
    def card(self) -> str:
        return PaymentCustomer.objects.get(tenant=self.tenant).payment_method

    @property
    def charges(self) -> list[Any]:
        """What the bank has truly paid without the card's owner."""
        return [
            one for one in self.stripe.account.intents.values()
            if one["status"] == "succeeded" and not one["setup_future_usage"]
        ]  # fmt: skip

    @property
    def balance(self) -> int:
        return CreditAccount.objects.get().balance

    def rules(self) -> AutoRecharge:
        return AutoRecharge.objects.get()

    def told(self) -> list[str]:
        rows = Notification.objects.filter(user=self.owner, kind__startswith="recharge")
        return list(rows.order_by("pk").values_list("kind", flat=True))


@pytest.fixture
def shop(alpha: Tenant, vendor: Stripe, settings: Any, background: Any, member_of: Any) -> Shop:
    found = Shop(alpha, vendor, settings, background)
    found.owner = member_of(alpha)
    return found


def autos() -> list[TopUp]:
    return list(TopUp.objects.filter(kind="auto").order_by("pk"))


class TestCharge:
    def test_fills_up_to_the_target_by_one_charge_as_soon_as_few_are_left(self, shop: Shop) -> None:
        shop.switch_on()
        shop.spend(300)
        assert not shop.background.names()  # 200 are not fewer than 200
        shop.spend(1)
        assert shop.background.names() == ["billing.recharging.recharge"]
        shop.work_off()
        [topup] = autos()
        assert (topup.status, topup.credits, topup.amount) == ("paid", 801, 8010)
        [asked] = shop.stripe.calls("payment_intents")
        assert (asked["amount"], asked["off_session"], asked["customer"]) == (
            "8010",
            "true",
            topup.customer_id,
        )
        assert shop.stripe.app.calls[-1][3] == f"auto:{shop.tenant.pk}:{topup.pk}"
        entry = LedgerEntry.objects.latest("pk")
        assert (entry.kind, entry.amount, entry.balance_after) == ("topup", 801, TARGET)
        assert entry.key == f"topup:{topup.payment_intent}" and shop.told() == ["recharged"]

    def test_is_never_made_twice(self, shop: Shop) -> None:
        shop.switch_on()
        shop.spend(400)
        assert recharging.begin(now=timezone.now()) is not None
        assert recharging.begin(now=timezone.now()) is None
        values = {"tenant": shop.tenant, "kind": "auto", "credits": 1, "amount": 1, "currency": "brl"}
        with pytest.raises(IntegrityError), transaction.atomic():
            TopUp.objects.create(**values)

    def test_told_by_the_vendor_too_it_is_still_one(self, shop: Shop) -> None:
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        shop.collect()
        for event in [*shop.waiting, *shop.waiting]:
            shop.deliver(event)
        assert shop.balance == TARGET and len(autos()) == 1

    def test_off_it_never_charges(self, shop: Shop) -> None:
        shop.switch_on()
        recharging.switch_off(actor=shop.owner, now=timezone.now())
        shop.spend(450)
        shop.work_off()
        shop.sweep(after=DAY)
        assert not autos() and not shop.charges

    def test_switched_on_with_few_it_charges_at_once(self, shop: Shop) -> None:
        shop.have(50)
        shop.switch_on()
        shop.work_off()
        assert shop.balance == TARGET

    def test_the_month_has_a_ceiling_and_the_owner_is_told_once(self, shop: Shop) -> None:
        shop.switch_on(ceiling=10_000)
        shop.spend(301)
        shop.work_off()  # 80.10 of 100.00
        shop.spend(900)
        shop.work_off()
        shop.sweep(after=timedelta(minutes=10))
        assert len(autos()) == 1 and shop.told() == ["recharged", "recharge_ceiling"]
        again = shop.rules().next_try_at
        assert again is not None and timezone.localtime(again).day == 1
        shop.sweep(after=again - timezone.now() + timedelta(hours=1))
        assert [topup.status for topup in autos()] == ["paid", "paid"]

    def test_what_a_refund_left_owing_is_never_charged_for(self, shop: Shop) -> None:
        shop.switch_on()
        CreditAccount.objects.update(balance=-50, owed=50)
        shop.sweep()
        assert not autos()

    def test_while_a_payment_is_disputed_nothing_is_charged(self, shop: Shop) -> None:
        shop.switch_on()
        PaymentCustomer.objects.update(frozen_at=timezone.now())
        shop.spend(400)
        shop.work_off()
        assert not autos() and shop.rules().is_on


class TestCutShort:
    """Between the row, the vendor and its answer anything may die; one charge comes of it."""

    def test_before_the_vendor_was_asked(self, shop: Shop) -> None:
        shop.switch_on()
        shop.spend(400)
        recharging.begin(now=timezone.now())
        shop.sweep(after=timedelta(minutes=1))
        assert not shop.charges  # somebody may be at it
        shop.sweep(after=timedelta(minutes=3))
        assert len(shop.charges) == 1 and shop.balance == TARGET

    @pytest.mark.parametrize("fault", ["after_reset", "after"])
    def test_after_the_vendor_has_done_it(self, shop: Shop, fault: str) -> None:
        shop.switch_on()
        shop.spend(400)
        shop.stripe.fail_next("payment_intents", fault)
        shop.work_off()
        assert [topup.status for topup in autos()] == ["pending"] and shop.balance == 100
        shop.sweep(after=timedelta(minutes=3))
        assert len(shop.charges) == 1 and shop.balance == TARGET

    def test_and_the_card_was_changed_meanwhile(self, shop: Shop) -> None:
        shop.switch_on()
        shop.spend(400)
        shop.stripe.fail_next("payment_intents", "after_reset")
        shop.work_off()
        other = shop.stripe.account.new_card()
        other["customer"] = PaymentCustomer.objects.get().customer_id
        PaymentCustomer.objects.update(payment_method=other["id"])
        shop.sweep(after=timedelta(minutes=3))
        assert len(shop.charges) == 1 and shop.balance == TARGET

    def test_and_the_vendor_has_forgotten_the_key(self, shop: Shop) -> None:
        shop.switch_on()
        shop.spend(400)
        shop.stripe.fail_next("payment_intents", "after_reset")
        shop.work_off()
        shop.stripe.app._done.clear()
        asked = len(shop.stripe.calls("payment_intents"))
        shop.sweep(after=2 * DAY)
        assert len(shop.stripe.calls("payment_intents")) == asked
        assert len(shop.charges) == 1 and shop.balance == TARGET

    def test_the_bank_takes_its_time(self, shop: Shop) -> None:
        shop.stripe.account.answers[shop.card] = "processing"
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        [topup] = autos()
        assert topup.status == "processing" and shop.balance == 100
        shop.sweep(after=timedelta(minutes=3))  # no second one meanwhile
        shop.stripe.account.decide_intent(str(topup.payment_intent), paid=True)
        shop.sweep(after=timedelta(minutes=6))
        assert len(autos()) == 1 and shop.balance == TARGET


class TestFailures:
    def test_are_told_tried_again_tomorrow_and_end_at_the_third(self, shop: Shop) -> None:
        shop.stripe.account.answers[shop.card] = "insufficient_funds"
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        rules = shop.rules()
        assert (rules.failures, rules.failed_because, rules.is_on) == (1, "insufficient_funds", True)
        shop.sweep(after=timedelta(hours=20))
        assert len(autos()) == 1
        shop.sweep(after=DAY + timedelta(minutes=1))
        shop.sweep(after=2 * DAY + timedelta(minutes=2))
        rules = shop.rules()
        assert (len(autos()), rules.failures, rules.is_on) == (3, 3, False) and rules.stopped_at is not None
        assert shop.told() == ["recharge_failed", "recharge_failed", "recharge_off"]
        shop.sweep(after=9 * DAY)
        assert len(autos()) == 3 and AuditEntry.objects.filter(action="recharge.stop").exists()

    def test_told_twice_of_one_it_counts_once(self, shop: Shop) -> None:
        shop.stripe.account.answers[shop.card] = "generic_decline"
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        shop.deliver_all()
        assert shop.rules().failures == 1

    def test_one_that_works_forgives_those_before(self, shop: Shop) -> None:
        shop.stripe.account.answers[shop.card] = "insufficient_funds"
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        shop.stripe.account.answers[shop.card] = "ok"
        shop.sweep(after=DAY + timedelta(minutes=1))
        rules = shop.rules()
        assert (rules.failures, rules.next_try_at, rules.failed_because) == (0, None, "")
        assert shop.balance == TARGET

    def test_the_bank_asks_the_owner_and_the_owner_pays_on_the_page(
        self, shop: Shop, client_for: Any
    ) -> None:
        shop.stripe.account.answers[shop.card] = "authentication_required"
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        assert shop.told() == ["recharge_confirm"]
        browser = client_for(shop.tenant, shop.owner)
        assert "account/recharge/confirm" in browser.get("/account/").content.decode()
        sent = browser.post("/account/recharge/confirm")
        shop.enter()
        topup = TopUp.objects.filter(kind="checkout").latest("pk")
        assert sent.status_code == 302 and sent["location"] == topup.url and topup.credits == 900
        shop.pay(topup)
        shop.deliver_all()
        assert shop.balance == TARGET and shop.rules().failures == 0 and shop.rules().is_on

    def test_a_card_that_is_over_is_not_even_tried(self, shop: Shop) -> None:
        PaymentCustomer.objects.update(card_expires_on=date(2020, 1, 31))
        shop.switch_on()
        shop.spend(400)
        shop.work_off()
        rules = shop.rules()
        assert not autos() and (rules.is_on, rules.failed_because) == (False, "expired_card")
        assert shop.told() == ["recharge_off"]

    def test_a_card_that_was_dropped_switches_it_off(self, shop: Shop) -> None:
        shop.switch_on()
        shop.stripe.account.detach(shop.card)
        shop.deliver_all()
        rules = shop.rules()
        assert (rules.is_on, rules.failed_because) == (False, "no_card") and shop.told() == ["recharge_off"]


class TestThePage:
    FORM = {"threshold": "200", "target": "1200", "ceiling": "300", "agrees": "on"}

    def test_is_switched_on_with_consent_and_off_by_one_click(self, shop: Shop, client_for: Any) -> None:
        browser = client_for(shop.tenant, shop.owner)
        assert browser.post("/account/recharge", self.FORM).status_code == 302
        shop.enter()
        rules = shop.rules()
        assert (rules.threshold, rules.target, rules.monthly_ceiling) == (200, 1200, 30_000)
        assert rules.is_on and rules.agreed_at is not None and CreditAccount.objects.get().watch_at == 199
        entry = AuditEntry.objects.get(action="recharge.on")
        assert entry.actor == shop.owner and entry.detail["ceiling"] == 30_000
        assert browser.post("/account/recharge/off").status_code == 302
        shop.enter()
        assert not shop.rules().is_on and CreditAccount.objects.get().watch_at == 100

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"agrees": ""}, "agrees"),
            ({"target": "220"}, "target"),
            ({"ceiling": "much"}, "ceiling"),
            ({"ceiling": "60"}, "ceiling"),
            ({"threshold": "0"}, "threshold"),
        ],
    )
    def test_what_is_wrong_is_said_beside_it(
        self, shop: Shop, client_for: Any, wrong: dict[str, str], field: str
    ) -> None:
        sent = {**self.FORM, **wrong}
        page = client_for(shop.tenant, shop.owner).post("/account/recharge", sent)
        words = page.content.decode()
        assert page.status_code == 422
        assert set(page.context["foresight"].recharge.form.errors) == {field}
        assert all(f'value="{sent[name]}"' in words for name in ("threshold", "target", "ceiling"))
        shop.enter()
        assert not AutoRecharge.objects.exists()

    def test_says_beforehand_what_it_would_do(self, shop: Shop, client_for: Any) -> None:
        User.objects.update(language="en")
        browser = client_for(shop.tenant, shop.owner)
        asked = {name: value for name, value in self.FORM.items() if name != "agrees"}
        said = browser.get("/account/recharge/preview", asked).content.decode()
        assert "1,000 credits for R$100.00" in said and "R$300.00" in said and "at once" not in said
        shop.enter()
        shop.have(10)
        assert "at once" in browser.get("/account/recharge/preview", asked).content.decode()
        assert (
            "At least" in browser.get("/account/recharge/preview", asked | {"ceiling": "5"}).content.decode()
        )

    def test_without_a_saved_card_it_cannot_be_switched_on(self, shop: Shop, client_for: Any) -> None:
        PaymentCustomer.objects.update(payment_method="")
        client_for(shop.tenant, shop.owner).post("/account/recharge", self.FORM)
        shop.enter()
        assert not AutoRecharge.objects.exists()

    def test_is_for_who_sees_to_the_money(self, shop: Shop, client_for: Any, member_of: Any) -> None:
        for role in ("manager", "agent", "viewer"):
            browser: Client = client_for(shop.tenant, member_of(shop.tenant, role))
            for path in ("", "/off", "/confirm"):
                assert browser.post(f"/account/recharge{path}", self.FORM).status_code == 403, role


def test_two_at_once_are_one(
    transactional_db: None, vendor: Stripe, settings: Any, background: Any, member_of: Any
) -> None:
    tenant = Tenant.objects.get(slug="alpha")
    shop = Shop(tenant, vendor, settings, background)
    shop.switch_on()
    shop.spend(400)
    together, begun = threading.Barrier(6), []

    def begin() -> None:
        with schema_context(tenant.schema_name):
            together.wait()
            begun.append(recharging.begin(now=timezone.now()))
        connection.close()

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(topup is not None for topup in begun) == 1 and len(autos()) == 1
