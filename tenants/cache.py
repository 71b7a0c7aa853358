"""Cache keys carry their tenant, so that equal ids of two businesses never meet."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog
from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from tenants.db import connection

log = structlog.get_logger(__name__)


def key(name: str, prefix: str, version: int) -> str:
    return f"{prefix}:{connection.schema_name}:{version}:{name}"


class Cache(RedisCache):
    """Redis, and nothing while it is away: what is kept here makes things quicker or kinder."""

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
