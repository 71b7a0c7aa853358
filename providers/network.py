"""The network beneath HTTP: it looks before it connects, and no answer drips for ever or grows without end.

Serves httpcore and the vendors' SDKs' httpcore2 alike, which is why the module to use is an argument.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

LONGEST = 65.0  # seconds of one exchange, whatever drips in meanwhile: below WORK_DEAD_SECONDS
MOST_BYTES = 160 * 2**20  # of one answer: the largest file that any channel carries, with room


class Network:
    """Connects to what `look` says that a host and port stand for, and to nothing else.

    `seconds` bound a whole exchange; None: the time that the call allows for one silence is all that it has.
    """

    def __init__(
        self, core: Any, *, look: Callable[[str, int], Iterable[Any]], seconds: float | None = LONGEST,
        most_bytes: int = MOST_BYTES,
    ) -> None:  # fmt: skip
        self._core, self._plain = core, core.SyncBackend()
        self._look = look
        self._seconds, self._most_bytes = seconds, most_bytes

    def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "Stream":
        failure: Exception | None = None
        for address in dict.fromkeys(self._look(host, port)):
            try:
                plain = self._plain.connect_tcp(str(address), port, *args, **kwargs)
            except (self._core.ConnectError, self._core.ConnectTimeout) as error:
                failure = error
            else:
                return Stream(self._core, plain, seconds=self._seconds, most_bytes=self._most_bytes)
        raise failure or self._core.ConnectError("no address")

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)


class Stream:
    """A connection. An exchange begins with what is written after something was read."""

    def __init__(self, core: Any, plain: Any, *, seconds: float | None, most_bytes: int) -> None:
        self._core, self._plain = core, plain
        self._seconds, self._most_bytes = seconds, most_bytes
        self._begin()

    def _begin(self) -> None:
        self._began, self._read, self._is_answering = time.monotonic(), 0, False

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._is_answering:
            self._begin()
        self._plain.write(buffer, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._is_answering = True
        data: bytes = self._plain.read(max_bytes, self._patience(timeout))
        self._read += len(data)
        if self._read > self._most_bytes:
            raise self._core.ReadError("The answer is too large.")
        return data

    def _patience(self, timeout: float | None) -> float | None:
        """Seconds for the next piece."""
        whole = self._seconds if self._seconds is not None else timeout
        if whole is None:
            return None
        left = self._began + whole - time.monotonic()
        if left <= 0:
            raise self._core.ReadTimeout("The answer took too long as a whole.")
        return left if timeout is None else min(timeout, left)

    def start_tls(self, *args: Any, **kwargs: Any) -> "Stream":
        inner = self._plain.start_tls(*args, **kwargs)
        return Stream(self._core, inner, seconds=self._seconds, most_bytes=self._most_bytes)

    def close(self) -> None:
        self._plain.close()

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)
