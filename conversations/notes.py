"""Words among colleagues in a thread, and who is called by `@`. No customer, no model reads them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse

from conversations.models import Conversation, Note
from tenants import access, live, notifying, undoing
from tenants.current import tenant
from tenants.models import Membership, User

LONGEST = 4000


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


def may_remove(role: str) -> bool:
    """Whether this role takes away what a colleague noted."""
    return role in access.MANAGERS


@transaction.atomic(durable=True)
def write(conversation: Conversation, *, text: str, user: User, now: datetime, key: str = "") -> Note:
    """Keep a note, once a `key`, and tell whom it calls."""
    if key and (same := conversation.notes.filter(key=key).first()) is not None:
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


def remove(note: Note) -> str:
    """Take it away; returns the word that brings it back within the hour."""
    return undoing.keep(_taken(note))


@transaction.atomic(durable=True)
def _taken(note: Note) -> dict[str, Any]:
    kept = {
        "conversation": note.conversation_id,
        "author": note.author_id,
        "text": note.text,
        "mentions": list(note.mentions.values_list("pk", flat=True)),
        "at": note.created_at,
    }
    _tell(note)
    note.delete()
    return kept


@transaction.atomic(durable=True)
def bring_back(word: str, *, conversation: Conversation) -> Note | None:
    """The note that was removed, as it was; nobody is told again. None when that is too long ago."""
    kept = undoing.kept(word)
    if kept is None or kept["conversation"] != conversation.pk:
        return None
    same = conversation.notes.filter(created_at=kept["at"], author=kept["author"], text=kept["text"]).first()
    if same is not None:
        return same  # the button was pressed twice
    author = User.objects.filter(pk=kept["author"]).first()
    note = Note.objects.create(
        conversation=conversation, author=author, text=kept["text"], created_at=kept["at"]
    )
    note.mentions.set(User.objects.filter(pk__in=kept["mentions"]))
    _tell(note)
    return note


def _call(note: Note, people: list[User], *, now: datetime) -> None:
    note.mentions.add(*people)
    called = [person for person in people if person.pk != note.author_id]
    if called:
        notifying.notify(
            "mention",
            key=f"note:{note.pk}",
            users=called,
            params={"note": note.pk, "conversation": note.conversation_id, "by": note.author_id or 0},
            url=f"{reverse('chat', args=[note.conversation_id])}#note-{note.pk}",
            now=now,
        )


def _tell(note: Note) -> None:
    live.publish("note.changed", id=note.pk, conversation=note.conversation_id)
