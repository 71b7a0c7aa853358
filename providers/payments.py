"""Payments: Stripe, by its own SDK (stripe 16, API 2026-10-28). The dozen calls that prepaid credits need.

Whatever changes something takes a `key`: the same key again gives the same answer and does nothing twice.
Errors are ours (providers.errors): what the vendor says no to is a PaymentRefused, a charge that the card's
bank says no to a Declined; anything else may pass, and then its outcome is unknown.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from providers import payment_objects as objects
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected
from providers.payment_objects import Card, Checkout, Disputed, Event, Order, Payment, Refunded

CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 12.0
RETRIES = 2  # by the SDK, with the same key
TOLERANCE = 300  # seconds that a signature is good for
PAGES_OF = 100
# What we ask to be told, and what the nightly look asks for; the vendor takes twenty kinds at once.
EVENTS = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.requires_action",
    "payment_intent.canceled",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "customer.deleted",
)
_PAYMENT = ["latest_charge"]
_CHECKOUT = ["payment_intent.latest_charge", "invoice"]


class PaymentRefused(ProviderRejected):
    """The vendor will not do this, however often it is asked. `code` is its word for why."""

    def __init__(self, reason: str, *, code: str = "", about: About = About.UNSAID) -> None:
        super().__init__(reason, about=about)
        self.code = code


class NotThere(PaymentRefused):
    """The vendor knows no object of this id."""


class Declined(PaymentRefused):
    """The card's bank says no. `code` says why, as insufficient_funds; `payment_intent` is what was tried."""

    def __init__(self, code: str, *, payment_intent: str = "") -> None:
        super().__init__(f"The card was declined ({code}).", code=code, about=About.MONEY)
        self.payment_intent = payment_intent


class NeedsAuthentication(Declined):
    """The card's bank wants its owner to confirm: only they can, on a page of the vendor's."""


class BadSignature(Exception):
    """This was not sent by the vendor, or too long ago."""


@lru_cache(maxsize=4)
def client(*, key: str, url: str = "") -> "Payments":
    """The vendor with this secret key, at `url` when it is not the vendor's own address."""
    return Payments(key=key, url=url)


class Payments:
    """One account at the vendor. Each call raises ProviderError (try again) or PaymentRefused (stop)."""

    def __init__(self, *, key: str, url: str = "") -> None:
        import stripe  # 0.2 s, for those processes only that ask

        http = stripe.RequestsClient(timeout=(CONNECT_SECONDS, ANSWER_SECONDS))
        addresses: Any = {"api": url.rstrip("/")} if url else None
        self._stripe = stripe
        self._v1: Any = stripe.StripeClient(
            key, base_addresses=addresses, max_network_retries=RETRIES, http_client=http
        ).v1

    # -- who pays

    def customer(self, *, name: str, email: str, reference: str, language: str, key: str) -> str:
        """The id of a new customer; `reference` is the business's address with us."""
        params = {"name": name, "email": email, "metadata": {"business": reference}}
        if language:
            params["preferred_locales"] = [language]
        return str(self._change(self._v1.customers.create, params, key=key)["id"])

    def has_customer(self, customer: str) -> bool:
        """False when the vendor's account does not know this customer any more."""
        try:
            return not self._ask(self._v1.customers.retrieve, customer).get("deleted")
        except NotThere:
            return False

    def portal(self, *, customer: str, return_url: str, language: str = "auto") -> str:
        """The address of a page, good for minutes, where this customer sees to cards and invoices."""
        params = {"customer": customer, "return_url": return_url, "locale": language}
        return str(self._change(self._v1.billing_portal.sessions.create, params)["url"])

    # -- paid by hand, on the vendor's page

    def checkout(self, order: Order, *, key: str) -> Checkout:
        """A page on which this order is paid, within a day."""
        return objects.checkout(self._change(self._v1.checkout.sessions.create, _session(order), key=key))

    def checkout_of(self, session: str) -> Checkout:
        """As it is now, with its payment and its invoice."""
        return objects.checkout(self._ask(self._v1.checkout.sessions.retrieve, session, expand=_CHECKOUT))

    def expire(self, session: str) -> Checkout:
        """Close the page. PaymentRefused when it is closed, or paid, already."""
        return objects.checkout(self._change(self._v1.checkout.sessions.expire, {}, session))

    # -- charged without anybody

    def charge(
        self, *, customer: str, method: str, amount: int, currency: str, reference: str, title: str, key: str
    ) -> Payment:
        """Charge a saved card now. Declined and NeedsAuthentication say what its bank said."""
        params = {
            "customer": customer,
            "payment_method": method,
            "amount": amount,
            "currency": currency,
            "off_session": True,
            "confirm": True,
            "description": title,
            "metadata": {"topup": reference},
            "expand": _PAYMENT,
        }
        return objects.payment(self._change(self._v1.payment_intents.create, params, key=key))

    def payment(self, payment_intent: str) -> Payment:
        """As it is now, with its last charge."""
        return objects.payment(self._ask(self._v1.payment_intents.retrieve, payment_intent, expand=_PAYMENT))

    def cancel(self, payment_intent: str) -> Payment:
        """Give up on a payment that was not made. PaymentRefused when it was, or is under way."""
        return objects.payment(self._change(self._v1.payment_intents.cancel, {}, payment_intent))

    def card(self, method: str) -> Card | None:
        """A saved card as it is now; None for what is no card, or not known."""
        try:
            return objects.card(self._ask(self._v1.payment_methods.retrieve, method))
        except NotThere:
            return None

    def drop_card(self, method: str) -> None:
        """Forget a saved card; one that is forgotten already stays so."""
        try:
            self._change(self._v1.payment_methods.detach, {}, method)
        except PaymentRefused as error:
            # An unattached card is a bad request, and what is wanted all the same.
            if (found := self.card(method)) is not None and found.customer:
                raise error

    # -- back to the payer

    def refund(
        self, *, payment_intent: str, amount: int, key: str, reference: str = "", reason: str = ""
    ) -> Refunded:
        """Send part or all of a payment back, tax included. `reason` is a word of the vendor's, or none."""
        params: dict[str, Any] = {
            "payment_intent": payment_intent,
            "amount": amount,
            "metadata": {"request": reference},
        }
        if reason:
            params["reason"] = reason
        return objects.refunded(self._change(self._v1.refunds.create, params, key=key))

    def refund_of(self, refund: str) -> Refunded:
        return objects.refunded(self._ask(self._v1.refunds.retrieve, refund))

    def refunds(self, payment_intent: str) -> list[Refunded]:
        """All refunds of a payment, the oldest first."""
        wanted = {"payment_intent": payment_intent}
        return [objects.refunded(raw) for raw in self._list(self._v1.refunds.list, wanted)][::-1]

    def dispute(self, dispute: str) -> Disputed:
        return objects.disputed(self._ask(self._v1.disputes.retrieve, dispute))

    def disputes(self, payment_intent: str) -> list[Disputed]:
        """All disputes of a payment, the oldest first."""
        wanted = {"payment_intent": payment_intent}
        return [objects.disputed(raw) for raw in self._list(self._v1.disputes.list, wanted)][::-1]

    # -- what happened

    def events(self, *, since: datetime) -> list[Event]:
        """What happened from a moment on, the oldest first; the vendor keeps thirty days."""
        wanted = {"created": {"gte": int(since.timestamp())}, "types": list(EVENTS)}
        return [objects.event(raw) for raw in self._list(self._v1.events.list, wanted)][::-1]

    # -- how it is asked

    def _ask(self, call: Callable[..., Any], name: str, *, expand: Sequence[str] = ()) -> Mapping[str, Any]:
        params = {"expand": list(expand)} if expand else {}
        return self._speak(lambda: call(name, params), changes=False)

    def _change(
        self, call: Callable[..., Any], params: Mapping[str, Any], *ids: str, key: str = ""
    ) -> Mapping[str, Any]:
        options = {"idempotency_key": key} if key else {}
        return self._speak(lambda: call(*ids, dict(params), options), changes=True)

    def _list(self, call: Callable[..., Any], wanted: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        found = self._speak(
            lambda: [one.to_dict() for one in call({**wanted, "limit": PAGES_OF}).auto_paging_iter()],
            changes=False,
        )
        yield from found

    def _speak(self, call: Callable[[], Any], *, changes: bool) -> Any:
        stripe = self._stripe
        try:
            said = call()
        except stripe.CardError as error:
            raise _declined(error) from error
        except (stripe.AuthenticationError, stripe.PermissionError) as error:
            raise AccountRefused("Stripe refuses the key.", about=About.KEY) from error
        except stripe.InvalidRequestError as error:
            raise _refused(error) from error
        except stripe.IdempotencyError as error:
            raise PaymentRefused("The same key was used for something else.", code="idempotency") from error
        except stripe.RateLimitError as error:
            raise ProviderError("Stripe is asked too often.", about=About.BUSY) from error
        except stripe.StripeError as error:
            away = isinstance(error, stripe.APIConnectionError)
            words = "Stripe does not answer." if away else f"Stripe failed ({error.http_status})."
            about = About.NETWORK if away else About.BUSY
            raise ProviderError(words, about=about, outcome_unknown=changes) from error
        return said if isinstance(said, list) else said.to_dict()


def verify(body: bytes, signature: str, *, secrets: Sequence[str]) -> Event:
    """The event in a webhook's raw body; raises BadSignature. Two secrets hold while one is being changed."""
    from stripe import SignatureVerificationError, WebhookSignature

    for secret in secrets:
        try:
            WebhookSignature.verify_header(body, signature, secret, TOLERANCE)
        except (SignatureVerificationError, UnicodeDecodeError):
            continue
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError):
            break
        if isinstance(raw, dict) and raw.get("object") == "event":
            return objects.event(raw)
    raise BadSignature


def _session(order: Order) -> dict[str, Any]:
    """The order in the vendor's words."""
    product: dict[str, Any] = {"name": order.title}
    if order.tax_code:
        product["tax_code"] = order.tax_code
    price = {
        "currency": order.currency,
        "unit_amount": order.amount,
        "tax_behavior": "exclusive",
        "product_data": product,
    }
    metadata = {**order.metadata, "topup": order.reference}
    payment: dict[str, Any] = {"metadata": metadata, "description": order.title}
    if order.keeps_card:
        payment["setup_future_usage"] = "off_session"
    session: dict[str, Any] = {
        "mode": "payment",
        "customer": order.customer,
        "client_reference_id": order.reference,
        "metadata": metadata,
        "line_items": [{"quantity": 1, "price_data": price}],
        "payment_intent_data": payment,
        "invoice_creation": {"enabled": True},
        "adaptive_pricing": {"enabled": False},  # what is paid is what our page said
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
        "locale": order.language,
    }
    return session | _tax(order)


def _tax(order: Order) -> dict[str, Any]:
    """What asking for an address or a tax number changes of a customer must be allowed by name."""
    found: dict[str, Any] = {}
    update: dict[str, str] = {}
    if order.taxed:
        found["automatic_tax"] = {"enabled": True}
        update["address"] = "auto"
    if order.asks_tax_id:
        found["tax_id_collection"] = {"enabled": True}
        update |= {"name": "auto", "address": "auto"}
    return found | ({"customer_update": update} if update else {})


def _declined(error: Any) -> Declined:
    """A decline's `code` is the bank's reason where it gives one."""
    told = getattr(error, "error", None)
    raw = told.to_dict() if told is not None else {}
    tried = raw.get("payment_intent") or {}
    intent = tried.get("id", "") if isinstance(tried, dict) else str(tried)
    code = str(error.code or "card_declined")
    if code == "authentication_required" or raw.get("decline_code") == "authentication_required":
        return NeedsAuthentication("authentication_required", payment_intent=intent)
    return Declined(str(raw.get("decline_code") or code)[:80], payment_intent=intent)


def _refused(error: Any) -> PaymentRefused:
    """The vendor's own sentence may quote what it was sent: only its code and the field are kept."""
    code = str(error.code or "")[:80]
    if error.http_status == 404 or code == "resource_missing":
        return NotThere("Stripe does not know this.", code=code)
    field = str(error.param or "")[:80]
    return PaymentRefused(f"Stripe refuses this ({code or 'invalid'} {field}).".replace(" )", ")"), code=code)
