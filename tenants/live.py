"""Live pages: after a commit, tell every open page of this tenant what changed.

An event carries a name and ids, never content: a page that hears it fetches what it may see.
"""

import json
from functools import lru_cache, partial

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


def _send(channel: str, body: str) -> None:
    try:
        _redis(settings.REDIS_URL).publish(channel, body)
    except redis.RedisError as error:
        # Pages fetch the whole state when they reconnect, so a lost event costs only freshness.
        log.warning("live.away", error=type(error).__name__)


@lru_cache(maxsize=2)
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1, max_connections=64)
