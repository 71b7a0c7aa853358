"""Embedding vendors and rerankers over HTTP, against their counterpart: what is sent, taken and refused."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from providers import embedding, reranking
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tests.counterparts.embeddings import KEY, Embeddings

VENDORS = {"openai": "/v1", "voyage": "/v1", "cohere": "/v2"}
RERANKERS = {"cohere": "/v2", "voyage": "/v1", "jina": "/v1"}
TEXTS = ["aberto aos sábados", "limpeza dental completa", "estacionamento gratuito"]
EACH = pytest.mark.parametrize("name", VENDORS)
EACH_RERANKER = pytest.mark.parametrize("name", RERANKERS)


@pytest.fixture(scope="module")
def _vendor() -> Iterator[Embeddings]:
    with Embeddings() as vendor:
        yield vendor


@pytest.fixture
def vendor(_vendor: Embeddings) -> Embeddings:
    _vendor.forget()
    return _vendor


def of(name: str, vendor: Embeddings, **other: Any) -> embedding.Embedder:
    wanted: dict[str, Any] = {"model": "m", "dimensions": 64, "api_key": KEY, "allow_private": True} | other
    return embedding.build(name, base_url=vendor.url + VENDORS[name], **wanted)


def ranker(name: str, vendor: Embeddings, **other: Any) -> reranking.Reranker:
    account: dict[str, Any] = {"api_key": KEY, "model": "", "allow_private": True} | other
    return reranking.build(name, base_url=vendor.url + RERANKERS[name], **account)


@EACH
class TestVectors:
    def test_are_units_of_halves_in_order_and_name_their_model(self, name: str, vendor: Embeddings) -> None:
        by = of(name, vendor)
        model, vectors = by.embed_passages(TEXTS)
        asked_model, asked = by.embed_question("vocês têm estacionamento?")
        assert model == asked_model == by.known_model and model.startswith(f"{name}/m/64@")
        assert all(one.dtype == np.float16 and len(one) == 64 for one in vectors)
        assert all(abs(float(np.linalg.norm(one.astype("f4"))) - 1) < 1e-2 for one in vectors)
        near = [float(one.astype("f4") @ asked.astype("f4")) for one in vectors]
        assert near.index(max(near)) == 2

    def test_questions_and_passages_are_told_apart_where_the_vendor_does(
        self, name: str, vendor: Embeddings
    ) -> None:
        of(name, vendor).embed_question("quando abrem?")
        of(name, vendor).embed_passages(TEXTS)
        words = {"openai": [None, None], "voyage": ["query", "document"],
                 "cohere": ["search_query", "search_document"]}  # fmt: skip
        assert [one["body"].get("input_type") for one in vendor.requests] == words[name]
        assert {one["headers"]["authorization"] for one in vendor.requests} == {f"Bearer {KEY}"}

    def test_more_than_a_call_takes_go_in_batches(self, name: str, vendor: Embeddings) -> None:
        texts = [f"texto número {number}" for number in range(100)]
        assert len(of(name, vendor).embed_passages(texts)[1]) == 100
        assert vendor.texts() == texts and len(vendor.requests) == 2
        assert of(name, vendor).embed_passages([])[1] == [] and len(vendor.requests) == 2

    def test_are_as_many_as_were_asked_for(self, name: str, vendor: Embeddings) -> None:
        assert len(of(name, vendor, dimensions=32, shortened=True).embed_question("oi")[1]) == 32
        assert len(of(name, vendor, dimensions=None, model="wide").embed_question("oi")[1]) == 1536
        [short, whole] = [one["body"] for one in vendor.requests]
        assert {32} == {short.get("dimensions") or short.get("output_dimension")}
        assert not {"dimensions", "output_dimension"} & set(whole)

    @pytest.mark.parametrize("text", ["", "\x00", "\ud800 oi", "a" * 100_000])
    def test_any_text_is_cut_and_cleaned(self, name: str, vendor: Embeddings, text: str) -> None:
        by = of(name, vendor)
        assert (
            np.isfinite(by.embed_question(text)[1]).all() and np.isfinite(by.embed_passages([text])[1]).all()
        )
        sent = vendor.texts()
        assert all(sent) and len(sent[0]) <= 500 and len(sent[1]) <= 1500

    @pytest.mark.parametrize("fault", ["nan", "zeros", "short", "narrow", "malformed", "hollow"])
    def test_what_is_no_vector_is_refused(self, name: str, vendor: Embeddings, fault: str) -> None:
        vendor.fail_next(fault)
        with pytest.raises(ProviderError) as caught:
            of(name, vendor).embed_passages(TEXTS)
        assert isinstance(caught.value, ProviderRejected) == (fault not in ("malformed", "hollow"))

    def test_errors_say_whether_to_try_again(self, name: str, vendor: Embeddings) -> None:
        vendor.fail_next("429:7")
        with pytest.raises(ProviderError) as busy:
            of(name, vendor).embed_question("oi")
        assert busy.value.retry_after == 7 and not isinstance(busy.value, ProviderRejected)
        vendor.fail_next("503")
        with pytest.raises(ProviderError) as away:
            of(name, vendor).embed_question("oi")
        assert (
            not isinstance(away.value, ProviderRejected) and len(vendor.requests) == 2
        )  # no retries by itself
        for fault in ("401", "402", "403"):
            vendor.fail_next(fault)
            with pytest.raises(AccountRefused):
                of(name, vendor).embed_question("oi")
        with pytest.raises(AccountRefused):
            of(name, vendor, api_key="another").embed_question("oi")
        with pytest.raises(ProviderRejected, match="404"):
            of(name, vendor, model="unknown").embed_question("oi")

    def test_no_key_of_the_installation_is_looked_for(
        self, name: str, vendor: Embeddings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable in ("OPENAI_API_KEY", "VOYAGE_API_KEY", "CO_API_KEY", "COHERE_API_KEY", "JINA_API_KEY"):
            monkeypatch.setenv(variable, "ours")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Proxy-Key: ours\nAuthorization: Bearer ours")
        with pytest.raises(ProviderRejected, match="key"):
            of(name, vendor, api_key="")
        of(name, vendor).embed_question("oi")
        assert "ours" not in str(vendor.requests[0]["headers"])

    def test_without_a_key_nobody_is_asked(self, name: str, vendor: Embeddings) -> None:
        for key in ("", "não"):
            with pytest.raises(ProviderRejected, match="key"):
                of(name, vendor, api_key=key)
        assert not vendor.requests


def test_the_index_counts_not_the_place(vendor: Embeddings) -> None:
    straight = of("openai", vendor).embed_passages(TEXTS)[1]
    vendor.fail_next("order")
    assert np.array_equal(of("openai", vendor).embed_passages(TEXTS)[1], straight)


def test_a_key_without_money_is_the_owners_to_mend(vendor: Embeddings) -> None:
    vendor.fail_next("spent")
    with pytest.raises(AccountRefused):
        of("openai", vendor).embed_question("oi")


def test_an_id_tells_apart_whatever_makes_other_vectors() -> None:
    ids = {
        embedding.model_id(vendor, base_url=url, model=model, dimensions=size)
        for vendor in ("openai", "voyage")
        for url in (None, "https://one.example/v1", "https://two.example/v1")
        for model in ("m", "n", "x" * 90, "x" * 90 + "y")
        for size in (64, 128)
    }
    assert len(ids) == 2 * 3 * 4 * 2 and max(map(len, ids)) <= 120


def test_more_dimensions_than_an_index_holds_are_refused() -> None:
    with pytest.raises(ProviderRejected, match="4000"):
        embedding.units([[1.0] * 4001], count=1, dimensions=None)


@EACH_RERANKER
class TestReranker:
    def test_puts_the_best_first_by_the_index(self, name: str, vendor: Embeddings) -> None:
        order = ranker(name, vendor).rerank("tem estacionamento gratuito?", TEXTS, seconds=2)
        assert order[0][0] == 2 and order[0][1] > order[1][1]
        [request] = vendor.requests
        assert request["body"]["documents"] == TEXTS and request["body"]["model"]
        assert request["headers"]["authorization"] == f"Bearer {KEY}"

    @pytest.mark.parametrize("fault", ["nan", "short", "malformed", "hollow", "503", "401"])
    def test_what_is_no_order_is_an_error(self, name: str, vendor: Embeddings, fault: str) -> None:
        vendor.fail_next(fault)
        with pytest.raises(ProviderError):
            ranker(name, vendor).rerank("oi", TEXTS, seconds=2)

    @pytest.mark.parametrize("fault", ["hang", "drip"])
    def test_ends_in_time(self, name: str, vendor: Embeddings, fault: str) -> None:
        vendor.fail_next(fault)
        began = time.monotonic()
        with pytest.raises(ProviderError):
            ranker(name, vendor).rerank("oi", TEXTS, seconds=0.5)
        assert time.monotonic() - began < 1.5
