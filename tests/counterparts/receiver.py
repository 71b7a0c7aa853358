"""A business's own system that runs here: it takes events, or fails as it is told to."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.counterparts.serving import Background, Request, answer, drop, read


@dataclass
class App:
    """What came, and what is to go wrong next: a status, "hang", "reset", "redirect", "drip" or "flood"."""

    requests: list[Request] = field(default_factory=list)
    faults: deque[str] = field(default_factory=deque)
    always: str = ""
    wait: float = 20.0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        self.requests.append(request)
        fault = self.always or (self.faults.popleft() if self.faults else "")
        status, _colon, wait = fault.partition(":")
        if status.isdigit():
            return await answer(send, int(status), {"error": "no"}, headers={"retry-after": wait})
        match fault:
            case "hang":
                await asyncio.sleep(self.wait)
            case "reset":
                await drop(send)
            case "redirect":
                return await answer(send, 302, headers={"location": "/canary"})
            case "drip":
                return await self._drip(send)
            case "flood":
                return await answer(send, 200, b"x" * 5_000_000, "text/plain")
        await answer(send, 200, {"ok": True})

    async def _drip(self, send: Any) -> None:
        """A byte now and then, so that no single wait is ever long."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5000")]})
        for _number in range(int(self.wait / 0.1)):
            await send({"type": "http.response.body", "body": b".", "more_body": True})
            await asyncio.sleep(0.1)


class Receiver:
    """The system in a thread of a test: `with Receiver() as receiver:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = f"{self._server.url}/events"

    def __enter__(self) -> "Receiver":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [request.json() for request in self.app.requests]

    def fail_next(self, kind: str, times: int = 1) -> None:
        self.app.faults.extend([kind] * times)
