"""A thread as people read it: messages with what colleagues noted and did between them, page by page.

The messages are the measure: a part of the thread is a stretch of their ids, and holds the notes and marks of
the same time. Every part takes a bounded number of statements and of rows, however long the thread is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone, translation

from conversations import channels, citing, receipt_words
from conversations.models import Conversation, FollowUp, Message, Turn
from conversations.models.answers import Suggestion

PAGE = 40  # messages at a time
MOST = 120  # of the live end of a thread; a page that is open for longer lets the earlier ones go
AROUND = 20  # messages before the one that was asked for
BESIDE = 200  # notes, and marks, of one part
MOST_LATER = 20
Kind = Literal["message", "note", "mark"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in a thread; `day` is set on the first of a day."""

    kind: Kind
    what: Any
    day: date | None


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a thread, oldest first; whether messages stand before it and after it."""

    messages: Sequence[Message]
    has_older: bool
    has_newer: bool

    @property
    def first(self) -> int:
        return self.messages[0].pk if self.messages else 0

    @property
    def last(self) -> int:
        return self.messages[-1].pk if self.messages else 0


# -- which messages


def tail(conversation: Conversation, *, since: int = 0) -> Part:
    """The end of the thread: from the message `since` on unless that is too much, else the last PAGE."""
    if since:
        rows = list(_messages(conversation).filter(pk__gte=since).order_by("pk")[: MOST + 1])
        if rows and len(rows) <= MOST:
            return Part(rows, has_older=_is_any(conversation, pk__lt=rows[0].pk), has_newer=False)
    return _older(conversation, Q())


def around(conversation: Conversation, message_id: int) -> Part | None:
    """The thread where a message stands; None when it is no message of this thread.

    Near the end that is the live end of the thread.
    """
    before = list(_messages(conversation).filter(pk__lte=message_id).order_by("-pk")[: AROUND + 1])[::-1]
    if not before or before[-1].pk != message_id:
        return None
    after = list(_messages(conversation).filter(pk__gt=message_id).order_by("pk")[: MOST - AROUND])
    has_older = _is_any(conversation, pk__lt=before[0].pk)
    if len(after) < MOST - AROUND:
        return Part([*before, *after], has_older, has_newer=False)
    return Part([*before, *after[:AROUND]], has_older, has_newer=True)


def between(conversation: Conversation, first: int, last: int) -> Part:
    """The stretch from one message to another, at most MOST."""
    rows = list(_messages(conversation).filter(pk__range=(first, last)).order_by("pk")[:MOST])
    return _placed(conversation, rows)


def older(conversation: Conversation, *, before: int) -> Part:
    """The PAGE messages before one."""
    part = _older(conversation, Q(pk__lt=before))
    return Part(part.messages, part.has_older, has_newer=True)


def newer(conversation: Conversation, *, after: int) -> Part:
    """The PAGE messages after one."""
    rows = list(_messages(conversation).filter(pk__gt=after).order_by("pk")[: PAGE + 1])
    return Part(rows[:PAGE], has_older=True, has_newer=len(rows) > PAGE)


def one(message: Message) -> Part:
    """A message alone, to be shown anew where it stands."""
    rows = list(_messages(message.conversation).filter(pk=message.pk))
    return Part(rows, has_older=True, has_newer=True)


def _older(conversation: Conversation, where: Q) -> Part:
    rows = list(_messages(conversation).filter(where).order_by("-pk")[: PAGE + 1])
    return Part(rows[:PAGE][::-1], has_older=len(rows) > PAGE, has_newer=False)


def _placed(conversation: Conversation, rows: Sequence[Message]) -> Part:
    if not rows:
        return Part([], has_older=False, has_newer=False)
    older = _is_any(conversation, pk__lt=rows[0].pk)
    return Part(rows, older, has_newer=_is_any(conversation, pk__gt=rows[-1].pk))


def _is_any(conversation: Conversation, **where: int) -> bool:
    return conversation.messages.filter(**where).exists()


def _messages(conversation: Conversation) -> QuerySet[Message]:
    related = conversation.messages.select_related("author", "transcript", "reply_to", "turn")
    beside = [*citing.with_sources(), *receipt_words.with_receipts()]
    return related.prefetch_related(*beside, _translations())


def _translations() -> Prefetch:
    """What was translated for readers of this language."""
    language = reader_language()
    rows = Suggestion.objects.filter(kind=Suggestion.Kind.READ, language=language).order_by("pk")
    return Prefetch("translations", queryset=rows, to_attr="translated")


def reader_language() -> str:
    """The two letters of the language in which the page is read."""
    return (translation.get_language() or "en")[:2]


# -- what stands between them


def items(conversation: Conversation, part: Part) -> list[Item]:
    """The part with the notes and marks of its time, in order, the first of each day marked."""
    beside = sorted(_beside(conversation, part), key=lambda row: row[0])
    return list(_with_days(_merged(part.messages, beside)))


def _beside(conversation: Conversation, part: Part) -> list[tuple[datetime, Kind, Any]]:
    """Notes and marks of the part's time: from its first message on, and before the message that follows."""
    bounds: dict[str, datetime] = {}
    if part.has_older and part.messages:
        bounds["gte"] = part.messages[0].created_at
    if part.has_newer and (following := _following(conversation, part)) is not None:
        bounds["lt"] = following
    notes = conversation.notes.select_related("author").prefetch_related("mentions").order_by("-pk")
    marks = conversation.activities.select_related("actor").order_by("-pk")
    found: list[tuple[datetime, Kind, Any]] = []
    for note in notes.filter(**{f"created_at__{name}": at for name, at in bounds.items()})[:BESIDE]:
        found.append((note.created_at, "note", note))
    for mark in marks.filter(**{f"at__{name}": at for name, at in bounds.items()})[:BESIDE]:
        found.append((mark.at, "mark", mark))
    return found[::-1]


def _following(conversation: Conversation, part: Part) -> datetime | None:
    after = conversation.messages.filter(pk__gt=part.last).order_by("pk")
    return after.values_list("created_at", flat=True).first()


def _merged(
    messages: Sequence[Message], beside: Sequence[tuple[datetime, Kind, Any]]
) -> Iterator[tuple[datetime, Kind, Any]]:
    """Messages keep the order of their ids; the rest stands before the first message that is later."""
    waiting = list(beside)[::-1]
    for message in messages:
        while waiting and waiting[-1][0] < message.created_at:
            yield waiting.pop()
        yield message.created_at, "message", message
    yield from reversed(waiting)


def _with_days(rows: Iterator[tuple[datetime, Kind, Any]]) -> Iterator[Item]:
    shown: date | None = None
    for at, kind, what in rows:
        day = timezone.localtime(at).date()
        yield Item(kind, what, day if day != shown else None)
        shown = day


# -- what a page needs


def context(conversation: Conversation, part: Part) -> dict[str, Any]:
    """What the thread's templates know of a part."""
    transport = channels.transport(conversation.channel)
    return {
        "conversation": conversation,
        "items": items(conversation, part),
        "part": part,
        "can_quote": conversation.status == Conversation.Status.OPEN,
        "can_react": isinstance(transport, channels.Reactor),
        "can_change": isinstance(transport, channels.Editor),
        "foreign": bool(conversation.language) and conversation.language[:2] != reader_language(),
        "thinking": False,
        "waiting_to_send": [],
        "was_cut": False,
    }


def shown(conversation: Conversation, *, since: int = 0) -> dict[str, Any]:
    """The live end of the thread: with what is in the making, and what waits to be sent later."""
    part = tail(conversation, since=since)
    return live_end(conversation, part, was_cut=bool(since and part.first > since))


def live_end(conversation: Conversation, part: Part, *, was_cut: bool = False) -> dict[str, Any]:
    """As `shown`, of a part that is the end already; `was_cut` when it begins later than was asked for."""
    waiting = conversation.follow_ups.filter(status=FollowUp.Status.WAITING).select_related("author")
    return context(conversation, part) | {
        "thinking": conversation.turns.filter(status=Turn.Status.RUNNING).exists(),
        "waiting_to_send": list(waiting.order_by("due_at", "pk")[:MOST_LATER]),
        "was_cut": was_cut,
    }
