"""The money of a business is kept when it is erased: as files, read again before anything is dropped.

Its ledger and uses as tables, its payments, and a statement to print for each month. No customer is named in
any of it: chats are numbers, and the statements leave them out. After KEPT_LEDGER_YEARS all of it goes.
"""

import csv
import hashlib
import io
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import IO, Any

import structlog
from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone, translation
from django_tenants.utils import schema_context

from billing import breakdown, rollup, statement_files, takings
from billing.models import CreditAccount, LedgerEntry, Usage
from tenants import audit, deletion
from tenants.background import public_task
from tenants.models import KeptLedger, Refund, Tenant, TopUp
from tenants.spreadsheets import Rows, lines

log = structlog.get_logger(__name__)
FOLDER = "_kept"  # no schema, and so no business's files, is called so
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC))
IN_MEMORY = 4 * 2**20
PIECE = 2**16
LEFT_OUT = ("conversation",)  # of the statements: it would name customers
USES = (
    "id", "key", "model", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens",
    "audio_seconds", "pages", "characters", "messages", "agent_id", "channel_id", "conversation_id",
    "vendor_cost", "credits", "price", "exact", "created_at",
)  # fmt: skip
PAID = (
    "id", "kind", "status", "credits", "currency", "amount", "payment_intent", "created_at", "paid_at",
    "refunded_credits", "refunded_amount",
)  # fmt: skip
WENT_BACK = ("id", "topup_id", "kind", "vendor_id", "amount", "credits", "status", "reason", "created_at")


@dataclass(frozen=True, slots=True)
class Kept:
    """What was written: where, which files, and of how much of the ledger."""

    folder: str
    last_entry: int
    entries: int
    closing: int
    files: list[dict[str, Any]] = field(default_factory=list)


class Keeper:
    """As tenants.deletion wants it."""

    def write(self, tenant: Tenant, *, now: datetime) -> Kept:
        rollup.refresh_one(tenant, now=now)  # its months are kept as its days say
        with schema_context(tenant.schema_name), translation.override(tenant.language):
            return _written(tenant, now=now)

    def is_whole(self, kept: Kept) -> bool:
        CreditAccount.objects.select_for_update().get(pk=1)  # whoever would still enter something waits
        return _last() == kept.last_entry

    def record(self, tenant: Tenant, kept: Kept, *, now: datetime) -> None:
        until = _years_later(timezone.localdate(now), settings.KEPT_LEDGER_YEARS)
        row = KeptLedger.objects.create(
            slug=tenant.slug,
            name=tenant.name,
            folder=kept.folder,
            files=kept.files,
            entries=kept.entries,
            closing=kept.closing,
            months=takings.to_keep(tenant, now=now),
            kept_at=now,
            kept_until=until,
        )
        audit.record(
            "ledger.keep", actor=None, target=tenant.slug, row=row.pk, entries=kept.entries, until=str(until)
        )

    def undo(self, kept: Kept) -> None:
        deletion.remove_files(default_storage, kept.folder)


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # the 29th of February
        return date(day.year + years, 3, 1)


def _last() -> int:
    return LedgerEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _written(tenant: Tenant, *, now: datetime) -> Kept:
    """Write everything, then read it again; raises deletion.NotKept, and leaves nothing behind."""
    last, folder = _last(), f"{FOLDER}/{tenant.slug}-{tenant.pk}-{secrets.token_hex(6)}"
    try:
        files = [_put(folder, name, pieces) for name, pieces in _files(tenant, now=now)]
        entries, closing = _read_again(folder, files)
    except deletion.NotKept:
        deletion.remove_files(default_storage, folder)
        raise
    except Exception as error:  # a full disk, a store that is away: whatever it is, nothing may be dropped
        deletion.remove_files(default_storage, folder)
        raise deletion.NotKept(f"The ledger of {tenant.slug} could not be kept.") from error
    return Kept(folder, last, entries, closing, files)


def _files(tenant: Tenant, *, now: datetime) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Each file's name and its bytes, piece by piece."""
    from billing import statement_pdf  # what draws it is loaded when somebody asks

    span = breakdown.Span(*ALWAYS, tenant.timezone)
    yield "ledger.csv", _table(statement_files.entries(span))
    yield "uses.csv", _table(_rows(Usage.objects.order_by("pk"), USES))
    yield "payments.csv", _table(_rows(TopUp.objects.filter(tenant=tenant).order_by("pk"), PAID))
    yield "refunds.csv", _table(_rows(Refund.objects.filter(topup__tenant=tenant).order_by("pk"), WENT_BACK))
    for month in breakdown.months(tenant.timezone):
        drawn = statement_pdf.of_month(tenant, month.first, now=now, without=LEFT_OUT)
        yield f"statement-{month.first:%Y-%m}.pdf", iter([drawn])


def _table(batches: Iterable[Rows]) -> Iterator[bytes]:
    return (lines(rows).encode() for rows in batches)


def _rows(found: Any, names: tuple[str, ...]) -> Iterator[Rows]:
    yield [names]
    for row in found.values_list(*names).iterator(chunk_size=1000):
        yield [tuple("" if cell is None else cell if isinstance(cell, int) else str(cell) for cell in row)]


def _put(folder: str, name: str, pieces: Iterator[bytes]) -> dict[str, Any]:
    """One file into the store; its size and digest are of what was meant to be written."""
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.seek(0)
        kept = default_storage.save(f"{folder}/{name}", File(file))
    if kept != f"{folder}/{name}":
        raise deletion.NotKept(f"{name} was there already")
    return {"name": name, "bytes": size, "sha256": digest.hexdigest()}


def _read_again(folder: str, files: list[dict[str, Any]]) -> tuple[int, int]:
    """Every file is as it was written, and the ledger in it sums to the balance: entries, and their sum."""
    for told in files:
        with default_storage.open(f"{folder}/{told['name']}") as file:
            if _digest(file) != (told["bytes"], told["sha256"]):
                raise deletion.NotKept(f"{told['name']} cannot be read as it was written")
    with default_storage.open(f"{folder}/ledger.csv") as file:
        rows = csv.DictReader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        amounts = [int(row["credits"]) for row in rows]
    account = CreditAccount.objects.get(pk=1)
    if sum(amounts) != account.balance:
        raise deletion.NotKept("The ledger that was written does not sum to the balance")
    return len(amounts), sum(amounts)


def _digest(file: IO[bytes]) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(PIECE):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


# -- when the time is over


@public_task()
def forget() -> None:
    """Remove what was kept for as long as the law asks; a beat's task."""
    now = timezone.now()
    for row in list(KeptLedger.objects.filter(kept_until__lt=timezone.localdate(now)).order_by("pk")):
        with transaction.atomic(durable=True):
            audit.record("ledger.forget", actor=None, target=row.slug, row=row.pk)
            row.delete()
        deletion.remove_files(default_storage, row.folder)
