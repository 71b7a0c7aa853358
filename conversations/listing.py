"""What the inbox shows: queries with a bounded size and a constant number of statements."""

from typing import Any

from django.db.models import Q, QuerySet

from conversations import channels, citing, receipt_words
from conversations.models import Channel, Contact, Conversation, Turn
from tenants.models import User

PAGE = 50
MESSAGES = 100
FILTERS = ("all", "waiting", "mine", "closed", "tests")


def conversations(*, kind: str, user: User, page: int = 1) -> QuerySet[Conversation]:
    """One page of the list, the latest first; those who wait longest first in `waiting`."""
    shown = _filtered(kind, user).select_related("contact", "channel", "assigned_to")
    order = ("waiting_since", "pk") if kind == "waiting" else ("-last_message_at", "-pk")
    return shown.order_by(*order)[(page - 1) * PAGE : page * PAGE]


def _filtered(kind: str, user: User) -> QuerySet[Conversation]:
    """The test chat is no customer's: it stays under Assistant, unless it is asked for."""
    if kind == "tests":
        tests = Conversation.objects.filter(channel__kind=Channel.Kind.TEST)
        return tests.filter(status=Conversation.Status.OPEN)
    real = Conversation.objects.exclude(channel__kind=Channel.Kind.TEST)
    if kind == "closed":
        return real.filter(status=Conversation.Status.CLOSED)
    opened = real.filter(status=Conversation.Status.OPEN)
    if kind == "waiting":
        return opened.filter(handler=Conversation.Handler.QUEUE)
    return opened.filter(handler=Conversation.Handler.PERSON, assigned_to=user) if kind == "mine" else opened


def thread(conversation: Conversation) -> dict[str, Any]:
    """The last messages, oldest first, and whether an answer is in the making."""
    related = conversation.messages.select_related("author", "transcript", "reply_to", "turn")
    beside = [*citing.with_sources(), *receipt_words.with_receipts()]
    newest = related.prefetch_related(*beside).order_by("-pk")
    messages = newest[:MESSAGES]
    transport = channels.transport(conversation.channel)
    thinking = conversation.turns.filter(status=Turn.Status.RUNNING).exists()
    return {
        "conversation": conversation,
        "messages_shown": list(messages)[::-1],
        "thinking": thinking,
        "can_quote": conversation.status == Conversation.Status.OPEN,
        "can_react": isinstance(transport, channels.Reactor),
        "can_change": isinstance(transport, channels.Editor),
    }


def customers(query: str) -> QuerySet[Contact]:
    """The people who wrote, by name; the test chat's member is none of them."""
    people = Contact.objects.exclude(identities__channel__kind=Channel.Kind.TEST)
    if query:
        people = people.filter(Q(name__icontains=query) | Q(identities__value__startswith=query)).distinct()
    return people.order_by("-pk")
