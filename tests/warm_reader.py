"""The product's converter, kept warm: each document is read by a fork that has its packages loaded already.

The child that the product starts for a document takes seconds of CPU to begin; a test that is about what
stands in a document, and not about the child, need not wait for that. `python -m tests.warm_reader` takes
paths on stdin, and says what `python -m knowledge.convert` would, and {"gone": true} after each.
"""

import atexit
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from config import embedded

Word = dict[str, Any]


def words(path: Path) -> Iterator[Word]:
    """What the converter says of a document, as knowledge.reading.words; a fork that dies says no end."""
    reader = _reader()
    assert reader.stdin is not None and reader.stdout is not None
    reader.stdin.write(f"{path}\n".encode())
    reader.stdin.flush()
    for line in reader.stdout:
        word: Word = json.loads(line)
        if "gone" in word:
            return
        yield word
    raise RuntimeError("the warm converter has ended")


@cache
def _reader() -> subprocess.Popen[bytes]:
    """The process, started when the first document comes."""
    environment = {"PATH": "/usr/bin:/bin", "DOCLING_ARTIFACTS_PATH": settings.DOCLING_ARTIFACTS_PATH}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_reader"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=embedded.die_with_parent(signal.SIGKILL),
    )
    atexit.register(process.kill)
    return process


def main() -> None:
    """Load what every document needs, then fork for each."""
    from knowledge import convert

    _load(convert)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            sys.argv = ["convert", line.rstrip("\n")]
            convert.main()
            sys.stdout.flush()
            os._exit(0)
        os.waitpid(child, 0)
        print(json.dumps({"gone": True}), flush=True)


def _load(convert: Any) -> None:
    """One conversion, so that what is imported at the last moment is there too; no model, no thread."""
    import pypdfium2  # noqa: F401

    convert._converter().convert(convert._stream("document.md", "# A\n\nB\n"))


if __name__ == "__main__":
    main()
