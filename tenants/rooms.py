"""Who is where right now: a Redis hash a room of a business, in which each sign grows old by itself.

Nothing depends on it: with Redis away every room is empty.
"""

import json
import time
from typing import Any

import redis
import structlog
from django.conf import settings

from tenants import live
from tenants.db import connection

log = structlog.get_logger(__name__)
Signs = dict[int, dict[str, Any]]


def enter(room: str, user_id: int, sign: dict[str, Any], *, seconds: int) -> None:
    """Leave a sign in a room of this business; it counts for so many seconds."""
    value = json.dumps({**sign, "until": time.time() + seconds})
    with _redis().pipeline(transaction=False) as pipe:
        pipe.hset(_key(room), str(user_id), value)
        pipe.expire(_key(room), seconds)
        _run(pipe.execute)


def leave(room: str, user_id: int) -> None:
    """Take one's sign away."""
    _run(lambda: _redis().hdel(_key(room), str(user_id)))


def inside(room: str) -> Signs:
    """The signs that still count, by user."""
    found: dict[bytes, bytes] = _run(lambda: _redis().hgetall(_key(room))) or {}
    signs = {int(user): json.loads(sign) for user, sign in found.items()}
    return {user: sign for user, sign in signs.items() if sign["until"] > time.time()}


def _key(room: str) -> str:
    return f"room:{connection.schema_name}:{room}"


def _redis() -> redis.Redis:
    return live.client(settings.REDIS_URL)


def _run(call: Any) -> Any:
    try:
        return call()
    except redis.RedisError as error:
        log.warning("rooms.away", error=type(error).__name__)
        return None
