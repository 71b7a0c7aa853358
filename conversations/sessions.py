"""Sessions: conversations that a program of the business leads on the API channel, with memory.

What is said in one passes through the same inbox and the same turns as any customer's message.
"""

import json
import time
import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from agents import hiring
from conversations import handoff, inbox
from conversations.events import Said, clean
from conversations.models import Channel, Contact, ContactIdentity, Conversation, Message, Session, Turn
from tenants import live
from tenants.db import connection
from tenants.models import User

LOOK = 1.0  # seconds between looks at the row when no event comes


class Ended(Exception):
    """Nothing more can be said in this session."""


@transaction.atomic(durable=True)
def start(
    *,
    session_id: uuid.UUID,
    now: datetime,
    contact_id: int | None = None,
    name: str = "",
    language: str = "",
    metadata: dict[str, Any] | None = None,
) -> tuple[Session, bool]:
    """A session under this id, and whether it is new. A known contact has one: it is opened again.

    Raises Contact.DoesNotExist.
    """
    if (same := Session.objects.filter(pk=session_id).first()) is not None:
        return same, False
    contact = _contact(contact_id, name=name, language=language, now=now)
    channel = channel_of_programs(now=now)
    earlier = Session.objects.filter(conversation__contact=contact, conversation__channel=channel).first()
    if earlier is not None:
        return _again(earlier, metadata), False
    address = f"{session_id.hex}@api"
    ContactIdentity.objects.create(contact=contact, channel=channel, kind="api", value=address)
    conversation = Conversation.objects.create(
        channel=channel, contact=contact, address=address, language=language[:2], created_at=now
    )
    made = Session.objects.create(
        pk=session_id, conversation=conversation, metadata=metadata or {}, created_at=now
    )
    return made, True


def _contact(contact_id: int | None, *, name: str, language: str, now: datetime) -> Contact:
    if contact_id is not None:
        return Contact.objects.select_for_update().get(pk=contact_id)
    return Contact.objects.create(name=clean(name)[:120], language=language, created_at=now)


def _again(session: Session, metadata: dict[str, Any] | None) -> Session:
    session.ended_at = None
    session.metadata = session.metadata if metadata is None else metadata
    session.save(update_fields=["ended_at", "metadata"])
    return session


def channel_of_programs(*, now: datetime) -> Channel:
    """The one API channel of this business, made when first asked for."""
    return Channel.objects.get_or_create(
        kind=Channel.Kind.API,
        defaults={"name": _free_name(), "agent": hiring.first(), "created_at": now},
    )[0]


def _free_name() -> str:
    taken = set(Channel.objects.filter(name__startswith="API").values_list("name", flat=True))
    return next(name for name in ("API", *(f"API {n}" for n in range(2, 1000))) if name not in taken)


def ask(session: Session, text: str, *, message_id: uuid.UUID, language: str = "", seconds: float) -> Message:
    """Say something in a session, and wait until it has an outcome or the time is over.

    The same `message_id` again says nothing new and waits for the same answer. Raises Ended.
    """
    until = time.monotonic() + seconds
    with live.listen() as hear:
        message = _say(session.pk, text, message_id=message_id, language=language, now=timezone.now())
        while not _has_outcome(message) and (left := until - time.monotonic()) > 0:
            # A connection of the pool is not ours to keep while somebody else thinks.
            connection.close_if_unusable_or_obsolete()
            hear(min(left, LOOK), f'"conversation":{message.conversation_id}', '"conversation.waiting"')
    return message


@transaction.atomic(durable=True)
def _say(session_id: uuid.UUID, text: str, *, message_id: uuid.UUID, language: str, now: datetime) -> Message:
    session = Session.objects.select_related("conversation").get(pk=session_id)
    conversation = handoff.locked(session.conversation_id)
    key = inbox.provider_key(conversation.channel, from_me=False, unique_id=message_id.hex)
    if (same := Message.objects.filter(provider_key=key).first()) is not None:
        return same
    if session.ended_at is not None:
        raise Ended
    if language and conversation.language != language:
        Conversation.objects.filter(pk=conversation.pk).update(language=language)
    said = Said(
        unique_id=message_id.hex,
        chat=conversation.address,
        from_me=False,
        source="app",
        text=clean(text),
        at=now,
    )
    inbox.receive(conversation.channel, said, now=now)
    return Message.objects.get(provider_key=key)


def _has_outcome(message: Message) -> bool:
    message.refresh_from_db(fields=["outcome", "outcome_reason", "turn"])
    return bool(message.outcome)


def replies_to(message: Message) -> list[Message]:
    """What was said back: the answer of its turn, or the line that calls a person. Oldest first."""
    said = Message.objects.filter(conversation=message.conversation_id, direction=Message.Direction.OUT)
    if message.outcome == Message.Outcome.ANSWERED:
        return list(said.filter(turn=message.turn_id).order_by("pk"))
    later = said.filter(pk__gt=message.pk, author_kind=Message.Author.SYSTEM)
    return list(later.order_by("pk")[:5])


def turn_of(message: Message) -> Turn | None:
    """The turn that answered it, with what it read."""
    return Turn.objects.prefetch_related("passages").filter(messages=message.pk).first()


def end(session_id: uuid.UUID, *, user: User | None, now: datetime) -> None:
    """Nothing more is said in it; what was said stays readable. Raises Session.DoesNotExist."""
    session = Session.objects.get(pk=session_id)
    if Session.objects.filter(pk=session_id, ended_at=None).update(ended_at=now):
        handoff.close(session.conversation_id, user=user, now=now)


def metadata_text(value: dict[str, Any]) -> str:
    """A session's metadata as it is kept."""
    return json.dumps(value)
