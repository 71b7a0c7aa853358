"""GET /health: every part that an answer to a customer needs, and what is wrong with one that is not ready.

Workers and beat say that they are alive by a key in Redis that expires; they say so by signals of Celery:
when they are up, with each heartbeat of their loop, and when beat has sent its own periodic task.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Callable
from functools import cache
from typing import Any

import psycopg
import redis
from celery import current_app
from celery.signals import after_task_publish, beat_init, heartbeat_sent, worker_ready
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.cache import never_cache
from kombu.exceptions import OperationalError

from config import env
from tenants.background import public_task

ALIVE_SECONDS = 20
WAIT_SECONDS = 2
Key = tuple[str, str]
GetResponse = Callable[[HttpRequest], HttpResponseBase]

# What a worker of this process serves, so that its heartbeat knows what to say.
_served: set[str] = set()


class NotReady(Exception):
    """A part is not ready; the message says why."""


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """200 when every part is ready, else 503; `parts` has "ok" or the reason for each."""
    parts = {name: _state(check) for name, check in CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    body = {"status": "ok" if ready else "not ready", "parts": parts}
    return JsonResponse(body, status=200 if ready else 503)


def middleware(get_response: GetResponse) -> GetResponse:
    """Answer /health before anything that itself needs a part which may be away."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        if request.path != "/health":
            return get_response(request)
        response = health(request)
        # Not being ready is the answer here, and no error of ours: Django would log each 503 as one.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response

    return answer


@public_task()
def beat_alive() -> None:
    """Beat sends this every few seconds; that a worker of the fast queue runs it is said here."""
    _say("fast")


def _state(check: Callable[[], None]) -> str:
    try:
        check()
    except (NotReady, ImproperlyConfigured) as reason:
        return str(reason)
    except (psycopg.Error, redis.RedisError, OSError) as error:
        # The text of an error may carry an address or a user name; its kind does not.
        return f"does not answer ({type(error).__name__})"
    return "ok"


# -- the checks


def _database() -> None:
    with _connect() as database:
        database.execute("SELECT 1")


def _migrations() -> None:
    with _connect() as database:
        table = database.execute("SELECT to_regclass('public.django_migrations')").fetchone()
        if table is None or table[0] is None:
            raise NotReady("the tables are not made yet: run `python manage.py migrate_schemas`")
        applied = set(database.execute("SELECT app, name FROM public.django_migrations").fetchall())
    missing = sorted(_wanted() - applied)
    if missing:
        raise NotReady(
            f"{len(missing)} to apply, first {'.'.join(missing[0])}: run `python manage.py migrate_schemas`"
        )


@cache
def _wanted() -> frozenset[Key]:
    """The last migrations of the apps in the public schema; they stay the same while a process lives."""
    graph = MigrationLoader(None, ignore_no_migrations=True).graph
    return frozenset(key for key in graph.leaf_nodes() if key[0] not in settings.TENANT_APPS)


def _redis() -> None:
    _client().ping()


def _broker() -> None:
    try:
        with current_app.connection_for_write(connect_timeout=WAIT_SECONDS) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, timeout=WAIT_SECONDS)
    except (OperationalError, OSError) as error:
        raise NotReady(f"does not answer ({type(error).__name__})") from error


def broker_answers() -> bool:
    """Whether a doorbell would be carried now; takes seconds where nothing is refused and nothing comes."""
    return _state(_broker) == "ok"


def _beats(name: str) -> Callable[[], None]:
    def check() -> None:
        said = _client().get(_key(name))
        if said is None:
            raise NotReady(f"has not been heard of for {ALIVE_SECONDS} s, or not at all yet")

    return check


def _embedder() -> None:
    try:
        with urllib.request.urlopen(f"{settings.EMBEDDING_URL}/health", timeout=WAIT_SECONDS) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        raise NotReady(f"answers {error.code}") from error
    except urllib.error.URLError as error:
        raise NotReady("does not answer yet") from error


def _bundle() -> None:
    places = [*settings.STATICFILES_DIRS, settings.STATIC_ROOT, env.BASE_DIR / "frontend" / "dist"]
    if not any((place / "app.css").is_file() for place in places):
        raise NotReady("not built: run `python manage.py build_frontend`")


CHECKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "broker": _broker,
    "inbound worker": _beats("inbound"),
    "worker": _beats("fast"),
    "bulk worker": _beats("bulk"),
    "slow worker": _beats("slow"),
    "hooks worker": _beats("hooks"),
    "beat": _beats("beat"),
    "embedder": _embedder,
    "bundle": _bundle,
}


def _connect() -> psycopg.Connection[tuple[Any, ...]]:
    """A connection beside the pool: it must not wait for one, and says so within two seconds."""
    known = {
        key: value for key, value in connection.get_connection_params().items() if key in _LIBPQ and value
    }
    return psycopg.connect(**known, connect_timeout=WAIT_SECONDS, autocommit=True)


_LIBPQ = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=WAIT_SECONDS,
        socket_connect_timeout=WAIT_SECONDS,
        max_connections=8,
    )


# -- who is alive


def _key(name: str) -> str:
    return f"alive:{name}"


def _say(name: str) -> None:
    """Write the key; when Redis is away, being unheard is the message."""
    try:
        _client().set(_key(name), int(time.time()), ex=ALIVE_SECONDS)
    except redis.RedisError:
        return


@worker_ready.connect
def _worker_is_up(sender: Any, **_rest: Any) -> None:
    _served.update(queue.name for queue in sender.task_consumer.queues)
    _worker_lives()


@heartbeat_sent.connect
def _worker_lives(**_rest: Any) -> None:
    for queue in _served:
        _say(queue)


@beat_init.connect
def _beat_is_up(**_rest: Any) -> None:
    _say("beat")


@after_task_publish.connect
def _beat_has_sent(sender: Any = None, **_rest: Any) -> None:
    if sender == beat_alive.name:
        _say("beat")
