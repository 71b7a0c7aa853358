"""Who pays for a business: its customer at the payment vendor, and the card it agreed to have charged."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from billing import payment_setup
from providers.errors import ProviderError
from providers.payments import Card
from tenants import addresses, audit
from tenants.models import PaymentCustomer, Tenant, User

log = structlog.get_logger(__name__)
LANGUAGES = {"pt-br": "pt-BR", "en": "en", "es": "es", "fr": "fr"}  # in the vendor's words
Told = Callable[[PaymentCustomer, datetime], None]

_told: list[Told] = []


class Frozen(Exception):
    """A payment of this business is disputed: nothing more is sold to it until that is over."""


def on_card_gone(told: Told) -> None:
    """Have this told, in that transaction, when a saved card may not be charged any more."""
    _told.append(told)


def of(tenant: Tenant) -> PaymentCustomer | None:
    """The payer; None before the first purchase."""
    return PaymentCustomer.objects.filter(tenant=tenant).first()


def ensure(tenant: Tenant, *, asker: User, now: datetime) -> PaymentCustomer:
    """The payer, made at the vendor when there is none; never inside a transaction.

    Raises Frozen, and what the vendor raises.
    """
    payer = of(tenant)
    if payer is not None and payer.frozen_at is not None:
        raise Frozen
    if payer is not None and payer.gone_at is None:
        return payer
    former = payer.customer_id if payer else ""
    customer = payment_setup.vendor().customer(
        name=tenant.name,
        email=asker.email,
        reference=tenant.slug,
        language=LANGUAGES.get(tenant.language, ""),
        key=f"customer:{tenant.pk}:{former}",
    )
    return _known(tenant, customer, now=now)


@transaction.atomic(durable=True)
def _known(tenant: Tenant, customer: str, *, now: datetime) -> PaymentCustomer:
    payer, _made = PaymentCustomer.objects.update_or_create(
        tenant=tenant, defaults={"customer_id": customer, "gone_at": None}, create_defaults={
            "customer_id": customer, "created_at": now,
        },
    )  # fmt: skip
    return payer


def portal_url(payer: PaymentCustomer, *, language: str) -> str:
    """The vendor's page for cards and invoices, good for minutes."""
    back = addresses.tenant_url(payer.tenant, "/account/")
    locale = LANGUAGES.get(language, "auto")
    return payment_setup.vendor().portal(customer=payer.customer_id, return_url=back, language=locale)


# -- the saved card


def keep(tenant: Tenant, card: Card, *, consented_by: User | None, now: datetime) -> None:
    """Remember a card that its owner agreed to have charged; in the caller's transaction."""
    PaymentCustomer.objects.filter(tenant=tenant).update(
        payment_method=card.method,
        card_brand=card.brand,
        card_last4=card.last4,
        card_expires_on=card.expires_on,
        consented_at=now,
        consented_by=consented_by,
    )
    audit.record("card.keep", actor=consented_by, tenant=tenant, target=card.last4, brand=card.brand)


def drop(tenant: Tenant, *, actor: User, now: datetime) -> bool:
    """Never charge the saved card again. False when the vendor could not be told; it is ours no more."""
    method = _forget(tenant, actor=actor)
    if not method:
        return True
    try:
        payment_setup.vendor().drop_card(method)
    except (ProviderError, payment_setup.NotSetUp) as error:
        log.warning("card.kept_by_vendor", tenant=tenant.schema_name, error=type(error).__name__)
        return False
    return True


@transaction.atomic(durable=True)
def _forget(tenant: Tenant, *, actor: User) -> str:
    """Empty the card; returns what it was."""
    payer = PaymentCustomer.objects.select_for_update().filter(tenant=tenant).first()
    if payer is None or not payer.payment_method:
        return ""
    method = payer.payment_method
    _empty(payer)
    audit.record("card.drop", actor=actor, tenant=tenant)
    return method


@transaction.atomic(durable=True)
def take_over_card(method: str, card: Card | None, *, now: datetime) -> PaymentCustomer | None:
    """A card as the vendor has it now: another number or date, or none any more. The payer if it is gone."""
    payer = PaymentCustomer.objects.select_for_update().filter(payment_method=method).first()
    if payer is None:
        return None
    if card is None or not card.customer:
        _empty(payer)
        audit.record("card.gone", actor=None, tenant=payer.tenant)
        return payer
    payer.card_brand, payer.card_last4, payer.card_expires_on = card.brand, card.last4, card.expires_on
    payer.save(update_fields=["card_brand", "card_last4", "card_expires_on"])
    return None


@transaction.atomic(durable=True)
def gone(customer: str, *, now: datetime) -> PaymentCustomer | None:
    """The vendor knows this customer no more; the next purchase makes another."""
    payer = PaymentCustomer.objects.select_for_update().filter(customer_id=customer).first()
    if payer is None or payer.gone_at is not None:
        return None
    payer.gone_at = now
    _empty(payer)
    audit.record("payer.gone", actor=None, tenant=payer.tenant, target=customer)
    return payer


def _empty(payer: PaymentCustomer) -> None:
    payer.payment_method = payer.card_brand = payer.card_last4 = ""
    payer.card_expires_on = payer.consented_at = payer.consented_by = None
    payer.save()
    for told in _told:
        told(payer, timezone.now())


def has_expired(payer: PaymentCustomer, *, now: datetime) -> bool:
    """A card is good until the end of its month."""
    if payer.card_expires_on is None:
        return False
    end = (payer.card_expires_on.replace(day=1) + timedelta(days=31)).replace(day=1)
    return now.date() >= end
