"""Cache keys carry their tenant, so that equal ids of two businesses never meet."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

from tenants.db import connection

log = structlog.get_logger(__name__)


def key(name: str, prefix: str, version: int) -> str:
    return f"{prefix}:{connection.schema_name}:{version}:{name}"


class _Client(RedisCacheClient):
    """Django makes a client for every call, which takes as long as the call; here each pool keeps its one."""

    def get_client(self, key: Any = None, *, write: bool = False) -> Any:
        own: Any = self
        pool = own._get_connection_pool(write)
        if (kept := getattr(pool, "kept_client", None)) is None:
            kept = pool.kept_client = own._client(connection_pool=pool)
        return kept


class Cache(RedisCache):
    """Redis, and nothing while it is away: what is kept here makes things quicker or kinder."""

    def __init__(self, server: Any, params: Any) -> None:
        super().__init__(server, params)
        self._class = _Client

    def count(self, key: Any, seconds: int) -> int | None:
        """One more under this key, which begins anew `seconds` after the first; None while Redis is away."""
        return cast("int | None", _or(None, self._count, self.make_and_validate_key(key), seconds))

    def _count(self, name: str, seconds: int) -> int:
        with self._cache.get_client(name, write=True).pipeline(transaction=False) as pipe:
            pipe.set(name, 0, ex=seconds, nx=True)
            pipe.incr(name)
            return int(pipe.execute()[1])

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return _or(default, super().get, key, default, version)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        _or(None, super().set, key, value, timeout, version)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(_or(True, super().add, key, value, timeout, version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(_or(False, super().delete, key, version))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(_or(False, super().touch, key, timeout, version))

    def has_key(self, key: Any, version: int | None = None) -> bool:
        return bool(_or(False, super().has_key, key, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Raises ValueError where there is nothing to add to: also while Redis is away."""
        count = _or(None, super().incr, key, delta, version)
        if count is None:
            raise ValueError("There is no such key at this moment.")
        return int(count)

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        found: dict[Any, Any] = _or({}, super().get_many, keys, version)
        return found

    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        kept: list[Any] = _or(list(data), super().set_many, data, timeout, version)
        return kept

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        _or(None, super().delete_many, keys, version)


def _or(otherwise: Any, call: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return call(*arguments)
    except RedisError as error:
        log.warning("cache.away", error=type(error).__name__)
        return otherwise
