"""A throw-away business that has read some documents: a folder's, or one text for each gold passage."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bench import measure, scratch

ROOT = Path(__file__).resolve().parents[2]
HOMES = {"clinic": ROOT / "agents" / "demo" / "documents"}
CREDITS = 10_000_000
LANGUAGES = {"pt": "pt-br", "en": "en", "es": "es", "fr": "fr"}


class NotRead(RuntimeError):
    """A document that the product could not read."""


def home(business: str) -> Path | None:
    """The folder of a demo business's documents, or None when there is none of that name."""
    folder = HOMES.get(business) or ROOT / "bench" / "businesses" / business
    return folder if business.isidentifier() and folder.is_dir() else None


def business(slug: str, *, language: str) -> str:
    """The schema of a new business that speaks this language and has credits."""
    from django.db import transaction
    from django.utils import timezone
    from django_tenants.utils import schema_context

    from billing import credits
    from tenants.models import Tenant

    schema = scratch.business(slug)
    Tenant.objects.filter(schema_name=schema).update(language=LANGUAGES.get(language, "en"))
    with schema_context(schema), transaction.atomic():
        credits.grant(amount=CREDITS, reason="bench", key="bench", actor=None, now=timezone.now())
    return schema


def read_folder(folder: Path) -> None:
    """Read every file below the folder as an upload is read, conversion child and all; raises NotRead."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name[0] != ".")
    for path in files:
        measure.progress(f"reading {path.name}")
        _read_or_say(str(path.relative_to(folder)).replace("/", " "), path.read_bytes())
    _check()


def read_texts(texts: Sequence[str]) -> None:
    """Read each text as a document of its own; the converter stays at hand, for its start takes seconds."""
    with converter_at_hand():
        for number, text in enumerate(texts, start=1):
            if number % 50 == 0:
                measure.progress(f"reading text {number} of {len(texts)}")
            _read_or_say(f"text-{number:05}.txt", text.encode("utf-8", "replace"))
    _check()


def _read_or_say(name: str, content: bytes) -> None:
    """A document that cannot be read is told, and the others are."""
    try:
        read(name, content)
    except NotRead as problem:
        measure.progress(f"not read: {problem}")


def _check() -> None:
    from knowledge.models import Chunk

    if not Chunk.objects.exists():
        raise NotRead("There is no passage in any of the documents.")


def read(name: str, content: bytes) -> Any:
    """One document, added and indexed at once; the row. Raises NotRead."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.utils import timezone

    from knowledge import documents, indexing
    from knowledge.models import Document

    with mock.patch("knowledge.documents.enqueue"):
        added = documents.add(
            file=SimpleUploadedFile(name, content), name=name, added_by=None, now=timezone.now()
        )
    indexing.index.run(document_id=added.pk)
    document = Document.objects.get(pk=added.pk)
    if document.status != Document.Status.READY:
        raise NotRead(f"{name}: {document.status} {document.get_problem_display()}")
    return document


@contextmanager
def converter_at_hand() -> Iterator[None]:
    """Convert in this process, by the same code that the child runs."""
    from knowledge import convert
    from knowledge.sniffing import Unreadable

    def words(path: Path) -> Iterator[dict[str, Any]]:
        try:
            yield from convert.words(path)
        except Unreadable as problem:
            yield {"problem": str(problem)}

    logging.getLogger("docling").setLevel(logging.WARNING)  # it tells each document, as the child's does
    with mock.patch("knowledge.reading.words", words):
        yield
