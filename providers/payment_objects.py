"""What the payment vendor says, as far as we ask: read from its objects, which hold much more.

Amounts are integers of the currency's smallest unit; currencies are in small letters, instants are aware.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

Raw = Mapping[str, Any]
LIVE_REFUNDS = ("pending", "requires_action", "succeeded")  # on its way to the card, or there


@dataclass(frozen=True, slots=True)
class Order:
    """What a Checkout Session is made for. `reference` is our own number of the top-up.

    Amount without tax; `tax_code` empty: the account's usual one. `keeps_card`: the payer agreed that it is
    charged later without being asked. The page lives until `expires_at`: half an hour to a day from now.
    """

    customer: str
    reference: str
    amount: int
    currency: str
    title: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    language: str = "auto"
    keeps_card: bool = False
    taxed: bool = False
    asks_tax_id: bool = False
    tax_code: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Card:
    """A card that may be charged. `method` is the vendor's id; `customer` empty: it was dropped."""

    method: str
    brand: str
    last4: str
    expires_on: date | None
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment. `amount` with tax; `status` the vendor's word; `error` its code when a charge was declined.

    `method` is the kind: card, boleto, pix. `reference` our number of the top-up, empty for what is not ours.
    """

    id: str
    status: str
    amount: int
    received: int
    currency: str
    customer: str
    reference: str
    method: str = ""
    card: Card | None = None
    receipt_url: str = ""
    error: str = ""
    keeps_card: bool = False


@dataclass(frozen=True, slots=True)
class Checkout:
    """A Checkout Session. `status` is open, complete or expired; `paid` paid, unpaid or no_payment_required.

    `subtotal` is without tax, `total` with it. `payment` is only filled when it was asked for.
    """

    id: str
    url: str
    status: str
    paid: str
    reference: str
    customer: str
    currency: str
    subtotal: int
    total: int
    payment_intent: str
    invoice_url: str = ""
    payment: Payment | None = None


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund. `status`: pending, requires_action, succeeded, failed or canceled."""

    id: str
    payment_intent: str
    amount: int
    currency: str
    status: str
    reason: str

    @property
    def is_live(self) -> bool:
        """Whether the money goes, or went, back to the payer."""
        return self.status in LIVE_REFUNDS


@dataclass(frozen=True, slots=True)
class Disputed:
    """A dispute of a payment. `withdrawn`: its money is out of our account at this moment."""

    id: str
    payment_intent: str
    amount: int
    currency: str
    status: str
    reason: str
    withdrawn: bool

    @property
    def is_over(self) -> bool:
        return self.status in ("won", "lost", "warning_closed", "prevented")


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened to an object. The object is fetched again before anything is done about it."""

    id: str
    type: str
    object_id: str
    happened_at: datetime
    customer: str = ""
    payment_intent: str = ""
    is_live: bool = False


def checkout(raw: Raw) -> Checkout:
    intent, invoice = raw.get("payment_intent"), raw.get("invoice")
    return Checkout(
        id=_text(raw, "id"),
        url=_text(raw, "url"),
        status=_text(raw, "status"),
        paid=_text(raw, "payment_status"),
        reference=_text(raw, "client_reference_id"),
        customer=_id(raw.get("customer")),
        currency=_text(raw, "currency").lower(),
        subtotal=_whole(raw, "amount_subtotal"),
        total=_whole(raw, "amount_total"),
        payment_intent=_id(intent),
        invoice_url=_text(invoice, "hosted_invoice_url") if isinstance(invoice, Mapping) else "",
        payment=payment(intent) if isinstance(intent, Mapping) else None,
    )


def payment(raw: Raw) -> Payment:
    charge = raw.get("latest_charge")
    charge = charge if isinstance(charge, Mapping) else {}
    details = charge.get("payment_method_details") or {}
    failure = raw.get("last_payment_error") or {}
    return Payment(
        id=_text(raw, "id"),
        status=_text(raw, "status"),
        amount=_whole(raw, "amount"),
        received=_whole(raw, "amount_received"),
        currency=_text(raw, "currency").lower(),
        customer=_id(raw.get("customer")),
        reference=_text(raw.get("metadata") or {}, "topup"),
        method=_text(details, "type"),
        card=_charged_card(raw, details),
        receipt_url=_text(charge, "receipt_url"),
        error=_text(failure, "decline_code") or _text(failure, "code"),
        keeps_card=bool(raw.get("setup_future_usage")),
    )


def _charged_card(raw: Raw, details: Raw) -> Card | None:
    card, method = details.get("card"), _id(raw.get("payment_method"))
    return _card(method, card, _id(raw.get("customer"))) if card and method else None


def card(raw: Raw) -> Card | None:
    """A payment method as a card; None for one of another kind."""
    found = raw.get("card")
    return _card(_text(raw, "id"), found, _id(raw.get("customer"))) if found else None


def _card(method: str, raw: Raw, customer: str) -> Card:
    year, month = _whole(raw, "exp_year"), _whole(raw, "exp_month")
    expires = date(year, month, 1) if year and 1 <= month <= 12 else None
    return Card(
        method=method,
        brand=_text(raw, "brand")[:30],
        last4=_text(raw, "last4")[:4],
        expires_on=expires,
        customer=customer,
    )


def refunded(raw: Raw) -> Refunded:
    return Refunded(
        id=_text(raw, "id"),
        payment_intent=_id(raw.get("payment_intent")),
        amount=_whole(raw, "amount"),
        currency=_text(raw, "currency").lower(),
        status=_text(raw, "status"),
        reason=_text(raw, "failure_reason") or _text(raw, "reason"),
    )


def disputed(raw: Raw) -> Disputed:
    moved = [_whole(move, "amount") for move in raw.get("balance_transactions") or ()]
    return Disputed(
        id=_text(raw, "id"),
        payment_intent=_id(raw.get("payment_intent")),
        amount=_whole(raw, "amount"),
        currency=_text(raw, "currency").lower(),
        status=_text(raw, "status"),
        reason=_text(raw, "reason"),
        # In our account's own currency, so only what is left of it is asked, not how much.
        withdrawn=sum(moved) < 0,
    )


def event(raw: Raw) -> Event:
    about = (raw.get("data") or {}).get("object") or {}
    kind = _text(about, "object")
    return Event(
        id=_text(raw, "id"),
        type=_text(raw, "type"),
        object_id=_text(about, "id"),
        happened_at=datetime.fromtimestamp(_whole(raw, "created"), UTC),
        customer=_text(about, "id") if kind == "customer" else _id(about.get("customer")),
        payment_intent=_text(about, "id") if kind == "payment_intent" else _id(about.get("payment_intent")),
        is_live=bool(raw.get("livemode")),
    )


def _id(value: Any) -> str:
    """The id of an object that may come whole, as its id, or not at all."""
    return _text(value, "id") if isinstance(value, Mapping) else str(value or "")


def _text(raw: Raw, name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _whole(raw: Raw, name: str) -> int:
    value = raw.get(name)
    return value if isinstance(value, int) else 0
