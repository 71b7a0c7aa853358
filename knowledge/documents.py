"""Add, replace and remove documents; reading them is the indexer's work."""

import hashlib
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import PurePath

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.utils.text import get_valid_filename

from knowledge import indexing
from knowledge.models import Document
from tenants import live
from tenants.background import enqueue
from tenants.models import User

LONGEST_TITLE = 200


def add(*, file: File, name: str, added_by: User | None, now: datetime) -> Document:  # type: ignore[type-arg]
    """Keep a file and have it read. The same content again is recognised; the same name again replaces.

    Never raises for what is in the file: that ends in the document's own state.
    """
    title = title_of(name)
    content = _content(file)
    digest = hashlib.sha256(content or b"").hexdigest()
    same = Document.objects.filter(sha256=digest).exclude(status=Document.Status.FAILED).first()
    if content and same is not None:
        return same
    stored = _store(title, content) if content else ""
    size = file.size if content is None else len(content)
    return _record(
        title=title, stored=stored, size=size or 0, digest=digest, content=content, user=added_by, now=now
    )


@transaction.atomic
def _record(
    *,
    title: str,
    stored: str,
    size: int,
    digest: str,
    content: bytes | None,
    user: User | None,
    now: datetime,
) -> Document:
    """One row a title; the old chunks of a replaced document answer until the new ones are there."""
    document, is_new = Document.objects.select_for_update().get_or_create(
        title=title,
        defaults={"bytes": size, "sha256": digest, "file": stored, "added_by": user, "created_at": now},
    )
    if not is_new:
        transaction.on_commit(_remover(document.file.name))
    document.file, document.bytes, document.sha256, document.added_by = stored, size, digest, user
    document.status, document.problem = Document.Status.WAITING, _problem(content)
    document.attempts, document.claimed_at, document.chunks_done, document.chunks_total = 0, None, 0, 0
    if document.problem:
        document.status = Document.Status.FAILED
    document.save()
    if not document.problem:
        enqueue(indexing.index, document_id=document.pk)
    live.publish("document.changed", id=document.pk)
    return document


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
    live.publish("document.removed", id=document_id)
    return True


@transaction.atomic
def try_again(document_id: int) -> Document | None:
    """Have a document read once more, because a person asked."""
    document = (
        Document.objects.select_for_update().filter(pk=document_id, status=Document.Status.FAILED).first()
    )
    if document is None or not document.file:
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


def _content(file: File) -> bytes | None:  # type: ignore[type-arg]
    """The bytes, or None when there are more than this installation takes."""
    if file.size is not None and file.size > settings.DOCUMENT_MAX_BYTES:
        return None
    return bytes(file.read())


def _store(title: str, content: bytes) -> str:
    # The suffix tells the converter what it may be; the title itself is kept in the row, never in a path.
    safe = get_valid_filename(f"document{PurePath(title).suffix[:12]}")
    return default_storage.save(
        f"{connection.schema_name}/documents/{uuid.uuid4()}/{safe}", ContentFile(content)
    )


def _remover(name: str) -> Callable[[], None]:
    """Delete a stored file, if there is one; for after the commit."""
    return lambda: default_storage.delete(name) if name else None
