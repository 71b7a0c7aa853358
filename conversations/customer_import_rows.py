"""One row of a file of customers: what it does to one customer, and how that is taken back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from conversations import customer_consent, customer_fields, customer_identities, remembering
from conversations.customer_columns import Row
from conversations.customer_fields import COLUMNS, Sheet
from conversations.models import Channel, Contact, ContactImport, ContactImportRow, Label
from conversations.models import Consent as Said

Outcome = ContactImportRow.Outcome
CONSENT_TEXT = "import"  # the version of our text: there was none, the file says so


def take(
    row: Row, work: ContactImport, sheet: Sheet, known: tuple[int | None, int | None], *, now: datetime
) -> ContactImportRow:
    """Take a row in, or refuse it; `known` has its number and its address. In the caller's transaction."""
    done = ContactImportRow(
        of=work, line=row.line, outcome=Outcome.REFUSED, error="; ".join(row.errors)[:300]
    )
    by_number, by_email = known
    if by_number and by_email and by_number != by_email and not row.errors:
        done.error = _("The number and the e-mail address are of two customers: join them first.")
    if done.error:
        return done
    pk = by_number or by_email
    contact = Contact.objects.select_for_update().filter(pk=pk).first() if pk else None
    is_new = contact is None
    contact = contact or Contact.objects.create(created_at=now)
    done.contact_id, done.changes = contact.pk, _changed(contact, row, work, sheet, is_new=is_new, now=now)
    done.outcome = Outcome.ADDED if is_new else Outcome.CHANGED if done.changes else Outcome.SAME
    return done


def _changed(
    contact: Contact, row: Row, work: ContactImport, sheet: Sheet, *, is_new: bool, now: datetime
) -> dict[str, Any]:
    """Everything that the row changed, in the shape of ContactImportRow.changes."""
    fields = _fill(contact, row, sheet, replaces=work.replaces or is_new)
    if customer_fields.MINOR in fields:
        remembering.settle(contact, now=now)
    changes = {
        "fields": fields,
        "labels": _label(contact, row.labels),
        "identities": _name(contact, row.number, work.channel),
        "consent": _consent(contact, row, work, now=now),
    }
    return {what: change for what, change in changes.items() if change}


def _fill(contact: Contact, row: Row, sheet: Sheet, *, replaces: bool) -> dict[str, list[Any]]:
    """Each field's key with what stood there and what stands there now."""
    changes: dict[str, list[Any]] = {}
    for of, value in row.values.items():
        one = sheet.get(of)
        before = customer_fields.stored(contact, one) if one else None
        if one is None or before == value or (before and not replaces):
            continue
        customer_fields.put(contact, one, value)
        changes[one.key] = [before, customer_fields.stored(contact, one)]
    if changes:
        contact.save(update_fields=[*COLUMNS, "details"])
    return changes


def _label(contact: Contact, names: Sequence[str]) -> list[int]:
    """The labels that they did not have; one that nobody has made yet is made."""
    if not names:
        return []
    there = {one.name.casefold(): one for one in Label.objects.all()}
    for name in names:
        if name.casefold() not in there:
            there[name.casefold()] = Label.objects.create(name=name)
    wanted = {there[name.casefold()].pk for name in names}
    new = sorted(wanted - set(contact.labels.values_list("pk", flat=True)))
    contact.labels.add(*new)
    return new


def _name(contact: Contact, number: str, channel: Channel | None) -> list[int]:
    """How the channel will know them when they write."""
    if not number or channel is None:
        return []
    if contact.identities.filter(value__in=customer_identities.values_of([number])).exists():
        return []
    identity = customer_identities.on(channel, number)
    identity.contact = contact
    identity.save()
    return [identity.pk]


def _consent(contact: Contact, row: Row, work: ContactImport, *, now: datetime) -> list[Any]:
    """What the file says of our messages: what held before, and what holds now. A customer's own no stays."""
    if row.consent is None:
        return []
    stands = customer_consent.standing(contact, customer_consent.history(contact))[0].given
    if stands is row.consent or (row.consent and customer_consent.said_no_themselves(contact)):
        return []
    before, words = contact.opted_out_at, row.source or work.source
    customer_consent.write(
        contact, given=row.consent, words=words, by=work.author, version=CONSENT_TEXT, now=now
    )
    if not row.consent and remembering.may_have(contact):
        remembering.forget(contact, words=words, now=now)
    return [before.isoformat() if before else None, row.consent]


# -- the way back


def take_back(done: ContactImportRow, *, now: datetime) -> bool:
    """Undo a row as far as nothing happened since; whether that was all of it."""
    contact = Contact.objects.select_for_update().filter(pk=done.contact_id or 0).first()
    if contact is None:
        return True
    if done.outcome == Outcome.ADDED:
        return _remove(contact, done.changes)
    whole = _restore(contact, done.changes.get("fields", {}))
    contact.labels.remove(*done.changes.get("labels", []))
    whole &= _unname(contact, done.changes.get("identities", []))
    return whole & _take_back_consent(contact, done, now=now)


def _remove(contact: Contact, changes: dict[str, Any]) -> bool:
    """A customer of whom there is nothing but what the file said goes again."""
    fields = changes.get("fields", {})
    stands = {name: getattr(contact, name) for name in COLUMNS if getattr(contact, name)} | contact.details
    others = contact.consents.exclude(text_version=CONSENT_TEXT).exists() or contact.merges.exists()
    labels = set(contact.labels.values_list("pk", flat=True)) - set(changes.get("labels", []))
    said = {key: after for key, (_before, after) in fields.items() if after}
    if stands != said or others or labels or contact.conversations.exists():
        return False
    contact.delete()
    return True


def _restore(contact: Contact, fields: dict[str, list[Any]]) -> bool:
    """Each field as it was before, unless somebody has changed it since."""
    whole = True
    for key, (before, after) in fields.items():
        one = customer_fields.Field(key, key, key, "text")
        if customer_fields.stored(contact, one) != after:
            whole = False
        elif key in COLUMNS:
            setattr(contact, key, before)
        else:
            customer_fields.put(contact, one, before)
    contact.save(update_fields=[*COLUMNS, "details"])
    return whole


def _unname(contact: Contact, ids: Sequence[int]) -> bool:
    """A name under which they have written since is theirs."""
    mine = contact.identities.filter(pk__in=list(ids))
    written = contact.conversations.filter(channel__in=mine.values("channel")).exists()
    if not written:
        mine.delete()
    return not written


def _take_back_consent(contact: Contact, done: ContactImportRow, *, now: datetime) -> bool:
    """What the file allowed is allowed no more. Its no stays: nobody is written to by an undo."""
    change = done.changes.get("consent")
    if not change or not change[1]:
        return not change
    last = contact.consents.filter(purpose=Said.Purpose.MESSAGES).order_by("-pk").first()
    if last is None or last.text_version != CONSENT_TEXT or not last.given:
        return False
    words = _("the file was taken back")
    customer_consent.write(contact, given=False, words=words, by=None, version=CONSENT_TEXT, now=now)
    if change[0] is None:  # they had not opted out before: answers and orders go on
        Contact.objects.filter(pk=contact.pk).update(opted_out_at=None)
    return True
