"""Words among colleagues in a thread, and who is called by `@`. No customer sees them, no model reads them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core import signing
from django.db import transaction
from django.urls import reverse

from conversations.models import Conversation, Note
from tenants import access, live, notifying
from tenants.current import tenant
from tenants.models import Membership, User

LONGEST = 4000
UNDO = timedelta(hours=1)
SALT = "conversations.notes.removed"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a note; `is_name` when it calls a colleague."""

    text: str
    is_name: bool


def team() -> list[User]:
    """Who can be called: the people of this business who answer chats, by name."""
    seats = Membership.objects.filter(tenant=tenant(), role__in=access.ANSWERERS, user__is_active=True)
    people = [seat.user for seat in seats.select_related("user")]
    return sorted(people, key=lambda user: str(user).casefold())


def named(text: str, people: Iterable[User]) -> list[User]:
    """Whom a note calls: `@` and a whole name, of two that begin alike the longer one. Pure."""
    left, found = text.casefold(), []
    for person in sorted(people, key=lambda user: -len(str(user))):
        sign = f"@{person}".casefold()
        if sign in left:
            found.append(person)
            left = left.replace(sign, " ")
    return found


def pieces(text: str, people: Iterable[User]) -> list[Piece]:
    """The note cut at the names that it calls, for the page to mark. Pure."""
    signs = sorted((f"@{person}" for person in people), key=len, reverse=True)
    if not signs:
        return [Piece(text, is_name=False)]
    cut = re.split(f"({'|'.join(re.escape(sign) for sign in signs)})", text, flags=re.IGNORECASE)
    return [Piece(part, is_name=bool(number % 2)) for number, part in enumerate(cut) if part]


@transaction.atomic(durable=True)
def write(conversation: Conversation, *, text: str, user: User, now: datetime, key: str = "") -> Note:
    """Keep a note, once a `key`, and tell whom it calls."""
    if key and (same := Note.objects.filter(key=key).first()) is not None:
        return same
    note = Note.objects.create(
        conversation=conversation, author=user, text=text, key=key or None, created_at=now
    )
    _call(note, named(text, team()), now=now)
    _tell(note)
    return note


@transaction.atomic(durable=True)
def change(note: Note, *, text: str, now: datetime) -> None:
    """Other words; who is called only now is told."""
    note.text, note.edited_at = text, now
    note.save(update_fields=["text", "edited_at"])
    known = set(note.mentions.values_list("pk", flat=True))
    people = named(text, team())
    _call(note, [person for person in people if person.pk not in known], now=now)
    note.mentions.set(people)
    _tell(note)


@transaction.atomic(durable=True)
def remove(note: Note) -> str:
    """Take it away; returns what brings it back within the hour, signed."""
    kept = {
        "conversation": note.conversation_id,
        "author": note.author_id,
        "text": note.text,
        "mentions": list(note.mentions.values_list("pk", flat=True)),
        "at": note.created_at.isoformat(),
    }
    _tell(note)
    note.delete()
    return signing.dumps(kept, salt=f"{SALT}:{tenant().pk}", compress=True)


@transaction.atomic(durable=True)
def bring_back(signed: str, *, conversation: Conversation) -> Note | None:
    """The note that was removed, as it was; nobody is told again. None when that is too long ago."""
    kept = _kept(signed)
    if kept is None or kept["conversation"] != conversation.pk:
        return None
    at = datetime.fromisoformat(kept["at"])
    same = conversation.notes.filter(created_at=at, author=kept["author"], text=kept["text"]).first()
    if same is not None:
        return same  # the button was pressed twice
    author = User.objects.filter(pk=kept["author"]).first()
    note = Note.objects.create(conversation=conversation, author=author, text=kept["text"], created_at=at)
    note.mentions.set(User.objects.filter(pk__in=kept["mentions"]))
    _tell(note)
    return note


def _kept(signed: str) -> Mapping[str, Any] | None:
    try:
        kept: Mapping[str, Any] = signing.loads(signed, salt=f"{SALT}:{tenant().pk}", max_age=UNDO)
    except signing.BadSignature:
        return None
    return kept


def _call(note: Note, people: list[User], *, now: datetime) -> None:
    note.mentions.add(*people)
    called = [person for person in people if person.pk != note.author_id]
    if called:
        notifying.notify(
            "mention",
            key=f"note:{note.pk}",
            users=called,
            params={"note": note.pk, "conversation": note.conversation_id, "by": note.author_id},
            url=f"{reverse('chat', args=[note.conversation_id])}#note-{note.pk}",
            now=now,
        )


def _tell(note: Note) -> None:
    live.publish("note.changed", id=note.pk, conversation=note.conversation_id)
