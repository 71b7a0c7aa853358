"""Segments: filters of the customers' list under a name, with how many are in each now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from conversations import customer_filters
from conversations.customer_fields import Sheet
from conversations.models import Segment
from tenants import audit, live
from tenants.models import User

MOST = 20


class Refused(ValueError):
    """This segment cannot be kept; the words say why."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A segment and how many customers are in it."""

    segment: Segment
    count: int


def counted(sheet: Sheet, *, now: datetime, by_number: bool) -> list[Counted]:
    """Every segment with its number of customers: two statements, however many there are."""
    rows = list(Segment.objects.all())
    if not rows:
        return []
    asked = {f"n{row.pk}": _count(row, sheet, now=now, by_number=by_number) for row in rows}
    counts = customer_filters.everybody().aggregate(**asked)
    return [Counted(row, counts[f"n{row.pk}"]) for row in rows]


def _count(row: Segment, sheet: Sheet, *, now: datetime, by_number: bool) -> Count:
    filters = customer_filters.of_query(row.query, sheet)
    which = customer_filters.condition(filters, now=now, by_number=by_number)
    return Count("pk", filter=which) if which else Count("pk")


def chosen(found: Sequence[Counted], query: str) -> Segment | None:
    """The segment whose filters an address asks for, if there is one."""
    return next((one.segment for one in found if one.segment.query == query), None)


def keep(name: str, query: str, *, user: User, now: datetime) -> Segment:
    """Keep filters under a name; raises Refused."""
    name = " ".join(name.replace("\x00", "").split())
    if not 0 < len(name) <= 60:
        raise Refused(_("Give it a name of at most 60 characters."))
    if not query:
        raise Refused(_("Choose filters first: a segment of everybody is the list itself."))
    if len(query) > 1000 or Segment.objects.count() >= MOST:
        raise Refused(_("No more segments can be kept: take one away first."))
    try:
        return _made(name, query, user=user, now=now)
    except IntegrityError:
        raise Refused(_("There is a segment of this name.")) from None


@transaction.atomic(durable=True)
def _made(name: str, query: str, *, user: User, now: datetime) -> Segment:
    made = Segment.objects.create(name=name, query=query, author=user, created_at=now)
    audit.record("segment.add", actor=user, target=made.pk)
    live.publish("contact.changed", segment=made.pk)
    return made


@transaction.atomic(durable=True)
def remove(segment_id: int, *, user: User) -> Segment:
    """Take a segment away; its customers stay. Raises Segment.DoesNotExist."""
    row = Segment.objects.get(pk=segment_id)
    audit.record("segment.remove", actor=user, target=row.pk)
    row.delete()
    live.publish("contact.changed", segment=segment_id)
    return row
