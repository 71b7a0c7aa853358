"""Prices: from a moment on, for one business or all; nothing that was used is ever priced anew."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits
from billing.models import Price
from tenants.models import AuditEntry, Tenant
from tests.tenants import staff

pytestmark = pytest.mark.django_db
PAGE = "/admin/finance/prices/"
NEW = {
    "model": "template:marketing", "input_per_million": "0", "output_per_million": "0",
    "cache_read_per_million": "0", "cache_write_per_million": "0", "audio_per_hour": "0",
    "spoken_per_million": "0", "reading_per_hundred_pages": "0", "per_message": "65", "minimum": "0",
}  # fmt: skip


def at(moment: Any) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%dT%H:%M")


def cost(tenant: str, model: str, moment: Any) -> int:
    with schema_context(tenant):
        return credits.price_for(model, at=moment).per_message


def test_one_price_for_every_business_and_those_to_come(client_for: Any, alpha: Tenant, beta: Tenant) -> None:
    now = timezone.now()
    browser, begins = client_for(None, staff.make("finance")), now + timedelta(days=2)
    assert browser.post(PAGE, {**NEW, "effective_from": at(begins)}).status_code == 302
    for schema in ("alpha", "beta", "template"):
        assert cost(schema, "template:marketing", now) == 0
        assert cost(schema, "template:marketing", begins + timedelta(minutes=1)) == 65
    entry = AuditEntry.objects.get(action="price.set_everywhere")
    assert entry.detail["businesses"] == 1 + Tenant.objects.count()
    page = browser.get(f"{PAGE}?model=template:marketing").content.decode()
    assert "template:marketing" in page and "to come" in page
    again = browser.post(PAGE, {**NEW, "effective_from": at(begins)})
    assert again.status_code == 200 and "already exists" in again.content.decode()


def test_one_businesss_own_price_stays(client_for: Any, alpha: Tenant, beta: Tenant) -> None:
    begins = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    own = {name: int(value) for name, value in NEW.items() if name != "model"} | {"per_message": 1}
    with schema_context("beta"):
        Price.objects.create(model="template:marketing", effective_from=begins, **own)
    client_for(None, staff.make("finance")).post(PAGE, {**NEW, "effective_from": at(begins)})
    assert (cost("alpha", "template:marketing", begins), cost("beta", "template:marketing", begins)) == (
        65,
        1,
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"effective_from": "2020-01-01T00:00"}, "effective_from"),
        ({"effective_from": ""}, "effective_from"),
        ({"model": "template:invoices"}, "model"),
        ({"model": "a model\nof mine"}, "model"),
        ({"model": ""}, "model"),
        ({"per_message": "-1"}, "per_message"),
        ({"input_per_million": "9999999999"}, "input_per_million"),
    ],
)
def test_what_makes_no_sense_is_refused(client_for: Any, wrong: dict[str, str], field: str) -> None:
    sent = {**NEW, "effective_from": at(timezone.now() + timedelta(days=1)), **wrong}
    page = client_for(None, staff.make("finance")).post(PAGE, sent)
    assert page.status_code == 200 and set(page.context["form"].errors) == {field}
    assert not AuditEntry.objects.filter(action="price.set_everywhere").exists()


def test_only_finance_sets_them(client_for: Any) -> None:
    for group in ("support", "operator"):
        assert client_for(None, staff.make(group)).post(PAGE, NEW).status_code == 403
