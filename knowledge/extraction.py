"""The main content of pages, found by a child process that may be killed; it ends with its turn of a look."""

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from django.conf import settings

LONGEST_SECONDS = 15.0  # for one page


class TooMuch(Exception):
    """A page takes more time or memory than a page may."""


@dataclass(frozen=True, slots=True)
class Extract:
    """What a page says: see knowledge.main_content.answer."""

    title: str = ""
    canonical: str = ""
    noindex: bool = False
    nofollow: bool = False
    links: list[str] = field(default_factory=list)
    passages: list[dict[str, Any]] = field(default_factory=list)


class Extractor:
    """Starts its process with the first page. Close it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, body: bytes, *, url: str, charset: str) -> Extract:
        """Raises TooMuch."""
        began = monotonic()
        said = self._ask(body, url, charset)
        if said is None and monotonic() - began < LONGEST_SECONDS:
            said = self._ask(body, url, charset)  # it may have used up its time with the pages before
        if said is None:
            raise TooMuch
        return Extract(**said)

    def _ask(self, body: bytes, url: str, charset: str) -> dict[str, Any] | None:
        """The answer, or None when the process died of it."""
        process = self._running()
        watch = threading.Timer(LONGEST_SECONDS, process.kill)
        watch.start()
        try:
            request = json.dumps({"url": url, "charset": charset, "bytes": len(body)}).encode()
            process.stdin.write(request + b"\n" + body)  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            line = process.stdout.readline()  # type: ignore[union-attr]
        except BrokenPipeError:
            line = b""
        finally:
            watch.cancel()
        if not line.endswith(b"\n"):
            self.close()
            return None
        said: dict[str, Any] = json.loads(line)
        return said

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "knowledge.main_content"],
                cwd=settings.BASE_DIR,
                env={"PATH": "/usr/bin:/bin"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _shut(pipe)


def _shut(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what it had not read yet is of no use to anybody
