"""A business that buys credits, for tests: the real verbs, the vendor's counterpart, its events by hand."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import payers, payment_events, payment_sweep, topups
from billing.models import AutoRecharge
from billing.packs import Choice
from tenants.models import Pack, PaymentCustomer, PaymentEvent, Tenant, TopUp, User
from tests.counterparts.stripe import KEY, SECRET, Stripe, signed

Raw = dict[str, Any]


def settings_of(stripe: Stripe) -> dict[str, Any]:
    """What an installation says that sells through this counterpart."""
    return {
        "STRIPE_SECRET_KEY": KEY,
        "STRIPE_API_URL": stripe.url,
        "STRIPE_WEBHOOK_SECRETS": [SECRET],
    }


class Till:
    """One business and everything that its payments need; events stand in `waiting` until delivered."""

    def __init__(self, tenant: Tenant, stripe: Stripe, settings: Any) -> None:
        self.tenant, self.stripe = tenant, stripe
        stripe.reset()
        for name, value in settings_of(stripe).items():
            setattr(settings, name, value)
        self.asker = User.objects.create_user("buyer@alpha.example", "pass word 1")
        self.waiting: list[Raw] = []
        self._client = Client(headers={"host": "localhost"})
        self.enter()

    def enter(self) -> None:
        """Stand in the business's schema."""
        connection.set_tenant(self.tenant)

    def start(self, *, credits: int = 1000, amount: int = 10_000, currency: str = "brl") -> TopUp:
        """A top-up with a page on which it is paid."""
        choice = Choice(credits, amount, currency)
        topup = topups.start(self.tenant, choice, keeps_card=False, asker=self.asker, now=timezone.now())
        self.enter()
        return topup

    def pay(self, topup: TopUp, *, method: str = "card") -> None:
        """Somebody pays on the page; nobody has told us yet."""
        self.stripe.account.pay_session(str(topup.session_id), method=method)
        self.collect()

    def bought(self, *, credits: int = 1000, amount: int = 10_000) -> TopUp:
        """A top-up that is paid, and of which we know."""
        topup = self.start(credits=credits, amount=amount)
        self.pay(topup)
        self.deliver_all()
        topup.refresh_from_db()
        return topup

    def with_card(self) -> PaymentCustomer:
        """The business has a card that its owner agreed to have charged, at ten cents a credit."""
        rate = {"amount": 10_000, "is_rate": True, "is_offered": True}
        Pack.objects.update_or_create(currency="brl", credits=1000, defaults=rate)
        payers.ensure(self.tenant, asker=self.asker, now=timezone.now())
        payer = PaymentCustomer.objects.get(tenant=self.tenant)
        if not payer.payment_method:
            card = self.stripe.account.new_card()
            card["customer"] = payer.customer_id
            payer.payment_method, payer.consented_at = card["id"], timezone.now()
            payer.consented_by = self.asker
            payer.save()
        self.enter()
        return payer

    def recharging(self, *, below: int, up_to: int) -> None:
        """The owner chose this for the automatic recharge."""
        chosen = {
            "is_on": True, "threshold": below, "target": up_to, "currency": "brl", "monthly_ceiling": 10**9,
            "next_try_at": None, "failures": 0,
        }  # fmt: skip
        AutoRecharge.objects.update_or_create(pk=1, defaults=chosen)

    def collect(self) -> list[Raw]:
        """Take up what the vendor has to tell by now."""
        new = self.stripe.news()
        self.waiting += new
        return new

    def deliver(self, event: Raw, *, times: int = 1) -> int:
        """Knock at the real door, and do the work that this rings for; the last status."""
        status = 0
        for _time in range(times):
            body = json.dumps(event).encode()
            answer = self._client.post(
                reverse("payment_webhook", urlconf="config.public_urls"),
                body,
                content_type="application/json",
                headers={"stripe-signature": signed(body)["stripe-signature"]},
            )
            status = answer.status_code
            self.enter()
            self.work()
        return status

    def deliver_all(self) -> None:
        self.collect()
        while self.waiting:
            assert self.deliver(self.waiting.pop(0)) == 200
            self.collect()

    def work(self, *, now: datetime | None = None) -> None:
        """Do what stored events ask for at this moment."""
        moment = now or timezone.now()
        due = PaymentEvent.objects.filter(status__in=["new", "failed"], next_try_at__lte=moment)
        for pk in list(due.order_by("pk").values_list("pk", flat=True)):
            payment_events.handle(pk, now=moment)
            self.enter()

    def sweep(self) -> None:
        """The nightly look: what was never told is found."""
        payment_sweep.look_at_night(now=timezone.now() + timedelta(hours=2))
        self.enter()
        self.work()
        self.collect()
        self.waiting.clear()  # what is told later was seen tonight
