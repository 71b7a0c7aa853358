"""Find the passages that answer a question: by meaning and by words, in one statement.

score = cosine + weight * coverage, where coverage is the share of the question's information (idf) that the
passage's words carry, and the weight is how much of the question the tenant's documents know at all. Ranks
are not fused: for a question in another language than the text, words are no evidence and have no vote.

A passage supports an answer when it is clearly nearer to the question than passages are on the whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from django.conf import settings
from psycopg.adapt import Dumper
from psycopg.pq import Format

from knowledge import questions
from knowledge.models import Chunk, Document, Lexeme, Middle
from providers.embedding import embedder
from tenants.db import connection

WEIGHT = 0.4
BY_MEANING = 40
BY_WORDS = 40  # rare words only: a word that is everywhere finds nothing
BY_WORDS_ALONE = 400  # when there is no vector, words must find everything
COVERED_ALONE = 0.5  # and half of the question's information must stand in the passage
SEARCH_WIDTH = 64  # how many neighbours the index looks at; its recall
QUESTION_CHARACTERS = 500
MOST_WORDS = 16  # the most telling words of a long question
# From `python -m bench.support`, for this version of the models.
SUPPORT = 0.175
COVERED_BY_WORDS = 0.05  # a passage that has all of the question's words may be a little further away
FEW = 4  # passages that are not there, in no direction: with one real passage the middle would be that one

_DOCUMENTS, _CHUNKS, _WORDS, _MIDDLE = (model._meta.db_table for model in (Document, Chunk, Lexeme, Middle))
_WORD_NUMBERS = range(1, MOST_WORDS + 1)
_DISTANCE = "embedding OPERATOR(public.<=>) (SELECT vector FROM asked)"
_PIECE = f"SELECT id, language, search, {_DISTANCE} AS distance FROM {_CHUNKS} chunk"
_COVERED = " + ".join(f"CASE WHEN search @@ queries[{n}] THEN idfs[{n}] ELSE 0 END" for n in _WORD_NUMBERS)


def _words(most: int) -> str:
    """The tables `known` and `words`: the question's words with their weight, and those that find passages.

    The rarest words of all find, as long as they stand in at most so many passages together.
    """
    return f"""known AS MATERIALIZED (
    -- The question's words in each language that the documents have; the empty word counts all passages.
    SELECT every.language, told.word, coalesce(counted.chunks, 0) AS chunks,
           ('''' || replace(replace(told.word, '\\', '\\\\'), '''', '''''') || '''')::tsquery AS query,
           ln(1 + every.chunks / (0.5::float8 + coalesce(counted.chunks, 0))) AS idf
    FROM {_WORDS} every
    CROSS JOIN LATERAL unnest(tsvector_to_array(
        to_tsvector(('public.fd_' || every.language)::regconfig, %s))) AS told(word)
    LEFT JOIN {_WORDS} counted ON counted.word = told.word AND counted.language = every.language
    WHERE every.word = '' AND every.chunks > 0
), words AS MATERIALIZED (
    SELECT language, sum(idf) AS idf,
           array_agg(query ORDER BY idf DESC, word) AS queries, array_agg(idf ORDER BY idf DESC, word) AS idfs,
           {WEIGHT}::float8 * coalesce(sum(idf) FILTER (WHERE chunks > 0), 0) / sum(idf) AS weight,
           string_agg(query::text, ' | ') FILTER (WHERE together <= {most})::tsquery AS rare
    FROM (SELECT *, CASE WHEN chunks > 0 THEN sum(chunks) OVER (
              PARTITION BY language ORDER BY chunks, word) END AS together FROM known) AS ordered
    GROUP BY language
)"""


_STATEMENT = f"""
WITH asked AS MATERIALIZED (
    -- The settings last as long as this statement, and stand before the index is first read. Without going on
    -- (iterative_scan) passages that were replaced a moment ago would fill the neighbourhood and hide the rest.
    SELECT CASE WHEN set_config('hnsw.ef_search', '{SEARCH_WIDTH}', true)
                     || set_config('hnsw.iterative_scan', 'relaxed_order', true) <> ''
           THEN %b::public.halfvec END AS vector
), {_words(BY_WORDS)}, near AS MATERIALIZED (
    {_PIECE} ORDER BY distance{{most}}
), scored AS (
    SELECT id, 1 - distance AS cosine, coalesce(weight, 0) AS weight,
           coalesce(({_COVERED}) / idf, 0) AS coverage
    FROM (SELECT * FROM near UNION ALL SELECT worded.* FROM words CROSS JOIN LATERAL (
              {_PIECE} WHERE search @@ words.rare AND language = words.language
                       AND id NOT IN (SELECT id FROM near)
          ) AS worded) AS candidates
    LEFT JOIN words USING (language)
), best AS MATERIALIZED (
    SELECT *, cosine + weight * coverage AS score FROM scored ORDER BY score DESC, id LIMIT %s
)
SELECT chunk.id, document.id, document.title, chunk.heading, chunk.page, chunk.text, cosine, coverage, score,
       (SELECT -(vector OPERATOR(public.<#>) (SELECT vector FROM asked)) * passages / (passages + {FEW})
        FROM {_MIDDLE}) AS common
FROM best JOIN {_CHUNKS} chunk ON chunk.id = best.id
JOIN {_DOCUMENTS} document ON document.id = chunk.document_id
ORDER BY score DESC, chunk.id
"""
SEARCH = _STATEMENT.format(most=f" LIMIT {BY_MEANING}")
SEARCH_ALL = _STATEMENT.format(most="")
SEARCH_WORDS = f"""
WITH {_words(BY_WORDS_ALONE)}, best AS MATERIALIZED (
    SELECT chunk.id, ({_COVERED}) / idf AS coverage
    FROM words JOIN {_CHUNKS} chunk ON search @@ words.rare AND chunk.language = words.language
    ORDER BY coverage DESC, chunk.id LIMIT %s
)
SELECT chunk.id, document.id, document.title, chunk.heading, chunk.page, chunk.text, 0, coverage, coverage, 0
FROM best JOIN {_CHUNKS} chunk ON chunk.id = best.id
JOIN {_DOCUMENTS} document ON document.id = chunk.document_id
ORDER BY coverage DESC, chunk.id
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A passage, where it stands, and why it was found: cosine and coverage, both about 0 to 1."""

    chunk_id: int
    document_id: int
    document_title: str
    heading: tuple[str, ...]
    page: int | None
    text: str
    cosine: float
    coverage: float
    score: float


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages, best first, and whether the best can carry an answer."""

    passages: tuple[Found, ...]
    support: float
    supported: bool


NOTHING = Retrieved(passages=(), support=0.0, supported=False)


def search(*, question: str, language: str | None = None, limit: int = 6) -> Retrieved:
    """The passages of this tenant that fit best; raises ProviderError when the embedding process is away."""
    if not question.strip() or not Document.objects.filter(chunk_count__gt=0).exists():
        return NOTHING
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()  # not ours to keep while another process thinks
    _model, vector = embedder(settings.EMBEDDING_URL).embed_question(question)
    return rank(question=question, vector=vector, limit=limit)


def rank(*, question: str, vector: Any, limit: int, statement: str = SEARCH) -> Retrieved:
    """Run the one statement; `vector` is the question's: 896 halves. SEARCH_ALL looks at every passage."""
    rows = prepared(statement, [Halves(vector), _asked(question), limit])
    return _judged([_found(row[:-1]) for row in rows], common=float(rows[0][-1] or 0) if rows else 0.0)


def search_words(*, question: str, limit: int = 6) -> Retrieved:
    """As `search`, without a vector, for when the embedding process is away: it finds only words as they are."""
    if not question.strip():
        return NOTHING
    rows = prepared(SEARCH_WORDS, [_asked(question), limit])
    passages = tuple(_found(row[:-1]) for row in rows)
    support = max((found.coverage for found in passages[:1]), default=0.0) / COVERED_ALONE
    return Retrieved(passages=passages, support=support, supported=support >= 1.0)


def _asked(question: str) -> str:
    """The question's telling words, in characters that a statement can carry."""
    clean = question.replace("\x00", " ").encode("utf-8", "replace").decode()[:QUESTION_CHARACTERS]
    return questions.telling(clean)


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


def prepared(statement: str, values: Sequence[Any]) -> list[Any]:
    """Rows of a statement that the connection keeps planned: planning takes longer than running it."""
    with connection.cursor() as entered:  # enters the tenant's schema
        session = entered.connection
        usual = session.prepare_threshold
        session.prepare_threshold = 0  # for this one; Django's own statements are not kept
        try:
            with psycopg.Cursor(session) as cursor:
                cursor.adapters.register_dumper(Halves, HalvesDumper)
                return cursor.execute(statement.encode(), values, prepare=True).fetchall()
        finally:
            session.prepare_threshold = usual


def _found(row: Sequence[Any]) -> Found:
    chunk_id, document_id, title, heading, page, text, cosine, coverage, score = row
    return Found(
        chunk_id, document_id, title, tuple(heading), page, text, float(cosine), float(coverage), float(score)
    )


def _judged(passages: list[Found], *, common: float) -> Retrieved:
    """Whether anything supports an answer: clearly nearer than what the question shares with every passage."""
    support = max((support_of(found, common=common) for found in passages[:3]), default=0.0)
    return Retrieved(passages=tuple(passages), support=support, supported=support >= 1.0)


def support_of(found: Found, *, common: float) -> float:
    """1.0 and above carries an answer."""
    return (found.cosine - common + COVERED_BY_WORDS * found.coverage) / SUPPORT
