"""Find the passages that answer a question: by meaning and by words, in one statement.

How they are ordered is said in knowledge/search_statement.py, when they carry an answer in knowledge/support.py.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types.numeric import Int8

from knowledge import embeddings, joining, likeness, pinned, questions, support
from knowledge import search_statement as statements
from knowledge.joining import Candidate, Found, Why
from knowledge.models import Audience, Document
from knowledge.pinned import Pinned
from tenants.db import connection

QUESTION_CHARACTERS = 500
MORE = 2  # times as many as asked for are looked at: twins and neighbours become one
Mode = Literal["both", "words", "meaning"]
_KNOWN = f"SELECT EXISTS (SELECT FROM {Document._meta.db_table} WHERE chunk_count > 0), {pinned.SOME}"
_VALUE = re.compile(r"%\((\w+)\)[sb]")
Row = Sequence[Any]

__all__ = ["NOTHING", "Found", "Retrieved", "Why", "explain", "rank", "search", "search_words"]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages, best first, and whether the best can carry an answer."""

    passages: tuple[Found, ...]
    support: float
    supported: bool
    pinned: Pinned | None = None  # what a person settled as the answer to this


NOTHING = Retrieved(passages=(), support=0.0, supported=False)


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom an answer is for: one who writes to this assistant, or somebody of the team."""

    agent_id: int | None = None
    audience: str = Audience.CUSTOMERS

    def values(self) -> dict[str, Any]:
        """As the statement takes it; without an assistant, only what is for all of them."""
        agent = statements.NOBODY if self.agent_id is None else self.agent_id
        return {"staff": self.audience == Audience.STAFF, "agent": Int8(agent)}


def search(
    *,
    question: str,
    language: str | None = None,
    limit: int = 6,
    agent_id: int | None = None,
    audience: str = Audience.CUSTOMERS,
) -> Retrieved:
    """The passages of this tenant that fit best; raises ProviderError when the embedding model is away."""
    return explain(question, language=language, limit=limit, agent_id=agent_id, audience=audience)


def search_words(
    *,
    question: str,
    language: str | None = None,
    limit: int = 6,
    agent_id: int | None = None,
    audience: str = Audience.CUSTOMERS,
) -> Retrieved:
    """As `search`, by words alone, for when the embedding model is away."""
    to = Listener(agent_id, audience)
    return explain(
        question, mode="words", language=language, limit=limit, agent_id=to.agent_id, audience=audience
    )


def explain(
    question: str,
    *,
    mode: Mode = "both",
    language: str | None = None,
    limit: int = 6,
    agent_id: int | None = None,
    audience: str = Audience.CUSTOMERS,
) -> Retrieved:
    """As `search`, by meaning alone, by words alone or by both; each passage says in `why` what it is there for."""
    asked = questions.written_out(likeness.core(clean(question)) or clean(question), language=language)
    if not asked.strip():
        return NOTHING
    known, settled = _known()
    to = Listener(agent_id, audience)
    if mode == "words":
        found, vector = _by_words(asked, to=to, limit=limit) if known else NOTHING, None
    elif known or settled:
        found, vector = _by_vector(asked, to=to, limit=limit, by_words=mode == "both", known=known)
    else:
        return NOTHING
    if not settled:
        return found
    values, model = (vector.values, vector.model) if vector else (None, "")
    answer = pinned.match(asked, values, model, language, agent_id=agent_id, audience=audience)
    return replace(found, pinned=answer)


def _known() -> tuple[bool, bool]:
    """Whether there are documents that answer, and whether there are settled answers."""
    with connection.cursor() as cursor:
        cursor.execute(_KNOWN)
        documents, settled = cursor.fetchone()
    return documents, settled


def _by_vector(
    asked: str, *, to: Listener, limit: int, by_words: bool, known: bool
) -> tuple[Retrieved, embeddings.Vector]:
    vector = _vector(asked)
    if not known:
        return NOTHING, vector
    found = rank(question=asked, vector=vector, limit=limit, to=to, by_words=by_words)
    if not found.passages and (now := _vector(asked)).model != vector.model:
        # Another model took over between the two steps; its passages have vectors of its own.
        vector, found = now, rank(question=asked, vector=now, limit=limit, to=to, by_words=by_words)
    return found, vector


def _vector(question: str) -> embeddings.Vector:
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # not ours to keep while another process thinks
    return embeddings.question(question)


def rank(
    *,
    question: str,
    vector: embeddings.Vector,
    limit: int,
    to: Listener = Listener(),
    by_words: bool = True,
    every: bool = False,
) -> Retrieved:
    """Run the one statement; with `every` over each passage, without candidates."""
    statement = statements.by_both(vector.model, len(vector.values), every=every)
    told = questions.telling(question) if by_words else ""
    rows = prepared(statement, _values(told, to, limit) | {"vector": Halves(vector.values)})
    passages = joining.readable([_candidate(row) for row in rows], limit=limit)
    strength = support.of(passages, _asked(vector, rows[0])) if rows else 0.0
    return Retrieved(passages=passages, support=strength, supported=strength >= 1.0)


def _asked(vector: embeddings.Vector, row: Row) -> support.Asked:
    """What is known of the question itself; any row of the statement says it."""
    *_rest, common, told, _words = row
    return support.Asked(vector.values, vector.model, common=float(common or 0.0), words=told or 0)


def _by_words(question: str, *, to: Listener, limit: int) -> Retrieved:
    rows = prepared(statements.BY_WORDS_STATEMENT, _values(questions.telling(question), to, limit))
    passages = joining.readable([_candidate(row) for row in rows], limit=limit)
    strength = support.by_words(passages)
    return Retrieved(passages=passages, support=strength, supported=strength >= 1.0)


def _values(words: str, to: Listener, limit: int) -> dict[str, Any]:
    return {"words": words, "limit": Int8(limit * MORE), "wanted": Int8(limit)} | to.values()


def clean(question: str) -> str:
    """In characters that a statement can carry."""
    return question.replace("\x00", " ").encode("utf-8", "replace").decode()[:QUESTION_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Halves:
    """A vector on its way into a statement."""

    values: Any


class HalvesDumper(Dumper):
    """pgvector's own binary form: the dimensions, two reserved bytes, the halves; all big-endian."""

    format = Format.BINARY

    def dump(self, obj: Halves) -> bytes:
        return (
            len(obj.values).to_bytes(2, "big") + b"\x00\x00" + np.asarray(obj.values, dtype=">f2").tobytes()
        )


def prepared(statement: str, values: Mapping[str, Any]) -> list[Any]:
    """Rows of a statement that the connection keeps planned: planning takes longer than running it."""
    numbered, names = _numbered(statement)
    with connection.cursor() as entered:  # enters the tenant's schema
        session = entered.connection
        usual = session.prepare_threshold
        session.prepare_threshold = 0  # for this one; Django's own statements are not kept
        try:
            with psycopg.RawCursor(session) as cursor:
                cursor.adapters.register_dumper(Halves, HalvesDumper)
                return cursor.execute(numbered, [values[name] for name in names], prepare=True).fetchall()
        finally:
            session.prepare_threshold = usual


@lru_cache(maxsize=64)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    """The statement with its values by number, and their names: psycopg would take it apart every time."""
    names = tuple(dict.fromkeys(_VALUE.findall(statement)))
    numbered = _VALUE.sub(lambda found: f"${names.index(found[1]) + 1}", statement)
    return numbered.replace("%%", "%").encode(), names


def _candidate(row: Row) -> Candidate:
    chunk_id, document_id, title, heading, page, text, *rest = row
    before_id, before, after_id, after, cosine, coverage, weight, score, leading, _common, _told, words = rest
    return Candidate(
        found=Found(
            chunk_id=chunk_id,
            document_id=document_id,
            document_title=title,
            heading=tuple(heading),
            page=page,
            text=text,
            cosine=float(cosine),
            coverage=float(coverage),
            score=float(score),
            why=Why(float(cosine), float(coverage), float(weight), tuple(words or ())),
            leading=float(leading or 0.0),
        ),
        before=(before_id, before) if before_id else None,
        after=(after_id, after) if after_id else None,
    )
