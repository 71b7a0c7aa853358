"""Keep, change and let go the tools that a business made; and switch tools in an assistant's draft."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from agents import own_arguments, own_mcp, publishing
from agents import tools as registry
from agents.models import Agent, OwnTool
from agents.own_definitions import Definition, McpDefinition
from tenants import audit
from tenants.models import User


@dataclass(frozen=True, slots=True)
class Words:
    """What a tool has beside its definition."""

    title: str
    when: str
    needs_verified: bool = False
    needs_confirmation: bool = False


@transaction.atomic
def add(
    kind: str, words: Words, definition: Definition, *, user: User | None, now: datetime, name: str = ""
) -> OwnTool:
    """A new tool, under a name made of its title unless one is given."""
    made = OwnTool(kind=kind, name=name or _free_name(words.title), created_at=now)
    _write(made, words, definition)
    audit.record("own_tool.add", actor=user, target=made.name, kind=kind)
    return made


@transaction.atomic
def change(own: OwnTool, words: Words, definition: Definition, *, user: User | None) -> None:
    """Another definition of the same tool; every assistant that uses it uses it so from now on."""
    found = OwnTool.objects.select_for_update().get(pk=own.pk)
    _write(found, words, definition)
    audit.record("own_tool.change", actor=user, target=found.name)


def _write(own: OwnTool, words: Words, definition: Definition) -> None:
    own.title, own.when = words.title, words.when
    own.needs_verified, own.needs_confirmation = words.needs_verified, words.needs_confirmation
    own.definition = definition.model_dump(mode="json")
    own.save()


def _free_name(title: str) -> str:
    """A name that neither a built-in tool nor another one of the business has."""
    taken = [*registry.built_in(), *OwnTool.objects.values_list("name", flat=True)]
    return own_arguments.named(title, taken=taken)


@transaction.atomic
def pause(own: OwnTool, *, enabled: bool, user: User | None) -> None:
    """Let no assistant use it for now, or let them again; at once, whatever is published."""
    OwnTool.objects.filter(pk=own.pk).update(enabled=enabled)
    audit.record("own_tool.enable" if enabled else "own_tool.pause", actor=user, target=own.name)


@transaction.atomic
def remove(own: OwnTool, *, user: User | None) -> None:
    """Forget it; versions that name it go on without."""
    name = own.name
    own.delete()
    audit.record("own_tool.remove", actor=user, target=name)


def tested(own: OwnTool, *, problem: str, now: datetime) -> None:
    """Remember what the last test met."""
    OwnTool.objects.filter(pk=own.pk).update(tested_at=now, problem=problem[:200])


def listed(definition: McpDefinition) -> McpDefinition:
    """The definition with the tools that its server has now; raises ProviderError."""
    return definition.model_copy(update={"tools": own_mcp.read_again(definition)})


def switch(agent: Agent, names: list[str], *, on: bool, user: User | None, now: datetime) -> None:
    """Let the draft use these tools, or not; customers notice when it is published."""
    with transaction.atomic():
        locked = Agent.objects.select_for_update().get(pk=agent.pk)
        chosen = list(publishing.working(locked).tools)
        kept = [name for name in chosen if name not in names]
        wanted = [*kept, *names] if on else kept
        publishing.edit_draft(locked, content={"tools": sorted(set(wanted))}, user=user, now=now)
