"""What vendors take: taken over from the package, dated, an operator's own first, worked out in SQL."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.urls import reverse

from billing import vendor_prices
from billing.vendor_prices import ALWAYS, Listed
from conversations.models import Conversation, Turn
from providers import price_package
from providers.llm import Usage
from tenants.models import AuditEntry, User, VendorPrice

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
KINDS = ("input_per_million", "output_per_million", "cache_read_per_million", "cache_write_per_million")
USED = Usage(input_tokens=1000, output_tokens=100, cache_read_tokens=500, cache_write_tokens=200)


@pytest.fixture(autouse=True)
def _empty() -> None:
    VendorPrice.objects.all().delete()


def listed(*rates: int, model: str = "m-1", since: datetime | None = None) -> Listed:
    return Listed("acme", model, dict(zip(KINDS, rates, strict=False)), since)


def own(model: str = "m-1", rate: int = 1, *, since: datetime = ALWAYS) -> VendorPrice:
    return VendorPrice.objects.create(
        price_list="acme", model=model, effective_from=since, **dict.fromkeys(KINDS, rate * 1_000_000)
    )


def cost(model: str = "m-1", *, at: datetime = NOW, used: Usage = USED) -> int | None:
    return vendor_prices.cost_of("acme", model, used, at=at)


class TestCost:
    def test_counts_each_kind_at_its_own_price_and_rounds_up_once(self) -> None:
        vendor_prices.keep([listed(500_000, 2_500_000, 50_000, 625_000)], now=NOW)
        assert cost() == 500 + 250 + 25 + 125
        assert cost(used=Usage(input_tokens=1)) == 1
        assert cost(used=Usage()) == 0

    def test_of_what_the_list_does_not_name_is_that_of_reading(self) -> None:
        vendor_prices.keep([listed(1_000_000, 2_000_000)], now=NOW)
        assert cost() == 1000 + 200 + 500 + 200

    @pytest.mark.parametrize(
        "model", ["m-1", "M-1", "m-1-20251001", "m-1-2025-08-07", "m-1-0613", "m-1-latest", "m-1@20251001"]
    )
    def test_is_found_by_the_name_that_a_vendor_answers_with(self, model: str) -> None:
        vendor_prices.keep([listed(1_000_000)], now=NOW)
        assert cost(model) is not None

    @pytest.mark.parametrize("model", ["m-1-mini", "m-10", "m", "x-m-1", ""])
    def test_of_another_model_is_not_known(self, model: str) -> None:
        vendor_prices.keep([listed(1_000_000)], now=NOW)
        assert cost(model) is None and vendor_prices.cost_of("other", "m-1", USED, at=NOW) is None

    def test_is_the_exact_names_then_the_models_then_the_whole_lists(self) -> None:
        own("*", 1), own("m-1", 2), own("m-1-20251001", 3)
        used = Usage(input_tokens=1_000_000)
        assert [cost(one, used=used) for one in ("else", "m-1-latest", "m-1-20251001")] == [
            1_000_000, 2_000_000, 3_000_000,
        ]  # fmt: skip

    def test_is_worked_out_by_the_statement_that_keeps_it(
        self, in_alpha: Any, django_assert_num_queries: Any
    ) -> None:
        vendor_prices.keep([listed(1_000_000)], now=NOW)
        turn = Turn.objects.create(conversation=conversation())
        with django_assert_num_queries(1):
            price = vendor_prices.cost("acme", "m-1", USED, at=NOW)
            Turn.objects.filter(pk=turn.pk).update(provider_cost=price)
        turn.refresh_from_db()
        assert turn.provider_cost == 1800
        Turn.objects.filter(pk=turn.pk).update(provider_cost=vendor_prices.cost("?", "m", USED, at=NOW))
        turn.refresh_from_db()
        assert turn.provider_cost is None


def conversation() -> Conversation:
    from agents.models import Agent
    from conversations.models import Channel, Contact

    channel = Channel.objects.create(kind="api", name="API", agent=Agent.objects.order_by("pk")[0])
    return Conversation.objects.create(contact=Contact.objects.create(name="Ana"), channel=channel)


class TestKeeping:
    def test_the_first_price_holds_from_always_and_a_change_from_then_on(self) -> None:
        assert vendor_prices.keep([listed(1_000_000)], now=NOW) == 1
        assert vendor_prices.keep([listed(1_000_000)], now=NOW + timedelta(days=1)) == 0
        later = NOW + timedelta(days=2)
        assert vendor_prices.keep([listed(3_000_000)], now=later) == 1
        used = Usage(input_tokens=1_000_000)
        assert cost(used=used, at=later - timedelta(seconds=1)) == 1_000_000
        assert cost(used=used, at=later) == 3_000_000
        # And back to what it was.
        assert vendor_prices.keep([listed(1_000_000)], now=later + timedelta(days=1)) == 1

    def test_a_dated_price_holds_from_its_date_and_is_kept_once(self) -> None:
        both = [listed(1_000_000, since=ALWAYS), listed(2_000_000, since=NOW)]
        assert vendor_prices.keep(both, now=NOW) == 2
        assert vendor_prices.keep(both, now=NOW + timedelta(days=9)) == 0
        used = Usage(input_tokens=1_000_000)
        assert [cost(used=used, at=NOW - timedelta(days=1)), cost(used=used)] == [1_000_000, 2_000_000]

    def test_what_says_nothing_is_not_kept(self) -> None:
        assert vendor_prices.keep([listed()], now=NOW) == 0

    def test_an_operators_price_goes_first_until_it_is_taken_back(self) -> None:
        vendor_prices.keep([listed(5_000_000)], now=NOW)
        mine = own(rate=2)
        vendor_prices.keep([listed(6_000_000)], now=NOW + timedelta(days=1))
        used = Usage(input_tokens=1_000_000)
        assert cost(used=used, at=NOW + timedelta(days=2)) == 2_000_000
        mine.delete()
        assert cost(used=used, at=NOW + timedelta(days=2)) == 6_000_000


class TestPackage:
    def test_knows_the_models_that_the_product_uses(self, settings: Any) -> None:
        out = StringIO()
        call_command("update_prices", stdout=out)
        assert VendorPrice.objects.count() > 300 and "new prices" in out.getvalue()
        for prices, model in (("anthropic", "claude-haiku-4-5"), ("openai", "gpt-4o-mini")):
            found = vendor_prices.price(prices, model, at=NOW)
            assert found is not None and found.source == "package"
            assert 10_000 < found.input_per_million < found.output_per_million < 100_000_000
            assert found.cache_read_per_million < found.input_per_million
        heard = VendorPrice.objects.get(price_list="openai", model="whisper-1", source="package")
        spoken = VendorPrice.objects.get(price_list="openai", model="tts-1", source="package")
        assert 10_000 < heard.heard_per_hour < 10_000_000 < spoken.spoken_per_million < 100_000_000
        call_command("update_prices", stdout=out)
        assert out.getvalue().endswith("Every price is known.\n")

    def test_says_each_price_once(self) -> None:
        found = list(price_package.prices())
        names = [(one.price_list, one.model, one.since) for one in found]
        assert len(names) == len(set(names))
        assert all(
            one.model == one.model.lower() and len(one.rates) == len(vendor_prices.KINDS) for one in found
        )
        assert all(rate is None or rate >= 0 for one in found for rate in one.rates)


class TestBackOffice:
    @pytest.fixture
    def root(self, client_for: Any) -> Any:
        return client_for(None, User.objects.create_superuser("root@frontdesk.example", "pass word 1"))

    def test_adds_an_own_price_and_changes_none(self, root: Any) -> None:
        vendor_prices.keep([listed(5_000_000)], now=NOW)
        page = reverse("admin:tenants_vendorprice_add")
        typed = {
            "price_list": "acme", "model": " M-1 ", "input_per_million": "2000000",
            "output_per_million": "4000000", "effective_from_0": "2026-01-01", "effective_from_1": "00:00:00",
        }  # fmt: skip
        assert root.post(page, typed).status_code == 302
        assert cost(used=Usage(input_tokens=1_000_000)) == 2_000_000
        assert AuditEntry.objects.get(action="vendor_price.add").target
        shown = root.get(reverse("admin:tenants_vendorprice_changelist")).content.decode()
        assert "m-1" in shown and "acme" in shown
        package = VendorPrice.objects.get(source="package")
        assert root.post(reverse("admin:tenants_vendorprice_delete", args=[package.pk])).status_code == 403
        root.post(reverse("admin:tenants_vendorprice_change", args=[package.pk]), typed)
        package.refresh_from_db()
        assert package.input_per_million == 5_000_000
