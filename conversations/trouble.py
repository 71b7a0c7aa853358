"""What went wrong in one business and waits for a person: listed for staff, and tried again at their word.

Six kinds, each with the rows that it lists and the one function that tries a row again. A business's own
people see their part of it on Today and in the message ledger; this is the same, whole, for who helps them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from conversations import hooks, inbox, outbox
from conversations.models import HookDelivery, Message, WebhookEvent
from conversations.reasons import in_words
from knowledge import documents
from knowledge.models import Document
from tenants import audit, failures
from tenants.db import connection
from tenants.models import TaskFailure, User

LATELY = timedelta(days=7)
PAGE = 25
MOST_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """One sort of trouble: its rows, the permission to try one again, how, and how a row is told."""

    name: str
    title: Any
    about: Any
    permission: str
    rows: Callable[[datetime], QuerySet[Any]]
    again: Callable[..., bool]
    told: Callable[[Any], tuple[str, str, Any]]  # what it is, why, and when
    table: str = ""  # admin:<table>, where its rows are one by one


def _messages(status: str) -> Callable[[datetime], QuerySet[Any]]:
    def rows(now: datetime) -> QuerySet[Any]:
        found = Message.objects.filter(direction=Message.Direction.OUT, status=status)
        found = found.filter(created_at__gt=now - LATELY) if status == "failed" else found
        return found.select_related("conversation__channel").order_by("-pk")

    return rows


def _events(now: datetime) -> QuerySet[Any]:
    parked = WebhookEvent.objects.filter(status=WebhookEvent.Status.PARKED)
    return parked.select_related("channel").defer("body").order_by("-pk")


def _hooks(now: datetime) -> QuerySet[Any]:
    parked = HookDelivery.objects.filter(status="parked", created_at__gt=now - LATELY)
    return parked.select_related("endpoint").defer("body").order_by("-pk")


def _documents(now: datetime) -> QuerySet[Any]:
    return Document.objects.filter(status=Document.Status.FAILED).order_by("-pk")


def _tasks(now: datetime) -> QuerySet[Any]:
    return TaskFailure.objects.filter(schema=connection.schema_name, resolved_at=None).order_by(
        "-last_at", "-pk"
    )


def _send_again(pk: int, *, user: User, now: datetime) -> bool:
    try:
        outbox.retry(pk, now=now)
    except Message.DoesNotExist:
        return False
    return True


def _read_again(pk: int, *, user: User, now: datetime) -> bool:
    with transaction.atomic(durable=True):
        return inbox.replay(pk)


def _tell_again(pk: int, *, user: User, now: datetime) -> bool:
    delivery = HookDelivery.objects.filter(pk=pk, status="parked").first()
    if delivery is None:
        return False
    hooks.replay(delivery, actor=user, now=now)
    return True


def _index_again(pk: int, *, user: User, now: datetime) -> bool:
    return documents.try_again(pk) is not None


def _run_again(pk: int, *, user: User, now: datetime) -> bool:
    row = TaskFailure.objects.filter(pk=pk, schema=connection.schema_name).first()
    return row is not None and failures.retry(row, now=now)


def _told_message(row: Message) -> tuple[str, str, Any]:
    return f"{row.conversation.channel.name} · {row.get_kind_display()}", in_words(row.error), row.created_at


def _told_event(row: WebhookEvent) -> tuple[str, str, Any]:
    return row.channel.name, row.outcome, row.received_at


def _told_hook(row: HookDelivery) -> tuple[str, str, Any]:
    return f"{row.endpoint.name} · {row.kind}", row.error, row.created_at


def _told_document(row: Document) -> tuple[str, str, Any]:
    return row.title, str(row.get_problem_display()), row.created_at


def _told_task(row: TaskFailure) -> tuple[str, str, Any]:
    what = f"{row.task} {' '.join(f'{key}={value}' for key, value in sorted(row.ids.items()))}".strip()
    return what, f"{row.error} · {row.place} · ×{row.count}", row.last_at


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "unknown", _("Perhaps sent"),
            _("Nobody knows whether these arrived. Sent again, a customer may read one twice."),
            "conversations.change_message", _messages("unknown"), _send_again, _told_message,
            "conversations_message_changelist",
        ),
        Kind(
            "failed", _("Not sent"), _("Of the last seven days."), "conversations.change_message",
            _messages("failed"), _send_again, _told_message, "conversations_message_changelist",
        ),
        Kind(
            "events", _("Deliveries that could not be read"),
            _("They are kept as they came. Read again, nothing happens twice."),
            "conversations.change_webhookevent", _events, _read_again, _told_event,
            "conversations_webhookevent_changelist",
        ),
        Kind(
            "hooks", _("Events that the business's systems did not take"), _("Of the last seven days."),
            "conversations.change_hookdelivery", _hooks, _tell_again, _told_hook,
            "conversations_hookdelivery_changelist",
        ),
        Kind(
            "documents", _("Documents that could not be read"),
            _("What is wrong with the file stays wrong; what was wrong here may be over."),
            "knowledge.change_document", _documents, _index_again, _told_document,
            "knowledge_document_changelist",
        ),
        Kind(
            "tasks", _("Failed jobs"), _("Work in the background that raised an error, by kind."),
            "tenants.change_taskfailure", _tasks, _run_again, _told_task,
        ),
    )
}  # fmt: skip


def again(kind: Kind, pks: list[int], *, user: User, now: datetime) -> int:
    """Try these rows again, each in its own transaction; returns how many. Written down as one entry."""
    done = sum(kind.again(pk, user=user, now=now) for pk in pks[:MOST_AT_ONCE])
    if done:
        audit.record(f"trouble.{kind.name}", actor=user, target=pks[0] if len(pks) == 1 else "", rows=done)
    return done
