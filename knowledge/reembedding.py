"""Another model for a business's texts: everything is embedded anew beside what serves, then swapped.

A row that is being built, a conditional claim, a sweep. What was embedded is kept by the text's digest, batch
by batch: whoever is killed is followed by another who goes on. The old vectors answer until one transaction
puts the new ones in their place; what was added or edited meanwhile is embedded before that.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django_tenants.utils import schema_context
from pgvector import HalfVector

from knowledge import counting, drafts, embeddings, meaning_index, pinned
from knowledge.models import LOCAL, Chunk, Document, DraftChunk, Embedding, Gap, NextVector
from providers.embedding import Embedder, embedder
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task
from tenants.current import tenant as current_tenant
from tenants.db import connection

log = structlog.get_logger(__name__)
Status = Embedding.Status
LEASE = timedelta(minutes=5)  # longer than one call
LOST = timedelta(seconds=30)
SLICE_SECONDS = 45.0  # then documents of others have their turn on the slow queue
MAX_ATTEMPTS = 8  # in a row without one batch done
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 1800.0
SAMPLE = "Horário de atendimento"
WHOLE = 64  # characters of a digest; an edited passage that waits for its vector has none
_CHUNKS, _DRAFTS, _NEXT = (model._meta.db_table for model in (Chunk, DraftChunk, NextVector))


class Superseded(Exception):
    """Another choice was made, or this one was given up."""


@task()
def rebuild(embedding_id: int) -> None:
    """Embed what the coming model has not embedded yet, for a while; at the end it serves."""
    row = _claim(embedding_id, now=timezone.now())
    if row is None:
        return
    try:
        is_done = _work(row, until=time.monotonic() + SLICE_SECONDS)
    except Superseded:
        return
    except ProviderRejected as error:
        return _fail(row, error)
    except ProviderError as error:
        return _later(row, error, now=timezone.now())
    if not is_done and _mine(row).update(due_at=timezone.now(), attempts=0):
        enqueue(rebuild, embedding_id=row.pk)


def _claim(embedding_id: int, *, now: datetime) -> Embedding | None:
    """Compare-and-set: one builder, unless the earlier one has been silent for too long."""
    free = Embedding.objects.filter(pk=embedding_id, status=Status.BUILDING, due_at__lte=now)
    if not free.update(due_at=now + LEASE, attempts=F("attempts") + 1):
        return None
    row = Embedding.objects.get(pk=embedding_id)
    if row.attempts > MAX_ATTEMPTS:
        _fail(row, ProviderError("It ended each time that it was tried."))
        return None
    return row


def _mine(row: Embedding) -> Any:
    return Embedding.objects.filter(pk=row.pk, status=Status.BUILDING)


def _work(row: Embedding, *, until: float) -> bool:
    """Until everything is embedded and swapped, or the time is over: False."""
    row = _settled(row)
    by = embeddings.adapter(row)
    _give_digests()
    _take_over(row)
    while True:
        for batch in _missing(row, by.batch):
            _keep(row, batch, by)
            if time.monotonic() > until:
                return False
        if _swap(row, now=timezone.now()):
            return True


def _settled(row: Embedding) -> Embedding:
    """What was left open is found out: the dimensions, and which model the installation's process has."""
    if row.vendor == LOCAL:
        row.model, vector = embeddings.adapter(row).embed_question(SAMPLE)
        row.dimensions = len(vector)
    elif not row.dimensions:
        row.dimensions = len(embeddings.adapter(row).embed_question(SAMPLE)[1])
    if not _mine(row).update(model=row.model, dimensions=row.dimensions):
        raise Superseded
    return row


def model_of(row: Embedding) -> str:
    """The id that stands beside the vectors of this row."""
    return row.model if row.vendor == LOCAL else embeddings.model_of(row)


def _give_digests() -> None:
    """Passages from before there were digests."""
    old = Chunk.objects.filter(digest="").only("pk", "heading", "text")
    for chunk in old.iterator(chunk_size=500):
        digest = drafts.digest_of({"heading": chunk.heading, "text": chunk.text})
        Chunk.objects.filter(pk=chunk.pk, text=chunk.text, digest="").update(digest=digest)


def _take_over(row: Embedding) -> None:
    """What this very model has embedded before is not embedded again."""
    with connection.cursor() as cursor:
        for table in (_CHUNKS, _DRAFTS):
            cursor.execute(
                f"INSERT INTO {_NEXT} (embedding_id, digest, vector) "
                f"SELECT DISTINCT ON (digest) %s, digest, embedding FROM {table} "
                f"WHERE embedding_model = %s AND length(digest) = {WHOLE} ON CONFLICT DO NOTHING",
                [row.pk, model_of(row)],
            )


def _missing(row: Embedding, most: int) -> Iterator[list[tuple[str, str]]]:
    """Batches of (digest, text) that have no vector by this model; each pass goes through all of them."""
    last = ""
    while found := _missing_after(row, last, most):
        last = found[-1][0]
        yield found


def _missing_after(row: Embedding, last: str, most: int) -> list[tuple[str, str]]:
    pieces = " UNION ALL ".join(
        f"SELECT digest, heading, text FROM {table} WHERE digest > %(last)s AND length(digest) = {WHOLE}"
        for table in (_CHUNKS, _DRAFTS)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT ON (digest) digest, heading, text FROM ({pieces}) AS piece "
            f"WHERE NOT EXISTS (SELECT FROM {_NEXT} AS next WHERE next.embedding_id = %(row)s "
            "AND next.digest = piece.digest) ORDER BY digest LIMIT %(most)s",
            {"last": last, "row": row.pk, "most": most},
        )
        return [
            (digest, drafts.readable({"heading": heading, "text": text}))
            for digest, heading, text in cursor.fetchall()
        ]


def _keep(row: Embedding, batch: Sequence[tuple[str, str]], by: Embedder) -> None:
    """Embed a batch and keep it; progress is on the row, and its lease begins anew."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # not ours to keep while a vendor thinks
    model, vectors = embeddings.passages([text for _digest, text in batch], by=by)
    if model != model_of(row):
        raise ProviderError("The model was replaced by another while it was asked.")
    with transaction.atomic(durable=True):
        if not _mine(row).select_for_update().exists():
            raise Superseded
        NextVector.objects.bulk_create(
            (
                NextVector(embedding=row, digest=digest, vector=HalfVector(vector))
                for (digest, _text), vector in zip(batch, vectors, strict=True)
            ),
            ignore_conflicts=True,
        )
        _tell(row, now=timezone.now())


def _tell(row: Embedding, *, now: datetime) -> None:
    done = row.vectors.count()
    left = _count_missing(row)
    _mine(row).update(done=done, total=done + left, due_at=now + LEASE, attempts=0, problem="")
    live.publish("embedding.changed", id=row.pk)


def _count_missing(row: Embedding) -> int:
    pieces = " UNION ".join(
        f"SELECT digest FROM {table} WHERE length(digest) = {WHOLE}" for table in (_CHUNKS, _DRAFTS)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM ({pieces}) AS piece WHERE NOT EXISTS "
            f"(SELECT FROM {_NEXT} AS next WHERE next.embedding_id = %s AND next.digest = piece.digest)",
            [row.pk],
        )
        return int(cursor.fetchone()[0])


@transaction.atomic(durable=True)
def _swap(row: Embedding, *, now: datetime) -> bool:
    """The new vectors for the old ones, in one commit; False when something came meanwhile.

    Who writes vectors waits for the lock, or we for them (embeddings.guard); who changes passages holds their
    document's row first, as we do.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [embeddings.LOCK])
    list(Document.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    if not _mine(row).select_for_update().exists():
        raise Superseded
    if _missing_after(row, "", 1):
        return False
    _put_in_place(row)
    counting.find_middle()
    Embedding.objects.filter(status=Status.SERVING).delete()
    row.vectors.all().delete()
    if row.vendor == LOCAL:
        row.delete()  # no row: the installation's own serves
    else:
        _mine(row).update(status=Status.SERVING, problem="", due_at=None, attempts=0)
    for rest in (meaning_index.keep, pinned.embed, open_questions):
        enqueue(rest)
    live.publish("embedding.changed")
    return True


@task()
def open_questions() -> None:
    """Give the gaps that are open vectors of the model that serves; raises ProviderError."""
    serving = embeddings.serving().adapter.known_model
    stale = Gap.objects.filter(status=Gap.Status.OPEN).exclude(vector_model=serving)
    for pk, text in stale.order_by("-asked_at").values_list("pk", "question"):
        vector = embeddings.question(text)
        Gap.objects.filter(pk=pk).update(vector=HalfVector(vector.values), vector_model=vector.model)


def _put_in_place(row: Embedding) -> None:
    with connection.cursor() as cursor:
        for table in (_CHUNKS, _DRAFTS):
            cursor.execute(
                f"UPDATE {table} AS piece SET embedding = next.vector, embedding_model = %(model)s "
                f"FROM {_NEXT} AS next WHERE next.embedding_id = %(row)s AND next.digest = piece.digest "
                "AND piece.embedding_model <> %(model)s",
                {"model": model_of(row), "row": row.pk},
            )


def _fail(row: Embedding, error: ProviderError) -> None:
    """Say what is wrong; the model that serves goes on serving."""
    log.warning("embedding.failed", embedding_id=row.pk, reason=type(error).__name__)
    _mine(row).update(status=Status.FAILED, problem=_said(error), due_at=None)
    live.publish("embedding.changed", id=row.pk)


def _said(error: ProviderError) -> str:
    with translation.override(current_tenant().language):
        return words(error)[:300]


def words(error: ProviderError) -> str:
    """What a vendor's error means to the owner."""
    said = {
        About.KEY: _(
            "The vendor refuses the key. Copy it once more; it may also lack the right to this model."
        ),
        About.MONEY: _("The account has no money left, or its limit is reached: look at the vendor's page."),
        About.MODEL: _("The vendor knows no such model, or the address is not its own."),
        About.ADDRESS: _("The address is not right: %(reason)s"),
        About.NETWORK: _("The vendor cannot be reached at this moment: %(reason)s"),
        About.BUSY: _("The vendor is busy at this moment. Try again in a minute."),
        About.ANSWER: _("Something answers there, but not as this vendor does: %(reason)s"),
    }
    refused = isinstance(error, AccountRefused) and error.about == About.UNSAID
    return said.get(About.KEY if refused else error.about, "%(reason)s") % {"reason": str(error)}


def _later(row: Embedding, error: ProviderError, *, now: datetime) -> None:
    """A pause that grows, at least as long as the vendor asks for."""
    current = _mine(row).first()
    if current is None:
        return
    if current.attempts >= MAX_ATTEMPTS:
        return _fail(row, error)
    pause = max(min(FIRST_PAUSE * 2.0**current.attempts, LONGEST_PAUSE), error.retry_after or 0.0)
    log.warning("embedding.postponed", embedding_id=row.pk, attempts=current.attempts)
    _mine(row).update(due_at=now + timedelta(seconds=pause), problem=_said(error))
    enqueue(rebuild, countdown=pause, embedding_id=row.pk)
    live.publish("embedding.changed", id=row.pk)


# -- what was forgotten


@public_task()
def sweep() -> None:
    """Ring again for changes whose doorbell or builder was lost."""
    now = timezone.now()
    for schema in ready_schemas():
        with schema_context(schema):
            late = Embedding.objects.filter(status=Status.BUILDING, due_at__lt=now - LOST)
            for pk in late.values_list("pk", flat=True):
                ring(rebuild, schema=schema, embedding_id=pk)


@public_task()
def renew() -> None:
    """Have embedded anew what an older version of the installation's model embedded."""
    try:
        of_installation, _vector = embedder(settings.EMBEDDING_URL).embed_question(SAMPLE)
    except ProviderError as error:
        return log.warning("embedding.unknown", reason=str(error))
    for schema in ready_schemas():
        with schema_context(schema):
            renew_here(of_installation, now=timezone.now())


@transaction.atomic(durable=True)
def renew_here(of_installation: str, *, now: datetime) -> None:
    """As `renew`, for the tenant of this connection; what a person chose goes first."""
    rows = {row.status: row for row in Embedding.objects.all()}
    serving = rows.pop(Status.SERVING, None)
    wanted = embeddings.model_of(serving) if serving else of_installation
    if Gap.objects.filter(status=Gap.Status.OPEN).exclude(vector_model=wanted).exists():
        enqueue(open_questions)
    if rows or not Chunk.objects.exclude(embedding_model=wanted).exists():
        return
    row = serving or Embedding(vendor=LOCAL, dimensions=0)
    row.pk, row.status, row.due_at, row.created_at, row.done, row.total = (
        None,
        Status.BUILDING,
        now,
        now,
        0,
        0,
    )
    row.save(force_insert=True)
    enqueue(rebuild, embedding_id=row.pk)
