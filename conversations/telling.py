"""Tell the customers who asked what was answered since: once each, and only who may be written to now."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from conversations import consent, outbox, window
from conversations.models import Conversation, Message, Unanswered
from knowledge.models import Gap
from tenants.models import User

MOST = 50  # more than that is a broadcast


def waiting(gap: Gap) -> QuerySet[Unanswered]:
    """Who asked it and was written to by nobody of the team since."""
    reached = Message.objects.filter(
        Q(author_kind=Message.Author.PERSON),
        conversation=OuterRef("turn__conversation"),
        created_at__gt=OuterRef("created_at"),
    )
    return gap.asked.exclude(Exists(reached)).select_related("turn__conversation").order_by("pk")


def tell(gap: Gap, *, user: User, now: datetime) -> int:
    """Send the settled answer to those who still wait for it; to how many it goes."""
    if gap.pinned is None:
        return 0
    threads = {row.turn.conversation_id: row.turn.conversation.language for row in waiting(gap)[:MOST]}
    own = [pk for pk, language in threads.items() if language[:2] == gap.pinned.language]
    return sum(_tell_one(pk, gap, user=user, now=now) for pk in own)


@transaction.atomic(durable=True)
def _tell_one(conversation_id: int, gap: Gap, *, user: User, now: datetime) -> bool:
    """One message, once a gap and thread; never to who wants none, nor after the window."""
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)
    unique_id = outbox.unique_id_for(conversation_id, f"gap:{gap.pk}")
    if outbox.posted(conversation, unique_id) is not None or consent.is_out(conversation):
        return False
    if conversation.status != Conversation.Status.OPEN or not window.is_open(conversation, now=now):
        return False
    assert gap.pinned is not None
    author = Message.Author.PERSON
    outbox.post(conversation, gap.pinned.text, now=now, author=author, user=user, unique_id=unique_id)
    return True
