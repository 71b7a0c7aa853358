"""A business that buys credits at the payment vendor's counterpart."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tenants.models import Tenant
from tests.background import Background
from tests.billing.buyer import Buyer
from tests.counterparts.stripe import KEY, SECRET, Stripe


@pytest.fixture(scope="session")
def _stripe() -> Iterator[Stripe]:
    with Stripe() as stripe:
        yield stripe


@pytest.fixture
def stripe(_stripe: Stripe, settings: Any) -> Stripe:
    """The counterpart, as new, and an installation that sells through it."""
    _stripe.reset()
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL = KEY, _stripe.url
    settings.STRIPE_WEBHOOK_SECRETS, settings.STRIPE_PAGES = [SECRET], [_stripe.url]
    return _stripe


@pytest.fixture
def buyer(
    stripe: Stripe, alpha: Tenant, client_for: Callable[..., Any], member_of: Callable[..., Any],
    background: Background,
) -> Buyer:  # fmt: skip
    """The owner of alpha in a browser, with packs on offer."""
    return Buyer(alpha, stripe, client_for(alpha, member_of(alpha)), client_for(None), background)
