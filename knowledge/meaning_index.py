"""The index on meaning: none while every passage is soon looked at, one when a business has many.

Made CONCURRENTLY by a task on the slow queue, for the vectors of the one model that serves, and dropped when
the business has fewer passages again or another model took over. What a killed build left behind is dropped
and made anew. Figures: docs/adr/0008-finding-passages.md.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from psycopg import sql

from knowledge.models import Chunk
from tenants.background import public_task, ready_schemas, ring, task
from tenants.db import connection

log = structlog.get_logger(__name__)
MADE_AT = 5_000  # passages of one model
DROPPED_BELOW = 2_500
NEIGHBOURS, WIDTH = 16, 64  # m and ef_construction
MEMORY = "512MB"  # for the build: 100,000 passages of 896 dimensions fit
MOST_DIMENSIONS = 4000  # that an index of halves can hold
LOCK = 7_260_005
PREFIX = "chunk_meaning_"
_CHUNKS = Chunk._meta.db_table
# One model serves at a time, so the newest passage tells which; counting needs the narrow index only.
_COUNTED = f"""
SELECT embedding_model, public.vector_dims(embedding), (SELECT count(*) FROM {_CHUNKS})
FROM {_CHUNKS} ORDER BY id DESC LIMIT 1
"""
_THERE = """
SELECT named.relname, index.indisvalid AND index.indisready
FROM pg_index index JOIN pg_class named ON named.oid = index.indexrelid
WHERE index.indrelid = to_regclass(%s) AND starts_with(named.relname, %s) ORDER BY 1
"""
# Businesses that may need one, or have one; in one look over the catalogue, whatever their number.
_TO_LOOK_AT = f"""
SELECT space.nspname FROM pg_class named JOIN pg_namespace space ON space.oid = named.relnamespace
WHERE named.relkind = 'i' AND starts_with(named.relname, '{PREFIX}')
   OR named.relkind = 'r' AND named.relname = '{_CHUNKS}'
      AND greatest(named.reltuples, pg_stat_get_live_tuples(named.oid)) >= %s
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The index that a business should have: for one model's vectors."""

    model: str
    dimensions: int

    @property
    def name(self) -> str:
        told = hashlib.sha256(f"{self.model}/{self.dimensions}/{NEIGHBOURS}/{WIDTH}".encode())
        return PREFIX + told.hexdigest()[:12]

    def statement(self) -> sql.Composed:
        """Make it; the condition lets passages of another model in, of other dimensions, beside it."""
        return sql.SQL(
            "CREATE INDEX CONCURRENTLY {name} ON {chunks} USING hnsw"
            " ((embedding::public.halfvec({dimensions})) public.halfvec_cosine_ops)"
            " WITH (m = {m}, ef_construction = {width}) WHERE embedding_model = {model}"
        ).format(
            name=sql.Identifier(self.name),
            chunks=sql.Identifier(_CHUNKS),
            dimensions=sql.Literal(self.dimensions),
            m=sql.Literal(NEIGHBOURS),
            width=sql.Literal(WIDTH),
            model=sql.Literal(self.model),
        )


@task()
def keep() -> None:
    """Make this business's index, or drop it, as its passages need."""
    settle()


def settle() -> None:
    """As `keep`. Outside of a transaction; does nothing while another one is at it."""
    with _alone() as mine:
        if not mine:
            return
        there = _there()
        wanted = _wanted(there)
        for name, whole in there.items():
            if wanted is None or name != wanted.name or not whole:
                _run(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
                log.info("meaning_index.dropped", index=name, whole=whole)
        if wanted is not None and not there.get(wanted.name):
            _make(wanted)


def _there() -> dict[str, bool]:
    """The indexes on meaning that this business has, and whether each is whole."""
    return dict(_rows(_THERE, [_CHUNKS, PREFIX]))


def _wanted(there: dict[str, bool]) -> Wanted | None:
    """For the model that serves; one that is there stays until few passages are left."""
    for model, dimensions, count in _rows(_COUNTED, []):
        wanted = Wanted(model, dimensions)
        enough = DROPPED_BELOW if there.get(wanted.name) else MADE_AT
        if count >= enough and dimensions <= MOST_DIMENSIONS:
            return wanted
    return None


def _make(wanted: Wanted) -> None:
    _run(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(MEMORY)))
    # One process: this may take minutes, and customers are answered meanwhile. Nor is there always enough
    # shared memory for more, in a container.
    _run(sql.SQL("SET max_parallel_maintenance_workers = 0"))
    try:
        _run(wanted.statement())
    finally:
        _run(sql.SQL("RESET maintenance_work_mem"))
        _run(sql.SQL("RESET max_parallel_maintenance_workers"))
    log.info("meaning_index.made", index=wanted.name, dimensions=wanted.dimensions)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether nobody else makes this business's index; a lock of the session, which ends with its backend.

    A worker may be killed while its backend goes on building: until that has ended, it is not alone.
    """
    ((mine,),) = _rows("SELECT pg_try_advisory_lock(%s, hashtext(current_schema()))", [LOCK])
    try:
        yield mine
    finally:
        if mine:
            _rows("SELECT pg_advisory_unlock(%s, hashtext(current_schema()))", [LOCK])


def _run(statement: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _rows(statement: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


@public_task()
def sweep() -> None:
    """Have every business looked at that may need an index, or may not need its own any more."""
    schemas = {schema for (schema,) in _rows(_TO_LOOK_AT, [DROPPED_BELOW])}
    for schema in ready_schemas():
        if schema in schemas:
            ring(keep, schema=schema)
