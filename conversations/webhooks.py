"""The gateways' door: verify on the raw bytes, store in one commit, answer, ring.

A thin ASGI app beside Django: a delivery costs one prepared INSERT here; its reading is the inbox's work.
`/hooks/waha/<channel id>` and `/hooks/cloud/<channel id>` differ in how they sign; the Cloud API also asks
once by GET whether the door is ours.
Answers: 200 stored; 401 wrong signature; 403 wrong verify token; 404 no such door; 413 too large; 503 the
database is away, and the gateway tries again.
"""

import asyncio
import hashlib
import hmac
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import psycopg
import structlog
from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections
from django_tenants.utils import schema_context
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from conversations import inbox
from conversations.models import Channel
from tenants.background import ring
from tenants.models import WebhookRoute

log = structlog.get_logger(__name__)
PREFIX = "/hooks/"
MAX_BYTES = 2 * 2**20
MAX_CHALLENGE = 200
REMEMBER_SECONDS = 5.0
STALE_SECONDS = 60.0  # what was known so long ago still opens, while it is looked up again
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Signature:
    """How a kind of gateway signs the raw body: in which header, after which word, by which hash, in hex.

    `most` is how many bytes its deliveries may have.
    """

    header: bytes
    hash: Callable[..., Any]
    start: bytes = b""
    most: int = MAX_BYTES

    def fits(self, headers: list[tuple[bytes, bytes]], body: bytes, secret: bytes) -> bool:
        given = next((value for name, value in headers if name == self.header), b"")
        right = self.start + hmac.new(secret, body, self.hash).hexdigest().encode()
        return hmac.compare_digest(right, given.lower())


SIGNATURES = {
    Channel.Kind.WAHA.value: Signature(b"x-webhook-hmac", hashlib.sha512),
    Channel.Kind.CLOUD.value: Signature(
        b"x-hub-signature-256", hashlib.sha256, start=b"sha256=", most=4 * 2**20
    ),
}


@dataclass(frozen=True, slots=True)
class Doorway:
    """What the door knows of a channel: whose it is, how it signs, and the statement that stores.

    `verify_token` is what a gateway must know that asks whether the door is ours; empty when none asks.
    """

    schema: str
    channel_id: uuid.UUID
    secret: bytes
    insert: sql.Composed
    signature: Signature
    verify_token: bytes = b""


class Door:
    """One instance a process; its pool opens with the first delivery."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Doorway | None]] = {}
        self._looking: dict[str, asyncio.Task[Doorway | None]] = {}
        self._pool: AsyncConnectionPool[Any] | None = None
        self._opening = asyncio.Lock()
        self._bell = Bell()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        status, text = await self._answer(scope, receive)
        headers = [(b"content-length", str(len(text)).encode())]
        if text:
            headers += [(b"content-type", b"text/plain"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    async def _answer(self, scope: dict[str, Any], receive: Receive) -> tuple[int, bytes]:
        if scope["method"] not in ("POST", "GET"):
            return 405, b""
        try:
            doorway = await self._doorway(scope["path"][len(PREFIX) :].rstrip("/"))
            if scope["method"] == "GET":
                return _verified(doorway, scope.get("query_string", b""))
            return await self._take(doorway, scope, receive), b""
        except (psycopg.OperationalError, PoolTimeout) as error:
            log.error("door.database_away", error=type(error).__name__)
            return 503, b""

    async def _take(self, doorway: Doorway | None, scope: dict[str, Any], receive: Receive) -> int:
        if doorway is None:
            return 404
        body = await _read(receive, doorway.signature.most)
        if body is None:
            return 413
        if not doorway.signature.fits(scope["headers"], body, doorway.secret):
            return 401
        await self._store(doorway, body)
        self._bell.ring(doorway.schema)
        return 200

    async def _doorway(self, path: str) -> Doorway | None:
        """What is known of this path; looked up by one for all who ask, and for nobody who knew it lately.

        The pool of connections that answers this is the pages' too: who delivers must not wait for theirs.
        """
        until, doorway = self._known.get(path, (0.0, None))
        now = time.monotonic()
        if until > now:
            return doorway
        looking = self._looking.get(path)
        if looking is None:
            looking = self._looking[path] = asyncio.ensure_future(self._look(path))
            looking.add_done_callback(lambda done: self._looked(path, done))
        if doorway is not None and until + STALE_SECONDS > now:
            return doorway
        return await asyncio.shield(looking)

    async def _look(self, path: str) -> Doorway | None:
        doorway = await sync_to_async(find_doorway)(path)
        if len(self._known) > 20_000:
            self._known.clear()  # guessed ids must not fill the memory
        self._known[path] = (time.monotonic() + REMEMBER_SECONDS, doorway)
        return doorway

    def _looked(self, path: str, done: asyncio.Task[Doorway | None]) -> None:
        self._looking.pop(path, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("door.not_looked_up", error=type(error).__name__)

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
    """The channel behind `<kind>/<unguessable id>`, or None."""
    kind, _, key = path.partition("/")
    try:
        route_id = uuid.UUID(key)
    except ValueError:
        return None
    if kind not in SIGNATURES:
        return None
    close_old_connections()
    try:
        with schema_context("public"):
            route = WebhookRoute.objects.select_related("tenant").filter(pk=route_id).first()
        return _open(route, kind) if route else None
    except DatabaseError as error:  # Django's word for it, whatever the driver said
        raise psycopg.OperationalError(str(error)) from error
    finally:
        connections["default"].close_if_unusable_or_obsolete()


def _open(route: WebhookRoute, kind: str) -> Doorway | None:
    schema = route.tenant.schema_name
    with schema_context(schema):
        channel = Channel.objects.filter(pk=route.pk, kind=kind, is_active=True).first()
    if channel is None or not channel.hmac_secret:
        return None
    insert = sql.SQL("INSERT INTO {} (channel_id, body) VALUES (%s, %s)").format(
        sql.Identifier(schema, "conversations_webhookevent")
    )
    return Doorway(
        schema=schema,
        channel_id=channel.pk,
        secret=channel.hmac_secret.encode(),
        insert=insert,
        signature=SIGNATURES[kind],
        verify_token=channel.verify_token.encode(),
    )


def _verified(doorway: Doorway | None, query: bytes) -> tuple[int, bytes]:
    """WhatsApp asks whether this door is ours: who knows the token is told back what it said."""
    if doorway is None:
        return 404, b""
    if not doorway.verify_token:
        return 405, b""
    asked = parse_qs(query[:2000].decode("ascii", "replace"))
    token, challenge = (_first(asked, f"hub.{name}").encode() for name in ("verify_token", "challenge"))
    right = hmac.compare_digest(token, doorway.verify_token)
    if not right or _first(asked, "hub.mode") != "subscribe" or not 0 < len(challenge) <= MAX_CHALLENGE:
        return 403, b""
    return 200, challenge


def _first(asked: dict[str, list[str]], name: str) -> str:
    return asked.get(name, [""])[0]


async def _read(receive: Receive, most: int) -> bytes | None:
    """The body, or None when it grows past `most` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return bytes(body)


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
