"""One event to many open pages, beside a plain broadcaster in the same run; and all reconnecting at once.

`python -m bench.fanout [--short]` prints JSON. An event carries the moment of its publication on the
machine's monotonic clock; a page's latency is what has passed when it reads it.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import redis
from websockets.asyncio.client import ClientConnection, connect

from bench import measure
from bench.measure import Figures, progress
from bench.stack import SLUG, Stack, free_port

BUSINESS = f"""
import django; django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from tenants import provisioning
from tenants.models import User
owner = User.objects.create_user("owner@{SLUG}.example", "not used")
tenant = provisioning.create(name="Bench", slug="{SLUG}", owner=owner, now=timezone.now())
session = SessionStore()
session[SESSION_KEY] = str(owner.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
session.create()
print(session.session_key, tenant.schema_name)
"""
CONNECTING_AT_ONCE = 50


@dataclass(frozen=True)
class Side:
    """Where the pages connect, and who is measured."""

    name: str
    url: str
    headers: dict[str, str]


@dataclass
class Bench:
    """The running product, the plain broadcaster beside it, and the pages."""

    stack: Stack
    pages: int
    seconds: float

    def prepare(self) -> None:
        """A business with a signed-in owner, and the floor on the same Redis channel."""
        self.stack.spawn("business", sys.executable, "-c", BUSINESS).wait(60)
        self.stack.processes.pop("business")
        log = self.stack.data / "logs" / "business.log"
        key, schema = log.read_text().strip().splitlines()[-1].split()
        self.channel = f"live:{schema}"
        port = free_port()
        floor = ("-m", "bench.broadcaster", "--port", str(port), "--redis", self.stack.redis_url)
        self.stack.spawn("floor", sys.executable, *floor, "--channel", self.channel)
        self.stack.wait_for_port("floor", port)
        host = f"{SLUG}.localhost:{self.stack.port}"
        cookie = {"Host": host, "Cookie": f"sessionid={key}"}
        self.product = Side("web", f"ws://127.0.0.1:{self.stack.port}/ws/live", cookie)
        self.floor = Side("floor", f"ws://127.0.0.1:{port}", {})

    def events(self, side: Side, rate: float) -> Figures:
        """Latency over all pages and events, and the server's CPU for one delivery."""
        return asyncio.run(self._events(side, rate))

    async def _events(self, side: Side, rate: float) -> Figures:
        sockets = await self._connected(side)
        late: list[float] = []
        readers = [asyncio.ensure_future(_read(socket, late)) for socket in sockets]
        meter = self.stack.meter(side.name)
        before, sent = meter.cpu(), max(4, int(rate * self.seconds))
        await asyncio.to_thread(self._publish, sent, rate)
        await _settled(late, expected=sent * len(sockets))
        used = measure.spent(before, meter.cpu())
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
        missed = sent * len(sockets) - len(late)
        cpu = sum(used.values()) * 1e6 / max(1, len(late))
        return measure.milliseconds(late) | {"cpu_us_a_delivery": round(cpu, 2), "missed": missed}

    def _publish(self, count: int, rate: float) -> None:
        client = redis.Redis.from_url(self.stack.redis_url)
        for number in range(count):
            client.publish(self.channel, json.dumps({"event": "bench", "id": number, "at": time.monotonic()}))
            time.sleep(1 / rate)
        client.close()

    async def _connected(self, side: Side) -> list[ClientConnection]:
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one() -> ClientConnection:
            async with gate:
                return await _open(side)

        sockets = await asyncio.gather(*(one() for _ in range(self.pages)))
        await asyncio.sleep(0.5)  # the hub subscribes with the first page
        return list(sockets)

    def storm(self, side: Side) -> Figures:
        """Every page connects in the same instant, as after a restart of the web."""
        return asyncio.run(self._storm(side))

    async def _storm(self, side: Side) -> Figures:
        began = time.monotonic()
        opened = await asyncio.gather(*(_open(side) for _ in range(self.pages)), return_exceptions=True)
        took = time.monotonic() - began
        good = [socket for socket in opened if not isinstance(socket, BaseException)]
        await asyncio.gather(*(socket.close() for socket in good), return_exceptions=True)
        return {"seconds": round(took, 2), "refused": self.pages - len(good)}


async def _open(side: Side) -> ClientConnection:
    return await connect(
        side.url, additional_headers=side.headers, compression=None, open_timeout=60, proxy=None,
        ping_interval=None,
    )  # fmt: skip


async def _read(socket: ClientConnection, late: list[float]) -> None:
    async for text in socket:
        event = json.loads(text)
        if event["event"] == "bench":
            late.append(time.monotonic() - event["at"])


async def _settled(late: list[float], *, expected: int) -> None:
    """Until every page has read every event, or ten seconds have passed."""
    for _ in range(200):
        if len(late) >= expected:
            return
        await asyncio.sleep(0.05)


def compared(sides: dict[str, Callable[[], Figures]], rounds: int) -> dict[str, Any]:
    """Medians of both sides and how many times the floor the product takes."""
    found = {
        name: measure.median_of(figures) for name, figures in measure.interleave(sides, rounds=rounds).items()
    }
    ours, floor = found["frontdesk"], found["floor"]
    ratios = {key: round(ours[key] / floor[key], 2) for key in ours if floor.get(key)}
    return {**found, "times_the_floor": ratios}


def run(*, pages: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Everything, against a product that this starts and stops."""
    stack = Stack("bench-fanout")
    try:
        progress("servers, tables, web")
        stack.start_services()
        stack.manage("migrate_schemas", "-v", "0")
        stack.start("web")
        bench = Bench(stack, pages=pages, seconds=seconds)
        bench.prepare()
        result: dict[str, Any] = {"pages": pages}
        for rate in (2.0, 10.0):
            sides = {side: partial(bench.events, where, rate) for side, where in _sides(bench).items()}
            result[f"{rate:g}_events_a_second"] = compared(sides, rounds)
        result["all_reconnect"] = {side: bench.storm(where) for side, where in _sides(bench).items()}
        return result
    finally:
        stack.stop()


def _sides(bench: Bench) -> dict[str, Side]:
    return {"floor": bench.floor, "frontdesk": bench.product}


def main() -> None:
    parser = argparse.ArgumentParser(description="Live events to many pages, beside a plain broadcaster.")
    parser.add_argument("--short", action="store_true", help="100 pages, one round")
    short = parser.parse_args().short
    pages, seconds, rounds = (100, 2, 1) if short else (1000, 8, measure.ROUNDS)
    result = run(pages=pages, seconds=seconds, rounds=rounds)
    measure.print_json({"machine": measure.machine(), "fanout": result})


if __name__ == "__main__":
    main()
