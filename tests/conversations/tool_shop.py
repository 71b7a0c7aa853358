"""Tools for the tests: one looks up, one books, one is private; what they were asked is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest import mock

from django.db import connection
from django.utils import timezone
from pydantic import BaseModel, ConfigDict

from agents import publishing, tools
from agents.models import Agent
from agents.tools import Claim, Context, Outcome, Reveals, Tool
from providers import llm


class Slot(BaseModel):
    """When."""

    model_config = ConfigDict(extra="forbid")
    day: str


@dataclass
class Desk:
    """What the tools of a test were asked, and how they answer."""

    done: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    contexts: list[Context] = field(default_factory=list)
    answers: dict[str, Callable[[], Outcome]] = field(default_factory=dict)

    def run(self, name: str) -> tools.Runner:
        def carry_out(given: Any, context: Context, key: str) -> Outcome:
            plain = given.model_dump() if isinstance(given, BaseModel) else dict(given)
            self.done.append((name, plain, key))
            self.contexts.append(context)
            return self.answers.get(name, lambda: Outcome({"ok": name, **plain}))()

        return carry_out

    def named(self, name: str) -> list[dict[str, Any]]:
        return [given for one, given, _key in self.done if one == name]


def _rehearsed(given: Any, context: Context, key: str) -> Outcome:
    return Outcome({"rehearsed": True})


def tool(desk: Desk, name: str, **more: Any) -> Tool:
    made = Tool(name, name.replace("_", " "), "When it fits.", Slot, run=desk.run(name), rehearse=_rehearsed)
    return replace(made, **more)


@contextmanager
def desk() -> Iterator[Desk]:
    """The tools that a test may give to an assistant, beside the built-in ones."""
    made = Desk()
    for vendor in ("anthropic", "openai"):  # the SDKs take seconds to load, which no turn should wait for
        llm.build(vendor, api_key="any", base_url="http://127.0.0.1:9")
    known = (
        tool(made, "look_up", reveals=Reveals.BUSINESS),
        tool(made, "book", repeatable=False, claims=frozenset({Claim.BOOKED})),
        tool(made, "book_again", claims=frozenset({Claim.BOOKED})),
        tool(made, "book_asking", needs_confirmation=True, claims=frozenset({Claim.BOOKED})),
        tool(made, "my_record", reveals=Reveals.CUSTOMER),
    )
    with mock.patch.dict(tools._built_in, {one.name: one for one in known}):
        yield made


def give(shop: Any, *names: str, **content: Any) -> None:
    """Let the shop's assistant use these tools."""
    connection.set_tenant(shop.tenant)
    agent = Agent.objects.order_by("pk")[0]
    content = {"tools": sorted(names), **content}
    publishing.publish_at_once(agent, content=content, user=None, now=timezone.now())
