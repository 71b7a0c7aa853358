"""What a payer does at the till and the vendor at our door: steps to die in (tests.risks.victim)."""

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing import topups
from billing.packs import Choice
from tenants.background import public_task
from tenants.models import Tenant, User


@public_task()
def buy(buyer: int, amount: int) -> None:
    """Somebody of alpha goes to pay for a thousand credits."""
    asker, tenant = User.objects.get(pk=buyer), Tenant.objects.get(slug="alpha")
    choice = Choice(1000, amount, "brl")
    topups.start(tenant, choice, keeps_card=False, asker=asker, now=timezone.now())


@public_task()
def knock(body: str, signature: str) -> None:
    """The vendor tells of an event."""
    Client(headers={"host": "localhost"}).post(
        reverse("payment_webhook", urlconf="config.public_urls"),
        body.encode(),
        content_type="application/json",
        headers={"stripe-signature": signature},
    )
