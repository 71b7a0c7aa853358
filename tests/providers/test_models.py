"""Both vendors' real SDKs against counterparts: what is sent, what comes back, what each failure means."""

import dataclasses
from typing import Any

import pytest

from providers import llm
from providers.errors import ProviderError, ProviderRejected
from providers.llm import Request
from tests.counterparts.models import Models

VENDORS = ["anthropic", "openai"]


def model(vendor: str, models: Models, key: str = "tenant key") -> llm.LanguageModel:
    base = models.url if vendor == "anthropic" else f"{models.url}/v1"
    return llm.build(vendor, api_key=key, base_url=base)


@pytest.mark.parametrize("vendor", VENDORS)
class TestEveryVendor:
    def test_answers_and_cites_the_passage(self, vendor: str, models: Models, request_: Request) -> None:
        answer = model(vendor, models).complete(request_)
        assert "Abrimos às 8h." in answer.text and "[1]" not in answer.text
        assert [citation.passage for citation in answer.citations] == [0]
        assert answer.citations[0].quote.startswith("Abrimos às 8h.")
        assert answer.supported and answer.model == "a-model"

    def test_counts_tokens_of_all_kinds(self, vendor: str, models: Models, request_: Request) -> None:
        usage = model(vendor, models).complete(request_).usage
        assert (
            usage.input_tokens > 0 and usage.output_tokens > 0 and usage.cache_read_tokens > 0 and usage.exact
        )

    def test_the_tenants_key_goes_out_and_never_the_environments(
        self, vendor: str, models: Models, request_: Request, monkeypatch: Any
    ) -> None:
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENAI_API_KEY"):
            monkeypatch.setenv(name, "the installation's")
        model(vendor, models).complete(request_)
        model(vendor, models, key="another").complete(request_)
        sent = [request["headers"]["authorization"] for request in models.requests]
        assert sent == ["Bearer tenant key", "Bearer another"]

    def test_without_a_key_nothing_is_asked(self, vendor: str, models: Models, monkeypatch: Any) -> None:
        monkeypatch.setenv("ANTHROPIC_API_KEY", "the installation's")
        monkeypatch.setenv("OPENAI_API_KEY", "the installation's")
        with pytest.raises(ProviderRejected, match="no key"):
            model(vendor, models, key="")

    @pytest.mark.parametrize("fault", ["429", "500", "503", "529", "malformed", "reset", "empty"])
    def test_what_may_pass_is_said_to(
        self, vendor: str, models: Models, request_: Request, fault: str
    ) -> None:
        models.fail_next(fault)
        with pytest.raises(ProviderError) as failed:
            model(vendor, models).complete(request_)
        assert not isinstance(failed.value, ProviderRejected)
        assert len(models.requests) == 1  # no retries that nobody sees

    @pytest.mark.parametrize("fault", ["400", "401", "403", "404", "refusal"])
    def test_what_will_not_pass_is_said_to(
        self, vendor: str, models: Models, request_: Request, fault: str
    ) -> None:
        models.fail_next(fault)
        with pytest.raises(ProviderRejected):
            model(vendor, models).complete(request_)

    def test_a_vendor_that_hangs_is_left(self, vendor: str, models: Models, request_: Request) -> None:
        models.fail_next("hang")
        with pytest.raises(ProviderError, match="too long"):
            model(vendor, models).complete(dataclasses.replace(request_, timeout=0.3))

    def test_nobody_there_is_worth_another_try(self, vendor: str, request_: Request) -> None:
        lonely = llm.build(vendor, api_key="k", base_url="http://127.0.0.1:9")
        with pytest.raises(ProviderError) as failed:
            lonely.complete(request_)
        assert not isinstance(failed.value, ProviderRejected)

    def test_an_answer_that_was_cut_ends_with_a_whole_sentence(
        self, vendor: str, models: Models, request_: Request
    ) -> None:
        models.fail_next("max_tokens")
        models.answer_with("Abrimos às 8h, e aos sábados às 9h. No doming")
        assert model(vendor, models).complete(request_).text == "Abrimos às 8h, e aos sábados às 9h."


class TestAnthropic:
    def test_rules_are_cached_and_each_sentence_is_a_block(self, models: Models, request_: Request) -> None:
        model("anthropic", models).complete(request_)
        body = models.requests[0]["body"]
        assert body["system"][0]["cache_control"] == {"type": "ephemeral"}
        first = body["messages"][-1]["content"][0]
        assert [block["text"] for block in first["content"]] == ["Abrimos às 8h.", "Fechamos às 18h."]
        assert first["title"] == "Horários › Semana" and first["citations"] == {"enabled": True}
        assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user"]
        assert "temperature" not in body

    def test_other_headers_serve_look_alikes(self, models: Models, request_: Request) -> None:
        headers = {"x-api-key": "k", "anthropic-version": "2023-06-01"}
        llm.build("anthropic", api_key="k", base_url=models.url, default_headers=headers).complete(request_)
        sent = models.requests[0]["headers"]
        assert (sent["x-api-key"], sent["anthropic-version"]) == ("k", "2023-06-01")
