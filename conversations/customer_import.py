"""A file of customers is read in the background, row by row, and can be undone as a whole.

Each part of a file is one commit: its rows, what they did, and how far the file was read. A worker that dies
leaves the next part due, and the sweep rings for it. Whoever is known by a number or an e-mail address is
completed, never doubled; a customer's own no to our messages is stronger than any file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from conversations import customer_columns, customer_fields, customer_identities, customer_import_rows
from conversations.customer_columns import Row, Table
from conversations.customer_fields import Sheet
from conversations.models import Channel, Contact, ContactIdentity, ContactImport, ContactImportRow
from tenants import audit, live
from tenants.background import enqueue, task
from tenants.current import tenant
from tenants.models import User

log = structlog.get_logger(__name__)
Status, Outcome = ContactImport.Status, ContactImportRow.Outcome
AT_ONCE = 100  # rows a commit
PARTS = 20  # of one doorbell; then others have their turn
LEASE = timedelta(seconds=60)  # longer than a part takes
KEPT = 20  # imports that are listed


class Refused(ValueError):
    """This cannot be done with the import now; the words say why."""


# -- before it begins


def receive(*, name: str, content: bytes, user: User, now: datetime) -> ContactImport:
    """Keep a file and guess its columns; raises customer_columns.Unreadable."""
    table = customer_columns.read(content)
    stored = default_storage.save("imports/customers.csv", ContentFile(content))
    return _received(name, stored, table, user=user, now=now)


@transaction.atomic(durable=True)
def _received(name: str, stored: str, table: Table, *, user: User, now: datetime) -> ContactImport:
    numbered = number_channels()
    made = ContactImport.objects.create(
        name=name.replace("\x00", "")[-120:] or "customers.csv",
        file=stored,
        columns=customer_columns.guessed(table.heading, customer_fields.sheet()),
        channel=numbered[0] if numbered else None,
        row_count=len(table.rows),
        author=user,
        created_at=now,
    )
    audit.record("contact_import.upload", actor=user, target=made.pk, rows=made.row_count)
    return made


def number_channels() -> list[Channel]:
    """The channels on which a customer is a phone number."""
    kinds = customer_identities.NUMBER_CHANNELS
    return list(Channel.objects.filter(kind__in=kinds, is_active=True).order_by("created_at", "name"))


def table_of(row: ContactImport) -> Table:
    """The file as it lies in the store; raises Unreadable when it is gone."""
    if not row.file:
        raise customer_columns.Unreadable(_("The file was taken away after it was read."))
    with default_storage.open(str(row.file.name)) as file:
        return customer_columns.read(file.read())


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of a file: how many are new, known and refused, and the rows with what is wrong."""

    new: int
    known: int
    refused: int
    rows: list[tuple[Row, tuple[str, ...]]]
    wrong: list[tuple[Row, tuple[str, ...]]]


MOST_SHOWN = 10
MOST_WRONG = 100


def preview(table: Table, columns: Sequence[str], sheet: Sheet) -> Preview:
    """Every row checked, and looked up in a constant number of statements; nothing is changed."""
    rows = [(customer_columns.checked(line, cells, columns, sheet), cells) for line, cells in table.rows]
    good = [row for row, _cells in rows if not row.errors]
    numbers, emails = _known([row.number for row in good], [row.email for row in good])
    seen: set[str] = set()
    new = 0
    for row in good:
        names = {name for name in (row.number, row.email) if name}
        is_known = row.number in numbers or row.email in emails or bool(names & seen)
        new += not is_known
        seen |= names
    wrong = [(row, cells) for row, cells in rows if row.errors]
    return Preview(new, len(good) - new, len(wrong), rows[:MOST_SHOWN], wrong[:MOST_WRONG])


def _known(numbers: Sequence[str], emails: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Which customer has each of these numbers and addresses; two statements."""
    values = customer_identities.values_of([one for one in numbers if one])
    held = ContactIdentity.objects.filter(value__in=values, kind__in=customer_identities.NUMBERED)
    by_number = {value.partition("@")[0]: pk for value, pk in held.values_list("value", "contact_id")}
    mails = Contact.objects.filter(details__email__in=sorted({one for one in emails if one}))
    return by_number, {mail: pk for pk, mail in mails.order_by("-pk").values_list("pk", "details__email")}


@transaction.atomic(durable=True)
def match(
    import_id: int, *, columns: Sequence[str], channel: Channel | None, source: str, replaces: bool
) -> ContactImport:
    """Keep what its columns are; raises Refused."""
    row = ContactImport.objects.select_for_update(of=("self",)).get(pk=import_id)
    if row.status not in (Status.NEW, Status.CHECKED):
        raise Refused(_("This file has been read already."))
    used = [column for column in columns if column]
    if len(set(used)) < len(used):
        raise Refused(_("Two columns cannot be the same thing."))
    if not {"name", "email", customer_columns.NUMBER} & set(used):
        raise Refused(_("Choose which column is the name, the number or the e-mail address."))
    if customer_columns.NUMBER in used and channel is None:
        raise Refused(_("Choose on which channel these numbers are."))
    if customer_columns.CONSENT in used and customer_columns.SOURCE not in used and not source.strip():
        raise Refused(_("Say how these customers agreed: it is kept as the proof."))
    row.columns, row.channel, row.source, row.replaces = list(columns), channel, source.strip()[:80], replaces
    row.status = Status.CHECKED
    row.save(update_fields=["columns", "channel", "source", "replaces", "status"])
    return row


@transaction.atomic(durable=True)
def start(import_id: int, *, user: User, now: datetime) -> None:
    """Begin to read it; a second click does nothing."""
    mine = ContactImport.objects.filter(pk=import_id, status=Status.CHECKED)
    if mine.update(status=Status.RUNNING, due_at=now):
        audit.record("contact_import.start", actor=user, target=import_id)
        enqueue(carry_on, import_id=import_id)


# -- the work


def due(*, now: datetime) -> list[int]:
    """The imports whose next part should have been done by now."""
    return list(ContactImport.objects.filter(due_at__lt=now).values_list("pk", flat=True)[:20])


@task()
def carry_on(import_id: int) -> None:
    """Some parts of one import, or of its undoing; another doorbell goes on from there."""
    row = ContactImport.objects.filter(pk=import_id).select_related("author").first()
    if row is None or row.due_at is None:
        return
    language = (row.author.language if row.author else "") or tenant().language
    with override(language):
        try:
            do = _reader(row) if row.status == Status.RUNNING else undo_part
        except customer_columns.Unreadable:
            return _give_up(import_id, now=timezone.now())
        for _part in range(PARTS):
            if not do(import_id, now=timezone.now()):
                return
    with transaction.atomic(durable=True):
        enqueue(carry_on, import_id=import_id)


@transaction.atomic(durable=True)
def _give_up(import_id: int, *, now: datetime) -> None:
    """The file is not there any more: what was read of it stands, and can be undone."""
    work = _claimed(import_id, Status.RUNNING, now=now)
    if work is not None:
        log.warning("import.file_gone", import_id=import_id)
        work.row_count = work.done_count
        _ended(work, True, Status.DONE, now=now)


def _reader(row: ContactImport) -> Any:
    """How the parts of this file are read; the file is opened once a doorbell, outside of any commit."""
    table = table_of(row)
    return lambda import_id, now: read_part(import_id, table, now=now)


@transaction.atomic(durable=True)
def read_part(import_id: int, table: Table, *, now: datetime) -> bool:
    """The next rows of a file; whether there are more."""
    work = _claimed(import_id, Status.RUNNING, now=now)
    if work is None:
        return False
    sheet, lines = customer_fields.sheet(), table.rows[work.done_count : work.done_count + AT_ONCE]
    rows = [customer_columns.checked(line, cells, work.columns, sheet) for line, cells in lines]
    numbers, emails = _known([row.number for row in rows], [row.email for row in rows])
    kept = []
    for row in rows:
        known = numbers.get(row.number), emails.get(row.email)
        done = customer_import_rows.take(row, work, sheet, known, now=now)
        if row.number and done.contact_id:
            numbers[row.number] = done.contact_id
        if row.email and done.contact_id:
            emails.setdefault(row.email, done.contact_id)
        setattr(work, done.outcome, getattr(work, done.outcome) + 1)
        kept.append(done)
    ContactImportRow.objects.bulk_create(kept)
    work.done_count += len(lines)
    return not _ended(work, len(table.rows) <= work.done_count, Status.DONE, now=now)


def _claimed(import_id: int, status: str, *, now: datetime) -> ContactImport | None:
    """The import, locked, if this is still to be done; its lease begins anew."""
    rows = ContactImport.objects.select_for_update(of=("self",)).select_related("channel", "author")
    work = rows.filter(pk=import_id, status=status, due_at__isnull=False).first()
    if work is not None:
        work.due_at = now + LEASE
    return work


def _ended(work: ContactImport, is_over: bool, status: str, *, now: datetime) -> bool:
    """Write how far it came. Of a file that was read nothing stays but what its rows did."""
    if is_over:
        work.status, work.due_at, work.finished_at = status, None, now
        transaction.on_commit(partial(_forget_file, str(work.file.name or "")))
        work.file = ""
    work.save()
    live.publish("import.changed", id=work.pk)
    if is_over:
        live.publish("contact.changed", id=0)
    return is_over


def _forget_file(path: str) -> None:
    if path:
        default_storage.delete(path)


# -- the way back


@transaction.atomic(durable=True)
def undo(import_id: int, *, user: User, now: datetime) -> None:
    """Begin to take back what the file did; raises Refused. What was touched since stays as it is."""
    row = ContactImport.objects.select_for_update(of=("self",)).get(pk=import_id)
    if row.status != Status.DONE:
        raise Refused(_("Only a file that was read to its end can be undone."))
    row.status, row.due_at, row.done_count, row.kept = Status.UNDOING, now, 0, 0
    row.save(update_fields=["status", "due_at", "done_count", "kept"])
    audit.record("contact_import.undo", actor=user, target=import_id)
    enqueue(carry_on, import_id=import_id)


@transaction.atomic(durable=True)
def undo_part(import_id: int, *, now: datetime) -> bool:
    """Take back the next rows, the last first; whether there are more."""
    work = _claimed(import_id, Status.UNDOING, now=now)
    if work is None:
        return False
    left = work.rows.filter(undone_at=None, outcome__in=[Outcome.ADDED, Outcome.CHANGED]).order_by("-line")
    rows = list(left[:AT_ONCE])
    for row in rows:
        work.kept += not customer_import_rows.take_back(row, now=now)
    work.rows.filter(pk__in=[row.pk for row in rows]).update(undone_at=now)
    work.done_count += len(rows)
    return not _ended(work, len(rows) < AT_ONCE, Status.UNDONE, now=now)
