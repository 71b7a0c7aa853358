"""What those who see to the money are told of payments; what operators are told of what fits nothing."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants import addresses, letters, notifying
from tenants.access import MONEY
from tenants.models import PaymentEvent
from tenants.notifying import Kind

KINDS = (
    Kind(
        name="topup_paid",
        title=_("A payment has arrived"),
        words=gettext_noop("Your payment has arrived: %(credits)s credits"),
        icon="coins",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="topup_failed",
        title=_("A payment did not arrive"),
        words=gettext_noop("Your payment for %(credits)s credits did not arrive; nothing was taken"),
        icon="wallet-minimal",
        push=True,
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="payment_refunded",
        title=_("A payment is sent back"),
        words=gettext_noop("A payment goes back to your card; %(credits)s credits go with it"),
        icon="wallet-minimal",
        email=True,
        roles=MONEY,
    ),
    Kind(
        name="payment_disputed",
        title=_("A payment is disputed"),
        words=gettext_noop(
            "Your bank disputes the payment for %(credits)s credits; until that is over nothing "
            "more can be bought"
        ),
        icon="wallet-minimal",
        push=True,
        email=True,
        roles=MONEY,
        is_urgent=True,
    ),
    Kind(
        name="dispute_over",
        title=_("A disputed payment is decided"),
        words=gettext_noop("Your bank has decided on the disputed payment for %(credits)s credits"),
        icon="wallet-minimal",
        email=True,
        roles=MONEY,
    ),
)


def register() -> None:
    """Every kind, once, when the apps are ready."""
    for kind in KINDS:
        notifying.register(kind)


def tell_operators(event: PaymentEvent, reason: str) -> None:
    """One letter for an event that fits nothing of ours; never inside a transaction."""
    page = addresses.public_url(f"/admin/tenants/paymentevent/{event.pk}/change/")
    lines = [
        f"The payment event {event.event_id} ({event.type}) was parked: {reason}.",
        "No credits were given or taken by it. Look at it, and have it tried again when it is mended:",
        page,
    ]
    letters.to_operators(subject="A payment event was parked", lines=lines)
