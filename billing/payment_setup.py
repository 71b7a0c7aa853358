"""Whether this installation sells credits, and through which account of the payment vendor's."""

from django.conf import settings

from providers import payments
from providers.payments import Payments


class NotSetUp(Exception):
    """The operator has given no key of the payment vendor: nothing can be bought here."""


def is_set_up() -> bool:
    """Whether credits can be bought. Without it pages say so, and whom to write to."""
    return bool(settings.STRIPE_SECRET_KEY)


def vendor() -> Payments:
    """The payment vendor; raises NotSetUp. Never called inside a transaction."""
    if not is_set_up():
        raise NotSetUp
    return payments.client(key=settings.STRIPE_SECRET_KEY, url=settings.STRIPE_API_URL)


def secrets() -> list[str]:
    """What webhooks are signed with: two while the operator changes one for the other."""
    return list(settings.STRIPE_WEBHOOK_SECRETS)
