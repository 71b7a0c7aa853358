"""A load generator that costs little: hand-made HTTP over kept connections, and WAHA deliveries to send."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice

NETWORK_ERROR = 0


@dataclass
class Answers:
    """What came back: a duration in seconds for each request, and the statuses counted (0: no answer)."""

    durations: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    elapsed: float = 0.0

    def note(self, status: int, seconds: float) -> None:
        self.durations.append(seconds)
        self.statuses[status] = self.statuses.get(status, 0) + 1

    @property
    def per_second(self) -> float:
        return len(self.durations) / self.elapsed if self.elapsed else 0.0

    def all_have(self, status: int) -> bool:
        return set(self.statuses) == {status}


class Wire(asyncio.Protocol):
    """One connection, one request at a time. Reads the status and as many bytes as content-length says."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    async def ask(self, request: bytes) -> int:
        """Send bytes that are one whole request; the status of the answer."""
        self._waiting = asyncio.get_running_loop().create_future()
        assert self.transport is not None
        self.transport.write(request)
        return await self._waiting

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if found and len(rest) >= _content_length(head):
            self._buffer = b""
            self._answer(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self._answer(NETWORK_ERROR)

    def _answer(self, status: int) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(status)

    @property
    def is_open(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()


def _content_length(head: bytes) -> int:
    _before, found, after = head.lower().partition(b"content-length:")
    return int(after.split(b"\r\n", 1)[0]) if found else 0


class Wires:
    """The kept connections to one address; a new one is opened when all are busy."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._free: list[Wire] = []

    async def ask(self, request: bytes, *, timeout: float = 30.0) -> int:
        """The status of the answer, or 0 when there was none."""
        with suppress(OSError, TimeoutError):
            wire = await self._wire()
            status = await asyncio.wait_for(wire.ask(request), timeout)
            if wire.is_open:
                self._free.append(wire)
            return status
        return NETWORK_ERROR

    async def open(self, count: int) -> None:
        """Have this many connections ready, so that a measurement does not begin with handshakes."""
        self._free += [await self._new() for _ in range(count)]

    async def _wire(self) -> Wire:
        while self._free:
            if (wire := self._free.pop()).is_open:
                return wire
        return await self._new()

    async def _new(self) -> Wire:
        _transport, wire = await asyncio.get_running_loop().create_connection(Wire, *self._address)
        return wire

    def close(self) -> None:
        for wire in self._free:
            if wire.transport is not None:
                wire.transport.close()


async def closed_loop(wires: Wires, requests: Sequence[bytes], *, in_flight: int) -> Answers:
    """Send all of them, this many at any moment: how much the other side can take."""
    answers, rest = Answers(), iter(requests)
    await wires.open(in_flight)
    started = time.perf_counter()
    await asyncio.gather(*(_send_on(wires, rest, answers) for _ in range(in_flight)))
    answers.elapsed = time.perf_counter() - started
    return answers


async def _send_on(wires: Wires, requests: Iterator[bytes], answers: Answers) -> None:
    for request in requests:
        started = time.perf_counter()
        answers.note(await wires.ask(request), time.perf_counter() - started)


async def open_loop(wires: Wires, requests: Iterable[bytes], *, rate: float, seconds: float) -> Answers:
    """Send at a steady rate whether or not answers come; durations count from the planned moment."""
    answers, tasks = Answers(), set()
    await wires.open(8)
    started = time.perf_counter()
    for number, request in enumerate(islice(requests, int(rate * seconds))):
        planned = started + number / rate
        if (wait := planned - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.add(task := asyncio.create_task(_send_one(wires, request, planned, answers)))
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    answers.elapsed = time.perf_counter() - started
    return answers


async def _send_one(wires: Wires, request: bytes, planned: float, answers: Answers) -> None:
    answers.note(await wires.ask(request), time.perf_counter() - planned)


@dataclass(frozen=True)
class Said:
    """What a customer says, as the gateway will deliver it."""

    number: int
    text: str
    chat: str
    session: str = "default"

    @property
    def unique_id(self) -> str:
        return f"3A{self.number:018X}"

    def body(self, *, now: float) -> bytes:
        """The gateway's delivery of this message (engine GOWS), as raw bytes."""
        payload = {
            "id": f"false_{self.chat}_{self.unique_id}",
            "timestamp": int(now),
            "from": self.chat,
            "fromMe": False,
            "source": "app",
            "to": None,
            "participant": None,
            "body": self.text,
            "hasMedia": False,
            "media": None,
            "ack": 2,
            "ackName": "DEVICE",
            "location": None,
            "vCards": None,
            "_data": {"Info": {"PushName": f"Customer {self.chat[:13]}", "Type": "text"}},
        }
        envelope = {
            "id": f"evt_{self.number:026d}",
            "timestamp": int(now * 1000),
            "event": "message.any",
            "session": self.session,
            "metadata": {},
            "me": {"id": "551140000000@c.us", "pushName": "Clinic"},
            "payload": payload,
            "environment": {"version": "2026.7.1", "engine": "GOWS", "tier": "CORE"},
            "engine": "GOWS",
        }
        return json.dumps(envelope, ensure_ascii=False).encode()


def post(path: str, body: bytes, *, secret: str, host: str = "localhost", at_ms: int = 0) -> bytes:
    """One signed delivery as the bytes of a whole HTTP request."""
    headers = {
        "User-Agent": "WAHA/2026.7.1",
        "X-Webhook-Timestamp": str(at_ms),
        "X-Webhook-Hmac": hmac.new(secret.encode(), body, hashlib.sha512).hexdigest(),
        "X-Webhook-Hmac-Algorithm": "sha512",
    }
    return request(path, body, headers, host=host)


def request(path: str, body: bytes, headers: Mapping[str, str], *, host: str = "localhost") -> bytes:
    """One POST of JSON as the bytes of a whole HTTP request."""
    fixed = {"Host": host, "Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (fixed | dict(headers)).items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
