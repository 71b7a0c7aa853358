"""Add, replace, remove documents, and settle what waits for a person; reading is the indexer's work."""

import errno
import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePath
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import OperationalError, transaction
from django.utils import timezone
from django.utils.text import get_valid_filename
from django.utils.translation import gettext_lazy as _

from knowledge import counting, drafts, embeddings, indexing, pictures
from knowledge.models import Chunk, Document, DraftChunk, Source
from knowledge.reaching import Reach
from tenants import live
from tenants.background import enqueue
from tenants.db import connection
from tenants.models import User

LONGEST_TITLE = 200
TITLES_LOCK = 7_260_003
FULL = (errno.ENOSPC, errno.EDQUOT)
NO_ROOM = _("There is no room left to store it. Nothing was changed; try again later.")
DISK_FULL = "53100"  # as PostgreSQL says it
Status, Problem = Document.Status, Document.Problem
ANSWERING = ("waiting", "reading", "ready", "review")
KEPT = ("chunk_count", "language", "kind", "converter", "pages", "ready_at", "credits", "earlier")
OF_A_VERSION = ("title", "sha256", "bytes", "kind", "converter", "pages", "fetched", "form")


class StorageFull(Exception):
    """The file could not be stored for want of room. Nothing of it was kept."""


def add(
    *,
    file: File,
    name: str,
    added_by: User | None,
    now: datetime,
    title: str = "",
    origin: str = "",
    source: Source | None = None,
    key: str = "",
    form: str = Document.Form.FILE,
    reach: Reach | None = None,
    reviews: bool = False,
    fetched: Mapping[str, Any] | None = None,
) -> Document:
    """Keep a file and have it read. The same content again is recognised; the same title again replaces.

    What comes from a source replaces what had the same key there. With `reviews`, a person is asked before
    answers change. Never raises for what is in the file: that ends in the document's own state. Raises
    StorageFull.
    """
    content = _content(file)
    new = Document(
        source=source,
        key=key,
        form=form,
        title=_plain(title) or title_of(name),
        origin=origin,
        bytes=(file.size or 0) if content is None else len(content),
        sha256=hashlib.sha256(content or b"").hexdigest(),
        added_by=added_by,
        problem=_problem(content),
        reviews=reviews,
        fetched=dict(fetched or {}),
        created_at=now,
    )
    if reach is not None:
        new.audience, new.agent_ids = reach.audience, list(reach.agent_ids)
    if content and (same := _same(new)) is not None:
        return _seen_again(same, new, told_reach=reach is not None)
    with _room_or_nothing() as stored:
        if content:
            stored.append(_path(name))
            new.file = _store(stored[0], content)
        return _record(new, keeps_reach=reach is None)


def _mine(document: Document) -> Any:
    """The row that a document replaces, if there is one: of the same key in its source, or title."""
    if document.source_id:
        return Document.objects.filter(source_id=document.source_id, key=document.key)
    return Document.objects.filter(source=None, title=document.title)


def _same(new: Document) -> Document | None:
    """The document that already has this content, unless another one is to be replaced by it."""
    here = _mine(new).first()
    if here is not None:
        return here if here.sha256 == new.sha256 and here.status in ANSWERING else None
    if new.source_id or new.form != Document.Form.FILE:
        return None  # pages of a site may say the same; the indexer copies what another one has
    same = Document.objects.filter(source=None, sha256=new.sha256, form=new.form, status__in=ANSWERING)
    return same.order_by("pk").first()


def _seen_again(same: Document, new: Document, *, told_reach: bool) -> Document:
    """Nothing to read; what was said beside the content holds."""
    same.fetched = new.fetched or same.fetched
    changed = ["fetched"]
    if new.source_id:
        same.title, changed = new.title, [*changed, "title"]
    same.save(update_fields=changed)
    if told_reach and (same.audience, same.agent_ids) != (new.audience, new.agent_ids):
        _set_reach(same, new)
    return same


def _set_reach(same: Document, new: Document) -> None:
    fields = {"audience": new.audience, "agent_ids": new.agent_ids}
    Document.objects.filter(pk=same.pk).update(**fields)
    same.chunks.update(**fields)
    DraftChunk.objects.filter(document=same).update(**fields)
    same.audience, same.agent_ids = new.audience, new.agent_ids


@transaction.atomic
def _record(new: Document, *, keeps_reach: bool) -> Document:
    """One row a title; the old passages of a replaced document answer until the new ones are there."""
    with connection.cursor() as cursor:
        # Two uploads of one title at once: the second replaces the first.
        identity = f"{new.source_id}:{new.key}" if new.source_id else new.title
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [identity, TITLES_LOCK])
    new.status = Status.FAILED if new.problem else Status.WAITING
    old = _mine(new).select_for_update().first()
    if old is not None and new.problem:
        return _refused(old, new.problem)
    if old is not None:
        _take_place(new, old, keeps_reach=keeps_reach)
    new.save(force_insert=old is None)
    if not new.problem:
        enqueue(indexing.index, document_id=new.pk)
    live.publish("document.changed", id=new.pk)
    return new


def _take_place(new: Document, old: Document, *, keeps_reach: bool) -> None:
    """The new version in the old one's row. What answers keeps its file until the new version answers."""
    new.pk, new.created_at = old.pk, old.created_at
    for kept in KEPT:
        setattr(new, kept, getattr(old, kept))
    if keeps_reach:
        new.audience, new.agent_ids = old.audience, old.agent_ids
    if old.ready_at is None:
        drafts.withdraw(old, keep=True)  # it never was whole; and nothing of it is embedded twice
        new.chunk_count = 0
    if old.ready_at is not None and not old.earlier:
        told = {name: getattr(old, name) for name in OF_A_VERSION}
        new.earlier = {**told, "file": old.file.name or ""}
    else:
        transaction.on_commit(_remover(old.file.name))


def _refused(old: Document, problem: str) -> Document:
    """What was to replace this document cannot: say so, and keep the file and the passages that answer."""
    old.status, old.problem = Status.FAILED, problem
    old.save(update_fields=["status", "problem"])
    live.publish("document.changed", id=old.pk)
    return old


def _problem(content: bytes | None) -> str:
    if content is None:
        return Problem.TOO_LARGE
    return "" if content.strip() else Problem.EMPTY


# -- what waits for a person


@transaction.atomic
def accept(document_id: int, now: datetime | None = None) -> bool:
    """Put what was read live, in one commit. False when nothing waits for it."""
    models = set(DraftChunk.objects.filter(document=document_id).values_list("embedding_model", flat=True))
    current = _guarded(models)
    document = _waiting_for_word(document_id)
    if document is None:
        return False
    if current:
        document.status = Status.READY
        indexing.promote(document, now=now or timezone.now())
    else:
        document.status, document.reviews = Status.WAITING, False  # embedded anew, and then live
        enqueue(indexing.index, document_id=document.pk)
    document.save()
    live.publish("document.changed", id=document.pk)
    return True


def _guarded(models: set[str]) -> bool:
    """Whether the vectors are still those that are searched, until the transaction ends."""
    try:
        for model in models:
            embeddings.guard(model)
    except embeddings.Changed:
        return False
    return bool(models)


@transaction.atomic
def discard(document_id: int) -> bool:
    """Forget what was read; what answered before goes on, and its file is back. False when nothing waits."""
    document = _waiting_for_word(document_id)
    if document is None:
        return False
    if document.ready_at is None:
        return remove(document_id)
    DraftChunk.objects.filter(document=document).delete()
    transaction.on_commit(_remover(document.file.name))
    for name in OF_A_VERSION:
        setattr(document, name, document.earlier.get(name, getattr(document, name)))
    document.file, document.earlier = document.earlier.get("file", ""), {}
    document.status, document.problem = Status.READY, ""
    document.save()
    live.publish("document.changed", id=document.pk)
    return True


def _waiting_for_word(document_id: int) -> Document | None:
    return Document.objects.select_for_update().filter(pk=document_id, status=Status.REVIEW).first()


# -- the end of a document


@transaction.atomic
def retire(document_id: int, now: datetime) -> bool:
    """What it came from is not there any more: it answers nothing, but stays listed. False: no such one."""
    document = Document.objects.select_for_update().filter(pk=document_id).first()
    if document is None:
        return False
    drafts.withdraw(document, keep=False)
    _forget_files(document)
    document.file, document.earlier, document.ready_at = "", {}, None
    document.status, document.problem, document.chunk_count = Status.RETIRED, "", 0
    document.refreshed_at = now
    document.save()
    live.publish("document.changed", id=document.pk)
    return True


@transaction.atomic
def remove(document_id: int) -> bool:
    """Forget a document: its passages, vectors and files. False when there is none."""
    document = Document.objects.select_for_update().filter(pk=document_id).first()
    if document is None:
        return False
    counting.forget_words(document)
    _forget_files(document)
    document.delete()
    counting.find_middle()
    live.publish("document.removed", id=document_id)
    return True


@transaction.atomic
def remove_of(source_id: int) -> None:
    """Forget everything that came from a source, at once: one by one a large site would take minutes."""
    found = list(Document.objects.select_for_update().filter(source_id=source_id).order_by("pk"))
    counting.count_words(list(Chunk.objects.filter(document__in=found).values_list("pk", flat=True)), sign=-1)
    for document in found:
        _forget_files(document)
        live.publish("document.removed", id=document.pk)
    Document.objects.filter(pk__in=[document.pk for document in found]).delete()
    counting.find_middle()


def _forget_files(document: Document) -> None:
    """When the transaction commits."""
    for name in {document.file.name, document.earlier.get("file", "")}:
        transaction.on_commit(_remover(name))
    transaction.on_commit(pictures.forgetter(document.pk))


@transaction.atomic
def try_again(document_id: int) -> Document | None:
    """Have a failed document read once more, because a person asked."""
    failed = Document.objects.select_for_update().filter(pk=document_id, status=Status.FAILED)
    document = failed.exclude(file="").first()
    if document is None:
        return None
    document.status, document.problem, document.attempts = Status.WAITING, "", 0
    document.save(update_fields=["status", "problem", "attempts"])
    enqueue(indexing.index, document_id=document.pk)
    live.publish("document.changed", id=document.pk)
    return document


def _plain(title: str) -> str:
    """A title on one line, without control characters; a slash in it is no path."""
    shown = "".join(letter if letter.isprintable() else " " for letter in title)
    return " ".join(shown.split())[:LONGEST_TITLE]


def title_of(name: str) -> str:
    """The last part of a file's name, without path or control characters."""
    last = PurePath(name.replace("\\", "/")).name
    plain = "".join(c for c in last if c.isprintable()).strip()
    return plain[-LONGEST_TITLE:] or "document"


# -- storing


def _content(file: File) -> bytes | None:
    """The bytes, or None when there are more than this installation takes."""
    if file.size is not None and file.size > settings.DOCUMENT_MAX_BYTES:
        return None
    return bytes(file.read())


@contextmanager
def _room_or_nothing() -> Iterator[list[str]]:
    """Files stored inside are gone again when anything fails; a full disk becomes StorageFull."""
    stored: list[str] = []
    try:
        yield stored
    except Exception as error:
        for name in stored:
            _remover(name)()
        if is_full(error):
            raise StorageFull from error
        raise


def is_full(error: BaseException) -> bool:
    """Whether a disk had no room left, the files' or the database's."""
    if isinstance(error, OperationalError):
        return getattr(error.__cause__, "sqlstate", "") == DISK_FULL
    return isinstance(error, OSError) and error.errno in FULL


def _path(name: str) -> str:
    # The suffix tells the converter what it may be; a name from outside is never part of a path.
    safe = get_valid_filename(f"document{PurePath(name).suffix[:12]}")
    return f"{connection.schema_name}/documents/{uuid.uuid4()}/{safe}"


def _store(path: str, content: bytes) -> str:
    return default_storage.save(path, ContentFile(content))


def _remover(name: str | None) -> Callable[[], None]:
    """Delete a stored file, if there is one; for after the commit."""
    return lambda: default_storage.delete(name) if name else None
