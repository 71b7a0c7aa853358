"""Work in the background that raised for good is kept for a person, who may have it tried again."""

import traceback
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from celery.exceptions import TaskPredicate
from django.conf import settings
from django.db import Error, IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context
from psycopg_pool import PoolTimeout

from tenants.platform import TaskFailure

log = structlog.get_logger(__name__)
KEEP = timedelta(days=30)
HEADER = "failure"  # of a doorbell that a person rang: which row it is to close
# A task that asks to be tried again or forgotten; a database that is away, where nothing could be kept.
NOT_KEPT = (TaskPredicate, OperationalError, InterfaceError, PoolTimeout)


def note(error: BaseException, *, task: str, schema: str, ids: Mapping[str, Any]) -> None:
    """Keep that this work failed, with the type of the error and never its words; outside a transaction.

    Nothing is raised: a failure that cannot be kept is in the log, and the work's own row is still due.
    """
    if isinstance(error, NOT_KEPT):
        return
    try:
        with schema_context(get_public_schema_name()):
            _count(_which(error, task=task, schema=schema, ids=ids), now=timezone.now())
    except (Error, PoolTimeout) as gone:
        log.warning("failure.not_kept", task=task, error=type(gone).__name__)


def _which(error: BaseException, *, task: str, schema: str, ids: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {key: value for key, value in ids.items() if isinstance(value, int | str)}
    return {
        "schema": schema[:63],
        "task": task[:120],
        "ids": numbers,
        "error": type(error).__name__[:80],
        "place": place_of(error),
    }


def place_of(error: BaseException) -> str:
    """Where in our own code it happened, the innermost: "conversations/inbox.py:88"."""
    root = Path(settings.BASE_DIR)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and "site-packages" not in path.parts:
            return f"{path.relative_to(root)}:{frame.lineno}"[:160]
    return ""


def _count(which: Mapping[str, Any], *, now: datetime) -> None:
    """Count up the open row, or make one; of two at once one makes it and the other counts."""
    same = {key: which[key] for key in ("schema", "task", "ids", "error")}
    opened = TaskFailure.objects.filter(**same, resolved_at=None)
    values: dict[str, Any] = {"count": F("count") + 1, "last_at": now, "place": which["place"]}
    if opened.update(**values):
        return
    try:
        with transaction.atomic():
            TaskFailure.objects.create(**which, first_at=now, last_at=now)
    except IntegrityError:
        opened.update(**values)


def close(failure_id: int, *, now: datetime) -> None:
    """It was tried again because a person asked, and went well."""
    with schema_context(get_public_schema_name()):
        TaskFailure.objects.filter(pk=failure_id, resolved_at=None).update(resolved_at=now)


def retry(failure: TaskFailure, *, now: datetime) -> bool:
    """Ring for this work once more; False when it is over, or the job is none any more."""
    from celery import current_app

    task = current_app.tasks.get(failure.task)
    if task is None:
        return False
    claimed = TaskFailure.objects.filter(pk=failure.pk, resolved_at=None).update(retried_at=now)
    if not claimed:
        return False
    headers = {"schema": failure.schema, HEADER: failure.pk}
    transaction.on_commit(lambda: _ring(task, ids=dict(failure.ids), headers=headers))
    return True


def _ring(task: Any, *, ids: dict[str, Any], headers: dict[str, Any]) -> None:
    try:
        task.apply_async(kwargs=ids, headers=headers)
    except (OSError, task.OperationalError) as error:
        log.warning("broker.away", task=task.name, error=type(error).__name__)


def forget(*, now: datetime) -> None:
    """Drop what has not happened for a month, in the public schema."""
    TaskFailure.objects.filter(last_at__lt=now - KEEP).delete()
