"""The embedding process of a test run: the product's own, with its models."""

import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from config import embedded
from tests.counterparts.serving import free_port

START_SECONDS = 90


@contextmanager
def running() -> Iterator[str]:
    """The URL of a process that has its models loaded; ended with this one."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "providers.embedding_server", "--port", str(port)],
        preexec_fn=embedded.die_with_parent(signal.SIGKILL),
    )
    try:
        _wait(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError("the embedding process did not start")
