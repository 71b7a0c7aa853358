"""Labels on threads and customers: made, put on, taken off; deleted with a way back."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, QuerySet

from conversations import activities
from conversations.models import Activity, Conversation, Label
from tenants import audit, live
from tenants.models import User

MOST = 100  # of a business: a list that a person can still look through
KEPT = timedelta(days=30)  # so long a deleted one can come back


class NameTaken(ValueError):
    """Another label has this name already."""


class TooMany(ValueError):
    """A business has MOST labels."""


@transaction.atomic
def put(conversation: Conversation, label: Label, *, user: User | None, now: datetime) -> bool:
    """Put it on a thread, with a mark there; False when it was on it already."""
    _row, is_new = Conversation.labels.through.objects.get_or_create(conversation=conversation, label=label)
    if is_new:
        _marked(conversation, label, Activity.Kind.LABELLED, user=user, now=now)
    return is_new


@transaction.atomic
def take(conversation: Conversation, label: Label, *, user: User | None, now: datetime) -> bool:
    """Take it off a thread, with a mark there; False when it was not on it."""
    on_it = Conversation.labels.through.objects.filter(conversation=conversation, label=label)
    gone, _ = on_it.delete()
    if gone:
        _marked(conversation, label, Activity.Kind.UNLABELLED, user=user, now=now)
    return bool(gone)


def _marked(conversation: Conversation, label: Label, kind: str, *, user: User | None, now: datetime) -> None:
    activities.mark(conversation, kind, actor=user, now=now, label=label.pk, name=label.name)
    live.publish("conversation.changed", id=conversation.pk, conversation=conversation.pk)


def with_counts() -> QuerySet[Label]:
    """All of a business, with how many chats and customers have each: `chats`, `people`."""
    chats = Count("conversations", distinct=True)
    return Label.objects.annotate(chats=chats, people=Count("contacts", distinct=True)).order_by("name")


@transaction.atomic
def make(name: str, *, colour: str = Label.Colour.GREY, user: User) -> Label:
    """A new one; raises NameTaken or TooMany."""
    _refuse_taken(name)
    if Label.objects.count() >= MOST:
        raise TooMany
    label = Label.objects.create(name=name, colour=colour)
    audit.record("label.make", actor=user, target=label.pk)
    return label


@transaction.atomic
def change(label: Label, *, name: str, colour: str, user: User) -> None:
    """Give it another name or colour, everywhere at once; raises NameTaken."""
    _refuse_taken(name, other_than=label.pk)
    label.name, label.colour = name, colour
    label.save(update_fields=["name", "colour"])
    audit.record("label.change", actor=user, target=label.pk)
    live.publish("label.changed", id=label.pk)


@transaction.atomic
def delete(label: Label, *, user: User, now: datetime) -> None:
    """Off everything at once; what it was on is kept, so that `restore` brings it back as it was."""
    Label.everything.filter(deleted_at__lt=now - KEPT).delete()
    Label.objects.filter(pk=label.pk).update(deleted_at=now)
    audit.record("label.delete", actor=user, target=label.pk)
    live.publish("label.changed", id=label.pk)


@transaction.atomic
def restore(pk: int, *, user: User) -> Label:
    """Back on everything that it was on; raises Label.DoesNotExist, or NameTaken by one made meanwhile."""
    label = Label.everything.select_for_update().exclude(deleted_at=None).get(pk=pk)
    _refuse_taken(label.name)
    label.deleted_at = None
    label.save(update_fields=["deleted_at"])
    audit.record("label.restore", actor=user, target=label.pk)
    live.publish("label.changed", id=label.pk)
    return label


def _refuse_taken(name: str, *, other_than: int = 0) -> None:
    if Label.objects.filter(name__iexact=name).exclude(pk=other_than).exists():
        raise NameTaken(name)
