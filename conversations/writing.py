"""That somebody of the team writes right now: the visitor of a web chat sees it, as on any messenger.

Kept for seconds in the cache, not as a row: nothing depends on it; where the cache is away nobody sees it.
"""

from datetime import datetime

from django.core.cache import cache

from conversations.models import Conversation, Message
from tenants import live

SECONDS = 6  # the page repeats the sign every three


def note(conversation: Conversation, *, now: datetime) -> None:
    """A person writes into the box of this thread."""
    cache.set(_key(conversation), now.isoformat(), SECONDS)
    live.publish("team.typing", conversation=conversation.pk)


def holds(conversation: Conversation) -> bool:
    """Whether somebody of the team writes, and has not sent it yet."""
    since = cache.get(_key(conversation))
    if not since:
        return False
    ours = conversation.messages.filter(direction=Message.Direction.OUT)
    return not ours.filter(created_at__gte=datetime.fromisoformat(since)).exists()


def _key(conversation: Conversation) -> str:
    return f"team-writes:{conversation.pk}"
