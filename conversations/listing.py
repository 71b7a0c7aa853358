"""What the inbox shows: queries with a bounded size and a constant number of statements."""

from dataclasses import dataclass

from django.db.models import Count, Q

from conversations import cursors, filters
from conversations.filters import Filters
from conversations.models import Channel, Conversation
from tenants.models import User

PAGE = 50
MOST = 300  # rows at once, for a page that has gone on several times and fetches itself anew


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of chats in their order; `following` is the place after its last one, "" at the end."""

    chats: list[Conversation]
    following: str = ""


def conversations(wanted: Filters, cursor: str = "", *, size: int = PAGE) -> Listed:
    """The latest first; the queue by priority, then who must be answered first. `cursor`: a `following`."""
    order = cursors.QUEUE if wanted.kind == "waiting" else cursors.LATEST
    found = filters.chosen(wanted).select_related("contact", "channel", "assigned_to")
    if order is cursors.QUEUE:
        found = found.annotate(**cursors.QUEUE_TIMES)
    if (place := cursors.read(order, cursor)) is not None:
        found = found.filter(order.after(place))
    rows = list(found.prefetch_related("labels").order_by(*order.columns)[: size + 1])
    more = len(rows) > size
    return Listed(rows[:size], cursors.written(order, rows[size - 1]) if more else "")


def counts(user: User) -> dict[str, int]:
    """How many chats wait for a person, are this reader's, and have something unread: open ones."""
    queue = Q(handler=Conversation.Handler.QUEUE)
    mine = filters.held_by(user.pk)
    unread = Q(unread_count__gt=0)
    some = Conversation.objects.filter(queue | mine | unread, status=Conversation.Status.OPEN)
    some = some.exclude(channel__kind=Channel.Kind.TEST)
    found: dict[str, int] = some.aggregate(
        waiting=Count("pk", filter=queue), mine=Count("pk", filter=mine), unread=Count("pk", filter=unread)
    )
    return found
