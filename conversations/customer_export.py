"""The customers of a list as a CSV file, some at a time; the same columns can be read back in."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations import customer_fields, customer_filters, customer_identities
from conversations.customer_fields import Sheet
from conversations.customer_filters import Filters
from conversations.models import Contact

AT_ONCE = 500
Row = tuple[str, ...]


def header(sheet: Sheet) -> Row:
    """The names of the columns, in the reader's language; the business's own fields at the end."""
    usual = (
        _("Name"), _("Number"), _("E-mail"), _("Language"), _("Labels"), _("Note"), _("A child"),
        _("Agreed to messages"), _("How they agreed"), _("Known since"), _("Last seen"), _("Value"),
    )  # fmt: skip
    return (*usual, *(str(one.label) for one in sheet.own))


def batches(filters: Filters, sheet: Sheet, *, now: datetime) -> Iterator[Sequence[Row]]:
    """The rows of the file. Nothing is open between two batches; nobody is told twice."""
    yield [header(sheet)]
    which = customer_filters.condition(filters, now=now, by_number=True)
    people = customer_filters.everybody().filter(which).annotate(seen_at=customer_filters.last_seen())
    last = 0
    while rows := list(_with_all(people.filter(pk__gt=last).order_by("pk")[:AT_ONCE])):
        last = rows[-1].pk
        yield [_row(one, sheet) for one in rows]


def _with_all(people: QuerySet[Contact]) -> QuerySet[Contact]:
    beside = people.select_related("profile").defer("profile__embedding")
    return beside.prefetch_related("identities", "labels", "consents")


def _row(contact: Contact, sheet: Sheet) -> Row:
    numbers = [customer_identities.number_of(one) for one in contact.identities.all()]
    given, words = _consent(contact)
    profile, seen = getattr(contact, "profile", None), contact.seen_at  # type: ignore[attr-defined]
    return (
        contact.name,
        ", ".join(dict.fromkeys(filter(None, numbers))),
        str(contact.details.get("email", "")),
        contact.language,
        ", ".join(sorted(one.name for one in contact.labels.all())),
        contact.note,
        _("yes") if contact.is_minor else "",
        given,
        words,
        timezone.localdate(contact.created_at).isoformat(),
        timezone.localdate(seen).isoformat() if seen else "",
        str(profile.value) if profile else "",
        *(str(customer_fields.stored(contact, one)) for one in sheet.own),
    )


def _consent(contact: Contact) -> tuple[str, str]:
    """Their last word on our messages, and how it was said; both empty where there is none."""
    said = sorted(
        (one for one in contact.consents.all() if one.purpose == "messages"), key=lambda one: -one.pk
    )
    if contact.opted_out_at is None and not said:
        return "", ""
    given = contact.opted_out_at is None and said[0].given
    return (_("yes") if given else _("no")), (said[0].words if said else "")
