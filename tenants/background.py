"""How work remembers its tenant: a task carries the schema in its header and enters it, or refuses to run.

The row is the truth and a task is only a doorbell: it carries ids, fires on commit, and may be lost or
repeated without harm.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import structlog
from celery import Task, current_app, shared_task
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context
from kombu.exceptions import OperationalError

from tenants import failures, standin
from tenants.db import connection

log = structlog.get_logger(__name__)


class TenantMissing(RuntimeError):
    """A task arrived without the schema of a tenant, and must not guess one."""


class TenantTask(Task):
    """Enter the schema named in the message's header for exactly as long as the body runs."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        schema = (self.request.headers or {}).get("schema") or getattr(self.request, "schema", None)
        if not schema or schema == get_public_schema_name():
            raise TenantMissing(f"{self.name} was sent without a tenant")
        try:
            with schema_context(schema), structlog.contextvars.bound_contextvars(tenant=schema):
                result = super().__call__(*args, **kwargs)
            _note_success(self)
            return result
        except Exception as error:
            failures.note(error, task=self.name, schema=schema, ids=kwargs)
            raise
        finally:
            # Back to the pool, with nothing of this tenant left on it.
            connection.close_if_unusable_or_obsolete()


class PublicTask(Task):
    """Work on shared tables only: entered in the public schema whatever ran before."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            with schema_context(get_public_schema_name()):
                result = super().__call__(*args, **kwargs)
            _note_success(self)
            return result
        except Exception as error:
            failures.note(error, task=self.name, schema=get_public_schema_name(), ids=kwargs)
            raise
        finally:
            connection.close_if_unusable_or_obsolete()


def _note_success(done: Task) -> None:
    """Close the failure that a person had tried again; a doorbell of our own carries none."""
    headers = done.request.headers or {}
    if failure := headers.get(failures.HEADER) or getattr(done.request, failures.HEADER, None):
        failures.close(int(failure), now=timezone.now())


def task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Declare a tenant's task. Its arguments are ids."""
    return partial(shared_task, base=TenantTask, ignore_result=True, **options)()


def public_task(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Declare a task of the installation, such as a sweep that visits every tenant."""
    return partial(shared_task, base=PublicTask, ignore_result=True, **options)()


def enqueue(task: Any, *, countdown: float = 0, **ids: int) -> None:
    """Send a task, with ids only, when the current transaction commits and never before."""
    schema = connection.schema_name  # read now: at commit we may be elsewhere
    if schema == get_public_schema_name():
        raise TenantMissing(f"{task.name} enqueued outside a tenant")
    transaction.on_commit(partial(ring, task, schema=schema, countdown=countdown, **ids))


def ring(task: Any, *, schema: str, countdown: float = 0, **ids: int) -> None:
    """Send now. A broker that is away costs only time: the sweep, or who stands in, finds the row."""
    if standin.takes(task, schema=schema, countdown=countdown, ids=ids):
        return
    try:
        task.apply_async(kwargs=ids, headers={"schema": schema}, countdown=countdown or None)
    except OSError as error:  # kombu's OperationalError is one of its subclasses' causes
        log.warning("broker.away", task=task.name, error=type(error).__name__)
    except task.OperationalError as error:
        log.warning("broker.away", task=task.name, error=type(error).__name__)


def ring_public(task: Any, **ids: int) -> None:
    """Send a task of the installation now; a broker that is away costs only time."""
    try:
        task.apply_async(kwargs=ids)
    except (OSError, task.OperationalError) as error:
        log.warning("broker.away", task=task.name, error=type(error).__name__)


def unheard(queue: str) -> int:
    """How many doorbells wait in this queue; none are known of while the broker is away."""
    with current_app.connection_or_acquire() as broker:
        try:
            with broker.channel() as channel:
                return int(channel.queue_declare(queue=queue, passive=True).message_count)
        except broker.channel_errors:
            return 0  # an empty queue is none
        except (*broker.connection_errors, OperationalError) as error:
            log.warning("broker.away", error=type(error).__name__)
            return 0


def ready_schemas() -> Iterator[str]:
    """The schemas of the tenants that are open, oldest first."""
    from tenants.models import Tenant

    yield from (
        Tenant.objects.filter(status=Tenant.Status.READY).order_by("pk").values_list("schema_name", flat=True)
    )
