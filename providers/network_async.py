"""The network beneath asynchronous HTTP: it looks before it connects, and an answer has an end.

As providers.network, for clients that only speak asyncio; the whole exchange is bounded by whoever awaits it.
"""

from collections.abc import Callable, Iterable
from typing import Any


class AsyncNetwork:
    """Connects to what `look` says that a host and port stand for, and to nothing else."""

    def __init__(self, core: Any, *, look: Callable[[str, int], Iterable[Any]], most_bytes: int) -> None:
        self._core, self._plain = core, core.AnyIOBackend()
        self._look, self._most_bytes = look, most_bytes

    async def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> "AsyncStream":
        failure: Exception | None = None
        # Asked in this thread: the loop is that of one call, and nothing else waits on it.
        for address in dict.fromkeys(self._look(host, port)):
            try:
                plain = await self._plain.connect_tcp(str(address), port, *args, **kwargs)
            except (self._core.ConnectError, self._core.ConnectTimeout) as error:
                failure = error
            else:
                return AsyncStream(self._core, plain, most_bytes=self._most_bytes)
        raise failure or self._core.ConnectError("no address")

    async def sleep(self, seconds: float) -> None:
        await self._plain.sleep(seconds)


class AsyncStream:
    """A connection that reads no more than so many bytes between two things that it writes."""

    def __init__(self, core: Any, plain: Any, *, most_bytes: int) -> None:
        self._core, self._plain, self._most_bytes = core, plain, most_bytes
        self._read, self._is_answering = 0, False

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if self._is_answering:
            self._read, self._is_answering = 0, False
        await self._plain.write(buffer, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self._is_answering = True
        data: bytes = await self._plain.read(max_bytes, timeout)
        self._read += len(data)
        if self._read > self._most_bytes:
            raise self._core.ReadError("The answer is too large.")
        return data

    async def start_tls(self, *args: Any, **kwargs: Any) -> "AsyncStream":
        inner = await self._plain.start_tls(*args, **kwargs)
        return AsyncStream(self._core, inner, most_bytes=self._most_bytes)

    async def aclose(self) -> None:
        await self._plain.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)
