"""What a customer of a scenario says, and what is expected of the answers: `Scenario.says` and `.expects`.

A case says its messages one after the other, and its last answer is judged (a tool, a hand-over and what
must not be said, over the whole talk). A simulated customer (kind CUSTOMER) has rules: of the steps that it
has not taken yet it takes the first whose `when` holds for the last answer; without `when` it always does.
It falls silent when no step is left that holds, or when a person was called. All of its talk is judged.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

LONGEST_TALK = 12  # messages of the customer
ALTERNATIVES = " | "  # between ways to say one fact: "8h | oito horas"


class Expects(BaseModel):
    """What must be true of an answer; what is left out may be as it likes.

    `cites` are titles of documents, one of which is the source; `says` are facts, each of which is there in
    one of its ways ("8h | oito horas"); `says_not` are words that are nowhere; `tool` are names that each
    were called; `refuses`: it said that it does not know or does not talk about that; `hands_over`: a person
    was called; `intent` is what the router took it for; `at_most` bounds how often the customer writes.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    cites: list[str] = Field(default=[], max_length=10)
    says: list[str] = Field(default=[], max_length=20)
    says_not: list[str] = Field(default=[], max_length=20)
    tool: list[str] = Field(default=[], max_length=10)
    refuses: bool | None = None
    hands_over: bool | None = None
    intent: str = Field(default="", max_length=30)
    at_most: int | None = Field(default=None, ge=1, le=LONGEST_TALK)

    @field_validator("cites", "says", "says_not", "tool", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """One may be written as its words alone."""
        return [value] if isinstance(value, str) else value

    @field_validator("cites", "says", "says_not", "tool")
    @classmethod
    def _words(cls, value: list[str]) -> list[str]:
        if any(not one.strip() for one in value):
            raise ValueError("an empty text expects nothing")
        return value

    @property
    def is_empty(self) -> bool:
        """Whether nothing is expected, so that nothing can be judged by rules."""
        return not self.model_dump(exclude_defaults=True)


class Step(BaseModel):
    """What a simulated customer says, and after which answer."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    say: str = Field(min_length=1, max_length=2000)
    when: Expects | None = None


def steps_of(says: Iterable[Any]) -> list[Step]:
    """The steps of a script, of which plain words say themselves; raises ValueError."""
    steps = [Step.model_validate({"say": one} if isinstance(one, str) else one) for one in says]
    if not steps:
        raise ValueError("the customer says nothing")
    if steps[0].when is not None:
        raise ValueError("the first thing that the customer says can have no condition")
    return steps


def problem_of(says: Any, expects: Any) -> str:
    """What is wrong with a scenario's two fields, in words; empty when nothing is."""
    try:
        steps_of(says)
        Expects.model_validate(expects or {})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        return f"{place}: {first['msg'].removeprefix('Value error, ')}"
    except (ValueError, TypeError) as error:
        return str(error)
    return ""
