"""Live pages: after a commit, tell every open page of this tenant what changed.

An event carries a name and ids, never content: a page that hears it fetches what it may see.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import transaction

from tenants.db import connection

log = structlog.get_logger(__name__)


def channel_of(schema: str) -> str:
    """The Redis channel on which a tenant's events travel."""
    return f"live:{schema}"


def publish(event: str, **ids: int | str) -> None:
    """Announce an event to the tenant's pages when the transaction commits."""
    body = json.dumps({"event": event, **ids}, separators=(",", ":"))
    transaction.on_commit(partial(_send, channel_of(connection.schema_name), body))


@contextmanager
def listen() -> Iterator[Callable[..., None]]:
    """Hear this tenant's events: `hear(seconds, *words)` returns when one has a word, or the time is over.

    With Redis away it only sleeps for a moment: who waits looks at the row anyway.
    """
    heard = _subscribed(channel_of(connection.schema_name))
    if heard is None:
        yield lambda seconds, *words: time.sleep(min(seconds, 0.5))
        return
    try:
        yield partial(_hear, heard)
    finally:
        heard.close()


def _subscribed(channel: str) -> Any:
    heard = client(settings.REDIS_URL, "listeners").pubsub(ignore_subscribe_messages=True)
    try:
        heard.subscribe(channel)
    except redis.RedisError as error:
        log.warning("live.away", error=type(error).__name__)
        heard.close()
        return None
    return heard


def _hear(heard: Any, seconds: float, *words: str) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            message = heard.get_message(timeout=min(left, 0.5))
        except redis.RedisError:
            return time.sleep(min(left, 0.5))
        if message and any(word in message["data"].decode() for word in words):
            return None
    return None


def _send(channel: str, body: str) -> None:
    try:
        client(settings.REDIS_URL).publish(channel, body)
    except redis.RedisError as error:
        # Pages fetch the whole state when they reconnect, so a lost event costs only freshness.
        log.warning("live.away", error=type(error).__name__)


@lru_cache(maxsize=4)
def client(url: str, use: str = "publishers") -> redis.Redis:
    """The connections of this process to Redis; who listens has a pool of its own."""
    most = 64 if use == "publishers" else 256  # who waits keeps a connection meanwhile
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, max_connections=most)
