"""Another system of a business's: answers what a test says, and remembers what it was asked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.counterparts.serving import Background, Request, answer, drop, read


@dataclass
class Said:
    """What is answered at one path."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    wait: float = 0.0
    drops: bool = False


@dataclass
class App:
    """`says` holds the answers by "METHOD /path"; what is not there is not found."""

    says: dict[str, Said] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await read(scope, receive)
        self.requests.append(request)
        said = self.says.get(f"{request.method} {request.raw_path.partition('?')[0]}", Said(status=404))
        await asyncio.sleep(said.wait)
        if said.drops:
            await drop(send)
        await answer(send, said.status, said.content, said.kind, said.headers)


class Endpoint:
    """The system in a thread of a test: `with Endpoint() as endpoint:`."""

    def __init__(self) -> None:
        self.app = App()
        self._server = Background(self.app)
        self.url = self._server.url

    def __enter__(self) -> "Endpoint":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()

    def says(self, what: str, content: Any = None, **more: Any) -> None:
        """`says("GET /orders/1", {...})`, with a status, headers, a wait in seconds."""
        self.app.says[what] = Said(content, **more)

    @property
    def asked(self) -> list[str]:
        """What was asked, in order."""
        return [f"{request.method} {request.raw_path}" for request in self.app.requests]

    @property
    def last(self) -> Request:
        return self.app.requests[-1]

    def forget(self) -> None:
        self.app.says.clear()
        self.app.requests.clear()
