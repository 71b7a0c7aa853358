"""While the broker is away: a worker does by the rows alone what no doorbell can ask for.

Doorbells are lost then, and rows are not. One worker of the installation is on duty: it looks at the rows of
every tenant each second and does what they ask for in threads of its own, until the broker answers again. A
row is claimed before anything is done for it, so nothing is done twice where the old way and this one meet.
"""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError, transaction
from psycopg_pool import PoolTimeout

from tenants.db import connection

log = structlog.get_logger(__name__)
WATCH_SECONDS = 2.0
TICK_SECONDS = 0.2
LOOK_SECONDS = 1.0
THREADS = 8
_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('tenants.standin'))"


@dataclass(frozen=True, slots=True)
class Job:
    """A task of one tenant, with the ids that it is for."""

    task: Any
    schema: str
    ids: tuple[tuple[str, int], ...]

    def run(self) -> None:
        try:
            self.task.apply(kwargs=dict(self.ids), headers={"schema": self.schema}, throw=True)
        except Exception:
            log.exception("standin.task_failed", task=self.task.name)  # its row is still due


@dataclass
class StandIn:
    """Of one worker process. `broker_answers` asks, in seconds; `look` rings for every row that is due."""

    broker_answers: Callable[[], bool]
    look: Callable[[], None]
    on_duty: bool = False
    _due: dict[Job, float] = field(default_factory=dict)  # with the moment on the monotonic clock
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, task: Any, *, schema: str, countdown: float, ids: Mapping[str, int]) -> bool:
        """Keep a doorbell for this process to answer; False when the broker is to carry it."""
        if not self.on_duty:
            return False
        job, due = Job(task, schema, tuple(sorted(ids.items()))), time.monotonic() + countdown
        with self._lock:
            self._due[job] = min(due, self._due.get(job, due))
        return True

    def watch(self) -> None:
        """For ever: ask the broker, and be there when it is not."""
        while True:
            try:
                if not self.broker_answers():
                    self.serve()
            except (DatabaseError, PoolTimeout) as error:
                log.warning("standin.database_away", error=type(error).__name__)
                connection.close()
            time.sleep(WATCH_SECONDS)

    def serve(self) -> None:
        """Stand in until the broker answers, if no other worker does."""
        with ThreadPoolExecutor(THREADS, "standin") as threads, transaction.atomic(durable=True):
            if not _is_ours():
                return
            log.warning("standin.begins")
            self.on_duty = True
            try:
                self._serve(threads)
            finally:
                self.on_duty = False
                self._hand_back()
                log.warning("standin.ends")

    def _serve(self, threads: ThreadPoolExecutor) -> None:
        looking: Future[None] | None = None
        asked = looked = time.monotonic()
        while True:
            now = time.monotonic()
            if looking is None or (looking.done() and now - looked >= LOOK_SECONDS):
                looking, looked = threads.submit(self._look), now
            for job in self._ripe(now):
                threads.submit(job.run)
            if now - asked >= WATCH_SECONDS:
                if self.broker_answers():
                    return
                _is_ours()  # the lock is as long as its transaction, and that ends when it is idle for long
                asked = time.monotonic()
            time.sleep(TICK_SECONDS)

    def _look(self) -> None:
        try:
            self.look()
        except Exception:
            log.exception("standin.look_failed")

    def _ripe(self, now: float) -> list[Job]:
        with self._lock:
            ripe = [job for job, due in self._due.items() if due <= now]
            for job in ripe:
                del self._due[job]
        return ripe

    def _hand_back(self) -> None:
        """What waits for its moment waits at the broker again."""
        from tenants.background import ring  # which asks us

        with self._lock:
            left, self._due = self._due, {}
        for job, due in left.items():
            ring(job.task, schema=job.schema, countdown=max(0.0, due - time.monotonic()), **dict(job.ids))


def _is_ours() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK)
        return bool(cursor.fetchone()[0])


_here: StandIn | None = None


def start(*, broker_answers: Callable[[], bool], look: Callable[[], None]) -> None:
    """Have this process stand in from now on."""
    global _here
    _here = StandIn(broker_answers, look)
    threading.Thread(target=_here.watch, name="standin", daemon=True).start()


def takes(task: Any, *, schema: str, countdown: float, ids: Mapping[str, int]) -> bool:
    """Whether this process keeps a doorbell to itself, because the broker is away."""
    return _here is not None and _here.take(task, schema=schema, countdown=countdown, ids=ids)
