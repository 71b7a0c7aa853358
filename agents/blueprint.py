"""The assistant and its models in the business file, and the assistant that a new business starts with."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Field, field_validator

from agents import hiring, provider_blueprint, publishing
from agents.models import Agent, ModelProvider
from agents.routing import TIERS
from tenants import blueprints, provisioning
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part
from tenants.models import Tenant, User

SECONDS = ("debounce_seconds", "debounce_ceiling_seconds")


class TierPart(Part):
    """The model of one tier; without a provider the default one, without a model the provider's."""

    provider: str = ""
    model: str = ""


class RulePart(Part):
    """What the assistant must or must not do, and how that sounds."""

    rule: str = Field(min_length=1, max_length=500)
    example: str = Field("", max_length=500)


class AssistantPart(Part):
    """Who answers, and what it was told."""

    name: str = Field(min_length=1, max_length=80)
    persona: str = ""
    rules: list[RulePart] = []
    greeting: str = ""
    tone: str = Field("", max_length=200)
    source_line: bool = True
    memory_messages: int = Field(20, ge=0, le=50)
    memory_minutes: int = Field(30, ge=1, le=10080)
    debounce_seconds: float | None = Field(None, ge=0, le=30)
    debounce_ceiling_seconds: float | None = Field(None, ge=0, le=120)
    tiers: dict[str, TierPart] = {}

    @field_validator("rules", mode="before")
    @classmethod
    def _rules(cls, value: Any) -> Any:
        """A rule without an example may be written as its words alone."""
        if not isinstance(value, list):
            return value
        return [{"rule": one} if isinstance(one, str) else one for one in value]

    @field_validator("tiers")
    @classmethod
    def _tiers(cls, value: dict[str, TierPart]) -> dict[str, TierPart]:
        unknown = set(value) - set(TIERS)
        if unknown:
            raise ValueError(f"there is no tier {', '.join(sorted(unknown))}; tiers are {', '.join(TIERS)}")
        return value


def register() -> None:
    """Tell the business file and new businesses about assistants."""
    provisioning.on_create(start)
    provider_blueprint.register()
    blueprints.register(
        blueprints.Section(
            "assistant",
            AssistantPart,
            apply=_apply_assistant,
            export=_export_assistant,
            check=_check_assistant,
        )
    )


def start(tenant: Tenant, *, now: datetime) -> None:
    """The first assistant of a new business, published."""
    with translation.override(tenant.language):
        name = _("Assistant")
    publishing.first_agent(name=name, now=now, persona=hiring.usual_persona(tenant))


# -- assistant


def _check_assistant(value: AssistantPart, context: Context) -> Iterable[tuple[Steps, str]]:
    known = {part.name for part in context.values.get("providers", [])}
    if context.tenant:
        known |= set(ModelProvider.objects.values_list("name", flat=True))
    for tier, part in value.tiers.items():
        if part.provider and part.provider not in known:
            yield ("tiers", tier, "provider"), f"there is no provider {part.provider!r}"


def _apply_assistant(value: AssistantPart, context: Context) -> None:
    agent = Agent.objects.order_by("pk").first() or publishing.first_agent(name=value.name, now=context.now)
    if agent.name != value.name:
        agent.name = value.name
        agent.save(update_fields=["name"])
    tell(agent, value, user=context.actor, now=context.now)


def tell(agent: Agent, part: AssistantPart, *, user: User | None, now: datetime) -> None:
    """Publish what a file says of an assistant; what it leaves out stays."""
    content = part.model_dump(exclude_unset=True, exclude={"name"})
    if "tiers" in content:
        content["tiers"] = {tier: _set(part) for tier, part in content["tiers"].items()}
    for field in SECONDS:
        if content.get(field) is not None:
            content[field] = Decimal(str(round(content[field], 1)))
    publishing.publish_at_once(agent, content=content, user=user, now=now)


def _set(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if value}


def _export_assistant(context: Context) -> dict[str, Any] | None:
    agent = Agent.objects.order_by("pk").first()
    version = agent.published if agent else None
    if agent is None or version is None:
        return None
    content = publishing.content_of(version)
    content |= {field: float(content[field]) for field in SECONDS if content[field] is not None}
    filled = {key: value for key, value in content.items() if value not in ("", {}, [], None)}
    return {"name": agent.name, **filled}
