"""What is remembered of two customers who turn out to be one, or not to be. Inside a merge's commit."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models.functions import Greatest

from conversations import profile_words, remembering
from conversations.models import Contact, ContactProfile
from conversations.profile_words import Notes


def take_out(keep: Contact, take: Contact) -> ContactProfile | None:
    """Both rows out of the way, since there can only be one; what the one will hold."""
    rows = {row.pk: row for row in ContactProfile.objects.filter(pk__in=[keep.pk, take.pk])}
    ContactProfile.objects.filter(pk__in=list(rows)).delete()
    found = [rows[pk] for pk in (keep.pk, take.pk) if pk in rows]
    return _joined(found) if found else None


def put_back(keep: Contact, joined: ContactProfile | None, *, now: datetime) -> None:
    """The one row, if the one customer that they are now allows it: the last word of either counts."""
    remembering.settle(keep, now=now)
    if joined is None:
        return
    ContactProfile.objects.filter(contact=keep).update(
        summary=joined.summary,
        preferences=joined.preferences,
        interests=joined.interests,
        read_until=Greatest("read_until", joined.read_until),
        edited_at=joined.edited_at,
        due_at=now,
    )


def part(keep_id: int, taken_id: int, *, now: datetime) -> None:
    """Nobody can say any more whose the joined notes were: they go, and both begin anew where allowed."""
    ContactProfile.objects.filter(pk__in=[keep_id, taken_id]).delete()
    for contact in Contact.objects.select_for_update().filter(pk__in=[keep_id, taken_id]).order_by("pk"):
        remembering.settle(contact, now=now)


def _joined(rows: list[ContactProfile]) -> ContactProfile:
    notes = Notes(
        "\n".join(dict.fromkeys(row.summary for row in rows if row.summary))[: profile_words.SUMMARY],
        tuple(_once(item for row in rows for item in row.preferences)),
        tuple(_once(item for row in rows for item in row.interests)),
    )
    return ContactProfile(
        summary=notes.summary,
        preferences=list(notes.preferences),
        interests=list(notes.interests),
        read_until=max(row.read_until for row in rows),
        edited_at=max((row.edited_at for row in rows if row.edited_at), default=None),
    )


def _once(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))[: profile_words.ITEMS]
