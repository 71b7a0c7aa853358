"""The conversion child from outside: start it, hear what it says, end it when it is silent or too slow."""

import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import IO, Any

import structlog
from django.conf import settings
from django.utils.translation import gettext_noop

from knowledge.models import Document

log = structlog.get_logger(__name__)
Problem = Document.Problem
# Who read a document, as the child says it and the pages translate it.
READERS = (
    gettext_noop("docling"),
    gettext_noop("docling, text only"),
    gettext_noop("docling with layout models"),
    gettext_noop("docling and text recognition (OCR)"),
    gettext_noop("text recognition (OCR)"),
    gettext_noop("passages"),
)
SILENCE_SECONDS = 55.0  # without a word
STARVED_CPU_SECONDS = 0.2  # whoever used so much of the silence is at work, on a machine that is busy
START_SECONDS, PAGE_SECONDS = 120.0, 15.0  # all in all, CPU: to begin with, and more for each page
PATIENCE = 10  # times as long by the clock
HEARTBEAT_SECONDS = 20.0
LONGEST_WORD = 2**20
COMMAND = (sys.executable, "-m", "knowledge.convert")
Word = dict[str, Any]


def words(path: Path) -> Generator[Word, None, None]:
    """What the child says of a document, as it says it; the last has `end` or `problem`.

    While it has nothing to say but lives, {"alive": true}. The child is gone when this ends, however it ends.
    """
    with tempfile.TemporaryFile() as errors:
        child = Child.start(path, errors)
        try:
            while True:
                try:
                    word = child.said.get(timeout=HEARTBEAT_SECONDS)
                except Empty:
                    word = {"alive": True}
                yield word
                if "end" in word or "problem" in word:
                    return
        finally:
            child.end()


@dataclass
class Child:
    """The process, and what it has said so far. A thread hears it, so it never waits for who embeds."""

    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    said: SimpleQueue[Word] = field(default_factory=SimpleQueue)
    listener: threading.Thread | None = None
    allowed: float = START_SECONDS
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def start(cls, path: Path, errors: IO[bytes]) -> "Child":
        environment = {"PATH": "/usr/bin:/bin", "DOCLING_ARTIFACTS_PATH": settings.DOCLING_ARTIFACTS_PATH}
        process = subprocess.Popen(
            [*COMMAND, str(path)],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        child = cls(process, errors)
        child.listener = threading.Thread(target=child.listen, name="reading", daemon=True)
        child.listener.start()
        return child

    def listen(self) -> None:
        """Put each word where it is waited for; the last one always comes."""
        try:
            ended = self._hear()
        except (OSError, ValueError) as error:
            log.warning("convert.unheard", error=type(error).__name__)
            ended = False
        if not ended:
            self.process.kill()
            self.said.put({"problem": self._why()})

    def end(self) -> None:
        """Whatever it still does, it does for nobody."""
        self.process.kill()
        self.process.wait()
        if self.listener is not None:
            self.listener.join()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _hear(self) -> bool:
        """Whether it said all that it had to say in time."""
        assert self.process.stdout is not None
        buffer, out = b"", self.process.stdout.fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(out, selectors.EVENT_READ)
            while self._waits_for_word(selector):
                piece = os.read(out, 2**16)
                *lines, buffer = (buffer + piece).split(b"\n")
                for line in lines:
                    if self._take(json.loads(line)):
                        return True
                if not piece or len(buffer) > LONGEST_WORD:
                    return False
        return False

    def _waits_for_word(self, selector: selectors.BaseSelector) -> bool:
        """Until it speaks; False when it hangs, or has had its time.

        A document yields to everything else, so on a busy machine it may be silent for long and still be at
        work: what counts is the CPU that it was given. The kernel ends a step that takes too much of it.
        """
        used = self._cpu()
        while not selector.select(SILENCE_SECONDS):
            now = self._cpu()
            if now - used < STARVED_CPU_SECONDS:
                return False
            used = now
        late = time.monotonic() - self.began > PATIENCE * self.allowed
        return not late and used <= self.allowed

    def _cpu(self) -> float:
        """The seconds of CPU that it has used, where the system tells."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _take(self, word: Word) -> bool:
        if word.get("pages"):
            self.allowed += PAGE_SECONDS * word["pages"]
        self.said.put(word)
        return "end" in word or "problem" in word

    def _why(self) -> str:
        """Why it came to no end: we ended it, the kernel did, or it fell over the document."""
        code = self.process.wait()
        self.errors.seek(0, os.SEEK_END)
        self.errors.seek(max(0, self.errors.tell() - 2000))
        told = self.errors.read()
        log.warning("convert.died", code=code, said=_kind_of(told))
        stopped = code < 0 or b"MemoryError" in told or b"bad_alloc" in told
        return Problem.TOO_MUCH if stopped else Problem.CORRUPT


def _kind_of(told: bytes) -> str:
    """The name of the exception; what stands behind it may be from the document."""
    last = told.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return last.partition(":")[0][:80]
