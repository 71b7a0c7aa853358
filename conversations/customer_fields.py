"""What is known of a customer, field by field: name, e-mail, language, note, and the business's own fields.

Values of a business's own fields are text in Contact.details, under the field's key: what the assistant keeps
of a talk stands there under the same names. A number is written with a point, a date as 2026-01-31.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.utils import formats
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conversations import remembering, verifying
from conversations.models import Contact, ContactField
from tenants import audit, live
from tenants.models import LANGUAGES, User

Kind = ContactField.Kind
NAME, EMAIL, LANGUAGE, NOTE, MINOR = "name", "email", "language", "note", "is_minor"
COLUMNS = (NAME, LANGUAGE, NOTE, MINOR)  # of the contact's own row; the others are in its details
LONGEST, LONGEST_NOTE = 500, 4000
OWN = "own:"  # before the id of a business's own field, where it is named


class Clash(Exception):
    """Somebody else changed it meanwhile: what stands there now, for a person."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that may be known of a customer. `of` names it in addresses, `key` where its value is."""

    of: str
    key: str
    label: Any
    kind: str
    choices: Sequence[tuple[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A field with its value as a page shows it; `fits` is False for what the field's kind cannot be."""

    field: Field
    shown: str
    fits: bool = True


USUAL = (
    Field(NAME, NAME, gettext_lazy("Name"), "text"),
    Field(EMAIL, EMAIL, gettext_lazy("E-mail"), "email"),
    Field(LANGUAGE, LANGUAGE, gettext_lazy("Language"), "choice", tuple((c[:2], n) for c, n in LANGUAGES)),
)
LAST = (
    Field(MINOR, MINOR, gettext_lazy("A child"), "yes"),
    Field(NOTE, NOTE, gettext_lazy("Note"), "note"),
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """All fields of a business, in the order in which a page shows them."""

    own: tuple[Field, ...] = ()
    fields: tuple[Field, ...] = field(default=())

    def get(self, of: str) -> Field | None:
        """The field of this name in an address; None when there is none."""
        return next((one for one in self.fields if one.of == of), None)


def sheet() -> Sheet:
    """The usual fields and the business's own; one statement."""
    own = tuple(_own(row) for row in ContactField.objects.filter(deleted_at=None))
    return Sheet(own, (*USUAL, *own, *LAST))


def _own(row: ContactField) -> Field:
    return Field(f"{OWN}{row.pk}", row.key, row.name, row.kind, tuple((one, one) for one in row.choices))


# -- reading


def known(contact: Contact, fields: Sheet) -> list[Known]:
    """Everything that the fields hold of this customer, and what the assistant was told beside them."""
    rows = [_known(one, stored(contact, one)) for one in fields.fields]
    others = [key for key in contact.details if key not in {one.key for one in fields.fields}]
    told = [Known(Field("", key, key, "text"), str(contact.details[key])) for key in others]
    return [*rows[:-2], *told, *rows[-2:]]


def shown(contact: Contact, one: Field) -> Known:
    """One field of this customer as a page shows it."""
    return _known(one, stored(contact, one))


def stored(contact: Contact, one: Field) -> Any:
    """The value as it is kept."""
    return getattr(contact, one.key) if one.key in COLUMNS else contact.details.get(one.key, "")


def _known(one: Field, value: Any) -> Known:
    if one.kind == "yes":
        return Known(one, _("yes") if value else "")
    shown = in_words(one, str(value))
    return Known(one, str(value) if shown is None else shown, fits=shown is not None)


def in_words(one: Field, value: str) -> str | None:
    """A kept value in the reader's way of writing; None when it is not of the field's kind. Pure."""
    if not value:
        return ""
    if one.kind == Kind.NUMBER:
        number = number_in(value)
        return None if number is None else str(formats.number_format(number, use_l10n=True))
    if one.kind == Kind.DATE:
        day = _day(value)
        return None if day is None else str(formats.date_format(day, "SHORT_DATE_FORMAT"))
    if one.kind == Kind.CHOICE:
        return next((str(label) for choice, label in one.choices if choice == value), None)
    return value


# -- checking


def checked(one: Field, text: str) -> str:
    """What is kept of what was typed or stood in a file; raises ValueError with words for a person."""
    text = text.replace("\x00", "").strip()
    if not text:
        return ""
    if len(text) > (LONGEST_NOTE if one.kind == "note" else 120 if one.of == NAME else LONGEST):
        raise ValueError(_("This is too long."))
    return _CHECKS.get(one.kind, lambda one, text: text)(one, text)


def _check_number(one: Field, text: str) -> str:
    number = number_in(text)
    if number is None:
        raise ValueError(_("Write a number, such as 12 or 3.5."))
    return format(number.normalize(), "f")


def number_in(text: str) -> Decimal | None:
    """The number that is written in any of our languages; None when there is none. Pure."""
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    if plain.count(",") == 1 and plain.rfind(",") > plain.rfind("."):
        plain = plain.replace(".", "").replace(",", ".")
    elif plain.count(",") and "." in plain:
        plain = plain.replace(",", "")
    if len(plain) > 18 or set(plain) - set("0123456789.-+"):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def _check_date(one: Field, text: str) -> str:
    day = _day(text)
    if day is None:
        raise ValueError(_("Write a date, such as 2026-01-31 or 31/01/2026."))
    return day.isoformat()


def _day(text: str) -> date | None:
    """A day as 2026-01-31, 31/01/2026 or 31.01.2026."""
    parts = text.replace(".", "/").replace("-", "/").split("/")
    if len(parts) == 3 and len(parts[2]) == 4:
        text = "-".join(part.zfill(2) for part in reversed(parts))
    try:
        return parse_date(text)
    except ValueError:
        return None


def _check_choice(one: Field, text: str) -> str:
    said = text.casefold()
    for choice, label in one.choices:
        if said in (str(choice).casefold(), str(label).casefold()):
            return str(choice)
    raise ValueError(
        _("Choose one of: %(choices)s.") % {"choices": ", ".join(str(c) for _v, c in one.choices)}
    )


def _check_email(one: Field, text: str) -> str:
    if not verifying.is_mail(text):
        raise ValueError(_("This is no e-mail address."))
    return text.lower()


YES = frozenset(("1", "yes", "y", "true", "sim", "s", "sí", "si", "oui", "o", "x", "on"))
NO = frozenset(("0", "no", "n", "false", "não", "nao", "non", "-"))


def _check_yes(one: Field, text: str) -> str:
    return "yes" if agreed(text) else ""


def agreed(text: str) -> bool:
    """Whether a word is a yes; raises ValueError for what is neither a yes nor a no. Pure."""
    word = text.strip().casefold()
    if word in YES | NO:
        return word in YES
    raise ValueError(_("Write yes or no."))


_CHECKS: Mapping[str, Any] = {
    Kind.NUMBER: _check_number,
    Kind.DATE: _check_date,
    Kind.CHOICE: _check_choice,
    "email": _check_email,
    "yes": _check_yes,
}


# -- changing


def mark_of(value: Any) -> str:
    """A short sign of a value as it stands, by which a change of somebody else is noticed. Pure."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def put(contact: Contact, one: Field, value: str) -> None:
    """Set it on the row, which the caller saves."""
    if one.key in COLUMNS:
        setattr(contact, one.key, bool(value) if one.kind == "yes" else value)
        return
    details = {key: kept for key, kept in contact.details.items() if key != one.key}
    contact.details = {**details, one.key: value} if value else details


@transaction.atomic(durable=True)
def change(contact_id: int, one: Field, value: str, *, was: str, user: User, now: datetime) -> None:
    """Keep what a person wrote into one field; raises Clash when it is not any more what they saw."""
    contact = Contact.objects.select_for_update().get(pk=contact_id)
    stands = stored(contact, one)
    if mark_of(stands) != was:
        raise Clash(_known(one, stands).shown or _("nothing"))
    put(contact, one, value)
    contact.save(update_fields=["name", "language", "note", "is_minor", "details"])
    if one.of == MINOR:
        remembering.settle(contact, now=now)
    audit.record("contact.change", actor=user, target=contact_id, field=one.of)
    live.publish("contact.changed", id=contact_id)
