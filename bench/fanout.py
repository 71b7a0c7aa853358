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
import sys
import django; django.setup()
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from tenants import provisioning
from tenants.models import User
for number in range(int(sys.argv[1])):
    slug = "{SLUG}" + (str(number) if number else "")
    owner = User.objects.create_user(f"owner@{{slug}}.example", "not used")
    tenant = provisioning.create(name="Bench", slug=slug, owner=owner, now=timezone.now())
    session = SessionStore()
    session[SESSION_KEY] = str(owner.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = owner.get_session_auth_hash()
    session.create()
    print(session.session_key, tenant.schema_name, slug)
"""
# Messages a second over all businesses together: a million a day, at the busiest hour.
MANY, MANY_RATE = 50, 14.0
CONNECTING_AT_ONCE = 50


@dataclass(frozen=True)
class Side:
    """Where the pages connect, as whom (each page as the next of them), and who is measured."""

    name: str
    url: str
    headers: tuple[dict[str, str], ...]
    channels: tuple[str, ...]


@dataclass
class Bench:
    """The running product, the plain broadcaster beside it, and the pages."""

    stack: Stack
    pages: int
    seconds: float
    businesses: int = MANY

    def prepare(self) -> None:
        """Businesses, each with a signed-in owner, and the floor on the Redis channel of the first."""
        self.stack.spawn("business", sys.executable, "-c", BUSINESS, str(self.businesses)).wait(300)
        self.stack.processes.pop("business")
        log = self.stack.data / "logs" / "business.log"
        made = [line.split() for line in log.read_text().strip().splitlines()[-self.businesses :]]
        channels = tuple(f"live:{schema}" for _key, schema, _slug in made)
        port = free_port()
        floor = ("-m", "bench.broadcaster", "--port", str(port), "--redis", self.stack.redis_url)
        self.stack.spawn("floor", sys.executable, *floor, "--channel", channels[0])
        self.stack.wait_for_port("floor", port)
        owners = tuple(
            {"Host": f"{slug}.localhost:{self.stack.port}", "Cookie": f"sessionid={key}"}
            for key, _schema, slug in made
        )
        url = f"ws://127.0.0.1:{self.stack.port}/ws/live"
        self.product = Side("web", url, owners[:1], channels[:1])
        self.many = Side("web", url, owners, channels)
        self.floor = Side("floor", f"ws://127.0.0.1:{port}", ({},), channels[:1])

    def events(self, side: Side, rate: float) -> Figures:
        """Latency over all pages and events, and the server's CPU for one delivery."""
        return asyncio.run(self._events(side, rate))

    async def _events(self, side: Side, rate: float) -> Figures:
        sockets = await self._connected(side)
        late: list[float] = []
        readers = [asyncio.ensure_future(_read(socket, late)) for socket in sockets]
        meter = self.stack.meter(side.name)
        before, sent = meter.cpu(), max(4, int(rate * self.seconds))
        await asyncio.to_thread(self._publish, side, sent, rate)
        expected = _deliveries(len(sockets), len(side.channels), sent)
        await _settled(late, expected=expected)
        used = measure.spent(before, meter.cpu())
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*(socket.close() for socket in sockets), return_exceptions=True)
        missed = expected - len(late)
        cpu = sum(used.values()) * 1e6 / max(1, len(late))
        return measure.milliseconds(late) | {"cpu_us_a_delivery": round(cpu, 2), "missed": missed}

    def _publish(self, side: Side, count: int, rate: float) -> None:
        client = redis.Redis.from_url(self.stack.redis_url)
        for number in range(count):
            channel = side.channels[number % len(side.channels)]
            client.publish(channel, json.dumps({"event": "bench", "id": number, "at": time.monotonic()}))
            time.sleep(1 / rate)
        client.close()

    async def _connected(self, side: Side) -> list[ClientConnection]:
        gate = asyncio.Semaphore(CONNECTING_AT_ONCE)

        async def one(number: int) -> ClientConnection:
            async with gate:
                return await _open(side, number)

        sockets = await asyncio.gather(*(one(number) for number in range(self.pages)))
        await asyncio.sleep(0.5)  # the hub subscribes with the first page
        return list(sockets)

    def storm(self, side: Side) -> Figures:
        """Every page connects in the same instant, as after a restart of the web."""
        return asyncio.run(self._storm(side))

    async def _storm(self, side: Side) -> Figures:
        began = time.monotonic()
        opened = await asyncio.gather(
            *(_open(side, one) for one in range(self.pages)), return_exceptions=True
        )
        took = time.monotonic() - began
        good = [socket for socket in opened if not isinstance(socket, BaseException)]
        await asyncio.gather(*(socket.close() for socket in good), return_exceptions=True)
        return {"seconds": round(took, 2), "refused": self.pages - len(good)}


def _deliveries(pages: int, businesses: int, events: int) -> int:
    """How many times an event is read: by every page of its business. Pages and events go round. Pure."""
    of_business = [len(range(number, pages, businesses)) for number in range(businesses)]
    return sum(of_business[number % businesses] for number in range(events))


async def _open(side: Side, number: int) -> ClientConnection:
    headers = side.headers[number % len(side.headers)]
    return await connect(
        side.url, additional_headers=headers, compression=None, open_timeout=60, proxy=None,
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


def run(*, pages: int, seconds: float, rounds: int, businesses: int) -> dict[str, Any]:
    """Everything, against a product that this starts and stops."""
    stack = Stack("bench-fanout")
    try:
        progress("servers, tables, web")
        stack.start_services()
        stack.manage("migrate_schemas", "-v", "0")
        stack.start("web")
        bench = Bench(stack, pages=pages, seconds=seconds, businesses=businesses)
        bench.prepare()
        result: dict[str, Any] = {"pages": pages}
        for rate in (2.0, 10.0):
            sides = {side: partial(bench.events, where, rate) for side, where in _sides(bench).items()}
            result[f"{rate:g}_events_a_second"] = compared(sides, rounds)
        result[f"{bench.businesses}_businesses_{MANY_RATE:g}_a_second"] = bench.events(bench.many, MANY_RATE)
        result["all_reconnect"] = {side: bench.storm(where) for side, where in _sides(bench).items()}
        return result
    finally:
        stack.stop()


def _sides(bench: Bench) -> dict[str, Side]:
    return {"floor": bench.floor, "frontdesk": bench.product}


def main() -> None:
    parser = argparse.ArgumentParser(description="Live events to many pages, beside a plain broadcaster.")
    parser.add_argument("--short", action="store_true", help="100 pages of 5 businesses, one round")
    short = parser.parse_args().short
    pages, seconds, rounds, businesses = (100, 2, 1, 5) if short else (1000, 8, measure.ROUNDS, MANY)
    result = run(pages=pages, seconds=seconds, rounds=rounds, businesses=businesses)
    measure.print_json({"machine": measure.machine(), "fanout": result})


if __name__ == "__main__":
    main()
