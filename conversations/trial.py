"""The test chat: a member asks as a customer would, through the same inbox and the same turns."""

import uuid
from datetime import datetime

from django.db import transaction

from agents.models import Agent
from conversations import inbox
from conversations.events import Said
from conversations.models import Channel, ContactIdentity, Conversation
from tenants.models import User


@transaction.atomic(durable=True)
def ask(text: str, *, user: User, now: datetime) -> Conversation:
    """Put the question into this member's own test conversation; an answer becomes due at once."""
    channel = Channel.objects.select_related("agent").get(kind=Channel.Kind.TEST)
    said = Said(
        unique_id=uuid.uuid4().hex,
        chat=_address(user),
        from_me=False,
        source="app",
        text=text,
        at=now,
        name=str(user),
    )
    inbox.receive(channel, said, now=now)
    return conversation_of(user)  # type: ignore[return-value]


def conversation_of(user: User) -> Conversation | None:
    """This member's test conversation, if there is one."""
    identity = ContactIdentity.objects.filter(channel__kind=Channel.Kind.TEST, value=_address(user)).first()
    return Conversation.objects.filter(contact=identity.contact_id).first() if identity else None


def create_channel(agent: Agent, *, name: str, now: datetime) -> Channel:
    """The test channel that every business starts with; inside the caller's transaction."""
    return Channel.objects.create(kind=Channel.Kind.TEST, name=name, agent=agent, created_at=now)


def _address(user: User) -> str:
    return f"member-{user.pk}@test"
