"""The business's own customer fields: added, changed, put in order, taken away with a way back."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from conversations.models import ContactField
from tenants import audit, live
from tenants.models import User

MOST = 30
RESERVED = frozenset(("email", "name", "language", "note", "is_minor"))  # keys that are taken


class TooMany(ValueError):
    """A business has MOST fields."""


@transaction.atomic(durable=True)
def add(*, name: str, kind: str, choices: Sequence[str], user: User) -> ContactField:
    """A new field, the last one; it does not take over the values of one that was taken away."""
    there = list(ContactField.objects.select_for_update().filter(deleted_at=None))
    if len(there) >= MOST:
        raise TooMany
    made = ContactField.objects.create(
        key=free_key(name),
        name=name,
        kind=kind,
        choices=list(choices) if kind == ContactField.Kind.CHOICE else [],
        position=max((one.position for one in there), default=0) + 1,
    )
    audit.record("contact_field.add", actor=user, target=made.pk)
    live.publish("contact.changed", field=made.pk)
    return made


def free_key(name: str) -> str:
    """The name itself, so that what the assistant has kept under it is found; else with a number."""
    taken, key, number = set(ContactField.objects.values_list("key", flat=True)), name[:56], 2
    while key in taken:
        key, number = f"{name[:56]} {number}", number + 1
    return key


@transaction.atomic(durable=True)
def change(pk: int, *, name: str, choices: Sequence[str], user: User) -> None:
    """Another name, other choices; the values stay where they are."""
    row = ContactField.objects.select_for_update().get(pk=pk)
    row.name = name
    row.choices = list(choices) if row.kind == ContactField.Kind.CHOICE else []
    row.save(update_fields=["name", "choices"])
    audit.record("contact_field.change", actor=user, target=pk)
    live.publish("contact.changed", field=pk)


@transaction.atomic(durable=True)
def remove(pk: int, *, user: User, now: datetime) -> None:
    """Shown nowhere any more; values stay in the customers' details."""
    ContactField.objects.filter(pk=pk, deleted_at=None).update(deleted_at=now)
    audit.record("contact_field.remove", actor=user, target=pk)
    live.publish("contact.changed", field=pk)


@transaction.atomic(durable=True)
def restore(pk: int, *, user: User) -> bool:
    """Back with all its values; False when another one has its name now."""
    row = ContactField.objects.select_for_update().get(pk=pk)
    if ContactField.objects.filter(name__iexact=row.name, deleted_at=None).exclude(pk=pk).exists():
        return False
    ContactField.objects.filter(pk=pk).update(deleted_at=None)
    audit.record("contact_field.restore", actor=user, target=pk)
    live.publish("contact.changed", field=pk)
    return True


@transaction.atomic(durable=True)
def move(pk: int, *, up: bool, user: User) -> None:
    """One place up or down among the others."""
    rows = list(ContactField.objects.select_for_update().filter(deleted_at=None))
    at = next((place for place, row in enumerate(rows) if row.pk == pk), None)
    to = None if at is None else at + (-1 if up else 1)
    if at is None or to is None or not 0 <= to < len(rows):
        return
    rows[at], rows[to] = rows[to], rows[at]
    for place, row in enumerate(rows, start=1):
        row.position = place
    ContactField.objects.bulk_update(rows, ["position"])
    audit.record("contact_field.move", actor=user, target=pk)
