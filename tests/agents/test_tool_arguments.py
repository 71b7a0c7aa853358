"""What a model is told of a tool's arguments, and what of its call is taken."""

from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from agents.tool_arguments import BadArguments, canonical, read, schema_of
from agents.tools import Outcome, Tool


class Inner(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["a", "b"]


class Given(BaseModel):
    """All shapes that tools use."""

    model_config = ConfigDict(extra="forbid")
    day: str = Field(min_length=3, max_length=10, description="The day.")
    count: int = 1
    note: str | None = None
    parts: list[Inner] = []


def tool(arguments: Any) -> Tool:
    return Tool("t", "T", "when", arguments, run=_nothing, rehearse=_nothing)


def _nothing(given: Any, context: Any, key: str) -> Outcome:
    return Outcome({})


def test_the_schema_is_strict() -> None:
    schema, strict = schema_of(tool(Given))
    assert strict and schema["additionalProperties"] is False
    assert schema["required"] == ["day", "count", "note", "parts"]
    assert schema["properties"]["day"] == {"type": "string", "description": "The day."}
    assert schema["properties"]["count"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    part = schema["properties"]["parts"]["anyOf"][0]["items"]
    assert part["additionalProperties"] is False and part["properties"]["kind"]["enum"] == ["a", "b"]


def test_what_may_be_missing_may_be_null() -> None:
    given = read(tool(Given), {"day": "monday", "count": None, "note": None, "parts": [{"kind": "a"}]})
    assert given.count == 1
    assert canonical(given) == '{"count":1,"day":"monday","note":null,"parts":[{"kind":"a"}]}'


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "no JSON object"),
        ({}, "day"),
        ({"day": "x"}, "day"),
        ({"day": "monday", "sql": "drop"}, "sql"),
        ({"day": "monday", "parts": [{"kind": "c"}]}, "parts.0.kind"),
        ({"day": "m" * 30_000}, "too long"),
    ],
)
def test_what_does_not_fit_is_said_without_its_value(given: Any, words: str) -> None:
    with pytest.raises(BadArguments) as error:
        read(tool(Given), given)
    assert words in str(error.value) and "drop" not in str(error.value)


FOREIGN = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}


class TestForeignSchema:
    def test_is_told_as_it_is(self) -> None:
        assert schema_of(tool(FOREIGN)) == (FOREIGN, False)
        assert read(tool(FOREIGN), {"n": 2}) == {"n": 2}

    @pytest.mark.parametrize("given", [{}, {"n": 0}, {"n": "1"}])
    def test_is_kept_to(self, given: Any) -> None:
        with pytest.raises(BadArguments):
            read(tool(FOREIGN), given)

    def test_follows_no_reference_to_elsewhere(self) -> None:
        with pytest.raises(BadArguments, match="cannot be used"):
            read(tool({"$ref": "http://127.0.0.1:9/schema.json"}), {"n": 1})
