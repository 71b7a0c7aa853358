"""Telling a business's own systems: one signed POST, bounded in time, size and reach."""

import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from providers import addresses
from providers.errors import ProviderError, retry_after

CONNECT_SECONDS = 4.0
SILENCE_SECONDS = 8.0
TOTAL_SECONDS = 10.0  # whatever drips in meanwhile
MOST_READ = 16 * 1024
EXCERPT = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said. `text` is the beginning of its body; `wait` the seconds that it asks for."""

    status: int
    text: str
    milliseconds: int
    wait: float | None = None

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


def post(
    url: str,
    *,
    body: bytes,
    headers: Mapping[str, str],
    allow_private: bool,
    seconds: float = TOTAL_SECONDS,
) -> Answer:
    """Deliver once; redirects are not followed.

    Raises ProviderRejected for an address that may not be called, ProviderError when nobody answered in time.
    """
    started, watch = time.monotonic(), _Watch(seconds)
    try:
        with watch, _client(allow_private).stream(
            "POST", url, content=body, headers=dict(headers), extensions={"trace": watch.see}
        ) as response:  # fmt: skip
            text = _beginning(response)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        late = watch.is_over or isinstance(error, httpx.TimeoutException)
        raise ProviderError("It did not answer in time." if late else _words(error)) from error
    took = int((time.monotonic() - started) * 1000)
    return Answer(response.status_code, text, took, wait=retry_after(response.headers))


def _words(error: Exception) -> str:
    if isinstance(error, httpx.ConnectError):
        return "Nobody could be reached there."
    return f"The connection failed ({type(error).__name__})."


def _beginning(response: httpx.Response) -> str:
    """The first bytes of the body, as they came: nothing is unpacked."""
    read = bytearray()
    for chunk in response.iter_raw():
        read += chunk
        if len(read) >= MOST_READ:
            break
    text = bytes(read[: EXCERPT * 4]).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)[:EXCERPT].strip()


@lru_cache(maxsize=2)
def _client(allow_private: bool) -> httpx.Client:
    """No connection is kept: an endpoint is called seldom, and each watch needs a socket of its own."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=0)
    return httpx.Client(
        transport=addresses.guarded(allow_private=allow_private, limits=limits),
        timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


class _Watch:
    """Cuts the connection when the whole call takes too long, also when a byte drips in now and then."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._stream: Any = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> "_Watch":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def see(self, event: str, info: Mapping[str, Any]) -> None:
        """httpx tells each step: remember the connection when there is one."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._stream = info["return_value"]
            if self.is_over:
                self._cut()

    def _cut(self) -> None:
        self.is_over = True
        connected = self._stream.get_extra_info("socket") if self._stream else None
        if connected is not None:
            try:
                # Not the TLS socket's own way, which waits for the other side.
                socket.socket.shutdown(connected, socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already, which is all that is wanted
