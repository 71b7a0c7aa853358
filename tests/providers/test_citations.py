"""Which words of an answer rest on which passage, by both vendors' SDKs, and what is only invented."""

import pytest
from structlog.testing import capture_logs

from providers import llm
from providers.llm import Completion
from tests.counterparts.models import Models
from tests.providers.conftest import request

VENDORS = pytest.mark.parametrize("vendor", ["anthropic", "openai"])


def ask(vendor: str, models: Models, said: str) -> Completion:
    models.answer_with(said)
    base = models.url if vendor == "anthropic" else f"{models.url}/v1"
    return llm.build(vendor, api_key="tenant key", base_url=base).complete(request())


def told(reply: Completion) -> list[tuple[str, tuple[int, ...]]]:
    return [(reply.text[span.start : span.end], span.passages) for span in reply.spans]


@VENDORS
class TestSpans:
    def test_name_the_passage_of_each_statement(self, vendor: str, models: Models) -> None:
        reply = ask(vendor, models, "Fica na rua 210 [1]. A limpeza custa R$ 180 [2].")
        assert reply.text == "Fica na rua 210. A limpeza custa R$ 180."
        found = [(text.strip(". "), passages) for text, passages in told(reply)]
        assert found == [("Fica na rua 210", (0,)), ("A limpeza custa R$ 180", (1,))]

    def test_of_two_passages_are_one(self, vendor: str, models: Models) -> None:
        reply = ask(vendor, models, "A limpeza custa R$ 180 [2][1].")
        assert {passage for _text, passages in told(reply) for passage in passages} <= {0, 1}
        assert told(reply)[0][0] == "A limpeza custa R$ 180" and 1 in told(reply)[0][1]

    def test_leave_out_what_was_cut_off(self, vendor: str, models: Models) -> None:
        models.fail_next("max_tokens")
        reply = ask(vendor, models, "Fica na rua 210, à direita do rio. [1] Lá custa muito pouco por ho [2]")
        assert reply.text.endswith("do rio.") and [passages for _text, passages in told(reply)] == [(0,)]


@VENDORS
def test_a_passage_that_was_not_given_is_no_citation(vendor: str, models: Models) -> None:
    with capture_logs() as logs:
        reply = ask(vendor, models, "Custa R$ 180 [2]. Abrimos no domingo [9].")
    assert [citation.passage for citation in reply.citations] == [1]
    assert [passages for _text, passages in told(reply)] == [(1,)]
    assert [line["event"] for line in logs] == ["citation.invented"]
    assert "domingo" not in str(logs)


def test_words_that_stand_in_no_passage_are_no_citation(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.counterparts import models as counterpart

    right = counterpart._citation
    monkeypatch.setattr(
        counterpart,
        "_citation",
        lambda result, cited, index=0: right(result, "Abrimos 24 horas.", index=index),
    )
    reply = ask("anthropic", models, "Abrimos sempre [1].")
    assert (reply.citations, reply.spans, reply.supported) == ((), (), False)


def test_a_quote_is_a_span_of_its_own(models: Models) -> None:
    reply = llm.build("extractive", api_key="", base_url=None).complete(request("Quanto custa a limpeza?"))
    [(text, passages)] = told(reply)
    assert passages == (0,) and reply.text.endswith(text) and "Encontrei" not in text
