"""Visitors of the web chat, each as the widget is: half by socket, half by polling, all of them stubborn.

A visitor keeps what the product has not confirmed and says it again under the same id; a share of what was
confirmed is said three times more. What their pages have shown is kept by message id.
"""

import asyncio
import json
import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets

ORIGIN = "http://clinic.example"
PATIENCE = 6.0  # seconds that a visitor waits for a word
POLL_SECONDS = 3.0
AGAIN, TIMES = 0.25, 3
FAILED = (OSError, TimeoutError, httpx.HTTPError, websockets.WebSocketException, ValueError)


@dataclass
class Visitor:
    """One page that is open."""

    name: int
    by_socket: bool
    says: list[tuple[float, int, str]] = field(default_factory=list)  # when, number, words
    token: str = ""
    shows: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: int = 0
    tries: int = 0

    def see(self, messages: Sequence[dict[str, Any]]) -> None:
        self.shows |= {one["id"]: one for one in messages}


class Visitors:
    """All of them, in a thread with a loop of its own."""

    def __init__(
        self, url: str, channel: str, *, people: int, seed: int, says: Sequence[tuple[int, str]],
        seconds: float,
    ) -> None:  # fmt: skip
        self._url, self._channel = url, channel
        self.people = [Visitor(number, by_socket=number % 2 == 0) for number in range(people)]
        self._chance = random.Random(seed)
        for place, (number, words) in enumerate(says):
            at = seconds * place / len(says)
            self._chance.choice(self.people).says.append((at, number, words))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)
        self._over = threading.Event()
        self.wrong: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join(PATIENCE * 3)

    @property
    def all_said(self) -> bool:
        return all(one.said == len(one.says) for one in self.people)

    @property
    def tries(self) -> int:
        """How often something was said, repetitions with it."""
        return sum(one.tries for one in self.people)

    def threads(self) -> dict[int, list[dict[str, Any]]]:
        """Each visitor's whole thread as a page that opens now would show it, oldest first."""
        return asyncio.run(self._all_threads())

    # -- living

    async def _live(self) -> None:
        async with self._client() as http:
            work = [asyncio.create_task(self._visit(http, one)) for one in self.people]
            while not self._over.is_set():
                await asyncio.sleep(0.1)
                for task in work:
                    if task.done() and (error := task.exception()):
                        self.wrong.append(repr(error))
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=f"{self._url}/chat/{self._channel}", timeout=PATIENCE, headers={"origin": ORIGIN},
            trust_env=False,
        )  # fmt: skip

    async def _visit(self, http: httpx.AsyncClient, visitor: Visitor) -> None:
        began = asyncio.get_running_loop().time()
        while not visitor.token:
            with suppress(*FAILED):
                visitor.token = (await _asked(http, "POST", "/visitor"))["token"]
            await asyncio.sleep(0.2)
        live = self._by_socket if visitor.by_socket else self._by_polling
        while True:
            with suppress(*FAILED):
                await live(http, visitor, began)
            await asyncio.sleep(0.3)

    async def _by_polling(self, http: httpx.AsyncClient, visitor: Visitor, began: float) -> None:
        known, headers = "", {"authorization": f"Bearer {visitor.token}"}
        looked = 0.0
        while True:
            now = asyncio.get_running_loop().time()
            if next_one := _next(visitor, now - began):
                body = {"id": _id(next_one[1]), "text": next_one[2]}
                for _time in range(self._times()):
                    visitor.tries += 1
                    await _asked(http, "POST", "/messages", headers=headers, json=body)
                visitor.said += 1
            elif now - looked >= POLL_SECONDS:
                told = await _asked(http, "GET", "/messages", headers=headers, params={"known": known})
                known, looked = told["version"], now
                visitor.see(told.get("messages", []))
            else:
                await asyncio.sleep(0.1)

    async def _by_socket(self, http: httpx.AsyncClient, visitor: Visitor, began: float) -> None:
        address = f"{self._url.replace('http', 'ws', 1)}/ws/chat/{self._channel}"
        async with websockets.connect(address, origin=ORIGIN, open_timeout=PATIENCE, proxy=None) as socket:
            await socket.send(json.dumps({"type": "hello", "token": visitor.token}))
            while True:
                if next_one := _next(visitor, asyncio.get_running_loop().time() - began):
                    for _time in range(self._times()):
                        await self._say(socket, visitor, next_one)
                    visitor.said += 1
                with suppress(TimeoutError):
                    await self._hear(socket, visitor, seconds=0.2)

    async def _say(self, socket: Any, visitor: Visitor, one: tuple[float, int, str]) -> None:
        visitor.tries += 1
        await socket.send(json.dumps({"type": "say", "id": _id(one[1]), "text": one[2]}))
        while True:
            told = await self._hear(socket, visitor, seconds=PATIENCE)
            if told.get("id") == _id(one[1]) and told["type"] == "said":
                return
            if told["type"] == "refused":
                raise OSError(told["error"])

    async def _hear(self, socket: Any, visitor: Visitor, *, seconds: float) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), seconds))
        if told["type"] == "state":
            visitor.see(told["messages"])
        return told

    def _times(self) -> int:
        return 1 + (TIMES if self._chance.random() < AGAIN else 0)

    # -- the end

    async def _all_threads(self) -> dict[int, list[dict[str, Any]]]:
        async with self._client() as http:
            return {one.name: await _thread_of(http, one.token) for one in self.people}


def _next(visitor: Visitor, elapsed: float) -> tuple[float, int, str] | None:
    """What the visitor has to say now."""
    rest = visitor.says[visitor.said :]
    return rest[0] if rest and rest[0][0] <= elapsed else None


def _id(number: int) -> str:
    return f"storm-{number:08d}"


async def _asked(http: httpx.AsyncClient, method: str, path: str, **more: Any) -> dict[str, Any]:
    response = await http.request(method, path, **more)
    response.raise_for_status()
    found: dict[str, Any] = response.json()
    return found


async def _thread_of(http: httpx.AsyncClient, token: str) -> list[dict[str, Any]]:
    headers, before, thread = {"authorization": f"Bearer {token}"}, "", []
    while True:
        told = await _asked(http, "GET", "/messages", headers=headers, params={"before": before})
        thread = [*told["messages"], *thread]
        if not told["earlier"]:
            return thread
        before = told["messages"][0]["id"]
