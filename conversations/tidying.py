"""What a person does to several chosen chats at once, and the way back from it.

Each row of Tidying keeps what was there before. The way back changes only what is still as it was left: a
chat that went on meanwhile stays as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from conversations import activities, desk_handling, handoff, turns
from conversations.models import Activity, Conversation, Label, Message, Tidying
from tenants import live
from tenants.models import User

Kind = Tidying.Kind
MOST = 100  # chats at once
UNDO_FOR = timedelta(hours=1)
_HELD = ("handler", "assigned_to_id", "handoff_reason", "priority", "person_minutes")
_TIMES = ("waiting_since", "person_until")


class TooLate(ValueError):
    """It was undone already, or is too long ago."""


# -- doing


@transaction.atomic(durable=True)
def label(chats: Sequence[int], label: Label, *, on: bool, user: User, now: datetime) -> Tidying:
    """Put a label on these chats, or take it off; those that have it, or have not, stay as they are."""
    changed = _labelled(_known(chats), label, on=on, user=user, now=now)
    kind = Kind.LABEL if on else Kind.UNLABEL
    return _kept(kind, {"label": label.pk, "chats": changed}, user=user, now=now)


def _labelled(chats: Sequence[int], label: Label, *, on: bool, user: User, now: datetime) -> list[int]:
    """As wanted, and marked in each thread that changed; four statements however many."""
    through = Conversation.labels.through
    have = through.objects.filter(label=label, conversation__in=chats)
    having = set(have.values_list("conversation", flat=True))
    changed = [pk for pk in chats if (pk in having) is not on]
    if on:
        rows = [through(conversation_id=pk, label_id=label.pk) for pk in changed]
        through.objects.bulk_create(rows, ignore_conflicts=True)
    else:
        have.delete()
    what = Activity.Kind.LABELLED if on else Activity.Kind.UNLABELLED
    detail = {"label": label.pk, "name": label.name}
    marks = [Activity(conversation_id=pk, kind=what, actor=user, detail=detail, at=now) for pk in changed]
    Activity.objects.bulk_create(marks)
    _tell(changed)
    return changed


@transaction.atomic(durable=True)
def read(chats: Sequence[int], *, user: User, now: datetime) -> Tidying:
    """Nothing in them is unread any more."""
    unread = Conversation.objects.select_for_update().filter(pk__in=chats, unread_count__gt=0).order_by("pk")
    counts = dict(unread.values_list("pk", "unread_count"))
    Conversation.objects.filter(pk__in=counts).update(unread_count=0)
    _tell(list(counts))
    record = {"chats": list(counts), "counts": {str(pk): count for pk, count in counts.items()}}
    return _kept(Kind.READ, record, user=user, now=now)


@transaction.atomic(durable=True)
def unread(chats: Sequence[int], *, user: User, now: datetime) -> Tidying:
    """Somebody has to look at them again."""
    seen = Conversation.objects.select_for_update().filter(pk__in=chats, unread_count=0).order_by("pk")
    changed = list(seen.values_list("pk", flat=True))
    Conversation.objects.filter(pk__in=changed).update(unread_count=1)
    _tell(changed)
    return _kept(Kind.UNREAD, {"chats": changed}, user=user, now=now)


def close(chats: Sequence[int], *, user: User, now: datetime) -> Tidying:
    """Close each that is open, one after the other, as if it were the only one."""
    before = {str(row.pk): _state(row) for row in _rows(chats).filter(status=Conversation.Status.OPEN)}
    for pk in sorted(before, key=int):
        handoff.close(int(pk), user=user, now=now)
    record = {"chats": [int(pk) for pk in before], "before": before}
    return _kept(Kind.CLOSE, record, user=user, now=now)


def assign(chats: Sequence[int], to: User, *, user: User, now: datetime) -> Tidying:
    """Give each to this person; those that are theirs already, and closed ones, stay as they are."""
    rows = _rows(chats).filter(status=Conversation.Status.OPEN)
    mine = {"handler": Conversation.Handler.PERSON, "assigned_to": to}
    before = {str(row.pk): _state(row) for row in rows.exclude(**mine)}
    for pk in sorted(before, key=int):
        desk_handling.assign(int(pk), to=to, user=user, now=now)
    record = {"chats": [int(pk) for pk in before], "before": before, "to": to.pk}
    return _kept(Kind.ASSIGN, record, user=user, now=now)


def _known(chats: Sequence[int]) -> list[int]:
    return list(Conversation.objects.filter(pk__in=chats).order_by("pk").values_list("pk", flat=True))


def _rows(chats: Sequence[int]) -> Any:
    return Conversation.objects.filter(pk__in=chats).order_by("pk")


def _state(chat: Conversation) -> dict[str, Any]:
    """Who had it and since when, and which of the customer's messages were still to be answered."""
    state: dict[str, Any] = {name: getattr(chat, name) for name in _HELD}
    state |= {name: moment.isoformat() if (moment := getattr(chat, name)) else None for name in _TIMES}
    unanswered = chat.messages.filter(direction=Message.Direction.IN, outcome="")
    return {**state, "open": list(unanswered.values_list("pk", flat=True))}


def _kept(kind: str, record: Mapping[str, Any], *, user: User, now: datetime) -> Tidying:
    Tidying.objects.filter(created_at__lt=now - UNDO_FOR).delete()
    return Tidying.objects.create(kind=kind, record=record, user=user, created_at=now)


def _tell(chats: Sequence[int]) -> None:
    for pk in chats:
        live.publish("conversation.changed", id=pk, conversation=pk)


# -- the way back


@transaction.atomic(durable=True)
def undo(pk: int, *, user: User, now: datetime) -> Tidying:
    """As it was before, where nothing happened since. Raises DoesNotExist for another's, or TooLate."""
    done = Tidying.objects.select_for_update(of=("self",)).get(pk=pk, user=user)
    if done.undone_at or done.created_at < now - UNDO_FOR:
        raise TooLate
    _WAYS_BACK[done.kind](done.record, user, now)
    done.undone_at = now
    done.save(update_fields=["undone_at"])
    return done


def _unlabel(record: Mapping[str, Any], user: User, now: datetime, *, on: bool = False) -> None:
    label = Label.objects.filter(pk=record["label"]).first()
    if label is not None:
        _labelled(_known(record["chats"]), label, on=on, user=user, now=now)


def _relabel(record: Mapping[str, Any], user: User, now: datetime) -> None:
    _unlabel(record, user, now, on=True)


def _unread_again(record: Mapping[str, Any], user: User, now: datetime) -> None:
    for pk, count in record["counts"].items():
        Conversation.objects.filter(pk=pk, unread_count=0).update(unread_count=count)
    _tell(record["chats"])


def _read_again(record: Mapping[str, Any], user: User, now: datetime) -> None:
    Conversation.objects.filter(pk__in=record["chats"], unread_count=1).update(unread_count=0)
    _tell(record["chats"])


def _reopen(record: Mapping[str, Any], user: User, now: datetime) -> None:
    """Open again, with whoever had it; what was to be answered then is to be answered."""
    for chat in _still(record, status=Conversation.Status.CLOSED):
        before = record["before"][str(chat.pk)]
        chat.status = Conversation.Status.OPEN
        _restore(chat, before)
        activities.mark(chat, Activity.Kind.REOPENED, actor=user, now=now)
        _answer(chat, before["open"], now=now)
        handoff.changed(chat)


def _unassign(record: Mapping[str, Any], user: User, now: datetime) -> None:
    """Back to whoever had it, where it is still with whom it was given to."""
    for chat in _still(record, status=Conversation.Status.OPEN, assigned_to=record["to"]):
        before = record["before"][str(chat.pk)]
        _restore(chat, before)
        had = User.objects.filter(pk=before["assigned_to_id"]).first()
        detail: dict[str, str | int | None] = {"to": had.pk, "name": str(had)} if had else {}
        kind = Activity.Kind.ASSIGNED if before["handler"] != "agent" else Activity.Kind.GIVEN_BACK
        activities.mark(chat, kind, actor=user, now=now, **detail)
        _answer(chat, before["open"], now=now)
        handoff.changed(chat)


def _still(record: Mapping[str, Any], **as_left: Any) -> list[Conversation]:
    """Those that nobody has touched since, locked, in one order for everybody."""
    chats = Conversation.objects.select_for_update(of=("self",)).select_related("channel")
    return list(chats.filter(pk__in=record["chats"], **as_left).order_by("pk"))


def _restore(chat: Conversation, before: Mapping[str, Any]) -> None:
    for name in (*_HELD, *_TIMES):
        setattr(chat, name, before[name])
    chat.save(update_fields=["status", *(name.removesuffix("_id") for name in (*_HELD, *_TIMES))])
    chat.refresh_from_db(fields=_TIMES)


def _answer(chat: Conversation, messages: Sequence[int], *, now: datetime) -> None:
    """The assistant answers what it would have answered, had nobody stepped in."""
    if chat.handler != Conversation.Handler.AGENT or not messages:
        return
    ended = chat.messages.filter(pk__in=messages, outcome=Message.Outcome.HANDED_OVER)
    if ended.update(outcome="", outcome_reason="", terminal_at=None):
        chat.reply_due_at = now
        chat.save(update_fields=["reply_due_at"])
        turns.ring_at(chat, now, now=now)


_WAYS_BACK: dict[str, Callable[[Mapping[str, Any], User, datetime], None]] = {
    Kind.LABEL: _unlabel,
    Kind.UNLABEL: _relabel,
    Kind.READ: _unread_again,
    Kind.UNREAD: _read_again,
    Kind.CLOSE: _reopen,
    Kind.ASSIGN: _unassign,
}
