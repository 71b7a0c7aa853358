"""A business's own search models in a conversation: their order, their silence, their refusal of a key."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import connection

from conversations.models import Breaker, Turn
from knowledge.models import Embedding, Reranker
from tests.counterparts.embeddings import KEY, Embeddings
from tests.knowledge.passages import add

QUESTION = "Onde fica o estacionamento gratuito?"
TEXTS = [
    "O estacionamento gratuito fica atrás da casa.",
    "O estacionamento pago fica na praça.",
    "A praça fica no centro da cidade.",
]


@pytest.fixture(scope="module")
def _vendor() -> Iterator[Embeddings]:
    with Embeddings() as vendor:
        yield vendor


@pytest.fixture
def house(shop: Any, _vendor: Embeddings, settings: Any) -> Any:
    """The shop, its passages found by a vendor's model on the business's own key."""
    settings.MODEL_PRIVATE_HOSTS = ["*"]
    _vendor.forget()
    shop.vendor = _vendor
    connection.set_tenant(shop.tenant)
    cache.clear()
    Embedding.objects.create(
        vendor="openai", base_url=f"{_vendor.url}/v1", api_key=KEY, model="m", dimensions=64, status="serving"
    )
    add(*TEXTS)
    _vendor.requests.clear()
    return shop


def rank(house: Any) -> None:
    Reranker.objects.create(vendor="jina", base_url=f"{house.vendor.url}/v1", api_key=KEY)


def ask(house: Any, text: str = QUESTION, **more: Any) -> list[str]:
    """A customer asks; what the model was shown, in its order."""
    house.models.requests.clear()
    house.say(text, **more)
    house.work()
    shown = house.models.requests[0]["body"]["messages"][-1]["content"]
    return sorted((text for text in TEXTS if text in shown), key=shown.index)


def asked(house: Any) -> list[str]:
    return [one["path"] for one in house.vendor.requests]


class TestReranker:
    def test_is_asked_only_where_a_business_has_one_and_its_order_counts(self, house: Any) -> None:
        assert ask(house)[0] == TEXTS[0] and "/v1/rerank" not in asked(house)
        rank(house)
        house.vendor.fail_next("worst")
        order = ask(house)
        assert asked(house)[-1] == "/v1/rerank" and set(order) == set(TEXTS)
        assert order[-1] == TEXTS[0] and Turn.objects.latest("pk").status == "done"
        assert [one["path"] for one in house.vendor.requests].count("/v1/embeddings") == 1  # asked twice

    @pytest.mark.parametrize("fault", ["hang", "drip"])
    def test_that_is_slow_costs_two_seconds_and_our_own_order_stands(self, house: Any, fault: str) -> None:
        ask(house)
        rank(house)
        house.vendor.fail_next(fault)
        began = time.monotonic()
        assert ask(house)[0] == TEXTS[0]
        assert time.monotonic() - began < 6  # the rest of a turn, on a busy machine, is in it
        assert Breaker.objects.get().vendor == "reranker" and not Breaker.objects.get().is_open

    def test_that_refuses_the_key_is_asked_once_and_the_owner_told_once(
        self, house: Any, member_of: Any
    ) -> None:
        member_of(house.tenant)
        rank(house)
        house.vendor.app.key = "another key"
        cache.clear()
        Embedding.objects.update(api_key="another key")
        for number in range(3):
            assert ask(house, chat=f"5511900000{number:03d}@c.us")[0] == TEXTS[0]
        assert asked(house).count("/v1/rerank") == 1
        [letter] = mail.outbox
        assert "order" in letter.body and KEY not in letter.body


class TestEmbedding:
    """L2 for the model that finds by meaning."""

    def test_that_refuses_the_key_is_asked_once_words_find_and_the_owner_is_told_once(
        self, house: Any, member_of: Any
    ) -> None:
        member_of(house.tenant)
        house.vendor.fail_next("401", times=10)
        for number in range(3):
            assert ask(house, chat=f"5511900000{number:03d}@c.us")[0] == TEXTS[0]
        row = Breaker.objects.get()
        assert (row.vendor, row.cause, len(house.vendor.requests)) == ("embedding", "account", 1)
        [letter] = mail.outbox
        assert letter.to == ["owner@alpha.example"] and KEY not in letter.body
        assert Turn.objects.filter(status="done").count() == 3

    def test_that_is_no_model_any_more_leaves_words(self, house: Any) -> None:
        Embedding.objects.update(model="unknown")
        assert ask(house)[0] == TEXTS[0] and Turn.objects.get().status == "done"

    def test_inside_the_house_is_refused_and_words_find(self, house: Any, settings: Any) -> None:
        settings.MODEL_PRIVATE_HOSTS = [f"127.0.0.1:{house.models.url.rpartition(':')[2]}"]
        assert ask(house)[0] == TEXTS[0] and not house.vendor.requests
        assert "private network" in Breaker.objects.get().detail
