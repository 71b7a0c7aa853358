"""The gateway's door: verify on the raw bytes, store in one commit, answer, ring.

A thin ASGI app beside Django: a delivery costs one prepared INSERT here; its reading is the inbox's work.
Answers: 200 stored; 401 wrong signature; 404 no such door; 413 too large; 503 the database is away, and the
gateway tries again.
"""

import asyncio
import hashlib
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.db import close_old_connections, connections
from django_tenants.utils import schema_context
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from conversations import inbox
from conversations.models import Channel
from tenants.background import ring
from tenants.models import WebhookRoute

log = structlog.get_logger(__name__)
PREFIX = "/hooks/waha/"
MAX_BYTES = 2 * 2**20
REMEMBER_SECONDS = 5.0
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Doorway:
    """What the door knows of a channel: whose it is, how it signs, and the statement that stores."""

    schema: str
    channel_id: uuid.UUID
    secret: bytes
    insert: sql.Composed


class Door:
    """One instance a process; its pool opens with the first delivery."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Doorway | None]] = {}
        self._pool: AsyncConnectionPool[Any] | None = None
        self._opening = asyncio.Lock()
        self._bell = Bell()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        status = await self._take(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def _take(self, scope: dict[str, Any], receive: Receive) -> int:
        if scope["method"] != "POST":
            return 405
        try:
            doorway = await self._doorway(scope["path"][len(PREFIX) :].rstrip("/"))
            if doorway is None:
                return 404
            body = await _read(receive)
            if body is None:
                return 413
            if not _signed(scope["headers"], body, doorway.secret):
                return 401
            await self._store(doorway, body)
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.error("door.database_away", error=type(error).__name__)
            return 503
        self._bell.ring(doorway.schema)
        return 200

    async def _doorway(self, path: str) -> Doorway | None:
        known = self._known.get(path)
        if known and known[0] > time.monotonic():
            return known[1]
        doorway = await sync_to_async(find_doorway)(path)
        if len(self._known) > 20_000:
            self._known.clear()  # guessed ids must not fill the memory
        self._known[path] = (time.monotonic() + REMEMBER_SECONDS, doorway)
        return doorway

    async def _store(self, doorway: Doorway, body: bytes) -> None:
        pool = await self._opened()
        async with pool.connection() as connection:
            await connection.execute(doorway.insert, (doorway.channel_id, body), prepare=True, binary=True)

    async def _opened(self) -> AsyncConnectionPool[Any]:
        async with self._opening:
            if self._pool is None:
                self._pool = _new_pool()
                await self._pool.open()
        return self._pool

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None


class Bell:
    """Tell the inbox of a tenant that something came; many deliveries in one moment ring once."""

    PAUSE = 0.02  # seconds: bounds the rings to 50 a second a tenant

    def __init__(self) -> None:
        self._waiting: set[str] = set()

    def ring(self, schema: str) -> None:
        if schema not in self._waiting:
            self._waiting.add(schema)
            asyncio.get_running_loop().call_later(self.PAUSE, self._now, schema)

    def _now(self, schema: str) -> None:
        self._waiting.discard(schema)
        # A broker that is away blocks for its time-out: never on the event loop.
        asyncio.get_running_loop().run_in_executor(None, _ring_inbox, schema)


def _ring_inbox(schema: str) -> None:
    ring(inbox.drain, schema=schema)


def find_doorway(path: str) -> Doorway | None:
    """The channel behind an unguessable id, or None."""
    try:
        route_id = uuid.UUID(path)
    except ValueError:
        return None
    close_old_connections()
    try:
        with schema_context("public"):
            route = WebhookRoute.objects.select_related("tenant").filter(pk=route_id).first()
        return _open(route) if route else None
    except psycopg.Error as error:
        raise psycopg.OperationalError(str(error)) from error
    finally:
        connections["default"].close_if_unusable_or_obsolete()


def _open(route: WebhookRoute) -> Doorway | None:
    schema = route.tenant.schema_name
    with schema_context(schema):
        channel = Channel.objects.filter(pk=route.pk, kind=Channel.Kind.WAHA, is_active=True).first()
    if channel is None or not channel.hmac_secret:
        return None
    insert = sql.SQL("INSERT INTO {} (channel_id, body) VALUES (%s, %s)").format(
        sql.Identifier(schema, "conversations_webhookevent")
    )
    return Doorway(schema=schema, channel_id=channel.pk, secret=channel.hmac_secret.encode(), insert=insert)


async def _read(receive: Receive) -> bytes | None:
    """The body, or None when it grows past the limit."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _signed(headers: list[tuple[bytes, bytes]], body: bytes, secret: bytes) -> bool:
    given = next((value for name, value in headers if name == b"x-webhook-hmac"), b"")
    return hmac.compare_digest(hmac.new(secret, body, hashlib.sha512).hexdigest().encode(), given.lower())


def _new_pool() -> AsyncConnectionPool[Any]:
    wrapper = connections["default"]
    params = {
        key: value
        for key, value in wrapper.get_connection_params().items()
        if key not in {"pool", "cursor_factory", "context", "prepare_threshold"}
    }
    return AsyncConnectionPool(
        kwargs={**params, "autocommit": True}, min_size=1, max_size=8, timeout=5, max_lifetime=900, open=False
    )


door = Door()
