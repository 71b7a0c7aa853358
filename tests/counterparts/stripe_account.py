"""The account of the payment vendor's counterpart: objects, what may be done with them, and what that tells.

Plain dictionaries in Stripe's shapes (API 2026-10-28), as far as somebody asks for them. `Refusal` is an
error answer in Stripe's words. Every change appends an event with the object as it was at that moment.
"""

import copy
import itertools
import time
from collections.abc import Mapping
from typing import Any

API_VERSION = "2026-10-28.endive"
HALF_HOUR, DAY = 1800, 86_400
LEAST = 50  # the least amount that is charged
GONE_PARAMETERS = ("payment_method_types",)  # of a session and a payment, since 2026
DELAYED = ("boleto", "customer_balance", "us_bank_account", "sepa_debit")
Raw = dict[str, Any]


class Refusal(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str = "No.", kind: str = "", **more: Any) -> None:
        super().__init__(message)
        self.status = status
        kind = kind or ("card_error" if status == 402 else "invalid_request_error")
        self.error = {"type": kind, "code": code, "message": message, **more}


class Account:
    """Everything that one account knows."""

    def __init__(self, *, pages: str = "") -> None:
        self.pages = pages  # where payers are sent
        self.clock = 0.0  # seconds that this account is ahead of the machine
        self.tax_percent = 0
        self.forget()

    def forget(self) -> None:
        """As new."""
        self._numbers = itertools.count(1)
        self.clock, self.tax_percent = 0.0, 0
        self.customers: dict[str, Raw] = {}
        self.sessions: dict[str, Raw] = {}
        self.intents: dict[str, Raw] = {}
        self.charges: dict[str, Raw] = {}
        self.refunds: dict[str, Raw] = {}
        self.disputes: dict[str, Raw] = {}
        self.cards: dict[str, Raw] = {}
        self.invoices: dict[str, Raw] = {}
        self.answers: dict[str, str] = {}  # what the bank says of a card, by its id
        self.events: list[Raw] = []

    def now(self) -> int:
        return int(time.time() + self.clock)

    def _id(self, prefix: str) -> str:
        return f"{prefix}_test{next(self._numbers):06d}"

    def tell(self, kind: str, about: Raw) -> Raw:
        """Something happened to an object."""
        event = {
            "id": self._id("evt"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "livemode": False,
            "type": kind,
            "data": {"object": copy.deepcopy(about)},
        }
        self.events.append(event)
        return event

    # -- customers and cards

    def create_customer(self, params: Raw) -> Raw:
        customer = {"id": self._id("cus"), "object": "customer", "created": self.now(), **params}
        self.customers[customer["id"]] = customer
        return customer

    def customer(self, customer: str) -> Raw:
        return _known(self.customers, customer, "customer")

    def delete_customer(self, customer: str) -> Raw:
        """Somebody deleted it in the vendor's own dashboard, and its cards with it."""
        self.customers[customer] = {"id": customer, "object": "customer", "deleted": True}
        for card in self.cards.values():
            if card["customer"] == customer:
                card["customer"] = None
        self.tell("customer.deleted", {"id": customer, "object": "customer"})
        return self.customers[customer]

    def new_card(self, *, last4: str = "4242", year: int = 2031, month: int = 8, brand: str = "visa") -> Raw:
        card = {"brand": brand, "last4": last4, "exp_month": month, "exp_year": year}
        method = {
            "id": self._id("pm"),
            "object": "payment_method",
            "type": "card",
            "customer": None,
            "card": card,
        }
        self.cards[method["id"]] = method
        return method

    def card(self, method: str) -> Raw:
        return _known(self.cards, method, "payment_method")

    def detach(self, method: str) -> Raw:
        card = self.card(method)
        if not card["customer"]:
            raise Refusal(400, "payment_method_not_attached")
        told = copy.deepcopy(card)
        card["customer"] = None
        self.tell("payment_method.detached", {**told, "customer": None})
        return card

    def renew_card(self, method: str, *, last4: str, year: int) -> Raw:
        """The bank has sent its owner a new one, and told the vendor."""
        card = self.card(method)
        card["card"] |= {"last4": last4, "exp_year": year}
        self.tell("payment_method.automatically_updated", card)
        return card

    # -- the vendor's page

    def create_session(self, params: Raw) -> Raw:
        self._check_session(params)
        item = params["line_items"][0]
        subtotal = int(item["price_data"]["unit_amount"]) * int(item.get("quantity", 1))
        session = {
            "id": self._id("cs"),
            "object": "checkout.session",
            "created": self.now(),
            "status": "open",
            "payment_status": "unpaid",
            "mode": params["mode"],
            "customer": params["customer"],
            "client_reference_id": params.get("client_reference_id"),
            "metadata": params.get("metadata", {}),
            "currency": item["price_data"]["currency"],
            "amount_subtotal": subtotal,
            "amount_total": subtotal + (subtotal * self.tax_percent // 100 if _taxed(params) else 0),
            "payment_intent": None,
            "invoice": None,
            "expires_at": int(params["expires_at"]),
            "success_url": params["success_url"],
            "cancel_url": params["cancel_url"],
            "livemode": False,
        }
        session["url"] = f"{self.pages}/pay/{session['id']}"
        self.sessions[session["id"]] = session
        session["_intent"] = params.get("payment_intent_data", {})
        session["_title"] = item["price_data"]["product_data"]["name"]
        return session

    def _check_session(self, params: Raw) -> None:
        for name in GONE_PARAMETERS:
            if name in params:
                raise Refusal(400, "parameter_unknown", param=name)
        if not HALF_HOUR - 60 <= int(params.get("expires_at", 0)) - self.now() <= DAY + 60:
            raise Refusal(400, "parameter_invalid_integer", param="expires_at")
        if self.customer(params.get("customer", "")).get("deleted"):
            raise Refusal(404, "resource_missing", param="customer")
        if _taxed(params) and params.get("customer_update", {}).get("address") != "auto":
            raise Refusal(400, "customer_tax_location_invalid", param="customer_update")
        asks = params.get("tax_id_collection", {}).get("enabled") == "true"
        if asks and params.get("customer_update", {}).get("name") != "auto":
            raise Refusal(400, "parameter_missing", param="customer_update[name]")
        if int(params["line_items"][0]["price_data"]["unit_amount"]) < LEAST:
            raise Refusal(400, "amount_too_small", param="line_items")

    def session(self, session: str) -> Raw:
        return _known(self.sessions, session, "checkout.session")

    def expire_session(self, session: str) -> Raw:
        found = self.session(session)
        if found["status"] != "open":
            raise Refusal(400, "checkout_session_not_open")
        found |= {"status": "expired", "url": None}
        self.tell("checkout.session.expired", _public(found))
        return found

    def pay_session(self, session: str, *, method: str = "card", last4: str = "4242") -> Raw:
        """A person pays on the page: by card at once, by a delayed method after days."""
        found = self.session(session)
        if found["status"] != "open":
            raise Refusal(400, "checkout_session_not_open")
        card = self.new_card(last4=last4) if method == "card" else None
        intent = self._intent_of(found, card)
        found |= {"status": "complete", "payment_intent": intent["id"], "url": None}
        if method in DELAYED:
            intent["status"], intent["_method"] = "processing", method
            self.tell("checkout.session.completed", _public(found))
            return found
        self._succeed(intent, method=method)
        self._paid(found)
        self.tell("checkout.session.completed", _public(found))
        return found

    def decide_session(self, session: str, *, paid: bool) -> Raw:
        """The boleto was paid after days, or never."""
        found = self.session(session)
        intent = self.intents[found["payment_intent"]]
        if not paid:
            intent |= {"status": "requires_payment_method", "last_payment_error": {"code": "expired"}}
            self.tell("payment_intent.payment_failed", _public(intent))
            self.tell("checkout.session.async_payment_failed", _public(found))
            return found
        self._succeed(intent, method=intent["_method"])
        self._paid(found)
        self.tell("checkout.session.async_payment_succeeded", _public(found))
        return found

    def _intent_of(self, session: Raw, card: Raw | None) -> Raw:
        wanted = session["_intent"]
        if card is not None and wanted.get("setup_future_usage"):
            card["customer"] = session["customer"]
        return self._new_intent(
            amount=session["amount_total"],
            currency=session["currency"],
            customer=session["customer"],
            payment_method=card["id"] if card else None,
            metadata=wanted.get("metadata", {}),
            setup_future_usage=wanted.get("setup_future_usage"),
        )

    def _paid(self, session: Raw) -> None:
        session["payment_status"] = "paid"
        invoice = {"id": self._id("in"), "object": "invoice", "status": "paid"}
        invoice["hosted_invoice_url"] = f"{self.pages}/invoice/{invoice['id']}"
        self.invoices[invoice["id"]] = invoice
        session["invoice"] = invoice["id"]

    # -- payments

    def create_intent(self, params: Raw) -> Raw:
        """Charge a saved card without its owner."""
        for name in GONE_PARAMETERS:
            if name in params:
                raise Refusal(400, "parameter_unknown", param=name)
        card = self.card(params.get("payment_method", ""))
        if card["customer"] != params.get("customer"):
            raise Refusal(400, "payment_method_not_attached", param="payment_method")
        if int(params["amount"]) < LEAST:
            raise Refusal(400, "amount_too_small", param="amount")
        intent = self._new_intent(
            amount=int(params["amount"]),
            currency=params["currency"],
            customer=params["customer"],
            payment_method=card["id"],
            metadata=params.get("metadata", {}),
        )
        return self._ask_bank(intent, self.answers.get(card["id"], "ok"))

    def _new_intent(self, **values: Any) -> Raw:
        intent = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "created": self.now(),
            "status": "requires_confirmation",
            "amount_received": 0,
            "latest_charge": None,
            "last_payment_error": None,
            "setup_future_usage": None,
            "livemode": False,
            **values,
        }
        self.intents[intent["id"]] = intent
        return intent

    def _ask_bank(self, intent: Raw, said: str) -> Raw:
        if said == "ok":
            return self._succeed(intent, method="card")
        if said == "processing":
            intent["status"] = "processing"
            return intent
        code = said if said == "authentication_required" else "card_declined"
        error = {"code": code, "decline_code": said, "type": "card_error"}
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        self.tell("payment_intent.payment_failed", _public(intent))
        raise Refusal(402, code, decline_code=said, payment_intent=_public(intent))

    def decide_intent(self, intent: str, *, paid: bool) -> Raw:
        """What was processing is over."""
        found = self.intent(intent)
        return self._succeed(found, method="card") if paid else self._fail_later(found)

    def _fail_later(self, intent: Raw) -> Raw:
        error = {"code": "card_declined", "decline_code": "generic_decline", "type": "card_error"}
        intent |= {"status": "requires_payment_method", "last_payment_error": error}
        self.tell("payment_intent.payment_failed", _public(intent))
        return intent

    def _succeed(self, intent: Raw, *, method: str) -> Raw:
        charge: Raw = {
            "id": self._id("ch"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": 0,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "payment_intent": intent["id"],
            "payment_method_details": {"type": method},
            "refunded": False,
            "disputed": False,
        }
        charge["receipt_url"] = f"{self.pages}/receipt/{charge['id']}"
        if method == "card":
            charge["payment_method_details"]["card"] = dict(self.cards[intent["payment_method"]]["card"])
        self.charges[charge["id"]] = charge
        intent |= {
            "status": "succeeded",
            "amount_received": intent["amount"],
            "latest_charge": charge["id"],
            "last_payment_error": None,
        }
        self.tell("charge.succeeded", charge)
        self.tell("payment_intent.succeeded", _public(intent))
        return intent

    def intent(self, intent: str) -> Raw:
        return _known(self.intents, intent, "payment_intent")

    def cancel_intent(self, intent: str) -> Raw:
        found = self.intent(intent)
        if found["status"] in ("succeeded", "processing", "canceled"):
            raise Refusal(400, "payment_intent_unexpected_state")
        found["status"] = "canceled"
        self.tell("payment_intent.canceled", _public(found))
        return found

    # -- back to the payer

    def create_refund(self, params: Raw) -> Raw:
        intent = self.intent(params.get("payment_intent", ""))
        charge = self.charges.get(intent["latest_charge"] or "")
        if charge is None:
            raise Refusal(400, "charge_not_captured")
        left = charge["amount"] - charge["amount_refunded"]
        amount = int(params.get("amount", left))
        if charge["disputed"]:
            raise Refusal(400, "charge_disputed")
        if not 0 < amount <= left:
            raise Refusal(400, "charge_already_refunded" if not left else "parameter_invalid_integer")
        refund = {
            "id": self._id("re"),
            "object": "refund",
            "amount": amount,
            "currency": charge["currency"],
            "charge": charge["id"],
            "payment_intent": intent["id"],
            "status": params.get("_status", "succeeded"),
            "reason": params.get("reason"),
            "metadata": params.get("metadata", {}),
            "created": self.now(),
        }
        self.refunds[refund["id"]] = refund
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.tell("refund.created", refund)
        self.tell("charge.refunded", charge)
        return refund

    def refund(self, refund: str) -> Raw:
        return _known(self.refunds, refund, "refund")

    def decide_refund(self, refund: str, *, status: str) -> Raw:
        """The bank took it, or sent it back."""
        found = self.refund(refund)
        found["status"] = status
        self.tell("refund.updated", found)
        if status == "failed":
            found["failure_reason"] = "lost_or_stolen_card"
            self.charges[found["charge"]]["amount_refunded"] -= found["amount"]
            self.tell("refund.failed", found)
        return found

    def dispute_payment(self, intent: str, *, amount: int = 0, inquiry: bool = False) -> Raw:
        """The payer's bank takes the money back; of an inquiry it only asks."""
        charge = self.charges[self.intent(intent)["latest_charge"]]
        dispute: Raw = {
            "id": self._id("dp"),
            "object": "dispute",
            "amount": amount or charge["amount"] - charge["amount_refunded"],
            "currency": charge["currency"],
            "charge": charge["id"],
            "payment_intent": intent,
            "status": "warning_needs_response" if inquiry else "needs_response",
            "reason": "fraudulent",
            "balance_transactions": [],
            "created": self.now(),
        }
        self.disputes[dispute["id"]] = dispute
        charge["disputed"] = True
        self.tell("charge.dispute.created", dispute)
        if not inquiry:
            dispute["balance_transactions"].append({"amount": -dispute["amount"], "fee": 1500})
            self.tell("charge.dispute.funds_withdrawn", dispute)
        return dispute

    def dispute(self, dispute: str) -> Raw:
        return _known(self.disputes, dispute, "dispute")

    def decide_dispute(self, dispute: str, *, won: bool) -> Raw:
        """The bank has decided."""
        found = self.dispute(dispute)
        is_inquiry = found["status"].startswith("warning")
        found["status"] = "warning_closed" if is_inquiry else "won" if won else "lost"
        if won and found["balance_transactions"]:
            found["balance_transactions"].append({"amount": found["amount"], "fee": 0})
            self.tell("charge.dispute.funds_reinstated", found)
        self.charges[found["charge"]]["disputed"] = not won
        self.tell("charge.dispute.closed", found)
        return found

    # -- what is shown

    def shown(self, found: Mapping[str, Any], expand: list[str]) -> Raw:
        """An object as an answer: what is named in `expand` whole, the rest by its id."""
        tables = {"latest_charge": self.charges, "payment_intent": self.intents, "invoice": self.invoices}
        answer = _public(found)
        for path in expand:
            name, _dot, rest = path.partition(".")
            if answer.get(name) and isinstance(answer[name], str) and name in tables:
                answer[name] = self.shown(tables[name][answer[name]], [rest] if rest else [])
        return answer


def _known(table: Mapping[str, Raw], key: str, kind: str) -> Raw:
    if key not in table:
        raise Refusal(404, "resource_missing", f"No such {kind}", param="id")
    return table[key]


def _public(raw: Mapping[str, Any]) -> Raw:
    return {name: copy.deepcopy(value) for name, value in raw.items() if not name.startswith("_")}


def _taxed(params: Mapping[str, Any]) -> bool:
    return bool(params.get("automatic_tax", {}).get("enabled") == "true")
