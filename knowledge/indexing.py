"""Read, cut, embed, swap: a document on its way from waiting to ready, on the slow queue.

A row with a status, a conditional claim, a sweeper. The old chunks answer until the swap commits.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.contrib.postgres.search import SearchVector
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Value
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge.models import LANGUAGES, Chunk, Document, Lexeme, Middle
from providers.embedding import PASSAGES_A_CALL, embedder
from providers.errors import ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task
from tenants.current import tenant as current_tenant

log = structlog.get_logger(__name__)
Status, Problem = Document.Status, Document.Problem
KILL_SECONDS = 150
STUCK = timedelta(minutes=5)
LOST = timedelta(seconds=30)
MAX_ATTEMPTS = 6
WORDS_LOCK = 7_260_002


@task()
def index(document_id: int) -> None:
    """Read one waiting document."""
    document = _claim(document_id, now=timezone.now())
    if document is None:
        return
    live.publish("document.changed", id=document.pk)
    result = _copied(document) or convert(document)
    if result["problem"]:
        return _fail(document, result["problem"])
    try:
        chunks = result.get("copies") or _embedded(document, result)
    except ProviderRejected as error:
        log.warning("index.rejected", document_id=document.pk, reason=str(error))
        return _fail(document, Problem.BROKEN)
    except ProviderError as error:
        return _later(document, reason=str(error), now=timezone.now())
    _swap(document, result, chunks, now=timezone.now())


def _claim(document_id: int, *, now: datetime) -> Document | None:
    """Compare-and-set: one reader, unless the earlier one has been silent for too long."""
    free = Q(status=Status.WAITING) | Q(status=Status.READING, claimed_at__lt=now - STUCK)
    claimed = Document.objects.filter(free, pk=document_id)
    fresh = {"claimed_at": now, "chunks_done": 0, "chunks_total": 0, "attempts": F("attempts") + 1}
    if not claimed.update(status=Status.READING, **fresh):
        return None
    document = Document.objects.get(pk=document_id)
    if document.attempts > MAX_ATTEMPTS:
        _fail(document, Problem.BROKEN)  # it ends whoever reads it
        return None
    return document


def _held(document: Document) -> QuerySet[Document]:
    """The row while it is still ours: not removed, not replaced by another file, not given up."""
    return Document.objects.filter(pk=document.pk, sha256=document.sha256, status=Status.READING)


def _copied(document: Document) -> dict[str, Any] | None:
    """What another document with the same content was read into: nothing is read or embedded twice."""
    twin = (
        Document.objects.filter(sha256=document.sha256, status=Status.READY).exclude(pk=document.pk).first()
    )
    copies = list(twin.chunks.order_by("position")) if twin else []
    if twin is None or not copies:
        return None
    for chunk in copies:
        chunk.pk, chunk.document = None, document
    return {
        "problem": "",
        "kind": twin.kind,
        "converter": twin.converter,
        "pages": twin.pages,
        "copies": copies,
    }


def convert(document: Document) -> dict[str, Any]:
    """What the child process made of the file; a child that was killed says that it was too much."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"document{Path(str(document.file.name)).suffix}"
        try:
            with document.file.open("rb") as source, path.open("wb") as copy:
                for piece in source.chunks():
                    copy.write(piece)
        except FileNotFoundError:
            return {"problem": Problem.BROKEN}  # or replaced a moment ago, and then no longer ours
        return _in_child(path)


def _in_child(path: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "knowledge.convert", str(path)]
    environment = {"PATH": "/usr/bin:/bin", "DOCLING_ARTIFACTS_PATH": settings.DOCLING_ARTIFACTS_PATH}
    try:
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env=environment,
            capture_output=True,
            timeout=KILL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"problem": Problem.TOO_MUCH}
    if done.returncode != 0:
        log.warning("convert.died", code=done.returncode, said=done.stderr[-300:].decode("utf-8", "replace"))
        return {"problem": Problem.TOO_MUCH if _was_stopped(done) else Problem.CORRUPT}
    return json.loads(done.stdout)


def _was_stopped(done: subprocess.CompletedProcess[bytes]) -> bool:
    """Whether a limit ended it: a signal, or memory that was refused."""
    return done.returncode < 0 or b"MemoryError" in done.stderr or b"bad_alloc" in done.stderr


def _embedded(document: Document, result: dict[str, Any]) -> list[Chunk]:
    """The document's new chunks with their vectors; progress is on the row."""
    pieces = [piece for piece in result["chunks"] if piece["text"].strip()]
    language = _language(pieces)
    chunks: list[Chunk] = []
    for start in range(0, len(pieces), PASSAGES_A_CALL):
        batch = pieces[start : start + PASSAGES_A_CALL]
        model, vectors = embedder(settings.EMBEDDING_URL).embed_passages([readable(piece) for piece in batch])
        for offset, (piece, vector) in enumerate(zip(batch, vectors, strict=True)):
            chunks.append(_chunk(document, start + offset, piece, vector, model=model, language=language))
        _progress(document, len(chunks), len(pieces))
    return chunks


def readable(piece: dict[str, Any]) -> str:
    """The text with its headings before it: how it is embedded and searched."""
    return "\n".join([" › ".join(piece["heading"]), piece["text"]]).strip()


def _chunk(
    document: Document, position: int, piece: dict[str, Any], vector: Any, *, model: str, language: str
) -> Chunk:
    return Chunk(
        document=document,
        position=position,
        heading=[heading[:200] for heading in piece["heading"]],
        page=piece["page"],
        text=piece["text"],
        language=language,
        embedding=vector,
        embedding_model=model,
        search=SearchVector(Value(readable(piece)), config=f"public.fd_{language}"),
    )


def _language(pieces: Sequence[dict[str, Any]]) -> str:
    """The document's language by its most telling words; the business's own when it cannot be told."""
    sample = " ".join(piece["text"] for piece in pieces[:20])[:4000]
    with connection.cursor() as cursor:
        counts = {short: _stop_words(cursor, short, sample) for short in LANGUAGES}
    best = max(counts, key=lambda short: counts[short])
    own = current_tenant().language[:2]
    return best if counts[best] > counts.get(own, 0) else own


def _stop_words(cursor: Any, short: str, sample: str) -> int:
    """How many words of the sample are stop words of the language: PostgreSQL drops exactly those."""
    cursor.execute(
        "SELECT count(*) FROM ts_debug(%s::regconfig, %s) "
        "WHERE alias IN ('word', 'asciiword') AND lexemes = '{}'",
        [
            f"pg_catalog.{ {'pt': 'portuguese', 'en': 'english', 'es': 'spanish', 'fr': 'french'}[short] }",
            sample,
        ],
    )
    return int(cursor.fetchone()[0])


def _progress(document: Document, done: int, total: int) -> None:
    _held(document).update(chunks_done=done, chunks_total=total, claimed_at=timezone.now())
    live.publish("document.changed", id=document.pk)


@transaction.atomic(durable=True)
def _swap(document: Document, result: dict[str, Any], chunks: list[Chunk], *, now: datetime) -> None:
    """The new chunks for the old ones, in one commit; unless the file was replaced or removed meanwhile."""
    current = Document.objects.select_for_update().filter(pk=document.pk, sha256=document.sha256).first()
    if current is None or current.status != Status.READING:
        return
    forget_words(current)
    current.chunks.all().delete()
    Chunk.objects.bulk_create(chunks, batch_size=200)
    count_words(current)
    find_middle()
    current.status, current.problem, current.ready_at, current.attempts = Status.READY, "", now, 0
    current.kind, current.converter, current.pages = result["kind"], result["converter"], result["pages"]
    current.language, current.chunk_count = chunks[0].language, len(chunks)
    current.save()
    live.publish("document.changed", id=document.pk)


def forget_words(document: Document) -> None:
    """Take a document's words out of the counts, before its chunks go; in the caller's transaction."""
    count_words(document, sign=-1)


def count_words(document: Document, *, sign: int = 1) -> None:
    """Add a document's words to the counts, or take them out: each once a chunk, the empty word for all."""
    words, chunks = Lexeme._meta.db_table, Chunk._meta.db_table
    with connection.cursor() as cursor:
        # One at a time: two documents that count their words in different orders could block each other.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [WORDS_LOCK])
        cursor.execute(
            f"""
            INSERT INTO {words} AS kept (language, word, chunks)
            SELECT language, word, %(sign)s * count(*)
            FROM {chunks}, unnest(tsvector_to_array(search) || ''::text) AS word
            WHERE document_id = %(document)s GROUP BY language, word
            ON CONFLICT (word, language) DO UPDATE SET chunks = kept.chunks + excluded.chunks
            """,
            {"sign": sign, "document": document.pk},
        )


def find_middle() -> None:
    """Say anew what all passages have in common; in the caller's transaction, after they changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Middle._meta.db_table} AS kept (id, passages, vector)
            SELECT 1, count(*), public.avg(embedding) FROM {Chunk._meta.db_table} HAVING count(*) > 0
            ON CONFLICT (id) DO UPDATE SET passages = excluded.passages, vector = excluded.vector
            """
        )


def _fail(document: Document, problem: str) -> None:
    """Say what is wrong and what to do; chunks of an earlier version go on answering."""
    _held(document).update(status=Status.FAILED, problem=problem)
    live.publish("document.changed", id=document.pk)


def _later(document: Document, *, reason: str, now: datetime) -> None:
    log.warning("index.postponed", document_id=document.pk, attempts=document.attempts, reason=reason)
    if document.attempts >= MAX_ATTEMPTS:
        return _fail(document, Problem.BROKEN)
    _held(document).update(status=Status.WAITING, claimed_at=now)
    enqueue(index, countdown=5.0 * 2**document.attempts, document_id=document.pk)
    live.publish("document.changed", id=document.pk)


@public_task()
def sweep() -> None:
    """Ring again for documents whose doorbell or reader was lost."""
    now = timezone.now()
    for schema in ready_schemas():
        with schema_context(schema):
            for pk in overdue(now=now):
                ring(index, schema=schema, document_id=pk)


def overdue(*, now: datetime) -> list[int]:
    """Documents that should have moved by now."""
    waiting = Q(status=Status.WAITING) & (
        Q(claimed_at=None, created_at__lt=now - LOST) | Q(claimed_at__lt=now - 3 * LOST)
    )
    stuck = Q(status=Status.READING, claimed_at__lt=now - STUCK)
    return list(Document.objects.filter(waiting | stuck).values_list("pk", flat=True))
