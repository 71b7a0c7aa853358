"""Live pages: after a commit, tell every open page of this tenant what changed.

An event carries a name and ids, never content: a page that hears it fetches what it may see. Each has the
next number of its business (`position` is the last one), so that a page knows whether it has missed any.
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


# Numbered and sent in one step, so that they arrive in the order of their numbers. A business begins, and
# after Redis lost everything begins again, at the clock in milliseconds: above all that a page can know.
_PUBLISH = """
if redis.call("EXISTS", KEYS[1]) == 0 then
  local time = redis.call("TIME")
  redis.call("SET", KEYS[1], string.format("%.0f", time[1] * 1000 + math.floor(time[2] / 1000)))
end
local number = string.format("%.0f", redis.call("INCR", KEYS[1]))
return redis.call("PUBLISH", KEYS[2], '{"seq":' .. number .. ',' .. ARGV[1])
"""


def channel_of(schema: str) -> str:
    """The Redis channel on which a tenant's events travel."""
    return f"live:{schema}"


def numbers_of(schema: str) -> str:
    """The Redis key of the number of a tenant's last event."""
    return f"live:{schema}:seq"


def position() -> int | None:
    """The number of this tenant's last event, 0 before the first; None while Redis is away."""
    try:
        return int(client(settings.REDIS_URL).get(numbers_of(connection.schema_name)) or 0)
    except redis.RedisError as error:
        log.warning("live.away", error=type(error).__name__)
        return None


def publish(event: str, **ids: int | str) -> None:
    """Announce an event to the tenant's pages when the transaction commits."""
    body = json.dumps({"event": event, **ids}, separators=(",", ":"))
    transaction.on_commit(partial(_send, connection.schema_name, body))


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


def _send(schema: str, body: str) -> None:
    try:
        keys = numbers_of(schema), channel_of(schema)
        client(settings.REDIS_URL).eval(_PUBLISH, 2, *keys, body.removeprefix("{"))
    except redis.RedisError as error:
        # Pages fetch the whole state when they reconnect, so a lost event costs only freshness.
        log.warning("live.away", error=type(error).__name__)


@lru_cache(maxsize=4)
def client(url: str, use: str = "publishers") -> redis.Redis:
    """The connections of this process to Redis; who listens has a pool of its own."""
    most = 64 if use == "publishers" else 256  # who waits keeps a connection meanwhile
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, max_connections=most)
