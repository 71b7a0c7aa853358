"""A small way to serve: read a request, send an answer, run an ASGI app in a thread or as a process."""

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


class Request:
    """One HTTP request, its body read."""

    def __init__(self, scope: dict[str, Any], body: bytes) -> None:
        self.method, self.path, self.body = scope["method"], scope["path"], body
        self.raw_path = scope.get("raw_path", b"").decode()
        self.query = dict(parse_qsl(scope["query_string"].decode()))
        self.headers = {k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]}
        self.port = int((scope.get("client") or ("", 0))[1])  # of who asks

    def json(self) -> Any:
        return json.loads(self.body or b"{}")


async def read(scope: dict[str, Any], receive: Receive) -> Request:
    """The whole request."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return Request(scope, bytes(body))


async def answer(
    send: Send,
    status: int,
    content: Any = None,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> None:
    """One answer; anything but bytes goes as JSON. A header without a value is left out."""
    body = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
    pairs = [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
    pairs += [(name.encode(), value.encode()) for name, value in (headers or {}).items() if value]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


class Dropped(Exception):
    """Cut the connection without an answer: uvicorn closes it when the app raises after the headers."""


async def drop(send: Send) -> None:
    """Promise more than is sent, and hang up."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise Dropped


def backoff(seconds: float, attempt: int) -> float:
    """How long to wait before a delivery is tried again: twice as long each time, up to ten times as long."""
    return seconds * min(2.0**attempt, 10.0)


class Held:
    """Calls whose work is done and whose answer waits: whoever asked can be killed at that very moment."""

    LONGEST = 30.0  # seconds

    def __init__(self) -> None:
        self.waiting: list[dict[str, Any]] = []
        self._free: asyncio.Event | None = None  # of the loop that serves

    async def wait(self, call: str, port: int) -> None:
        """Until `let_go`; `port` tells whose call it is."""
        self._free = self._free or asyncio.Event()
        free, mine = self._free, {"call": call, "port": port}
        self.waiting.append(mine)
        try:
            await asyncio.wait_for(free.wait(), self.LONGEST)
        except TimeoutError:
            pass  # nobody came for it: it is hung up on all the same
        finally:
            self.waiting.remove(mine)

    def let_go(self) -> None:
        if self._free is not None:
            self._free.set()
            self._free = None


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Background:
    """An ASGI app in a thread of this process, for tests."""

    def __init__(self, app: Any) -> None:
        self.port = free_port()
        self._server = uvicorn.Server(_config(app, self.port))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the counterpart did not start")
            threading.Event().wait(0.005)

    def stop(self) -> None:
        self._server.force_exit = self._server.should_exit = True
        self._thread.join(timeout=5)


def serve(app: Any, port: int) -> None:
    """Serve as this process's only work."""
    asyncio.run(uvicorn.Server(_config(app, port, loop="uvloop")).serve())


def _config(app: Any, port: int, loop: Any = "asyncio") -> uvicorn.Config:
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, loop=loop, http="httptools", log_level="critical", access_log=False,
        lifespan="off", timeout_graceful_shutdown=1,
    )  # fmt: skip
