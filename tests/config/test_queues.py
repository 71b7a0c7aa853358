"""Which queue a task goes to, and that somebody serves it: customers never stand behind bulk."""

import re

from celery import current_app
from django.conf import settings
from django_celery_beat.schedulers import DatabaseScheduler

from config import supervisor
from conversations import bulk, inbox, outbox, turns
from knowledge import indexing, looking


def queue_of(task: object) -> str:
    name = task.name  # type: ignore[attr-defined]
    return str(current_app.amqp.router.route({}, name)["queue"].name)


def served() -> dict[str, set[str]]:
    """The queues of each worker, by the words it is started with."""
    options = supervisor.Options(port=8000, host="127.0.0.1", demo=False)
    words = {part.name: " ".join(part.words) for part in supervisor.parts(options)}
    found = {name: re.search(r" -Q (\S+)", line) for name, line in words.items()}
    return {name: set(match.group(1).split(",")) for name, match in found.items() if match}


def test_each_kind_of_work_has_its_queue():
    tasks = (
        inbox.drain,
        turns.take,
        outbox.deliver,
        outbox.reconcile,
        bulk.pump,
        indexing.index,
        looking.look,
    )
    assert [queue_of(task) for task in tasks] == ["inbound", "fast", "fast", "bulk", "bulk", "slow", "slow"]


def test_a_sweep_stands_behind_no_backlog_and_not_behind_itself(transactional_db: None) -> None:
    """It passes by what waits to be answered; one that nobody began in time is dropped, not done twice."""
    options = DatabaseScheduler(app=current_app).schedule["sweep-conversations"].options
    assert (options["queue"], options["expires"]) == ("inbound", settings.SWEEP_SECONDS)


def test_every_queue_is_served():
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert routed | {settings.CELERY_TASK_DEFAULT_QUEUE} <= set().union(*served().values())


def test_one_worker_is_always_there_for_customers():
    free = [
        name for name, queues in served().items() if {"inbound", "fast"} <= queues and "bulk" not in queues
    ]
    assert free
