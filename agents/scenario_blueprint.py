"""The talks that an assistant must get right, in the business file."""

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator

from agents.expecting import LONGEST_TALK, Expects, Step, problem_of
from agents.models import Agent, Scenario
from tenants import blueprints
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part


class ScenarioPart(Part):
    """What a customer says, and what is expected of the answers: see agents.expecting."""

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=60)
    kind: Scenario.Kind = Scenario.Kind.CASE
    assistant: str = Field("", max_length=80)
    language: Literal["", "pt", "en", "es", "fr"] = ""
    says: list[str | Step] = Field(min_length=1, max_length=LONGEST_TALK)
    expects: Expects = Expects.model_validate({})

    @field_validator("says", mode="before")
    @classmethod
    def _said(cls, value: Any) -> Any:
        """One message may be written as its words alone."""
        return [value] if isinstance(value, str) else value

    def columns(self) -> dict[str, Any]:
        """What of the row the file says."""
        said = self.model_dump(mode="json", include={"says", "expects"}, exclude_unset=True)
        return {"kind": self.kind, "language": self.language, "expects": {}, **said, "from_blueprint": True}


def register() -> None:
    """Tell the business file about scenarios; after the assistants that they belong to."""
    blueprints.register(
        blueprints.Section(
            "scenarios", list[ScenarioPart], apply=_apply, export=_export, check=_check, plan=_plan
        )
    )


def _check(value: list[ScenarioPart], context: Context) -> Iterable[tuple[Steps, str]]:
    known, seen = _assistants(context), set[tuple[str, str]]()
    for number, part in enumerate(value):
        if part.assistant and part.assistant not in known:
            yield (number, "assistant"), f"there is no assistant {part.assistant!r}"
        if (part.assistant, part.name) in seen:
            yield (number, "name"), "stands here twice"
        seen.add((part.assistant, part.name))
        columns = part.columns()
        if problem := problem_of(columns["says"], columns["expects"]):
            yield (number, "says"), problem


def _assistants(context: Context) -> set[str]:
    """The names of those that are there, or that the file makes."""
    several = context.values.get("assistants", [])
    one = context.values.get("assistant")
    told = {part.name for part in (*several, *([one] if one else []))}
    return told | (set(Agent.objects.values_list("name", flat=True)) if context.tenant else set())


def _apply(value: list[ScenarioPart], context: Context) -> None:
    for part in value:
        agent = _agent(part.assistant)
        assert agent is not None  # by _check; and every business begins with one
        Scenario.objects.update_or_create(
            agent=agent,
            name=part.name,
            defaults=part.columns(),
            create_defaults=part.columns() | {"created_at": context.now},
        )


def _agent(name: str) -> Agent | None:
    """The assistant of this name; without a name the first."""
    agents = Agent.objects.order_by("pk")
    return (agents.filter(name=name) if name else agents).first()


def _plan(value: list[ScenarioPart], context: Context) -> list[str]:
    return [line for part in value if (line := _change(part))]


def _change(part: ScenarioPart) -> str:
    there = Scenario.objects.filter(agent=_agent(part.assistant), name=part.name).first()
    if there is None:
        return f"scenarios.{part.name}: add"
    columns = part.columns()
    return f"scenarios.{part.name}: change" if any(getattr(there, k) != v for k, v in columns.items()) else ""


def _export(context: Context) -> list[dict[str, Any]] | None:
    first = _agent("")
    kept = Scenario.objects.select_related("agent").order_by("agent", "pk")
    return [_written(one, first) for one in kept] or None


def _written(scenario: Scenario, first: Agent | None) -> dict[str, Any]:
    data: dict[str, Any] = {"name": scenario.name, "kind": scenario.kind, "language": scenario.language}
    if scenario.agent != first:
        data["assistant"] = scenario.agent.name
    data |= {"says": scenario.says, "expects": scenario.expects}
    usual = {"kind": Scenario.Kind.CASE, "language": "", "expects": {}}
    return {key: value for key, value in data.items() if value != usual.get(key)}
