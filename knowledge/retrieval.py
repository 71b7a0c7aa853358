"""Find the passages that answer a question: by meaning and by words, in one statement.

score = cosine + weight * coverage, where coverage is the share of the question's information (idf) that the
passage's words carry, and the weight is how much of the question the tenant's documents know at all. Ranks
are not fused: for a question in another language than the text, words are no evidence and have no vote.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from knowledge.models import Chunk, Document, Lexeme
from providers.embedding import embedder

WEIGHT = 0.4
BY_MEANING = 50
BY_WORDS = 150  # rare words only: a word that is everywhere finds nothing
SUPPORT_COSINE = 0.30
SUPPORT_COVERAGE = 0.55

_DOCUMENTS, _CHUNKS, _WORDS = (model._meta.db_table for model in (Document, Chunk, Lexeme))
_STATEMENT = f"""
WITH asked AS MATERIALIZED (
    SELECT languages.language, words.word
    FROM (SELECT DISTINCT language FROM {_DOCUMENTS} WHERE chunk_count > 0) AS languages,
         unnest(tsvector_to_array(to_tsvector(('public.fd_' || languages.language)::regconfig, %(question)s)))
             AS words(word)
), total AS MATERIALIZED (
    SELECT language, greatest(sum(chunk_count), 1) AS chunks FROM {_DOCUMENTS}
    WHERE chunk_count > 0 GROUP BY language
), known AS MATERIALIZED (
    SELECT asked.language, asked.word, coalesce(counts.chunks, 0) AS chunks,
           ln(1 + total.chunks / (0.5 + coalesce(counts.chunks, 0))) AS idf
    FROM asked JOIN total USING (language)
    LEFT JOIN {_WORDS} counts ON counts.language = asked.language AND counts.word = asked.word
), weight AS MATERIALIZED (
    SELECT language, sum(idf) AS idf,
           %(weight)s * sum(idf) FILTER (WHERE chunks > 0) / nullif(sum(idf), 0) AS weight
    FROM known GROUP BY language
), rare AS MATERIALIZED (
    SELECT language, word FROM (
        SELECT language, word, sum(chunks) OVER (PARTITION BY language ORDER BY chunks, word) AS together
        FROM known WHERE chunks > 0
    ) AS ordered WHERE together <= %(by_words)s
), candidates AS MATERIALIZED (
    (SELECT id FROM {_CHUNKS} ORDER BY embedding <#> %(vector)s::public.halfvec LIMIT %(by_meaning)s)
    UNION
    SELECT found.id FROM rare, LATERAL (
        SELECT id, language FROM {_CHUNKS} WHERE search @@ quote_literal(rare.word)::tsquery
    ) AS found WHERE found.language = rare.language
), scored AS (
    SELECT chunk.*, -(chunk.embedding <#> %(vector)s::public.halfvec) AS cosine,
        coalesce((SELECT sum(idf) FROM known WHERE known.language = chunk.language
                  AND chunk.search @@ quote_literal(known.word)::tsquery) / nullif(weight.idf, 0), 0) AS coverage,
        coalesce(weight.weight, 0) AS weight
    FROM candidates JOIN {_CHUNKS} chunk USING (id) LEFT JOIN weight USING (language)
)
SELECT scored.id, document.id, document.title, scored.heading, scored.page, scored.text,
       cosine, coverage, cosine + weight * coverage AS score
FROM scored JOIN {_DOCUMENTS} document ON document.id = scored.document_id
ORDER BY score DESC, scored.id LIMIT %(limit)s
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
    connection.close_if_unusable_or_obsolete()  # not ours to keep while another process thinks
    _model, vector = embedder(settings.EMBEDDING_URL).embed_question(question)
    return rank(question=question, vector=vector, limit=limit)


def rank(*, question: str, vector: Any, limit: int) -> Retrieved:
    """The one statement; `vector` is the question's unit vector of 896 halves."""
    values = {
        "question": question[:500],
        "vector": "[" + ",".join(f"{x:.5g}" for x in vector) + "]",
        "weight": WEIGHT,
        "by_meaning": BY_MEANING,
        "by_words": BY_WORDS,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        rows = cursor.fetchall()
    return _judged([_found(row) for row in rows])


def _found(row: Sequence[Any]) -> Found:
    chunk_id, document_id, title, heading, page, text, cosine, coverage, score = row
    return Found(
        chunk_id, document_id, title, tuple(heading), page, text, float(cosine), float(coverage), float(score)
    )


def _judged(passages: list[Found]) -> Retrieved:
    """Whether anything supports an answer: near enough in meaning, or in words and somewhat in meaning."""
    best = max(passages[:3], key=support_of, default=None)
    support = support_of(best) if best else 0.0
    return Retrieved(passages=tuple(passages), support=support, supported=support >= 1.0)


def support_of(found: Found) -> float:
    """1.0 and above carries an answer. The thresholds belong to this version of the models."""
    return max(
        found.cosine / SUPPORT_COSINE, (found.coverage / SUPPORT_COVERAGE) * min(1.0, found.cosine / 0.12)
    )
