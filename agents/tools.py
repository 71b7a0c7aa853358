"""What an assistant may do: one shape for every tool, and the registry that other apps fill.

A tool takes its authority from its context (who is spoken with, in which conversation), never from a model's
words, a passage or another tool's result. What it did is committed as a receipt before an answer may say so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from pydantic import BaseModel


class Reveals(StrEnum):
    """What a tool's result may let a customer see."""

    NOTHING = "nothing"
    BUSINESS = "business"  # what every customer may know
    CUSTOMER = "customer"  # what only this one customer may know: verified first


class Claim(StrEnum):
    """The kinds of deed that an answer may claim, each only with a receipt of a tool that does it."""

    BOOKED = "booked"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    SENT = "sent"
    SCHEDULED = "scheduled"
    REGISTERED = "registered"
    PAID = "paid"
    CALLED_PERSON = "called_person"


class ToolFailed(Exception):
    """The tool could not do it; the words are for the model to pass on, and hold nothing private."""


@dataclass(frozen=True, slots=True)
class Context:
    """Who is served: of the session, never of a model. `test` is a run without effect on the world.

    `said` are the customer's own words in this talk: what a tool writes down or writes to must stand in them.
    `phones` (digits only) and `emails` (lower case) are proved to be this customer's: records are found by
    these and by nothing that a model says.
    """

    conversation_id: int | None
    contact_id: int | None
    turn_id: int | None
    agent_version_id: int
    language: str
    now: datetime
    test: bool = False
    said: str = ""
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()

    @property
    def is_verified(self) -> bool:
        """Whether it is known who this customer is; in a rehearsal everybody is."""
        return self.test or bool(self.phones or self.emails)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run. `result` is what the model reads, at most about 4,000 characters as JSON.

    `stop` ends the turn with no more words of a model (a person was called); the customer reads `say`.
    """

    result: Mapping[str, Any]
    done: bool = True  # whether the deed was done: only then does it count as a receipt
    stop: bool = False
    say: str = ""


Runner = Callable[[Any, Context, str], Outcome]  # arguments (validated), context, idempotency key


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing that an assistant may do.

    `arguments` is a pydantic model with `extra="forbid"`, or for a tool from elsewhere (MCP) a strict JSON
    schema. `run` has no transaction around a network call; it raises ToolFailed, ProviderError (may pass) or
    ProviderRejected. `rehearse` answers in its place where nothing may happen (Try, the gate).
    """

    name: str  # ^[a-z][a-z0-9_]{0,63}$
    title: str | Promise
    when: str  # for the model, in English: when to use it, and when not
    arguments: type[BaseModel] | Mapping[str, Any]
    run: Runner
    rehearse: Runner
    reveals: Reveals = Reveals.NOTHING
    needs_verified: bool = False
    needs_confirmation: bool = False
    repeatable: bool = True  # whether running it again with the same key does no harm
    claims: frozenset[Claim] = field(default_factory=frozenset)
    # Its result holds the business's own documents: what stands there may be repeated as it is.
    quotes: bool = False


_built_in: dict[str, Tool] = {}
_sources: list[Callable[[], Iterable[Tool]]] = []


def register(tool: Tool) -> None:
    """Offer a tool to all businesses; called in AppConfig.ready()."""
    if _built_in.setdefault(tool.name, tool) is not tool:
        raise ValueError(f"There are two tools named {tool.name}.")


def register_source(source: Callable[[], Iterable[Tool]]) -> None:
    """Ask this for the tools that the current business has made itself; called in AppConfig.ready()."""
    if source not in _sources:
        _sources.append(source)


def built_in() -> dict[str, Tool]:
    """The tools that every business has, by name."""
    return dict(_built_in)


def title(name: str) -> str:
    """What people call a tool; its name where there is none of this name any more."""
    found = offered([name]).get(name)
    return str(found.title) if found else name


def offered(wanted: Iterable[str] | None = None) -> dict[str, Tool]:
    """All tools of the current business by name; one of its own never hides a built-in one.

    Where all that is `wanted` is built in, nobody asks for the others.
    """
    if wanted is not None and set(wanted) <= set(_built_in):
        return dict(_built_in)
    own = {tool.name: tool for source in _sources for tool in source()}
    return own | _built_in
