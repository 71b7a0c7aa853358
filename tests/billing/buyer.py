"""Somebody who buys credits, for tests: our pages, the vendor's page, the webhooks at the real door."""

import json
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django_tenants.utils import schema_context

from billing import credits
from billing.models import CreditAccount, LedgerEntry
from tenants.models import Pack, PaymentEvent, Tenant, TopUp
from tests.background import Background
from tests.counterparts.stripe import Stripe, signed

DOOR = "/payments/events"
Raw = dict[str, Any]


class Buyer:
    """One business, its owner's browser, and a way for the vendor to knock."""

    def __init__(
        self, tenant: Tenant, stripe: Stripe, browser: Any, public: Any, background: Background
    ) -> None:
        self.tenant, self.stripe, self.browser, self.background = tenant, stripe, browser, background
        self._public = public
        self.small = Pack.objects.create(currency="brl", credits=500, amount=6_000)
        self.large = Pack.objects.create(currency="brl", credits=2_000, amount=20_000, is_rate=True)

    # -- in the browser

    def order(self, what: Any = None, **fields: Any) -> Any:
        """Send the form; the answer is the way to the vendor's page, or the form again."""
        what = self.large if what is None else what
        wanted = {"currency": "brl", "what": what.pk if isinstance(what, Pack) else what, **fields}
        return self.browser.post("/account/buy", wanted)

    def buy(self, what: Any = None, **fields: Any) -> TopUp:
        """On to the vendor's page."""
        answer = self.order(what, **fields)
        assert answer.status_code == 302, answer.content.decode()[-2000:]
        topup = TopUp.objects.get(url=answer["Location"])
        assert answer["Location"].startswith(f"{self.stripe.url}/pay/")
        return topup

    def bought(self, what: Any = None, *, method: str = "card", **fields: Any) -> TopUp:
        """Chosen, paid and told."""
        topup = self.buy(what, **fields)
        self.pay(topup, method=method)
        self.told()
        return self.fresh(topup)

    def page(self, topup: TopUp | None = None) -> str:
        found = self.browser.get(f"/account/topups/{topup.pk}/" if topup else "/account/")
        assert found.status_code == 200
        return str(found.content.decode())

    # -- at the vendor

    def pay(self, topup: TopUp, *, method: str = "card") -> None:
        self.stripe.account.pay_session(str(topup.session_id), method=method)

    def told(self, events: Iterable[Raw] | None = None) -> None:
        """The vendor tells the news, or these events, and the work is done."""
        for event in self.stripe.news() if events is None else events:
            assert self.knock(json.dumps(event).encode()) == 200
        self.background.run()

    def knock(self, body: bytes, **headers: str) -> int:
        """One delivery at the real door; signed, unless the headers say otherwise."""
        signature = headers["signature"] if headers else signed(body)["stripe-signature"]
        answer = self._public.post(
            DOOR, body, content_type="application/json", headers={"stripe-signature": signature}
        )
        return int(answer.status_code)

    # -- in our books

    def fresh(self, topup: TopUp) -> TopUp:
        return TopUp.objects.get(pk=topup.pk)

    def balance(self) -> int:
        """The balance; the ledger adds up to it."""
        with schema_context(self.tenant.schema_name):
            assert credits.discrepancies() == 0
            return CreditAccount.objects.get().balance

    def entries(self, *kinds: str) -> list[tuple[str, int]]:
        with schema_context(self.tenant.schema_name):
            rows = LedgerEntry.objects.filter(kind__in=kinds or ("topup", "refund", "dispute"))
            return list(rows.order_by("pk").values_list("key", "amount"))

    def events(self, **wanted: Any) -> list[PaymentEvent]:
        return list(PaymentEvent.objects.filter(**wanted).order_by("pk"))

    def enter(self) -> None:
        connection.set_tenant(self.tenant)
