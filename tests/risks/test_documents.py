"""D1 to D4: documents that are bombs, disks that are full, readers that die, answers from what is gone."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge import counting, documents, indexing, passages, reading, retrieval
from knowledge.models import Chunk, Document, DraftChunk, Lexeme
from knowledge.passages import Passage
from tenants.db import connection
from tests.counterparts.embedder import Embedder
from tests.knowledge import files

WITHIN = 60.0  # seconds, whatever the file is


@pytest.fixture(scope="module")
def _embedder() -> Iterator[Embedder]:
    with Embedder() as embedder:
        yield embedder


@pytest.fixture
def embedder(_embedder: Embedder, settings: Any, tmp_path: Path) -> Embedder:
    """The embedding process's counterpart, as if it had never been asked."""
    settings.EMBEDDING_URL, settings.MEDIA_ROOT = _embedder.url, str(tmp_path / "media")
    _embedder.app.passages.clear()
    _embedder.app.before_answer = None
    return _embedder


def told(*texts: str) -> bytes:
    """A file of these passages, which needs no cutting."""
    return passages.written(Passage(("Casa",), text) for text in texts)


def add(name: str, content: bytes, **more: Any) -> Document:
    return documents.add(file=ContentFile(content), name=name, added_by=None, now=timezone.now(), **more)


def live() -> list[str]:
    return list(Chunk.objects.order_by("document_id", "position").values_list("text", flat=True))


def counted() -> dict[tuple[str, str], int]:
    rows = Lexeme.objects.exclude(chunks=0).values_list("language", "word", "chunks")
    return {(language, word): chunks for language, word, chunks in rows}


def assert_counts_are_right() -> None:
    """The counts of words are those of the passages that are there."""
    kept = counted()
    Lexeme.objects.all().delete()
    counting.count_words(list(Chunk.objects.values_list("pk", flat=True)))
    assert kept == counted()


def many_pages(count: int) -> bytes:
    """A PDF whose tree of pages names one page very often."""
    kids = b"3 0 R " * count
    return _pdf(
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count %d /Kids [%s] >>" % (count, kids)]
    )


def looping() -> bytes:
    """A PDF whose tree of pages comes back to itself."""
    return _pdf(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 9 /Kids [2 0 R 2 0 R] /Parent 2 0 R >>",
        ]
    )


def _pdf(objects: list[bytes]) -> bytes:
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>"
    return files._assembled([*objects, page], locked=False)


def huge_picture(side: int) -> bytes:
    """A PNG that says that it is this wide and high."""
    import struct
    import zlib

    def part(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", rows) + part(b"IEND", b"")


def with_member(name: str, content: bytes = b"x", *, base: bytes = b"") -> bytes:
    held = io.BytesIO(base or files.docx(("", "Olá.")))
    with zipfile.ZipFile(held, "a") as archive:
        archive.writestr(name, content)
    return held.getvalue()


def laughs() -> bytes:
    """A DOCX whose text is a word that is ten words that are ten words."""
    names = [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)]
    xml = f'<!DOCTYPE w [<!ENTITY l0 "ha">{"".join(names)}]><w:p>&l9;</w:p>'
    return files._zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": xml.encode()})


HOSTILE: dict[str, tuple[Callable[[], bytes], set[str]]] = {
    "ten-thousand-pages.pdf": (lambda: many_pages(10_000), {"too_large"}),
    "loop.pdf": (looping, {"corrupt", "too_large", "too_much"}),
    "zip-bomb.docx": (files.bomb, {"too_much"}),
    "billion-laughs.docx": (laughs, {"corrupt", "too_much"}),
    "thirty-thousand-square.png": (lambda: huge_picture(30_000), {"too_much"}),
    "password.pdf": (lambda: files.pdf([[(60, 700, 12, "segredo")]], locked=True), {"encrypted"}),
    "password.docx": (files.locked_office, {"encrypted"}),
    "nothing.pdf": (lambda: b"", {"empty"}),
    "macro.docx": (lambda: with_member("word/vbaProject.bin"), {"macro"}),
    "macro.zip": (lambda: files._zipped({"a/vbaProject.bin": b"x"}), {"macro"}),
    "pdf-and-zip.pdf": (lambda: files.price_list() + files.docx(("", "Olá.")), {"polyglot"}),
    "picture-and-zip.png": (lambda: huge_picture(10) + files._zipped({"a.txt": b"x"}), {"polyglot"}),
    "page-in-pdf.pdf": (
        lambda: b"%PDF-1.4\n<html><script>1</script>\n" + files.price_list()[9:],
        {"polyglot"},
    ),
    "late-pdf.txt": (lambda: b"Texto.\n" * 400 + files.price_list(), {"polyglot"}),
    "program.pdf": (lambda: b"MZ" + bytes(300), {"unknown"}),
}


class TestD1:
    """Whatever a file does, it ends within a minute in a state that says why."""

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_bomb_ends_in_a_plain_state(self, name: str, tmp_path: Path) -> None:
        made, problems = HOSTILE[name]
        path = tmp_path / f"document{Path(name).suffix}"
        path.write_bytes(made())
        began = time.monotonic()
        *_before, last = reading.words(path)
        assert last["problem"] in problems
        assert last["problem"] in Document.Problem.values
        assert time.monotonic() - began < WITHIN

    def test_a_converter_that_hangs_is_killed_and_others_are_read_meanwhile(
        self, alpha: Any, embedder: Embedder, background: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """The real door and the real child, but for one file at which it sleeps for ever."""
        assert reading.SILENCE_SECONDS < WITHIN
        monkeypatch.setattr(reading, "SILENCE_SECONDS", 2.0)
        asleep = (
            sys.executable,
            "-c",
            "import sys, time; print('{\"page\": 1}', flush=True); time.sleep(600)",
        )
        with (tmp_path / "errors").open("w+b") as errors, pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading, "COMMAND", asleep)
            hanging = reading.Child.start(tmp_path / "x", errors)
            patch.undo()
            with schema_context(alpha.schema_name):
                add("a.passages", told("Abrimos às oito."))
                monkeypatch.setattr(reading, "SILENCE_SECONDS", 30.0)
                background.run()
                assert Document.objects.get().status == "ready"
            hanging.end()
        with schema_context(alpha.schema_name):
            monkeypatch.setattr(reading, "SILENCE_SECONDS", 1.0)
            monkeypatch.setattr(reading, "COMMAND", asleep)
            add("b.passages", told("Fechamos às nove."))
            background.run()
            hung = Document.objects.get(title="b.passages")
            assert (hung.status, hung.problem, live()) == ("failed", "too_much", ["Abrimos às oito."])

    def test_one_that_eats_cpu_or_memory_is_ended_by_its_own_limits(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        greedy = {
            "cpu": "convert.STEP_CPU_SECONDS = 1; convert._limit()\nwhile True: pass",
            "memory": "convert.MEMORY_BYTES = 2**28; convert._limit()\nx = [bytes(2**20)] + [bytes(2**30)]",
        }
        for body in greedy.values():
            code = f"import sys; sys.argv = ['c']\nfrom knowledge import convert\n{body}"
            monkeypatch.setattr(reading, "COMMAND", (sys.executable, "-c", code))
            assert list(reading.words(tmp_path / "x")) == [{"problem": "too_much"}]


class FullDisk(FileSystemStorage):
    """A disk on which there is room for half of a file, while `full` says so."""

    full = True

    def _save(self, name: str, content: Any) -> str:
        if not self.full:
            return super()._save(name, content)
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        body = content.read()
        path.write_bytes(body[: len(body) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")


class TestD2:
    """A full disk is said, nothing half is left, and it works again when there is room."""

    @pytest.fixture
    def disk(self, settings: Any, embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> type[FullDisk]:
        default = {"BACKEND": "tests.risks.test_documents.FullDisk"}
        settings.STORAGES = {**settings.STORAGES, "default": default}
        monkeypatch.setattr(FullDisk, "full", True)
        return FullDisk

    @staticmethod
    def kept(settings: Any) -> list[Path]:
        return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]

    def test_the_page_says_it_and_takes_the_file_later(
        self, alpha: Any, client_for: Any, member_of: Any, disk: Any, settings: Any, background: Any
    ) -> None:
        browser = client_for(alpha, member_of(alpha))

        def upload() -> Any:
            file = SimpleUploadedFile("casa.passages", told("Abrimos às oito."))
            return browser.post("/assistant/documents/upload", {"files": [file]})

        answer = upload()
        assert (answer.status_code, "no room" in answer.content.decode()) == (507, True)
        assert self.kept(settings) == []
        with schema_context(alpha.schema_name):
            assert not Document.objects.exists() and background.names() == []
            disk.full = False
            assert upload().status_code == 302
            background.run()
            assert Document.objects.get().status == "ready" and len(self.kept(settings)) == 1

    def test_a_program_is_told_and_what_answers_goes_on(
        self, alpha: Any, client_for: Any, disk: Any, settings: Any, background: Any
    ) -> None:
        from tenants.models import ApiKey

        _key, secret = ApiKey.issue(tenant=alpha, name="test", scopes=None)
        program = client_for(alpha, Authorization=f"Bearer {secret}")
        with schema_context(alpha.schema_name):
            disk.full = False
            add("casa.passages", told("Abrimos às oito."))
            background.run()
            disk.full = True
        file = SimpleUploadedFile("casa.passages", told("Abrimos às nove."))
        answer = program.post("/api/v1/knowledge/documents", {"file": file})
        assert (answer.status_code, answer.json()["title"]) == (507, "Insufficient Storage")
        with schema_context(alpha.schema_name):
            assert (Document.objects.get().status, live()) == ("ready", ["Abrimos às oito."])
        assert len(self.kept(settings)) == 1

    def test_no_room_to_receive_it_is_said_too(
        self, alpha: Any, client_for: Any, member_of: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A large file is received on disk, before any view sees it."""
        from django.core.files.uploadhandler import TemporaryFileUploadHandler

        def full(*_: Any) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(TemporaryFileUploadHandler, "receive_data_chunk", full)
        browser = client_for(alpha, member_of(alpha))
        browser.raise_request_exception = False
        files = {"files": SimpleUploadedFile("casa.txt", b"a" * 3 * 2**20)}
        answer = browser.post("/assistant/documents/upload", files)
        assert (answer.status_code, "no room" in answer.content.decode()) == (507, True)


# -- D3

# (where the reader dies, what is there then)
POINTS = [
    ("knowledge.indexing:_claim:after", "claimed"),
    ("knowledge.indexing:_begin:after", "the converter is at work"),
    ("knowledge.indexing:_store:after", "some is embedded"),
    ("knowledge.indexing:_finish:before", "all is embedded, nothing of it answers"),
    ("knowledge.drafts:promote:after", "in the swap, before its commit"),
    ("knowledge.indexing:_close:after", "swapped, and the reader never came to its end"),
]


@pytest.fixture
def kill(transactional_db: None, embedder: Embedder, settings: Any) -> Iterator[Callable[[str, int], None]]:
    """`kill(point, document_id)`: a process reads the document, and dies there."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.risks.victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert victim.stdin and victim.stdout and victim.stdout.readline() == b"ready\n"
    mine = {"EMBEDDING_URL": settings.EMBEDDING_URL, "MEDIA_ROOT": settings.MEDIA_ROOT}

    def order(point: str, document_id: int) -> None:
        ids = {"document_id": document_id}
        told = {"step": "index", "point": point, "schema": "alpha", "settings": mine, "ids": ids}
        victim.stdin.write(json.dumps(told).encode() + b"\n")  # type: ignore[union-attr]
        victim.stdin.flush()  # type: ignore[union-attr]
        assert int(victim.stdout.readline()) == signal.SIGKILL, point  # type: ignore[union-attr]

    yield order
    victim.stdin.close()
    assert victim.wait(timeout=20) == 0


def go_on(background: Any) -> None:
    """Minutes pass, and the sweep goes its round."""
    past = timezone.now() - 2 * indexing.STUCK
    Document.objects.filter(status="reading").update(claimed_at=past)
    background.run_one(indexing.sweep)
    connection.set_schema("alpha")
    background.run()


def version(number: int, *, size: int = 20) -> list[str]:
    """Passages of which half are the same in every version, and half are this one's own."""
    common = [f"Regra {n}: silêncio depois das dez." for n in range(size // 2)]
    return common + [f"Preço {chr(97 + n)} da edição {number}." for n in range(size - len(common))]


class TestD3:
    """A reader that is killed: the old version answers, and the next reader goes on where it was."""

    def test_a_replacement(self, kill: Any, embedder: Embedder, background: Any) -> None:
        connection.set_schema("alpha")
        document = add("casa.passages", told(*version(0)))
        background.run()
        for number, (point, what) in enumerate(POINTS, start=1):
            add("casa.passages", told(*version(number)))
            background.commit()
            background.sent.clear()
            kill(point, document.pk)
            at_once = version(number if point.endswith("_close:after") else number - 1)
            assert live() == at_once, what
            go_on(background)
            assert live() == version(number), what
            row = Document.objects.get()
            assert (row.status, row.chunk_count, row.earlier) == ("ready", 20, {}), what
            assert not DraftChunk.objects.exists(), what
        assert embedder.app.most_often == 1
        assert len(set(embedder.app.passages)) == 10 + 10 * (len(POINTS) + 1)
        assert_counts_are_right()
        files_kept = [path for path in Path(documents.settings.MEDIA_ROOT).rglob("*") if path.is_file()]
        assert len(files_kept) == 1

    def test_a_new_document_goes_on_where_it_was(
        self, kill: Any, embedder: Embedder, background: Any
    ) -> None:
        connection.set_schema("alpha")
        document = add("casa.passages", told(*version(1)))
        background.commit()
        background.sent.clear()
        kill("knowledge.indexing:_store:after", document.pk)
        assert live() == version(1)[:8]
        go_on(background)
        assert (live(), embedder.app.most_often) == (version(1), 1)
        assert_counts_are_right()


class TestD4:
    """From the commit on, no search finds what was replaced or deleted; and never half of two versions."""

    def test_while_questions_come(self, transactional_db: None, embedder: Embedder, background: Any) -> None:
        connection.set_schema("alpha")
        document = add("casa.passages", told(*version(0)))
        background.run()
        asked: list[tuple[float, set[str]]] = []
        stop = threading.Event()
        asker = threading.Thread(target=_ask, args=(asked, stop))
        asker.start()
        try:
            committed = []
            for number in (1, 2):
                add("casa.passages", told(*version(number)))
                background.run()
                committed.append((time.monotonic(), number - 1))
                _until(lambda: bool(asked and asked[-1][0] > committed[-1][0]))
            documents.remove(document.pk)
            background.commit()
            committed.append((time.monotonic(), 2))
            _until(lambda: bool(asked and asked[-1][0] > committed[-1][0]))
        finally:
            stop.set()
            asker.join()
        assert {frozenset(found) for _at, found in asked} >= {frozenset({"0"}), frozenset()}
        for at, found in asked:
            assert len(found) <= 1
            gone = {str(number) for moment, number in committed if at > moment}
            assert not found & gone


def _ask(asked: list[tuple[float, set[str]]], stop: threading.Event) -> None:
    """Ask for prices again and again; which editions each answer's passages are of, and when it was asked."""
    try:
        while not stop.is_set():
            with schema_context("alpha"):
                began = time.monotonic()
                found = retrieval.search(question="Preço da edição", limit=8).passages
                texts = " ".join(one.text for one in found if "edição" in one.text)
            asked.append((began, {word.strip(".") for word in texts.split() if word.strip(".").isdigit()}))
    finally:
        connection.close()


def _until(done: Callable[[], bool], *, within: timedelta = timedelta(seconds=20)) -> None:
    deadline = time.monotonic() + within.total_seconds()
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
