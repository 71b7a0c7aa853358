"""Forgive lost doorbells: unsorted questions, drafts, vectors, cases, looks at documents, words of messages.

One statement looks at many schemas at once; only a tenant that has something due is visited.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

import structlog
from django.utils import timezone
from django_tenants.utils import schema_context
from psycopg import sql

from conversations import drafting, gate, search_index, teaching
from conversations.models import Unanswered
from knowledge import cases, flags, pinned
from knowledge.models import Gap, PinnedQuestion
from tenants.background import public_task, ready_schemas, ring
from tenants.db import connection

log = structlog.get_logger(__name__)
SCHEMAS_A_STATEMENT = 50
A_FEW = 20  # of one kind, of one tenant, at a time: the slow queue is everybody's

_DUE = sql.SQL("""
SELECT {name} WHERE EXISTS (SELECT FROM {unanswered} WHERE gap_id IS NULL AND created_at < %(late)s)
 OR EXISTS (SELECT FROM {gaps} WHERE status = 'open' AND drafted_at IS NULL AND asked_at < %(late)s)
 OR EXISTS (SELECT FROM {questions} WHERE vector IS NULL)
 OR EXISTS (SELECT FROM {cases} WHERE due_at < %(late)s)
 OR EXISTS (SELECT FROM {documents} WHERE status = 'ready'
   AND (looked_at IS NULL OR looked_at < ready_at OR looked_at < %(stale)s))
 OR EXISTS (SELECT FROM {messages} WHERE id > coalesce((SELECT until FROM {marks}), 0)
   AND created_at < %(unfound)s)
 OR EXISTS (SELECT FROM {evaluations} WHERE status IN ('queued', 'running') AND created_at < %(late)s)
""")
_TABLES = {
    "unanswered": "conversations_unanswered",
    "gaps": "knowledge_gap",
    "questions": "knowledge_pinnedquestion",
    "cases": "knowledge_regressioncase",
    "documents": "knowledge_document",
    "evaluations": "agents_evaluation",
    "messages": "conversations_message",
    "marks": "conversations_searchmark",
}


@public_task()
def sweep() -> None:
    """Visit the tenants in which something waits to be taught."""
    now = timezone.now()
    for schema in due_schemas(now=now):
        try:
            with schema_context(schema):
                sweep_tenant(now=now)
        except Exception:
            log.exception("teaching.tenant_failed", schema=schema)  # the others must not wait for it


def due_schemas(*, now: datetime) -> list[str]:
    """The ready schemas in which a row should have moved by now."""
    schemas, found = iter(ready_schemas()), []
    moments = {"late": now - teaching.LOST, "stale": now - flags.AGAIN, "unfound": now - search_index.LATE}
    while batch := list(islice(schemas, SCHEMAS_A_STATEMENT)):
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL(" UNION ALL ").join(_looks(batch)), moments)
            found += [name for (name,) in cursor.fetchall()]
    return found


def _looks(schemas: Sequence[str]) -> Iterator[sql.Composed]:
    for schema in schemas:
        names = {key: sql.Identifier(schema, table) for key, table in _TABLES.items()}
        yield _DUE.format(name=sql.Literal(schema), **names)


def sweep_tenant(*, now: datetime) -> None:
    """Ring again for what is overdue in this tenant, the oldest first."""
    schema, late = connection.schema_name, now - teaching.LOST
    unsorted = Unanswered.objects.filter(gap=None, created_at__lt=late).order_by("created_at")
    for pk in unsorted.values_list("pk", flat=True)[:A_FEW]:
        ring(teaching.sort, schema=schema, turn_id=pk)
    undrafted = Gap.objects.filter(status=Gap.Status.OPEN, drafted_at=None, asked_at__lt=late)
    for pk in undrafted.order_by("asked_at").values_list("pk", flat=True)[:A_FEW]:
        ring(drafting.write, schema=schema, gap_id=pk)
    if PinnedQuestion.objects.filter(pinned.unembedded()).exists():
        ring(pinned.embed, schema=schema)
    if cases.due(now=late).exists():
        ring(cases.check, schema=schema)
    for pk in flags.due(now=now).order_by("pk").values_list("pk", flat=True)[:A_FEW]:
        ring(flags.look, schema=schema, document_id=pk)
    if search_index.is_behind(now=now):
        ring(search_index.catch_up, schema=schema)
    gate.sweep_tenant(now=now)
