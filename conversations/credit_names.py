"""How assistants, channels and conversations are called, for who explains credits (billing.names)."""

import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress

from django.conf import settings
from django.urls import reverse

from agents.models import Agent
from billing import names
from conversations.models import Channel, Conversation


def register() -> None:
    names.register("agent", names.Known(of=_agents, every=_every_agent))
    names.register("channel", names.Known(of=_channels))
    names.register("conversation", names.Known(of=_conversations, page=_chat))


def _agents(numbers: Collection[str]) -> Mapping[str, str]:
    rows = Agent.objects.filter(pk__in=_ints(numbers))
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}


def _every_agent() -> Mapping[str, str]:
    return {str(pk): name for pk, name in Agent.objects.order_by("pk").values_list("pk", "name")}


def _channels(numbers: Collection[str]) -> Mapping[str, str]:
    rows = Channel.objects.filter(pk__in=_uuids(numbers))
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}


def _conversations(numbers: Collection[str]) -> Mapping[str, str]:
    rows = Conversation.objects.filter(pk__in=_ints(numbers)).select_related("contact")
    return {str(row.pk): row.contact.display_name for row in rows}


def _chat(number: str) -> str:
    return reverse("chat", settings.ROOT_URLCONF, [int(number)])


def _ints(numbers: Collection[str]) -> list[int]:
    """Those that are any: an address may name anything."""
    return [int(one) for one in numbers if one.isascii() and one.isdigit() and len(one) < 19]


def _uuids(numbers: Collection[str]) -> list[uuid.UUID]:
    found = []
    for one in numbers:
        with suppress(ValueError):
            found.append(uuid.UUID(one))
    return found
