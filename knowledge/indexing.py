"""Read, cut, embed, promote: a document on its way from waiting to ready, on the slow queue.

A row with a status, a conditional claim, a sweeper. What is embedded is kept at once: after a reader died the
next one goes on from there, and nothing is embedded twice. Old passages answer until the swap commits.
"""

import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge import drafts, embeddings, metering, pictures, reading
from knowledge.drafts import Piece, readable
from knowledge.models import LANGUAGES, Document, DraftChunk
from knowledge.reading import Word
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task
from tenants.current import tenant as current_tenant

log = structlog.get_logger(__name__)
Status, Problem = Document.Status, Document.Problem
STUCK = timedelta(minutes=3)  # longer than a child's silence or a call to an embedder may last
LOST = timedelta(seconds=30)
MAX_ATTEMPTS = 6
TOLD_EVERY = 0.7  # seconds between two words on the page


class Lost(Exception):
    """The document is not ours any more: removed, replaced by another file, or given up."""


class Unreadable(Exception):
    """The document ends here; its argument is a problem code."""


@task()
def index(document_id: int) -> None:
    """Read one waiting document."""
    document = _claim(document_id, now=timezone.now())
    if document is None:
        return
    live.publish("document.changed", id=document.pk)
    try:
        work = _read(document)
        _finish(work, now=timezone.now())
    except Lost:
        log.info("index.lost", document_id=document.pk)
    except Unreadable as problem:
        _fail(document, str(problem))
    except metering.NotEnough as error:
        is_limit = isinstance(error, metering.OverLimit)
        _fail(document, Problem.LIMIT if is_limit else Problem.NO_CREDITS)
    except AccountRefused:
        _fail(document, Problem.VENDOR)
    except ProviderRejected as error:
        log.warning("index.rejected", document_id=document.pk, reason=str(error))
        _fail(document, Problem.BROKEN)
    except (ProviderError, OSError) as error:
        reason = str(error) if isinstance(error, ProviderError) else type(error).__name__
        _later(document, reason=reason, now=timezone.now())


def _claim(document_id: int, *, now: datetime) -> Document | None:
    """Compare-and-set: one reader, unless the earlier one has been silent for too long."""
    free = Q(status=Status.WAITING) | Q(status=Status.READING, claimed_at__lt=now - STUCK)
    claimed = Document.objects.filter(free, pk=document_id)
    fresh = {"claimed_at": now, "chunks_done": 0, "chunks_total": 0, "pages_done": 0}
    if not claimed.update(status=Status.READING, attempts=F("attempts") + 1, **fresh):
        return None
    document = Document.objects.get(pk=document_id)
    if document.attempts > MAX_ATTEMPTS:
        _fail(document, Problem.BROKEN)  # it ends whoever reads it
        return None
    return document


def _held(document: Document) -> QuerySet[Document]:
    """The row while it is ours: not removed, not replaced by another file, not given up or taken over."""
    mine = {"sha256": document.sha256, "attempts": document.attempts, "status": Status.READING}
    return Document.objects.filter(pk=document.pk, **mine)


def _locked(document: Document) -> Document:
    """The row, locked until the transaction ends; raises Lost."""
    row = _held(document).select_for_update().first()
    if row is None:
        raise Lost
    return row


# -- read, and embed meanwhile


@dataclass
class Work:
    """What was read of a document so far, and what waits to be embedded."""

    document: Document
    facts: Word = field(default_factory=dict)  # kind, converter, pages
    waiting: list[Piece] = field(default_factory=list)
    language: str = ""
    count: int = 0
    page: int = 0
    batch: int = 8
    told_at: float = 0.0

    @property
    def answers_at_once(self) -> bool:
        return drafts.answer_at_once(self.document)


def _read(document: Document) -> Work:
    """Everything of the document, embedded and kept; raises Unreadable, Lost, NotEnough, ProviderError."""
    work = Work(document, batch=embeddings.serving().batch)
    with closing(_words(document)) as words:
        for word in words:
            _take(work, word)
    _keep(work, all_of_it=True)
    if not work.count:
        raise Unreadable(Problem.EMPTY)
    return work


def _words(document: Document) -> Generator[Word, None, None]:
    """From what another document with the same content was read into, or from the child."""
    copied = _copied(document)
    if copied:
        yield from copied
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"document{Path(str(document.file.name)).suffix}"
        _fetch(document, path)
        with closing(reading.words(path)) as words:
            yield from words


def _fetch(document: Document, path: Path) -> None:
    try:
        with document.file.open("rb") as source, path.open("wb") as copy:
            for piece in source.chunks():
                copy.write(piece)
    except FileNotFoundError:
        raise Unreadable(Problem.BROKEN) from None  # or replaced a moment ago, and then no longer ours


def _copied(document: Document) -> list[Word]:
    """The words of a document with the same content, as it was read; none when a person changed a passage."""
    same = Document.objects.filter(sha256=document.sha256, status=Status.READY).exclude(pk=document.pk)
    twin = same.order_by("pk").first()
    if twin is None or not twin.chunk_count or twin.chunks.filter(edited=True).exists():
        return []
    told = twin.chunks.order_by("position").values("heading", "page", "text", "boxes")
    head = {"kind": twin.kind, "converter": twin.converter, "pages": twin.pages, "known": True}
    return [head, *({"chunk": piece} for piece in told), {"end": True}]


def _take(work: Work, word: Word) -> None:
    if "problem" in word:
        raise Unreadable(word["problem"])
    if "kind" in word:
        _begin(work, word)
    elif "chunk" in word:
        piece = word["chunk"]
        if piece["text"].strip():
            work.waiting.append({**piece, "heading": [heading[:200] for heading in piece["heading"]]})
        _keep(work)
    elif "page" in word:
        work.page = max(work.page, 0 if work.waiting else word["page"])
        _tell(work)
    elif "end" in word:
        work.facts["converter"] = word.get("converter") or work.facts["converter"]
    else:
        _tell(work)


def _begin(work: Work, word: Word) -> None:
    """What it is; and whether reading it can be paid, before anything is embedded."""
    work.facts = {name: word[name] for name in ("kind", "converter", "pages")}
    if work.document.ready_at is None and word["pages"] and not word.get("known"):
        metering.check(word["pages"])
    if not _held(work.document).update(**work.facts):
        raise Lost
    _tell(work)


def _keep(work: Work, *, all_of_it: bool = False) -> None:
    """Embed what waits, in portions, once the language can be told."""
    while len(work.waiting) >= work.batch or (all_of_it and work.waiting):
        work.language = work.language or _language(work.waiting)
        portion, work.waiting = work.waiting[: work.batch], work.waiting[work.batch :]
        model, vectors = _vectors(portion)
        work.page = max(work.page, drafts.last_page(portion))
        _store(work, portion, model, vectors)
        work.count += len(portion)
        _tell(work, at_once=True)


def _vectors(pieces: Sequence[Piece]) -> tuple[str, list[Any]]:
    """A vector for each; only what this business does not have yet is embedded."""
    digests = [drafts.digest_of(piece) for piece in pieces]
    model = embeddings.serving().adapter.known_model or embeddings.passages([])[0]
    had = drafts.known(digests, model=model)
    missing = {
        digest: readable(piece) for digest, piece in zip(digests, pieces, strict=True) if digest not in had
    }
    if missing:
        made, vectors = embeddings.passages(list(missing.values()))
        if made != model:
            raise embeddings.Changed("Another model serves by now.")
        had |= dict(zip(missing, vectors, strict=True))
    return model, [had[digest] for digest in digests]


@transaction.atomic(durable=True)
def _store(work: Work, pieces: Sequence[Piece], model: str, vectors: Sequence[Any]) -> None:
    """A portion with its progress: committed together, so that who comes after us goes on from here."""
    embeddings.guard(model)
    row = _locked(work.document)
    done = work.count + len(pieces)
    numbered = list(zip(range(work.count, done), pieces, vectors, strict=True))
    drafts.write(row, numbered, model=model, language=work.language, live=work.answers_at_once)
    progress = {"chunks_done": done, "claimed_at": timezone.now(), "language": work.language}
    if work.answers_at_once:
        progress["chunk_count"] = row.chunks.count()
    _held(work.document).update(**progress)


def _tell(work: Work, *, at_once: bool = False) -> None:
    """The page that it is at, on the row and on open screens, now and then; and that we are alive."""
    now = time.monotonic()
    if not at_once and now - work.told_at < TOLD_EVERY:
        return
    work.told_at = now
    if not _held(work.document).update(pages_done=work.page, claimed_at=timezone.now()):
        raise Lost
    live.publish("document.changed", id=work.document.pk)


# -- the end: paid, looked at by a person, or live


def _finish(work: Work, *, now: datetime) -> None:
    """Live, or before a person when it would change answers. Raises Lost, NotEnough, ProviderError."""
    with transaction.atomic(durable=True):
        drafts.trim(_locked(work.document), count=work.count)
    changes = _changes(work.document) if work.document.reviews else []
    _close(work, status=Status.REVIEW if changes else Status.READY, now=now)


def _changes(document: Document) -> Sequence[Any]:
    from knowledge import reviewing  # it searches, and a search need not know how documents are read

    return reviewing.changes(document)


@transaction.atomic(durable=True)
def _close(work: Work, *, status: str, now: datetime) -> None:
    """All in one commit, unless the file was replaced or removed meanwhile."""
    for model in drafts.models_of(work.document):
        embeddings.guard(model)
    row = _locked(work.document)
    pages = drafts.new_pages(row)
    row.kind, row.converter, row.pages = (work.facts[name] for name in ("kind", "converter", "pages"))
    row.language, row.pages_done = work.language, work.facts["pages"] or 0
    row.status, row.problem, row.attempts = status, "", 0
    if status == Status.READY:
        promote(row, now=now)
    row.credits += metering.charge(row.pk, pages, now, version=row.sha256)  # last: all wait for this row
    row.save()
    live.publish("document.changed", id=row.pk)


def promote(row: Document, *, now: datetime) -> None:
    """What was read answers from now on; in the caller's transaction, which saves the row."""
    if drafts.answer_at_once(row):
        DraftChunk.objects.filter(document=row).delete()  # of an earlier try
        row.chunk_count = row.chunks.count()
    else:
        row.chunk_count = drafts.promote(row)
    forget_earlier(row)
    row.ready_at = now


def forget_earlier(row: Document) -> None:
    """The version before answers no more: its file goes with the commit."""
    name = row.earlier.get("file")
    row.earlier = {}
    if name and name != row.file.name:
        transaction.on_commit(lambda: default_storage.delete(name))
        transaction.on_commit(pictures.forgetter(row.pk))


def _language(pieces: Sequence[Piece]) -> str:
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


@transaction.atomic(durable=True)
def _fail(document: Document, problem: str) -> None:
    """Say what is wrong and what to do; passages of an earlier version go on answering."""
    row = _held(document).select_for_update().first()
    if row is None:
        return
    if row.ready_at is None:
        drafts.withdraw(row, keep=problem in Document.NOT_ITS_FAULT)
        row.chunk_count = 0
    elif problem not in Document.NOT_ITS_FAULT:
        DraftChunk.objects.filter(document=row).delete()
    row.status, row.problem = Status.FAILED, problem
    row.save(update_fields=["status", "problem", "chunk_count"])
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
