"""Flags: passages that contradict each other, and documents that may be out of date.

Looked for in the background after a document was read, and again now and then: what was right grows old.
Few false alarms matter more than finding everything (`knowledge.facts`).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop
from psycopg import sql

from knowledge import facts, facts_words
from knowledge.models import Chunk, Document, Flag, Source
from knowledge.questions import fold
from tenants import live
from tenants.background import task
from tenants.db import connection

AGAIN = timedelta(days=7)
OLD = timedelta(days=365)
FAILING = timedelta(days=14)
MOST_CHUNKS, MOST_FLAGS = 2000, 20  # of one document
NEIGHBOURS, NEAR = 4, 0.45
Kind = Flag.Kind
# What is behind them stands in the passage's own words.
EXPIRED = gettext_noop("It says “%(words)s”, which is over.")
OLD_VALUES = gettext_noop("Its prices or times were last renewed more than a year ago.")
NOT_RENEWED = gettext_noop("The place that it comes from could not be read for two weeks.")
DIFFERS = gettext_noop("%(ours)s here, %(theirs)s there")
SENTENCES = (EXPIRED, OLD_VALUES, NOT_RENEWED, DIFFERS)

_CHUNKS, _DOCUMENTS = Chunk._meta.db_table, Document._meta.db_table
_OF = f"SELECT embedding_model, public.vector_dims(embedding) FROM {_CHUNKS} WHERE document_id = %s LIMIT 1"
_GOING_ON = "SET LOCAL hnsw.iterative_scan = relaxed_order"  # all the nearest may be of the same document
# Model and dimensions stand in the text: only so the index on meaning is taken, where there is one.
_PAIRS = f"""
SELECT mine.id, near.id
FROM {_CHUNKS} mine CROSS JOIN LATERAL (
    SELECT other.id, other.embedding::{{vector}} OPERATOR(public.<=>) mine.embedding::{{vector}} AS distance
    FROM {_CHUNKS} other
    WHERE other.document_id <> mine.document_id AND other.enabled
      AND other.embedding_model = {{model}} AND other.audience = mine.audience
      AND other.agent_ids = mine.agent_ids
    ORDER BY distance LIMIT {NEIGHBOURS}) AS near
WHERE mine.document_id = %s AND mine.enabled AND near.distance < {1 - NEAR}
  AND mine.embedding_model = {{model}}
  AND (SELECT status FROM {_DOCUMENTS} document WHERE document.id = mine.document_id) = 'ready'
ORDER BY mine.position, near.distance, near.id LIMIT {MOST_CHUNKS}
"""


@task()
def look(document_id: int) -> None:
    """Flag what contradicts other documents, and what may be out of date, in one document."""
    look_at(document_id, now=timezone.now())


def look_at(document_id: int, *, now: datetime) -> int:
    """As `look`; how many flags are new."""
    document = Document.objects.select_related("source").filter(pk=document_id).first()
    if document is None:
        return 0
    found = [*contradictions(document), *stale(document, now=now)][:MOST_FLAGS]
    with transaction.atomic():
        made = Flag.objects.bulk_create(found, ignore_conflicts=True)
        Document.objects.filter(pk=document.pk).update(looked_at=now)
        if made:
            live.publish("document.changed", id=document.pk)
    return len(made)


def contradictions(document: Document) -> Iterator[Flag]:
    """A flag for each passage that says otherwise than a passage of another document."""
    seen: set[int] = set()
    for mine, other in _near_pairs(document):
        if mine.pk in seen or _is_flagged(other, mine):
            continue
        headings = ((mine.heading or [""])[-1], (other.heading or [""])[-1])
        found = facts.conflict(mine.text, other.text, language=mine.language, headings=headings)
        if found is not None:
            seen.add(mine.pk)
            detail = DIFFERS % {"ours": found.ours, "theirs": found.theirs}
            yield Flag(kind=Kind.CONTRADICTION, chunk=mine, other=other, detail=detail[:300])


def _near_pairs(document: Document) -> Iterator[tuple[Chunk, Chunk]]:
    """Each passage of a document with those of other documents that are nearest in meaning."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_GOING_ON)
        cursor.execute(_OF, [document.pk])
        pairs = [pair for model in cursor.fetchall() for pair in _pairs(cursor, document, *model)]
    shown = Chunk.objects.defer("embedding", "search").select_related("document")
    chunks = shown.in_bulk({pk for pair in pairs for pk in pair})
    for mine, other in pairs:
        if mine in chunks and other in chunks:
            yield chunks[mine], chunks[other]


def _pairs(cursor: Any, document: Document, model: str, dimensions: int) -> list[tuple[int, int]]:
    """As `_near_pairs`, as ids."""
    vector = sql.SQL(f"public.halfvec({dimensions})")  # what a column says of itself
    cursor.execute(sql.SQL(_PAIRS).format(vector=vector, model=sql.Literal(model)), [document.pk])
    return list(cursor.fetchall())


def _is_flagged(one: Chunk, other: Chunk) -> bool:
    """Whether the pair is known the other way round."""
    return Flag.objects.filter(kind=Kind.CONTRADICTION, chunk=one, other=other).exists()


def stale(document: Document, *, now: datetime) -> Iterator[Flag]:
    """Flags for what its own words, its age or its source say is over; at most one for age and source."""
    chunks = document.chunks.filter(enabled=True).order_by("position").defer("embedding", "search")
    first_values: Chunk | None = None
    for chunk in chunks[:MOST_CHUNKS]:
        heading = " ".join(chunk.heading)
        said = facts_words.expired(fold(f"{heading}\n{chunk.text}"), today=timezone.localdate(now))
        if said:
            yield Flag(kind=Kind.STALE, chunk=chunk, detail=(EXPIRED % {"words": said})[:300])
        elif first_values is None and facts.has_values(chunk.text):
            first_values = chunk
    if first_values is not None and (reason := _of_age(document, now=now)):
        yield Flag(kind=Kind.STALE, chunk=first_values, detail=reason)


def _of_age(document: Document, *, now: datetime) -> str:
    source = document.source
    if source is not None and source.status == Source.Status.FAILED:
        renewed = source.refreshed_at or source.created_at
        return NOT_RENEWED if renewed < now - FAILING else ""
    renewed = document.refreshed_at or document.ready_at or document.created_at
    return OLD_VALUES if renewed < now - OLD else ""


def due(*, now: datetime) -> QuerySet[Document]:
    """Documents that were read since somebody looked, or at which nobody has looked for a while."""
    unseen = Q(looked_at=None) | Q(looked_at__lt=F("ready_at")) | Q(looked_at__lt=now - AGAIN)
    return Document.objects.filter(unseen, status=Document.Status.READY)


def open_flags(document_id: int | None = None) -> QuerySet[Flag]:
    """What nobody has dismissed, of all or one document; passages that answer no more are left out."""
    shown = Flag.objects.filter(dismissed_at=None, chunk__enabled=True).exclude(other__enabled=False)
    if document_id is not None:
        shown = shown.filter(Q(chunk__document=document_id) | Q(other__document=document_id))
    related = shown.select_related("chunk__document", "other__document")
    vectors = ("embedding", "search")
    deferred = [f"{side}__{name}" for side in ("chunk", "other") for name in vectors]
    return related.defer(*deferred).order_by("kind", "-pk")


def counts() -> dict[int, int]:
    """How many open flags each document has, by its id; of a contradiction both documents have one."""
    found: dict[int, int] = {}
    for path in ("chunk__document", "other__document"):
        rows = open_flags().order_by().exclude(**{path: None}).values_list(path)
        for pk, number in rows.annotate(n=Count("pk")):
            found[pk] = found.get(pk, 0) + number
    return found


@transaction.atomic
def dismiss(flag: Flag, *, now: datetime) -> None:
    """It is as it should be."""
    Flag.objects.filter(pk=flag.pk, dismissed_at=None).update(dismissed_at=now)
    live.publish("document.changed", id=flag.chunk.document_id)
