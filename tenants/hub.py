"""Fan live events out to the open pages of this process.

One Redis subscription a process and tenant, from the first page to the last; an event is serialised once, by
its publisher, and passes through unchanged. A page that cannot keep up is closed and loads afresh.

Who comes, and everybody after a gap, is told the number of the last event ("hello") once the subscription is
confirmed: what was committed before is in what a page fetches from then on, what comes after is heard.
"""

import asyncio
import contextlib
import json
import types
import weakref
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

import redis.asyncio as redis
import structlog
from django.conf import settings
from redis.exceptions import RedisError

from tenants.live import channel_of, numbers_of

log = structlog.get_logger(__name__)
REFRESH = '{"event":"refresh"}'
BACKLOG = 200
TOO_SLOW = 4408
Writing = Coroutine[Any, Any, None]
Write = Callable[[str], Writing]
Close = Callable[[int], Coroutine[Any, Any, None]]


class Listener(Protocol):
    """Whoever hears a tenant's events. `tell` must not wait, and must not fail."""

    def tell(self, text: str) -> None: ...

    def leave(self) -> None: ...


class Page:
    """One open page: what waits to be written to it, in order."""

    def __init__(self, write: Write, close: Close) -> None:
        self._write, self._close = write, close
        self._waiting: deque[str] = deque()
        self._writer: asyncio.Future[None] | None = None  # while its socket takes no more
        self._is_given_up = False

    def tell(self, text: str) -> None:
        """Write an event, or queue it behind one that waits: no page ever holds back the others."""
        if self._writer is None:
            self._begin(text)
        elif len(self._waiting) < BACKLOG:
            self._waiting.append(text)
        elif not self._is_given_up:
            self._is_given_up = True
            self._writer.cancel()
            self._writer = asyncio.ensure_future(self._close(TOO_SLOW))

    def _begin(self, text: str) -> None:
        """Nearly every write goes through at once: it is not worth a task and a turn of the loop."""
        write = self._write(text)
        try:
            waits_for = write.send(None)
        except StopIteration:
            return
        except Exception as error:
            # It was closed a moment ago and leaves by itself; the others are to hear this all the same.
            log.info("hub.page_gone", error=type(error).__name__)
            return
        self._writer = asyncio.ensure_future(self._go_on(write, waits_for))

    async def _go_on(self, write: Writing, waits_for: object) -> None:
        await _rest_of(write, waits_for)
        while self._waiting:
            await self._write(self._waiting.popleft())
        self._writer = None

    def leave(self) -> None:
        if self._writer is not None:
            self._writer.cancel()


@types.coroutine
def _rest_of(write: Writing, waits_for: object) -> Generator[object, Any, None]:
    """What is left of a write that has begun, from what it waits for."""
    try:
        yield waits_for
        yield from write
    finally:
        write.close()


class Hub:
    """The pages of one event loop, by tenant."""

    def __init__(self) -> None:
        self._rooms: defaultdict[str, set[Listener]] = defaultdict(set)
        self._fresh: defaultdict[str, set[Listener]] = defaultdict(set)  # who has not been greeted yet
        self._changed = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    def join(self, schema: str, page: Listener) -> None:
        """Let a page hear its tenant; the first one subscribes."""
        self._rooms[schema].add(page)
        self._fresh[schema].add(page)
        self._changed.set()
        if self._listener is None or self._listener.done():
            self._listener = asyncio.ensure_future(self._listen())

    def leave(self, schema: str, page: Listener) -> None:
        page.leave()
        self._rooms[schema].discard(page)
        self._fresh.get(schema, set()).discard(page)
        if not self._rooms[schema]:
            del self._rooms[schema]
            self._changed.set()

    async def _listen(self) -> None:
        """Stay connected; while that fails the pages are told to fetch everything again, now and then."""
        wait = 0.2
        while self._rooms:
            try:
                await self._hear()
                return
            except (RedisError, OSError) as error:
                log.warning("hub.redis_away", error=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)
                self._tell_all(REFRESH)

    async def _hear(self) -> None:
        client: Any = redis.Redis.from_url(settings.REDIS_URL, health_check_interval=15)
        self._changed.set()  # a new connection follows nobody yet
        self._fresh.clear()
        self._fresh.update({schema: set(pages) for schema, pages in self._rooms.items()})
        async with client, client.pubsub() as pubsub:
            subscribed: set[str] = set()
            heard: set[str] = set()  # of these the server has confirmed that it tells us
            while self._rooms:
                await self._follow(pubsub, subscribed)
                heard &= subscribed
                await self._greet(client, heard)
                message = await self._next(pubsub) if subscribed else None
                if message is not None:
                    self._take(message, heard)

    def _take(self, message: Any, heard: set[str]) -> None:
        match message["type"]:
            case "message":
                self._tell(message["channel"].decode(), message["data"].decode())
            case "subscribe":
                heard.add(message["channel"].decode())
            case "unsubscribe":
                heard.discard(message["channel"].decode())

    async def _greet(self, client: Any, heard: set[str]) -> None:
        """Tell who is new where their business stands."""
        for schema in [schema for schema in self._fresh if channel_of(schema) in heard]:
            pages = self._fresh.pop(schema)
            number = int(await client.get(numbers_of(schema)) or 0)
            text = json.dumps({"event": "hello", "seq": number}, separators=(",", ":"))
            for page in pages & self._rooms.get(schema, set()):
                page.tell(text)

    async def _follow(self, pubsub: Any, subscribed: set[str]) -> None:
        """Subscribe to the tenants that have pages, and to no others."""
        if not self._changed.is_set():
            return
        self._changed.clear()
        wanted = {channel_of(schema) for schema in self._rooms}
        if new := wanted - subscribed:
            await pubsub.subscribe(*new)
        if gone := subscribed - wanted:
            await pubsub.unsubscribe(*gone)
        subscribed.clear()
        subscribed.update(wanted)

    async def _next(self, pubsub: Any) -> Any:
        """The next event, or None as soon as the set of tenants changes."""
        reading = asyncio.ensure_future(pubsub.get_message(timeout=20.0))
        change = asyncio.ensure_future(self._changed.wait())
        done, _waiting = await asyncio.wait({reading, change}, return_when=asyncio.FIRST_COMPLETED)
        change.cancel()
        if reading in done:
            return reading.result()
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await reading
        return None

    def _tell(self, channel: str, text: str) -> None:
        for page in tuple(self._rooms.get(channel.removeprefix("live:"), ())):
            page.tell(text)

    def _tell_all(self, text: str) -> None:
        for schema in tuple(self._rooms):
            self._tell(channel_of(schema), text)


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
