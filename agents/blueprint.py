"""The assistants in the business file, and the assistant that a new business starts with."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Field, field_validator

from agents import hiring, provider_blueprint, publishing
from agents.forms import MOST_FIELDS, MOST_HANDOVERS, MOST_RULES, MOST_TOPICS
from agents.models import Agent, AgentVersion, ModelProvider
from agents.routing import INTENTS, TIERS, USUAL, Policy
from tenants import blueprints, provisioning
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part
from tenants.models import Tenant, User

SECONDS = ("debounce_seconds", "debounce_ceiling_seconds")
LISTS = ("rules", "handover")


class TierPart(Part):
    """The model of one tier; without a provider the default one, without a model the provider's."""

    provider: str = ""
    model: str = ""


class RulePart(Part):
    """What the assistant must or must not do, and how that sounds."""

    rule: str = Field(min_length=1, max_length=500)
    example: str = Field("", max_length=500)


class HandoverPart(Part):
    """When a person takes over: for the model, by words that are enough, and what is said."""

    when: str = Field(min_length=1, max_length=300)
    words: str = Field("", max_length=300)
    say: str = Field("", max_length=500)


class HoursPart(Part):
    """What it does while people are away, where that differs from `conduct`."""

    out_of_hours: Literal["", "assistant", "text"] = ""
    text: str = Field(default="", max_length=1000)


class RoutingPart(Part):
    """Which model answers what, as far as it differs from the usual: agents.routing.Policy."""

    usual: str = "balanced"
    intents: dict[str, str] = {}
    sure_from: int = Field(default=50, ge=1, le=101)
    hard_from: int = Field(default=50, ge=1, le=101)
    hardest_from: int = Field(default=90, ge=1, le=101)
    valued_from: int = Field(default=70, ge=1, le=101)
    budgets: dict[str, int] = {}
    refuses: bool = True
    refuses_from: int = Field(default=80, ge=1, le=101)

    @field_validator("usual")
    @classmethod
    def _tier(cls, value: str) -> str:
        return _known_tier(value)

    @field_validator("intents")
    @classmethod
    def _tiers(cls, value: dict[str, str]) -> dict[str, str]:
        if strange := sorted(set(value) - set(INTENTS)):
            raise ValueError(f"there is no intent {', '.join(strange)}; intents are {', '.join(INTENTS)}")
        return {intent: tier if tier == USUAL else _known_tier(tier) for intent, tier in value.items()}

    @field_validator("budgets")
    @classmethod
    def _budgets(cls, value: dict[str, int]) -> dict[str, int]:
        if any(credits < 0 for credits in value.values()):
            raise ValueError("a budget is 0 credits or more")
        return {_known_tier(tier): credits for tier, credits in value.items()}


def _known_tier(tier: str) -> str:
    if tier not in TIERS:
        raise ValueError(f"there is no tier {tier}; tiers are {', '.join(TIERS)}")
    return tier


class AssistantPart(Part):
    """Who answers, and what it was told."""

    name: str = Field(min_length=1, max_length=80)
    persona: str = Field("", max_length=4000)
    tone: str = Field("", max_length=200)
    language: Literal["", "pt", "en", "es", "fr"] = ""
    rules: list[RulePart] = Field([], max_length=MOST_RULES)
    topics: list[str] = Field([], max_length=MOST_TOPICS)
    greeting: str = Field("", max_length=300)
    handover: list[HandoverPart] = Field([], max_length=MOST_HANDOVERS)
    hours: HoursPart = HoursPart()
    source_line: bool = True
    memory_messages: int = Field(20, ge=0, le=50)
    memory_minutes: int = Field(30, ge=1, le=10080)
    debounce_seconds: float | None = Field(None, ge=0, le=30)
    debounce_ceiling_seconds: float | None = Field(None, ge=0, le=120)
    tiers: dict[str, TierPart] = {}
    routing: RoutingPart = RoutingPart()
    collects: list[str] = Field([], max_length=MOST_FIELDS)
    tools: list[str] = Field([], max_length=100)

    @field_validator("rules", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> Any:
        """A rule without an example may be written as its words alone."""
        return _rows(value, "rule")

    @field_validator("handover", mode="before")
    @classmethod
    def _handover(cls, value: Any) -> Any:
        """As a rule: the case alone."""
        return _rows(value, "when")

    @field_validator("topics")
    @classmethod
    def _topics(cls, value: list[str]) -> list[str]:
        if any(not topic or len(topic) > 120 for topic in value):
            raise ValueError("a topic has 1 to 120 characters")
        return value

    @field_validator("collects")
    @classmethod
    def _collects(cls, value: list[str]) -> list[str]:
        if any(not field or len(field) > 60 for field in value):
            raise ValueError("a field has 1 to 60 characters")
        return value

    @field_validator("tools")
    @classmethod
    def _tools(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(value))

    @field_validator("tiers")
    @classmethod
    def _tiers(cls, value: dict[str, TierPart]) -> dict[str, TierPart]:
        return {_known_tier(tier): part for tier, part in value.items()}

    def content(self) -> dict[str, Any]:
        """What of the version the file says; what it leaves out stays."""
        said = self.model_dump(exclude_unset=True, exclude={"name"})
        said |= {name: [row.model_dump() for row in getattr(self, name)] for name in LISTS if name in said}
        if "tiers" in said:
            said["tiers"] = {tier: _set(part) for tier, part in said["tiers"].items()}
        if "hours" in said:
            said["hours"] = _set(said["hours"])
        if "routing" in said:
            said["routing"] = Policy.of(said["routing"]).said()
        seconds = {name: said[name] for name in SECONDS if said.get(name) is not None}
        return said | {name: Decimal(str(round(value, 1))) for name, value in seconds.items()}


def _rows(value: Any, column: str) -> Any:
    if not isinstance(value, list):
        return value
    return [{column: one} if isinstance(one, str) else one for one in value]


def _set(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if value}


def register() -> None:
    """Tell the business file and new businesses about assistants."""
    provisioning.on_create(start)
    provider_blueprint.register()
    blueprints.register(
        blueprints.Section(
            "assistant", AssistantPart, apply=_apply_first, export=_export_first, check=_check_first
        )
    )
    blueprints.register(
        blueprints.Section(
            "assistants",
            list[AssistantPart],
            apply=_apply_others,
            export=_export_others,
            check=_check_others,
        )
    )


def start(tenant: Tenant, *, now: datetime) -> None:
    """The first assistant of a new business, published."""
    with translation.override(tenant.language):
        name = _("Assistant")
    publishing.first_agent(name=name, now=now, persona=hiring.usual_persona(tenant))


def named(name: str, *, context: Context) -> bool:
    """Whether an assistant of this name is there, or is made by the file: for other sections to check."""
    first = context.values.get("assistant")
    in_file = {part.name for part in context.values.get("assistants", [])} | {first.name if first else ""}
    return name in in_file or bool(context.tenant and Agent.objects.filter(name=name).exists())


# -- the first one


def _check_first(value: AssistantPart, context: Context) -> Iterable[tuple[Steps, str]]:
    yield from _check_models(value, context)
    if context.tenant and Agent.objects.filter(name=value.name).exclude(pk=hiring.first().pk).exists():
        yield ("name",), "another assistant has this name"


def _check_models(value: AssistantPart, context: Context) -> Iterable[tuple[Steps, str]]:
    known = {part.name for part in context.values.get("providers", [])}
    if context.tenant:
        known |= set(ModelProvider.objects.values_list("name", flat=True))
    for tier, part in value.tiers.items():
        if part.provider and part.provider not in known:
            yield ("tiers", tier, "provider"), f"there is no provider {part.provider!r}"


def _apply_first(value: AssistantPart, context: Context) -> None:
    agent = hiring.first()
    if agent.name != value.name:
        agent.name = value.name
        agent.save(update_fields=["name"])
    tell(agent, value, user=context.actor, now=context.now)


def tell(agent: Agent, part: AssistantPart, *, user: User | None, now: datetime) -> None:
    """Publish what a file says of an assistant; what it leaves out stays."""
    publishing.publish_at_once(agent, content=part.content(), user=user, now=now)


def _export_first(context: Context) -> dict[str, Any] | None:
    return _written(hiring.first())


# -- the others


def _check_others(value: list[AssistantPart], context: Context) -> Iterable[tuple[Steps, str]]:
    first = context.values.get("assistant")
    seen = {first.name if first else _name_of_first(context)}
    for number, part in enumerate(value):
        if part.name in seen:
            yield (number, "name"), "another assistant has this name"
        seen.add(part.name)
        for steps, problem in _check_models(part, context):
            yield (number, *steps), problem


def _name_of_first(context: Context) -> str:
    return hiring.first().name if context.tenant else ""


def _apply_others(value: list[AssistantPart], context: Context) -> None:
    for part in value:
        agent, made = Agent.objects.get_or_create(name=part.name, defaults={"created_at": context.now})
        if agent.retired_at is not None:
            hiring.bring_back(agent, user=context.actor)
        if made and "persona" not in part.model_fields_set:
            assert context.tenant is not None, "apply runs inside a business"
            part.persona = hiring.usual_persona(context.tenant)
        tell(agent, part, user=context.actor, now=context.now)


def _export_others(context: Context) -> list[dict[str, Any]] | None:
    written = (_written(agent) for agent in hiring.at_work()[1:])
    return [data for data in written if data] or None


def _written(agent: Agent) -> dict[str, Any] | None:
    version = agent.published
    return {"name": agent.name, **_said(version)} if version else None


def _said(version: AgentVersion) -> dict[str, Any]:
    """What the version says, without what is empty anyway."""
    content = publishing.content_of(version)
    content |= {field: float(content[field]) for field in SECONDS if content[field] is not None}
    content |= {name: [_set(row) for row in content[name]] for name in LISTS}
    return {key: value for key, value in content.items() if value not in ("", {}, [], None)}
