"""The background, in a test: tasks that were sent wait in a list until the test runs them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from celery import Task
from django.db import connection


@dataclass
class Sent:
    """One task that was sent, and with what."""

    task: Any
    kwargs: dict[str, Any]
    headers: dict[str, Any]
    countdown: float

    @property
    def name(self) -> str:
        return str(self.task.name)


@dataclass
class Background:
    """What was sent and not yet run."""

    sent: list[Sent] = field(default_factory=list)

    def commit(self) -> None:
        """Run what waits for a commit that a rolled-back test never makes."""
        while connection.run_on_commit:
            _savepoints, callback, _robust = connection.run_on_commit.pop(0)
            callback()

    def run(self, *, limit: int = 200) -> int:
        """Run everything that was sent, and what that sends in turn; returns how many tasks ran."""
        ran = 0
        self.commit()
        while self.sent and ran < limit:
            self._run_one(self.sent.pop(0))
            self.commit()
            ran += 1
        assert not self.sent, f"The background does not come to rest: {self.sent[:3]}"
        return ran

    def run_one(self, task: Any = None, *, schema: str = "", **ids: int) -> None:
        """Run one task, or the first that waits; what it sends waits."""
        self.commit()
        headers = {"schema": schema} if schema else {}
        self._run_one(Sent(task, ids, headers, 0.0) if task is not None else self.sent.pop(0))
        self.commit()

    def names(self) -> list[str]:
        """The names of the tasks that wait."""
        self.commit()
        return [sent.name for sent in self.sent]

    def _run_one(self, sent: Sent) -> None:
        schema = connection.schema_name
        # A task gives its connection back; the one of a test carries the test's transaction.
        keep = (
            mock.patch.object(connection, "close")
            if connection.in_atomic_block
            else mock.patch("builtins.id", id)
        )
        with keep:
            sent.task.apply(kwargs=sent.kwargs, headers=sent.headers, throw=True)
        connection.set_schema(schema) if schema != "public" else connection.set_schema_to_public()


@contextmanager
def recorded() -> Iterator[Background]:
    """Tasks go to a list instead of to the broker."""
    background = Background()

    def record(
        task: Any,
        args: Any = None,
        kwargs: Any = None,
        headers: Any = None,
        countdown: Any = None,
        **rest: Any,
    ) -> None:
        assert not args, "A task takes keyword arguments only."
        background.sent.append(Sent(task, dict(kwargs or {}), dict(headers or {}), float(countdown or 0)))

    with mock.patch.object(Task, "apply_async", record):
        yield background
