"""Which chats are looked at: read from an address, written into one, and as a question to the database."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from conversations.models import Channel, Conversation

KINDS = ("all", "waiting", "mine", "closed", "tests")
MOODS = {"unhappy": -1, "neutral": 0, "happy": 1}
PRIORITIES = {"high": Conversation.Priority.HIGH, "urgent": Conversation.Priority.URGENT}
MOST_LABELS = 5
LONGEST = 100  # of what is searched for
# What stands in an address beside `filter`, in this order.
NAMES = ("channel", "label", "mood", "unread", "person", "priority", "q")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a reader wants to see; `me` is the reader. All of it holds together; labels, every one of them."""

    me: int
    kind: str = "all"
    channel: uuid.UUID | None = None
    labels: tuple[int, ...] = ()
    mood: str = ""
    unread: bool = False
    person: int = 0
    priority: str = ""
    words: str = ""

    @property
    def query(self) -> str:
        """As it stands in an address, without the question mark; empty for all chats."""
        return urlencode(list(self.pairs()))

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Name and value, as in a form."""
        if self.kind != "all":
            yield "filter", self.kind
        if self.channel:
            yield "channel", str(self.channel)
        yield from (("label", str(pk)) for pk in self.labels)
        said = {"mood": self.mood, "unread": "1" if self.unread else "", "person": str(self.person or "")}
        said |= {"priority": self.priority, "q": self.words}
        yield from ((name, value) for name, value in said.items() if value)

    def but(self, **changes: Any) -> "Filters":
        """The same with something else in it."""
        return replace(self, **changes)

    @property
    def narrowed(self) -> int:
        """How many things narrow the list beside its tab and what is searched for."""
        plain = Filters(self.me)
        rest = {one.name for one in fields(self)} - {"me", "kind", "words", "labels"}
        return len(self.labels) + sum(getattr(self, name) != getattr(plain, name) for name in rest)


def of(given: QueryDict | Mapping[str, str], *, me: int) -> Filters:
    """What an address asks for; what makes no sense in it is left out."""
    kind, mood, priority = given.get("filter", ""), given.get("mood", ""), given.get("priority", "")
    labels = given.getlist("label") if isinstance(given, QueryDict) else [given.get("label", "")]
    return Filters(
        me,
        kind=kind if kind in KINDS else "all",
        channel=_channel(given.get("channel", "")),
        labels=tuple(dict.fromkeys(filter(None, map(number, labels))))[:MOST_LABELS],
        mood=mood if mood in MOODS else "",
        unread=given.get("unread") == "1",
        person=number(given.get("person", "")),
        priority=priority if priority in PRIORITIES else "",
        words=" ".join(given.get("q", "").replace("\x00", "").split())[:LONGEST],
    )


def number(text: str) -> int:
    """A row's number as an address carries it; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _channel(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def chosen(filters: Filters) -> QuerySet[Conversation]:
    """The chats that these filters leave, in no order. A member's test chat only where tests are wanted."""
    found = _of_kind(filters)
    labelled = Conversation.labels.through.objects.filter(label__deleted_at=None)
    if filters.channel:
        found = found.filter(channel_id=filters.channel)
    for pk in filters.labels:
        found = found.filter(pk__in=labelled.filter(label=pk).values("conversation"))
    if filters.mood:
        found = found.filter(sentiment=MOODS[filters.mood])
    if filters.unread:
        found = found.filter(unread_count__gt=0)
    if filters.person:
        found = found.filter(held_by(filters.person))
    if filters.priority:
        found = found.filter(priority__gte=PRIORITIES[filters.priority])
    return found


def held_by(user_id: int) -> Q:
    """Chats that this person has, or was given and has not begun."""
    return Q(assigned_to=user_id) & ~Q(handler=Conversation.Handler.AGENT)


def _of_kind(filters: Filters) -> QuerySet[Conversation]:
    tests = Q(channel__kind=Channel.Kind.TEST)
    if filters.kind == "tests":
        return Conversation.objects.filter(tests, status=Conversation.Status.OPEN)
    real = Conversation.objects.exclude(tests)
    if filters.kind == "closed":
        return real.filter(status=Conversation.Status.CLOSED)
    if filters.kind == "all" and filters.words:
        return real  # who looks for something means what is closed too
    opened = real.filter(status=Conversation.Status.OPEN)
    if filters.kind == "waiting":
        return opened.filter(handler=Conversation.Handler.QUEUE)
    if filters.kind == "mine":
        return opened.filter(held_by(filters.me))
    return opened
