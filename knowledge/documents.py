"""Add, replace and remove documents; reading them is the indexer's work."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.text import get_valid_filename

from knowledge import indexing
from knowledge.models import Document
from tenants import live
from tenants.background import enqueue
from tenants.db import connection
from tenants.models import User

LONGEST_TITLE = 200
TITLES_LOCK = 7_260_003


def add(
    *, file: File, name: str, added_by: User | None, now: datetime, title: str = "", origin: str = ""
) -> Document:
    """Keep a file and have it read. The same content again is recognised; the same title again replaces.

    Never raises for what is in the file: that ends in the document's own state.
    """
    content, title = _content(file), title_of(title or name)
    digest = hashlib.sha256(content or b"").hexdigest()
    if content and (same := _same(digest, title)) is not None:
        return same
    new = Document(
        title=title,
        origin=origin,
        file=_store(name, content) if content else "",
        bytes=(file.size or 0) if content is None else len(content),
        sha256=digest,
        added_by=added_by,
        problem=_problem(content),
        created_at=now,
    )
    try:
        return _record(new)
    except Exception:
        _remover(new.file.name)()
        raise


def _same(digest: str, title: str) -> Document | None:
    """The document that already has this content, unless another one is to be replaced by it."""
    same = Document.objects.filter(sha256=digest).exclude(status=Document.Status.FAILED)
    under_this_title = same.filter(title=title).first()
    if under_this_title is not None or Document.objects.filter(title=title).exists():
        return under_this_title  # for a replacement, the indexer copies what the other one has
    return same.order_by("pk").first()


@transaction.atomic
def _record(new: Document) -> Document:
    """One row a title; the old chunks of a replaced document answer until the new ones are there."""
    with connection.cursor() as cursor:
        # Two uploads of one title at once: the second replaces the first.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [new.title, TITLES_LOCK])
    new.status = Document.Status.FAILED if new.problem else Document.Status.WAITING
    old = Document.objects.select_for_update().filter(title=new.title).first()
    if old is not None and new.problem:
        return _refused(old, new.problem)
    if old is not None:
        transaction.on_commit(_remover(old.file.name))
        new.pk, new.created_at = old.pk, old.created_at
        for kept in ("chunk_count", "language", "kind", "converter", "pages", "ready_at"):
            setattr(new, kept, getattr(old, kept))
    new.save(force_insert=old is None)
    if not new.problem:
        enqueue(indexing.index, document_id=new.pk)
    live.publish("document.changed", id=new.pk)
    return new


def _refused(old: Document, problem: str) -> Document:
    """What was to replace this document cannot: say so, and keep the file and the chunks that answer."""
    old.status, old.problem = Document.Status.FAILED, problem
    old.save(update_fields=["status", "problem"])
    live.publish("document.changed", id=old.pk)
    return old


def _problem(content: bytes | None) -> str:
    if content is None:
        return Document.Problem.TOO_LARGE
    return "" if content.strip() else Document.Problem.EMPTY


@transaction.atomic
def remove(document_id: int) -> bool:
    """Forget a document: its chunks, vectors and file. False when there is none."""
    document = Document.objects.select_for_update().filter(pk=document_id).first()
    if document is None:
        return False
    indexing.forget_words(document)
    transaction.on_commit(_remover(document.file.name))
    document.delete()
    indexing.find_middle()
    live.publish("document.removed", id=document_id)
    return True


@transaction.atomic
def try_again(document_id: int) -> Document | None:
    """Have a failed document read once more, because a person asked."""
    failed = Document.objects.select_for_update().filter(pk=document_id, status=Document.Status.FAILED)
    document = failed.exclude(file="").first()
    if document is None:
        return None
    document.status, document.problem, document.attempts = Document.Status.WAITING, "", 0
    document.save(update_fields=["status", "problem", "attempts"])
    enqueue(indexing.index, document_id=document.pk)
    live.publish("document.changed", id=document.pk)
    return document


def title_of(name: str) -> str:
    """The last part of a file's name, without path or control characters."""
    last = PurePath(name.replace("\\", "/")).name
    plain = "".join(c for c in last if c.isprintable()).strip()
    return plain[-LONGEST_TITLE:] or "document"


def _content(file: File) -> bytes | None:
    """The bytes, or None when there are more than this installation takes."""
    if file.size is not None and file.size > settings.DOCUMENT_MAX_BYTES:
        return None
    return bytes(file.read())


def _store(name: str, content: bytes) -> str:
    # The suffix tells the converter what it may be; a name from outside is never part of a path.
    safe = get_valid_filename(f"document{PurePath(name).suffix[:12]}")
    return default_storage.save(
        f"{connection.schema_name}/documents/{uuid.uuid4()}/{safe}", ContentFile(content)
    )


def _remover(name: str | None) -> Callable[[], None]:
    """Delete a stored file, if there is one; for after the commit."""
    return lambda: default_storage.delete(name) if name else None
