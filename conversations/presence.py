"""Which colleagues look at a chat right now, and who of them writes; so that no two answer at once.

Kept for seconds (`tenants.rooms`), told live, never a row. What must be sure is asked of the messages:
`answered_since`.
"""

from dataclasses import dataclass
from datetime import datetime

from conversations import writing
from conversations.models import Channel, Conversation, Message
from tenants import live, rooms
from tenants.models import User

LOOKING = 45  # seconds; the page repeats the sign every twenty
WRITING = 6  # the page repeats it every three


@dataclass(frozen=True, slots=True)
class Colleague:
    """One other person who has this chat open."""

    user_id: int
    name: str
    writes: bool


def look(conversation_id: int, *, user: User, now: datetime, writes: bool = False) -> None:
    """A person has the chat open, or writes in it; the others hear it when that is news."""
    room = _room(conversation_id)
    before = rooms.inside(room).get(user.pk)
    wrote = bool(before and before.get("wrote", 0) > now.timestamp() - WRITING)
    sign = {"name": str(user)[:60], "wrote": now.timestamp() if writes else (before or {}).get("wrote", 0)}
    rooms.enter(room, user.pk, sign, seconds=LOOKING)
    if before is None or (writes and not wrote):
        live.publish("presence.changed", conversation=conversation_id)


def leave(conversation_id: int, *, user: User) -> None:
    """The page was closed."""
    rooms.leave(_room(conversation_id), user.pk)
    live.publish("presence.changed", conversation=conversation_id)


def others(conversation_id: int, *, user: User, now: datetime) -> list[Colleague]:
    """Who else has the chat open, those who write first."""
    found = [
        Colleague(user_id, str(sign["name"]), sign.get("wrote", 0) > now.timestamp() - WRITING)
        for user_id, sign in rooms.inside(_room(conversation_id)).items()
        if user_id != user.pk
    ]
    return sorted(found, key=lambda one: (not one.writes, one.name))


def write(conversation: Conversation, *, user: User, now: datetime) -> None:
    """A person writes into the box: the team sees it, and who looks at a chat on the business's site, too."""
    look(conversation.pk, user=user, now=now, writes=True)
    if conversation.channel.kind == Channel.Kind.WEB:
        writing.note(conversation, now=now)


def answered_since(conversation: Conversation, *, seen: int, user: User) -> Message | None:
    """The last words of a colleague after the message that this person saw last; None when there are none."""
    ours = conversation.messages.filter(
        pk__gt=seen, direction=Message.Direction.OUT, author_kind=Message.Author.PERSON
    )
    return ours.exclude(author=user).select_related("author").order_by("-pk").first()


def _room(conversation_id: int) -> str:
    return f"chat-{conversation_id}"
