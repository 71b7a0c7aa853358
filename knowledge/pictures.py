"""Pages of documents as pictures: drawn once in a process that may be killed, kept in the business's storage.

Whoever opens a page waits for it to be drawn, so it is bounded: in time, in memory, in how many are drawn at
once and in how many a business has drawn in a minute.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from knowledge.models import Chunk, Document
from knowledge.picture import NO_SUCH_PAGE
from tenants.db import connection

log = structlog.get_logger(__name__)
DRAWN = frozenset({"pdf", "image", "png", "jpg", "jpeg", "gif", "webp", "bmp", "tiff", "tif"})
KILL_SECONDS = 25
LARGEST = 8 * 2**20  # bytes of a drawn page
A_MINUTE = 90  # pages that a business may have drawn; those that are kept cost nothing
AT_ONCE = threading.BoundedSemaphore(2)  # a process
WAIT_SECONDS = 10.0
VERSION = 1  # of how pages are drawn: another one draws them anew
FOUND_SECONDS = 24 * 3600


class NoPicture(Exception):
    """There is no such page, or it cannot be drawn."""


class Busy(Exception):
    """Too many pages are being drawn; try again in a few seconds."""


@dataclass(frozen=True, slots=True)
class Answering:
    """The file that a document's passages are from: while a new version is read, the one before."""

    file: str
    sha256: str
    kind: str
    pages: int  # that can be shown as pictures; 0 where there are none


def answering(document: Document) -> Answering:
    """Which file that is at this moment."""
    told = document.earlier or {}
    file = told.get("file") or document.file.name or ""
    kind = told.get("kind") or document.kind
    pages = max(told.get("pages") or document.pages or 1, 1) if file and kind in DRAWN else 0
    return Answering(file, told.get("sha256") or document.sha256, kind, pages)


def page(document: Document, number: int) -> bytes:
    """A page as WebP, counted from 1; raises NoPicture or Busy."""
    of = answering(document)
    if not 1 <= number <= of.pages:
        raise NoPicture
    name = f"{_folder(document.pk)}/{of.sha256[:16]}-{number}-{VERSION}.webp"
    try:
        with default_storage.open(name) as kept:
            return bytes(kept.read())
    except FileNotFoundError:
        drawn = _in_child(of, number)
    if not default_storage.exists(name):  # else somebody else drew it meanwhile
        default_storage.save(name, ContentFile(drawn))
    return drawn


def boxes(document: Document, chunk: Chunk) -> list[list[float]]:
    """Where a passage stands: [page, left, top, right, bottom], shares of the page from its upper left.

    As it was read; else found by its words, once, and remembered. Empty where it cannot be told.
    """
    of = answering(document)
    if chunk.boxes or of.kind != "pdf" or not chunk.page:
        return list(chunk.boxes)
    key = f"passage-boxes:{chunk.pk}:{of.sha256[:16]}"
    found = cache.get(key)
    if found is None:
        try:
            found = [[chunk.page, *box] for box in _find(of, chunk)]
        except (NoPicture, Busy):
            return []
        cache.set(key, found, FOUND_SECONDS)
    return list(found)


def forgetter(document_id: int) -> Callable[[], None]:
    """Remove the pictures of a document; for after the commit."""
    folder = _folder(document_id)  # read now: at commit we may be elsewhere
    return lambda: _forget(folder)


def _forget(folder: str) -> None:
    try:
        names = default_storage.listdir(folder)[1]
    except FileNotFoundError:
        return  # nobody has looked at a page
    for name in names:
        default_storage.delete(f"{folder}/{name}")


def _folder(document_id: int) -> str:
    return f"{connection.schema_name}/pages/{document_id}"


def _find(of: Answering, chunk: Chunk) -> list[list[float]]:
    text = chunk.original if chunk.edited else chunk.text
    said: list[list[float]] = json.loads(_in_child(of, chunk.page or 1, "--find", text=text))
    return said


def _in_child(of: Answering, number: int, *options: str, text: str = "") -> bytes:
    """What the child made of a page; raises NoPicture or Busy."""
    _count()
    if not AT_ONCE.acquire(timeout=WAIT_SECONDS):
        raise Busy
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = _copied(of, Path(folder))
            return _run([str(path), of.kind, str(number), *options], text.encode())
    finally:
        AT_ONCE.release()


def _count() -> None:
    """One more page is drawn for this business; raises Busy above the bound."""
    key = "pages-drawn"
    cache.add(key, 0, 60)
    try:
        count = cache.incr(key)
    except ValueError:
        return  # the minute ended between the two, or the cache is away
    if count > A_MINUTE:
        raise Busy


def _copied(of: Answering, folder: Path) -> Path:
    path = folder / "document"
    try:
        with default_storage.open(of.file) as source, path.open("wb") as copy:
            for piece in source.chunks():
                copy.write(piece)
    except FileNotFoundError:
        raise NoPicture from None  # replaced a moment ago
    return path


def _run(arguments: list[str], said: bytes) -> bytes:
    command: list[Any] = [sys.executable, "-m", "knowledge.picture", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=settings.BASE_DIR,
            env={"PATH": "/usr/bin:/bin"},
            input=said,
            capture_output=True,
            timeout=KILL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NoPicture from None
    if done.returncode != 0 or not 0 < len(done.stdout) <= LARGEST:
        if done.returncode != NO_SUCH_PAGE:
            log.warning("picture.died", code=done.returncode)
        raise NoPicture
    return done.stdout
