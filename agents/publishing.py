"""Change what an agent is told: a draft is edited, a published version never."""

from datetime import datetime
from typing import Any

from django.db import transaction

from agents.models import Agent, AgentVersion
from tenants import audit
from tenants.models import User

EDITABLE = (
    "persona", "tone", "language", "rules", "topics", "greeting", "handover", "source_line",
    "memory_messages", "memory_minutes", "debounce_seconds", "debounce_ceiling_seconds", "tiers", "routing",
    "tools",
)  # fmt: skip


def first_agent(*, name: str, now: datetime, **content: Any) -> Agent:
    """The agent that a new business starts with, published at once; inside the caller's transaction."""
    agent = Agent.objects.create(name=name, created_at=now)
    AgentVersion.objects.create(
        agent=agent, number=1, status=AgentVersion.Status.PUBLISHED, published_at=now, **content
    )
    return agent


def content_of(version: AgentVersion | None) -> dict[str, Any]:
    return {field: getattr(version, field) for field in EDITABLE} if version else {}


@transaction.atomic
def publish(agent: Agent, *, content: dict[str, Any], user: User | None, now: datetime) -> AgentVersion:
    """A new published version with this content; the same content again makes none."""
    current = Agent.objects.select_for_update().get(pk=agent.pk).published
    merged = {**content_of(current), **content}
    if current is not None and merged == content_of(current):
        return current
    last = agent.versions.order_by("-number").values_list("number", flat=True).first() or 0
    version = AgentVersion.objects.create(
        agent=agent,
        number=last + 1,
        status=AgentVersion.Status.PUBLISHED,
        published_at=now,
        published_by=user,
        **merged,
    )
    agent.published = version
    audit.record("agent.publish", actor=user, target=version)
    return version
