"""Two customers are one: their names, threads and all that hangs on them go to the older one; and back again.

A merge is a row: planned first (`due_at`), done when neither thread is in the middle of something, and kept
with all that it moved. `unmerge` gives each his own again; what was said since then stays where it was said.
Messages keep their ids, and a thread's order is the order of ids: so two threads become one in the order in
which everything came.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.apps import apps
from django.core import serializers
from django.db import models, transaction
from django.db.models import Exists, ManyToOneRel, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations import desk_clocks, handoff, joined_profiles, outbox, talks, turns
from conversations.models import (
    Contact,
    ContactMerge,
    Conversation,
    Message,
    Transcript,
    Turn,
)  # fmt: skip
from tenants import audit, live
from tenants.background import enqueue, task
from tenants.models import User

log = structlog.get_logger(__name__)
Handler = Conversation.Handler
BUSY_SECONDS = 10
# Of the thread that stays: what the other one may change.
THREAD_FIELDS = (
    "address", "handler", "status", "assigned_to_id", "handoff_reason", "waiting_since", "reply_due_at",
    "asked_back_at", "next_send_at", "closed_told_until", "held_at", "language", "unread_count",
    "last_message_at", "last_message_text", "created_at", "priority", "sentiment", "sla_due_at",
    "person_minutes", "person_until",
)  # fmt: skip
CONTACT_FIELDS = ("name", "language", "note", "details", "is_minor", "opted_out_at", "created_at")
# What the thread that leads says of who has it.
LEADS = ("handler", "assigned_to_id", "handoff_reason", "waiting_since", "person_minutes", "person_until")
_STRENGTH = {Handler.PERSON: 2, Handler.QUEUE: 1, Handler.AGENT: 0}


class CannotMerge(Exception):
    """These two cannot become one: the reason is in words."""


class Busy(Exception):
    """An answer is being made in one of the threads: in a moment it will do."""


def plan(one_id: int, other_id: int, *, now: datetime) -> None:
    """Have two customers joined, in the caller's transaction; not what a person has parted before."""
    keep, take = sorted((one_id, other_id))
    both = ContactMerge.objects.filter(contact_id=keep, taken_id=take)
    if both.filter(Q(due_at__isnull=False) | Q(undone_at__isnull=False)).exists():
        return
    planned = ContactMerge.objects.create(
        contact_id=keep,
        taken_id=take,
        reason=ContactMerge.Reason.SAME_NUMBER,
        record={},
        due_at=now,
        created_at=now,
    )
    enqueue(carry_out, merge_id=planned.pk)


@task()
def carry_out(merge_id: int) -> None:
    """Do a planned merge; later, when an answer is being made."""
    try:
        _do_planned(merge_id, now=timezone.now())
    except Busy:
        _do_later(merge_id, now=timezone.now())
    except CannotMerge as error:
        log.warning("merge.impossible", merge_id=merge_id, reason=str(error))
        ContactMerge.objects.filter(pk=merge_id, due_at__isnull=False).delete()


def due(*, now: datetime) -> Sequence[int]:
    """The planned merges that should have been done by now."""
    return list(ContactMerge.objects.filter(due_at__lt=now).values_list("pk", flat=True)[:200])


@transaction.atomic(durable=True)
def _do_planned(merge_id: int, *, now: datetime) -> None:
    planned = ContactMerge.objects.select_for_update(of=("self",)).filter(pk=merge_id).first()
    if planned is None or planned.due_at is None or planned.due_at > now:
        return
    planned.record = _join(planned.contact_id, planned.taken_id, now=now)
    planned.due_at, planned.created_at = None, now
    planned.save(update_fields=["record", "due_at", "created_at"])


def _do_later(merge_id: int, *, now: datetime) -> None:
    with transaction.atomic(durable=True):
        ContactMerge.objects.filter(pk=merge_id).update(due_at=now + timedelta(seconds=BUSY_SECONDS))
        enqueue(carry_out, countdown=BUSY_SECONDS, merge_id=merge_id)


@transaction.atomic(durable=True)
def merge(keep_id: int, take_id: int, *, by: User | None, now: datetime) -> ContactMerge:
    """Make two customers one, at once; raises CannotMerge and Busy."""
    record = _join(keep_id, take_id, now=now)
    done = ContactMerge.objects.create(
        contact_id=keep_id,
        taken_id=take_id,
        reason=ContactMerge.Reason.PERSON,
        by=by,
        record=record,
        created_at=now,
    )
    if by is not None:
        audit.record("contact.merge", actor=by, target=keep_id, taken=take_id)
    return done


@transaction.atomic(durable=True)
def unmerge(merge_id: int, *, by: User | None, now: datetime) -> ContactMerge:
    """Give each his own again; raises CannotMerge when it was undone before, Busy when an answer is made."""
    done = ContactMerge.objects.select_for_update(of=("self",)).get(pk=merge_id)
    if done.undone_at is not None or not done.record:
        raise CannotMerge(_("This was undone before."))
    if ContactMerge.objects.filter(
        pk__gt=done.pk, contact=done.contact_id, undone_at=None, due_at=None
    ).exists():
        raise CannotMerge(_("Somebody else was added to this customer later: undo that first."))
    _part(done.contact_id, done.record, now=now)
    done.undone_at = now
    done.save(update_fields=["undone_at"])
    if by is not None:
        audit.record("contact.unmerge", actor=by, target=done.contact_id, taken=done.taken_id)
    return done


def became(contact_id: int) -> int | None:
    """Who a customer is now who was taken into another one; None when they were not."""
    kept: int | None = None
    for _step in range(10):  # who took them in may have been taken in
        done = ContactMerge.objects.filter(taken_id=kept or contact_id, undone_at=None, due_at=None)
        following = done.order_by("-pk").values_list("contact_id", flat=True).first()
        if following is None:
            return kept
        kept = following
    return kept


def joined(keep: Contact, take: Contact) -> Contact:
    """What two customers would be as one; not saved. Pure."""
    return Contact(pk=keep.pk, **_joined_contact(keep, take))


# -- joining


def _join(keep_id: int, take_id: int, *, now: datetime) -> dict[str, Any]:
    """Move everything of one customer to the other; what was moved, for the way back."""
    threads = _locked_threads([keep_id, take_id])
    people = {one.pk: one for one in Contact.objects.select_for_update().filter(pk__in=[keep_id, take_id])}
    if len(people) < 2:
        raise CannotMerge(_("One of the two is not there any more."))
    keep, take = people[keep_id], people[take_id]
    ours = {thread.channel_id: thread for thread in threads if thread.contact_id == keep_id}
    theirs = [thread for thread in threads if thread.contact_id == take_id]
    joined = [_join_threads(ours[one.channel_id], one) for one in theirs if one.channel_id in ours]
    record = {"taken": _row(take), "threads": joined, "before": _values(keep, CONTACT_FIELDS)}
    profile = joined_profiles.take_out(keep, take)
    record["moved"], record["out"] = _move(take, keep)
    _change(keep, _joined_contact(keep, take))
    joined_profiles.put_back(keep, profile, now=now)
    record["after"] = _values(keep, CONTACT_FIELDS)
    take.delete()
    live.publish("contact.changed", id=keep.pk)
    for one in joined:
        live.publish("conversation.changed", id=one["kept"])
    return record


def _locked_threads(contact_ids: Sequence[int]) -> list[Conversation]:
    """The threads of these people, locked in one order, and none of them in the middle of an answer."""
    found = (
        Conversation.objects.select_for_update(of=("self",)).filter(contact__in=contact_ids).order_by("pk")
    )
    threads = list(found)
    ids = [thread.pk for thread in threads]
    listening = Transcript.objects.filter(
        message__conversation__in=ids, status__in=[Transcript.Status.WAITING, Transcript.Status.DUE]
    )
    if Turn.objects.filter(conversation__in=ids, status=Turn.Status.RUNNING).exists() or listening.exists():
        raise Busy
    return threads


def _join_threads(ours: Conversation, theirs: Conversation) -> dict[str, Any]:
    before, row = _values(ours, THREAD_FIELDS), _row(theirs)
    _end_at_the_desk(theirs, now=timezone.now())
    moved, out = _move(theirs, ours)
    _change(ours, _joined_thread(ours, theirs))
    theirs.delete()
    if ours.handler != Handler.AGENT:
        handoff.settle_open(ours, Message.Outcome.HANDED_OVER, "a person has this conversation")
    _ring_again(ours)
    talks.remake([ours.pk])
    after = _values(ours, THREAD_FIELDS)
    return {"kept": ours.pk, "taken": row, "moved": moved, "out": out, "before": before, "after": after}


def _joined_thread(ours: Conversation, theirs: Conversation) -> dict[str, Any]:
    """What the one thread is, of what the two were."""
    latest = max(
        (ours, theirs), key=lambda one: (one.last_message_at is not None, one.last_message_at, one.pk)
    )
    leads = max((ours, theirs), key=lambda one: (_STRENGTH[Handler(one.handler)], one is ours))
    is_agents = leads.handler == Handler.AGENT
    fields: dict[str, Any] = {name: getattr(leads, name) for name in LEADS}
    fields |= {name: getattr(latest, name) for name in ("address", "last_message_at", "last_message_text")}
    for name in ("asked_back_at", "next_send_at", "closed_told_until", "held_at"):
        fields[name] = _latest(getattr(ours, name), getattr(theirs, name))
    return fields | {
        "sentiment": latest.sentiment,
        "sla_due_at": min(filter(None, (ours.sla_due_at, theirs.sla_due_at)), default=None),
        "status": Conversation.Status.OPEN
        if Conversation.Status.OPEN in (ours.status, theirs.status)
        else ours.status,
        "reply_due_at": _latest(ours.reply_due_at, theirs.reply_due_at) if is_agents else None,
        "language": latest.language or ours.language or theirs.language,
        "unread_count": ours.unread_count + theirs.unread_count,
        "created_at": min(ours.created_at, theirs.created_at),
        "priority": max(ours.priority, theirs.priority),
    }


def _end_at_the_desk(theirs: Conversation, *, now: datetime) -> None:
    """Of agreed times and open questions a thread has one of a kind: those of the thread that stays."""
    desk_clocks.ended(theirs, user=None, now=now)
    theirs.ratings.filter(ended_at=None).update(ended_at=now)


def _joined_contact(ours: Contact, theirs: Contact) -> dict[str, Any]:
    """Who said no to our messages has said it under every name."""
    notes = [note for note in (ours.note.strip(), theirs.note.strip()) if note]
    return {
        "name": ours.name or theirs.name,
        "language": ours.language or theirs.language,
        "note": "\n".join(dict.fromkeys(notes)),
        "details": theirs.details | ours.details,
        "is_minor": ours.is_minor or theirs.is_minor,
        "opted_out_at": min(filter(None, (ours.opted_out_at, theirs.opted_out_at)), default=None),
        "created_at": min(ours.created_at, theirs.created_at),
    }


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _ring_again(thread: Conversation) -> None:
    """The doorbells of the thread that is gone ring for nobody."""
    if thread.reply_due_at:
        turns.ring_at(thread, thread.reply_due_at, now=timezone.now())
    for pk in thread.messages.filter(status=Message.Status.QUEUED).values_list("pk", flat=True):
        enqueue(outbox.deliver, message_id=pk)


# -- parting


def _part(contact_id: int, record: Mapping[str, Any], *, now: datetime) -> None:
    threads = {thread.pk: thread for thread in _locked_threads([contact_id])}
    keep = Contact.objects.select_for_update().get(pk=contact_id)
    _restore(record["taken"])
    _move_back(record["moved"], to=int(record["taken"]["pk"]), away_from=keep.pk)
    _bring_back(record.get("out", []))
    _undo(keep, record)
    joined_profiles.part(keep.pk, int(record["taken"]["pk"]), now=now)
    live.publish("contact.changed", id=keep.pk)
    for joined in record["threads"]:
        _part_threads(threads.get(joined["kept"]), joined)


def _part_threads(ours: Conversation | None, joined: Mapping[str, Any]) -> None:
    taken_id = int(joined["taken"]["pk"])
    _restore(joined["taken"])
    if ours is None:
        return
    _move_back(joined["moved"], to=taken_id, away_from=ours.pk)
    _bring_back(joined.get("out", []))
    _undo(ours, joined)
    talks.remake([ours.pk, taken_id])
    for thread in Conversation.objects.select_related("channel__agent").filter(pk__in=[ours.pk, taken_id]):
        _settle_due(thread)
        live.publish("conversation.changed", id=thread.pk)


def _settle_due(thread: Conversation) -> None:
    """An answer is due where something is open, and nowhere else."""
    is_open = thread.messages.filter(direction=Message.Direction.IN, outcome="").exists()
    if thread.reply_due_at and not is_open:
        Conversation.objects.filter(pk=thread.pk).update(reply_due_at=None)
    elif is_open:
        _ring_again(thread)


def _undo(kept: models.Model, record: Mapping[str, Any]) -> None:
    """Each field as it was before, unless it was changed since."""
    now = _values(kept, record["after"])
    back = {name: value for name, value in record["before"].items() if now[name] == record["after"][name]}
    field_of: Any = type(kept)._meta.get_field
    _change(kept, {name: field_of(_plain(name)).to_python(value) for name, value in back.items()})


# -- rows


def _move(source: models.Model, target: models.Model) -> tuple[dict[str, list[str]], list[dict[str, Any]]]:
    """Everything that points at one row points at the other; which rows these were, by model and field.

    And the rows that had to go, since the other has the same and may have it once: a label, an open clock.
    """
    moved: dict[str, list[str]] = {}
    out: list[dict[str, Any]] = []
    for relation in source._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ManyToOneRel):  # also those that have no name on this side
            continue
        model, field = relation.related_model, relation.field.name
        rows = model._base_manager.filter(**{field: source.pk})
        if (
            relation.one_to_one
            and rows.exists()
            and model._base_manager.filter(**{field: target.pk}).exists()
        ):
            raise CannotMerge(_("Both have something of which there can only be one."))
        out += _take_out(rows, field, target)
        if ids := list(rows.values_list("pk", flat=True)):
            rows.update(**{field: target.pk})
            moved[f"{model._meta.label_lower}.{field}"] = [str(pk) for pk in ids]
    return moved, out


def _take_out(rows: QuerySet[Any], field: str, target: models.Model) -> list[dict[str, Any]]:
    """Take away what the target has already and may have only once; as it was."""
    gone = []
    for names, which in _once(rows.model, field):
        theirs = rows.model._base_manager.filter(which, **{field: target.pk})
        same = theirs.filter(**{name: OuterRef(name) for name in names})
        for row in rows.filter(which).filter(Exists(same)):
            gone.append(_row(row))
            row.delete()
    return gone


def _once(model: type[models.Model], field: str) -> Iterator[tuple[list[str], Q]]:
    """What together with this field may be there once, and of which rows that holds."""
    for names in model._meta.unique_together:
        if field in names:
            yield [name for name in names if name != field], Q()
    for rule in model._meta.constraints:
        if isinstance(rule, models.UniqueConstraint) and field in rule.fields:
            yield [name for name in rule.fields if name != field], rule.condition or Q()


def _bring_back(rows: Iterable[Mapping[str, Any]]) -> None:
    """What had to go comes back, but for what belongs to something that is gone itself."""
    for row in rows:
        model: Any = apps.get_model(str(row["model"]))
        links = [field for field in model._meta.concrete_fields if field.many_to_one]
        ids = [(field.related_model, row["fields"].get(field.name)) for field in links]
        if all(pk is None or other._base_manager.filter(pk=pk).exists() for other, pk in ids):
            _restore(row)


def _move_back(moved: Mapping[str, Iterable[str]], *, to: int, away_from: int) -> None:
    """What is still there, and was not given to somebody else since."""
    for name, ids in moved.items():
        label, _, field = name.rpartition(".")
        manager = apps.get_model(label)._base_manager
        manager.filter(pk__in=list(ids), **{field: away_from}).update(**{field: to})


def _change(row: models.Model, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    type(row)._base_manager.filter(pk=row.pk).update(**values)


def _values(row: models.Model, names: Iterable[str]) -> dict[str, Any]:
    """As JSON knows them."""
    fields = _row(row)["fields"]
    return {name: fields[_plain(name)] for name in names}


def _row(row: models.Model) -> dict[str, Any]:
    # Not its lists of others: they are rows of their own, which are moved.
    names = [field.name for field in row._meta.concrete_fields]
    # Not the "json" serializer: it cuts moments to milliseconds, and what comes back would not be the same.
    whole: dict[str, Any] = json.loads(
        json.dumps(serializers.serialize("python", [row], fields=names)[0], default=str)
    )
    return whole


def _restore(row: Mapping[str, Any]) -> None:
    """The row as it was, under its own id; a colleague who is gone is not assigned any more."""
    fields = dict(row["fields"])
    if fields.get("assigned_to") and not User.objects.filter(pk=fields["assigned_to"]).exists():
        fields["assigned_to"] = None
    for found in serializers.deserialize("python", [{**row, "fields": fields}], ignorenonexistent=True):
        found.save(force_insert=True)


def _plain(name: str) -> str:
    return name.removesuffix("_id")
