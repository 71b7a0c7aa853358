"""Forgive every lost doorbell: find rows that should have moved by now, and ring again.

One statement looks at many schemas at once; only a tenant that has something due is visited.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tenants.utils import schema_context
from psycopg import sql

from billing import credits
from conversations import (
    breakers,
    bulk,
    customer_import,
    desk_sweep,
    fallback,
    follow_ups,
    handoff,
    hooks,
    identities,
    inbox,
    media,
    merging,
    outbox,
    pacing,
    receipts,
    transcripts,
    turns,
    verifying,
)
from conversations.models import Channel, ChatRules, Conversation, Message, Transcript, Turn, WebhookEvent
from tenants import idempotency
from tenants.background import public_task, ready_schemas, ring, unheard
from tenants.db import connection

log = structlog.get_logger(__name__)
GRACE = timedelta(seconds=4)  # longer than a healthy doorbell takes
NO_GRACE = timedelta(seconds=0.3)  # where no doorbell rings at all
DEAD = timedelta(seconds=settings.WORK_DEAD_SECONDS)  # all time-outs are below it
MEDIA_LIFE = timedelta(minutes=10)  # after that the gateway has surely deleted the file
ROUND = timedelta(seconds=settings.SWEEP_SECONDS)
KEEP_EVENTS = timedelta(days=30)
SCHEMAS_A_STATEMENT = 50
MOST_RINGS, A_FEW = 500, 20
BEHIND = 50  # doorbells that wait unheard: more than so many workers have at hand

_DUE = sql.SQL("""
SELECT {name} WHERE EXISTS (SELECT FROM {events} WHERE status = 'new'
   AND coalesce(again_at, received_at) < %(late)s)
 OR EXISTS (SELECT FROM {conversations} WHERE reply_due_at < %(late)s)
 OR EXISTS (SELECT FROM {turns} WHERE status = 'running' AND started_at < %(dead)s)
 OR EXISTS (SELECT FROM {messages} WHERE status = 'queued' AND priority < 2
   AND coalesce(send_after, created_at) < %(late)s)
 OR EXISTS (SELECT FROM {channels} WHERE next_bulk_at < %(late)s)
 OR EXISTS (SELECT FROM {messages} WHERE status IN ('sending', 'unknown') AND claimed_at < %(dead)s)
 OR EXISTS (SELECT FROM {messages} WHERE direction = 'in' AND outcome = '' AND created_at < %(dead)s)
 OR EXISTS (SELECT FROM {messages} WHERE NOT (media_source = '') AND created_at BETWEEN %(old)s AND %(late)s)
 OR EXISTS (SELECT FROM {deliveries} WHERE status = 'pending' AND next_try_at < %(late)s)
 OR EXISTS (SELECT FROM {endpoints} WHERE disabled_at < %(late)s AND told_at IS NULL)
 OR EXISTS (SELECT FROM {transcripts} WHERE status = 'due' AND due_at < %(late)s)
 OR EXISTS (SELECT FROM {messages} WHERE direction = 'in' AND outcome = '' AND created_at
   < %(soon)s - make_interval(secs => coalesce((SELECT holding_seconds FROM {rules}), %(patience)s)))
 OR EXISTS (SELECT FROM {breakers} WHERE opened_at IS NOT NULL AND told_at IS NULL)
 OR EXISTS (SELECT FROM {identities} WHERE resolve_at < %(late)s)
 OR EXISTS (SELECT FROM {merges} WHERE due_at < %(late)s)
 OR EXISTS (SELECT FROM {imports} WHERE due_at < %(late)s)
 OR EXISTS (SELECT FROM {follow_ups} WHERE status = 'waiting' AND due_at < %(late)s)
 OR EXISTS (SELECT FROM {proofs} WHERE send_at IS NOT NULL AND send_at < %(late)s)
 OR EXISTS (SELECT FROM {tool_runs} WHERE status = 'started' AND started_at < %(dead)s)
 OR EXISTS (SELECT FROM {holds} WHERE status = 'held' AND created_at < %(dead)s)
 OR EXISTS (SELECT FROM {conversations} WHERE person_until < %(late)s)
 OR EXISTS (SELECT FROM {clocks} WHERE stopped_at IS NULL AND paused_at IS NULL AND warned_at IS NULL
   AND warn_at < %(late)s)
 OR EXISTS (SELECT FROM {clocks} WHERE stopped_at IS NULL AND paused_at IS NULL AND breached_at IS NULL
   AND due_at < %(late)s)
 OR EXISTS (SELECT FROM {todos} WHERE done_at IS NULL AND told_at IS NULL AND NOT suggested
   AND due_at < %(late)s)
 OR EXISTS (SELECT FROM {summaries} WHERE status = 'due' AND due_at < %(late)s)
 OR EXISTS (SELECT FROM {conversations} WHERE handler = 'queue')
   AND EXISTS (SELECT FROM {desk} WHERE assignment <> 'manual')
""")


@public_task()
def sweep() -> None:
    """Visit the tenants in which something is overdue."""
    now = timezone.now()
    idempotency.forget(now=now)
    _visit(now=now, grace=GRACE, most=_most())


@public_task()
def sweep_closely() -> None:
    """As `sweep`, while the broker is away (`tenants.standin`): nobody else rings, so why wait."""
    _visit(now=timezone.now(), grace=NO_GRACE, most=MOST_RINGS)


def _most() -> int:
    """How often to ring for one kind of row of a tenant.

    Where doorbells wait unheard the workers are behind, and what is overdue has its own among them. Ringing
    for all of it again each time would fill the queue faster than anybody empties it.
    """
    return A_FEW if unheard(settings.CELERY_TASK_DEFAULT_QUEUE) > BEHIND else MOST_RINGS


def _visit(*, now: datetime, grace: timedelta, most: int) -> None:
    for schema in overdue_schemas(now=now, grace=grace):
        try:
            with schema_context(schema):
                sweep_tenant(now=now, grace=grace, most=most)
        except Exception:
            log.exception("sweep.tenant_failed", schema=schema)  # the others must not wait for it


def overdue_schemas(*, now: datetime, grace: timedelta = GRACE) -> list[str]:
    """The ready schemas in which a row should have moved `grace` ago."""
    schemas = iter(ready_schemas())
    found: list[str] = []
    while batch := list(islice(schemas, SCHEMAS_A_STATEMENT)):
        with connection.cursor() as cursor:
            moments: dict[str, Any] = {"late": now - grace, "dead": now - DEAD, "old": now - MEDIA_LIFE}
            moments |= {"soon": now + ROUND, "patience": ChatRules().holding_seconds}
            cursor.execute(sql.SQL(" UNION ALL ").join(_looks(batch)), moments)
            found += [name for (name,) in cursor.fetchall()]
    return found


def _looks(schemas: Sequence[str]) -> Iterator[sql.Composed]:
    tables = {
        "events": "conversations_webhookevent",
        "conversations": "conversations_conversation",
        "turns": "conversations_turn",
        "messages": "conversations_message",
        "channels": "conversations_channel",
        "transcripts": "conversations_transcript",
        "holds": "billing_hold",
        "identities": "conversations_contactidentity",
        "merges": "conversations_contactmerge",
        "imports": "conversations_contactimport",
        "follow_ups": "conversations_followup",
        "proofs": "conversations_proof",
        "tool_runs": "conversations_toolrun",
        "deliveries": "conversations_hookdelivery",
        "endpoints": "conversations_hookendpoint",
        "rules": "conversations_chatrules",
        "breakers": "conversations_breaker",
        "clocks": "conversations_slaclock",
        "todos": "conversations_todo",
        "summaries": "conversations_handoversummary",
        "desk": "conversations_deskrules",
    }
    for schema in schemas:
        names = {key: sql.Identifier(schema, table) for key, table in tables.items()}
        yield _DUE.format(name=sql.Literal(schema), **names)


def sweep_tenant(*, now: datetime, grace: timedelta = GRACE, most: int = MOST_RINGS) -> None:
    """Ring again for what is overdue in this tenant, the oldest first, at most so often for each kind."""
    schema = connection.schema_name
    late, dead = now - grace, now - DEAD
    waiting = WebhookEvent.objects.filter(status="new", received_at__lt=late)
    if waiting.exclude(again_at__gt=late).exists():
        ring(inbox.drain, schema=schema)
    for pk in list(Turn.objects.filter(status="running", started_at__lt=dead).values_list("pk", flat=True)):
        turns.abandon(pk, reason="the worker died or hung", again=True, now=now)
    _remind_unanswered(now=now)
    unanswered = Conversation.objects.filter(reply_due_at__lt=late).order_by("reply_due_at", "pk")
    for pk in unanswered.values_list("pk", flat=True)[:most]:
        ring(turns.take, schema=schema, conversation_id=pk)
    _sweep_messages(schema, late=late, now=now, most=most)
    _sweep_people(schema, late=late)
    receipts.open_too_long(now=now, dead=DEAD)
    _sweep_hooks(schema, late=late, now=now)
    desk_sweep.visit(schema, late=late, now=now)
    for pk, left in fallback.late(now=now, within=ROUND)[-most:]:  # who waits longest stands last
        ring(fallback.hold, schema=schema, countdown=left, conversation_id=pk)
    if breakers.untold(now=now):
        ring(breakers.tell, schema=schema)
    credits.release_orphans(keep=_running_holds(), older_than=dead, now=now)
    WebhookEvent.objects.filter(status="done", received_at__lt=now - KEEP_EVENTS).delete()


def _sweep_hooks(schema: str, *, late: datetime, now: datetime) -> None:
    waiting = hooks.due(now=late).order_by("endpoint").values_list("endpoint", flat=True).distinct()
    for pk in waiting[:500]:
        ring(hooks.deliver, schema=schema, endpoint_id=pk)
    for pk in hooks.untold().filter(disabled_at__lt=late).values_list("pk", flat=True):
        ring(hooks.tell_owner, schema=schema, endpoint_id=pk)
    hooks.forget(now=now)


def _sweep_people(schema: str, *, late: datetime) -> None:
    for pk in identities.due(now=late):
        ring(identities.resolve, schema=schema, identity_id=pk)
    for pk in merging.due(now=late):
        ring(merging.carry_out, schema=schema, merge_id=pk)
    for pk in customer_import.due(now=late):
        ring(customer_import.carry_on, schema=schema, import_id=pk)
    for pk in follow_ups.due(now=late):
        ring(follow_ups.say, schema=schema, follow_up_id=pk)
    for pk in verifying.due(now=late):
        ring(verifying.send, schema=schema, proof_id=pk)


def _sweep_messages(schema: str, *, late: datetime, now: datetime, most: int) -> None:
    dead = now - DEAD
    outgoing = Message.objects.filter(direction=Message.Direction.OUT)
    queued = outgoing.filter(status="queued", priority__lt=pacing.BULK, created_at__lt=late)
    queued = queued.exclude(send_after__gt=now)
    for pk in queued.order_by("pk").values_list("pk", flat=True)[:most]:
        ring(outbox.deliver, schema=schema, message_id=pk)
    if Channel.objects.filter(next_bulk_at__lt=late).exists():
        ring(bulk.pump, schema=schema)
    # A sender that died leaves a message in flight: perhaps sent, so the gateway is asked.
    outgoing.filter(status="sending", claimed_at__lt=dead).update(status="unknown", send_after=now)
    unknown = outgoing.filter(status="unknown", attempts__lt=outbox.MAX_ATTEMPTS).exclude(send_after__gt=now)
    for pk in unknown.order_by("pk").values_list("pk", flat=True)[:most]:
        ring(outbox.reconcile, schema=schema, message_id=pk)
    due = Transcript.objects.filter(status=Transcript.Status.DUE, due_at__lt=late)
    for pk in due.values_list("message_id", flat=True)[:100]:
        ring(transcripts.transcribe, schema=schema, message_id=pk)
    lost = Transcript.objects.filter(status=Transcript.Status.WAITING, created_at__lt=now - MEDIA_LIFE)
    lost.update(status=Transcript.Status.FAILED, error="The file never came.")
    waiting = Message.objects.exclude(media_source="").filter(
        created_at__lt=late, created_at__gt=now - MEDIA_LIFE
    )
    for pk in waiting.values_list("pk", flat=True)[:100]:
        ring(media.fetch, schema=schema, message_id=pk)


def _remind_unanswered(*, now: datetime) -> None:
    """An inbound message that nothing will answer is a bug elsewhere; it is answered all the same."""
    stuck = Message.objects.filter(
        direction=Message.Direction.IN,
        outcome="",
        created_at__lt=now - DEAD,
        conversation__reply_due_at=None,
    ).exclude(conversation__turns__status="running")
    for pk in set(stuck.values_list("conversation_id", flat=True)):
        with transaction.atomic(durable=True):
            conversation = handoff.locked_if_there(pk)
            if conversation is None:
                continue
            if conversation.handler == Conversation.Handler.AGENT:
                conversation.reply_due_at = now - GRACE * 2
                conversation.save(update_fields=["reply_due_at"])
            else:
                handoff.settle_open(
                    conversation, Message.Outcome.HANDED_OVER, "a person has this conversation"
                )


def _running_holds() -> list[int]:
    return [pk for pk in Turn.objects.filter(status="running").values_list("hold_id", flat=True) if pk]
