"""Where an assistant answers customers: what stops it from being retired."""

from agents import hiring
from agents.models import Agent
from conversations.models import Channel


def register() -> None:
    """Tell the assistants' pages about channels."""
    hiring.register_places(places)


def places(agent: Agent) -> list[str]:
    """The names of its channels, switched off or not; the test chat is no place."""
    channels = Channel.objects.filter(agent=agent).exclude(kind=Channel.Kind.TEST)
    return list(channels.order_by("created_at", "name").values_list("name", flat=True))
