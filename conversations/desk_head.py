"""What stands in a thread's head: who has it, by when, what is asked of a person, and what was promised."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conversations import desk_ratings, desk_seats, desk_summaries, desk_todos
from conversations.models import Conversation, SlaClock
from tenants.access import ANSWERERS

NEW = timedelta(minutes=10)  # so long a summary stands open under the head of who took the chat
# Minutes that a person may be silent; 0 is without an end.
TIMES = (0, 15, 30, 60, 120, 240, 480, 1440)


@dataclass(frozen=True, slots=True)
class Due:
    """The agreed time that is over first: which, when, and whether it is late or nearly so."""

    clock: SlaClock
    is_late: bool
    is_near: bool


def context(conversation: Conversation, *, now: datetime) -> dict[str, Any]:
    """For the head of one thread, alone or in its page; at most four statements."""
    is_closed = conversation.status == Conversation.Status.CLOSED
    summary = None if is_closed else desk_summaries.latest(conversation)
    waits = conversation.handler == Conversation.Handler.QUEUE
    return {
        "conversation": conversation,
        "summary": summary,
        "summary_is_new": summary is not None and (waits or now - summary.created_at < NEW),
        "due": nearest(conversation, now=now),
        "todos": desk_todos.of_thread(conversation, now=now),
        "rating": desk_ratings.latest(conversation) if is_closed else None,
        "now": now,
    }


def nearest(conversation: Conversation, *, now: datetime) -> Due | None:
    """The clock of `sla_due_at`; asked for only where one runs."""
    if conversation.sla_due_at is None:
        return None
    running = conversation.clocks.filter(stopped_at=None, paused_at=None)
    clock = running.order_by("due_at").first()
    if clock is None:
        return None
    return Due(clock, is_late=clock.due_at <= now, is_near=clock.warn_at <= now)


def handling(conversation: Conversation, *, now: datetime) -> dict[str, Any]:
    """For the sheet in which a chat is given to somebody, put ahead, or held for a while."""
    return {
        "conversation": conversation,
        "members": [(one, one.is_away(now)) for one in desk_seats.members() if one.role in ANSWERERS],
        "priorities": Conversation.Priority.choices,
        "times": TIMES,
        "now": now,
    }
