"""Tools through both vendors' SDKs: what is offered, called, answered; what is no call."""

from dataclasses import replace
from typing import Any

import pytest

from providers import llm
from providers.errors import ProviderError
from tests.counterparts.models import Models
from tests.providers.conftest import request
from tests.providers.test_models import BOTH, adapter

LOOK = llm.ToolSpec("look_up", "Looks something up.", {"type": "object", "properties": {}}, strict=True)
FREE = llm.ToolSpec("elsewhere", "Made by others.", {"type": "object"}, strict=False)
ROUND = llm.Round(
    "I look.",
    (llm.ToolCall("c1", "look_up", {"n": 1}), llm.ToolCall("c2", "look_up", None)),
    (llm.ToolResult("c1", '{"found": 1}'), llm.ToolResult("c2", "no object", failed=True)),
)


def ask(vendor: str, models: Models, **more: Any) -> llm.Completion:
    return adapter(vendor, models).complete(replace(request(), tools=(LOOK, FREE), **more))


@BOTH
class TestToolCalls:
    def test_all_calls_come_back_with_their_arguments(self, vendor: str, models: Models) -> None:
        models.call_all(("look_up", {"n": 1}), ("elsewhere", {}))
        reply = ask(vendor, models)
        assert [(call.name, call.arguments) for call in reply.calls] == [
            ("look_up", {"n": 1}),
            ("elsewhere", {}),
        ]
        assert len({call.id for call in reply.calls}) == 2 and reply.usage.input_tokens > 0

    def test_the_schema_is_strict_where_it_can_be(self, vendor: str, models: Models) -> None:
        ask(vendor, models)
        told = models.requests[0]["body"]["tools"]
        if vendor == "openai":
            told = [one["function"] for one in told]
        assert [one["name"] for one in told] == ["look_up", "elsewhere"]
        assert [one.get("strict") for one in told] == [True, None]

    def test_results_stand_behind_their_calls(self, vendor: str, models: Models) -> None:
        reply = ask(vendor, models, rounds=(ROUND,), may_call=False)
        assert reply.text == "no object" and not reply.calls
        body = models.requests[0]["body"]
        said = body["messages"][-2:] if vendor == "anthropic" else body["messages"][-3:]
        assert said[0]["role"] == "assistant"
        if vendor == "anthropic":
            assert [block["type"] for block in said[0]["content"]] == ["text", "tool_use", "tool_use"]
            results = said[1]["content"]
            assert [(one["tool_use_id"], one["is_error"]) for one in results] == [("c1", False), ("c2", True)]
            assert body["tool_choice"] == {"type": "none"}
        else:
            assert [one["id"] for one in said[0]["tool_calls"]] == ["c1", "c2"]
            assert [one["tool_call_id"] for one in said[1:]] == ["c1", "c2"]
            assert body["tool_choice"] == "none"

    @pytest.mark.parametrize("fault", ["tool", "bad tool"])
    def test_one_that_was_not_offered_is_no_answer(self, vendor: str, models: Models, fault: str) -> None:
        models.fail_next(fault)
        with pytest.raises(ProviderError):
            adapter(vendor, models).complete(request())


def test_arguments_that_are_no_object_are_none(models: Models) -> None:
    models.call_all(("look_up", "{day: "), ("look_up", "[1]"))
    assert [call.arguments for call in ask("openai", models).calls] == [None, None]
