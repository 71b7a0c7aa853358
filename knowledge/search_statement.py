"""The one statement of a search, as text: which passages come close by meaning or words, in what order.

score = cosine + weight * coverage. Coverage is the share of the question's information (idf) that the
passage's words carry, and the weight is the greater, the more of the question the tenant's documents know at
all. Ranks are not fused: for a question in another language than the text, words are no evidence and have no
vote.

A word that no passage has is taken for the words of the same language that are spelled most like it, and
counts as much as it is alike.

Values: vector, words, limit, staff (whether the one who asks is of the team), agent (an id, or NOBODY).
"""

from functools import lru_cache

from psycopg import sql

from knowledge import support
from knowledge.models import Chunk, Document, Lexeme, Middle

WEIGHT = 0.4
BY_MEANING = 40
BY_WORDS = 1000  # rare words only: a word that is everywhere finds nothing
BY_PAIRS = 4000  # passages that have two of the commoner words, as the counts of the single ones tell;
SHARE, FEWEST = 0.04, 500  # and no more than this share of all, or so many
MOST_LOOKED_AT = 6000  # words that often stand together may be in more than was expected
BY_WORDS_ALONE = 400  # when there is no vector, words must find everything
SEARCH_WIDTH = 64  # how many neighbours the index looks at; its recall
MOST_WORDS = 16  # the most telling words of a long question
SHARPER = 1.5  # power of idf: one rare word tells more than two that are everywhere
ALIKE = 0.35  # share of three-letter pieces in common, from which a word may be another one mistyped
SHORTEST = 4  # letters of a word that may be mistyped: shorter ones are all alike
VARIANTS = 3
SHORT_PASSAGE = 900  # characters: a longer one is readable by itself
FEW = 4  # passages that are not there, in no direction: with one real passage the middle would be that one
NOBODY = -1  # no assistant in particular: only what is for all of them

_DOCUMENTS, _CHUNKS, _WORDS, _MIDDLE = (model._meta.db_table for model in (Document, Chunk, Lexeme, Middle))
_ASKED = "(SELECT vector FROM asked)"
_NUMBERS = range(1, MOST_WORDS + 1)
_COVERED = " + ".join(f"CASE WHEN search @@ queries[{n}] THEN worths[{n}] ELSE 0 END" for n in _NUMBERS)
_MATCHED = ", ".join(f"CASE WHEN chunk.search @@ queries[{n}] THEN names[{n}] END" for n in _NUMBERS)


def _open(chunk: str = "chunk") -> str:
    """Whether this person may be told this passage. A draft stands in another table."""
    return (
        f"{chunk}.enabled AND ({chunk}.audience = 'customers' OR %(staff)s)"
        f" AND ({chunk}.agent_ids = '{{}}' OR %(agent)s = ANY({chunk}.agent_ids))"
    )


def _quoted(word: str) -> str:
    """A lexeme as a query for exactly it, as text."""
    return f"'''' || replace(replace({word}, '\\', '\\\\'), '''', '''''') || ''''"


def _words(alone: int, together: int) -> str:
    """The tables `known` and `words`: the question's words with their worth, and those that find passages.

    The rarest words of all find, as long as they stand in at most `alone` passages in sum. Of commoner ones
    two find together, the rarest pairs first, where about `together` passages in sum should have both.
    """
    return f"""told AS MATERIALIZED (
    -- The question's words in each language that the documents have; the empty word counts all passages.
    SELECT every.language, every.chunks AS passages, asked.word, coalesce(counted.chunks, 0) AS chunks
    FROM {_WORDS} every
    CROSS JOIN LATERAL unnest(tsvector_to_array(
        to_tsvector(('public.fd_' || every.language)::regconfig, %(words)s))) AS asked(word)
    LEFT JOIN {_WORDS} counted ON counted.word = asked.word AND counted.language = every.language
    WHERE every.word = '' AND every.chunks > 0
), known AS MATERIALIZED (
    SELECT language, word AS name, passages, chunks, 1.0::float8 AS likeness, {_quoted("word")} AS query,
           ln(1 + passages / (0.5::float8 + chunks)) ^ {SHARPER} AS idf
    FROM told WHERE chunks > 0
    UNION ALL
    SELECT told.language, alike.name, told.passages, coalesce(alike.chunks, 0), coalesce(alike.likeness, 0),
           alike.query, ln(1 + told.passages / (0.5::float8 + coalesce(alike.chunks, 0))) ^ {SHARPER}
    FROM told CROSS JOIN LATERAL (
        SELECT string_agg(word, ' ') AS name, sum(chunks) AS chunks, max(likeness) AS likeness,
               string_agg({_quoted("word")}, ' | ') AS query
        FROM (
            SELECT near.word, near.chunks, public.similarity(near.word, told.word)::float8 AS likeness
            FROM {_WORDS} near
            WHERE near.word OPERATOR(public.%%) told.word AND near.language = told.language
              AND near.chunks > 0 AND public.similarity(near.word, told.word) >= {ALIKE}
            ORDER BY likeness DESC, near.word LIMIT {VARIANTS}
        ) AS variant WHERE length(told.word) >= {SHORTEST}
    ) AS alike
    WHERE told.chunks = 0
), rated AS MATERIALIZED (
    SELECT *, query::tsquery AS finds, chunks > 0 AND sum(chunks) OVER rarer <= {alone} AS rare,
           -- With what all commoner words are worth, too: the most that a passage has without a rarer one.
           sum(worth) OVER (PARTITION BY language ORDER BY chunks DESC, query DESC) AS at_most,
           row_number() OVER rarer AS place
    FROM (SELECT *, idf * likeness AS worth FROM known) AS worthy
    WINDOW rarer AS (PARTITION BY language ORDER BY chunks, query)
), finding AS (
    SELECT language, finds, worth, at_most FROM rated WHERE rare
    UNION ALL
    SELECT language, finds, 0, at_most
    FROM (SELECT one.language, one.finds && other.finds AS finds, one.at_most, one.passages,
                 sum(one.chunks::float8 * other.chunks / one.passages) OVER rarer AS expected
          FROM rated one JOIN rated other ON other.language = one.language AND other.place > one.place
          WHERE one.chunks > 0 AND NOT one.rare AND other.place <= {MOST_WORDS}
          WINDOW rarer AS (PARTITION BY one.language
                           ORDER BY one.chunks::float8 * other.chunks, one.place, other.place)) AS pair
    WHERE expected <= least({together}, greatest({FEWEST}, {SHARE} * passages))
), words AS MATERIALIZED (
    SELECT language, count(*) AS told, sum(idf) AS idf, sum(worth) / sum(idf) AS knows,
           array_agg(finds ORDER BY worth DESC, query) FILTER (WHERE worth > 0) AS queries,
           array_agg(worth ORDER BY worth DESC, query) FILTER (WHERE worth > 0) AS worths,
           array_agg(name ORDER BY worth DESC, query) FILTER (WHERE worth > 0) AS names
    FROM rated GROUP BY language
)"""


# What stands before and after a short passage under the same heading, where the same person may be told it.
_BESIDE = "".join(
    f"""
LEFT JOIN {_CHUNKS} {name} ON length(chunk.text) < {SHORT_PASSAGE} AND {name}.document_id = chunk.document_id
     AND {name}.position = chunk.position {step} AND {name}.heading = chunk.heading AND {_open(name)}"""
    for name, step in (("before", "- 1"), ("after", "+ 1"))
)


def _found(leading: str = "NULL") -> str:
    return f"""
SELECT chunk.id, document.id, document.title, chunk.heading, chunk.page, chunk.text,
       before.id, before.text, after.id, after.text,
       best.cosine, best.coverage, best.weight, best.score, {leading}, best.common, words.told,
       array_remove(ARRAY[{_MATCHED}], NULL)
FROM best JOIN {_CHUNKS} chunk ON chunk.id = best.id
JOIN {_DOCUMENTS} document ON document.id = chunk.document_id
LEFT JOIN words ON words.language = chunk.language{_BESIDE}
ORDER BY best.score DESC, chunk.id
"""


def _leading(model: str, vector: str) -> str:
    """How near the leading part of a vector is to that of the question; nothing where there is none."""
    leading = support.LEADING.get(model)
    if leading is None:
        return "NULL"
    mine, asked = (f"public.subvector({one}, 1, {leading.dimensions})" for one in (vector, _ASKED))
    return f"-({mine} OPERATOR(public.<#>) {asked}) / {leading.share}"


def _common(model: str) -> str:
    """How near the middle is, counted as nearness is in knowledge/support.py."""
    whole, leading = f"-(middle.vector OPERATOR(public.<#>) {_ASKED})", support.LEADING.get(model)
    if leading is None:
        return whole
    return f"({whole}) * {1 - leading.counts} + ({_leading(model, 'middle.vector')}) * {leading.counts}"


def _scored(candidates: str) -> str:
    """A select of the candidates' scores. Their words are unpacked once, not for each word that is asked."""
    return f"""SELECT *, cosine + weight * coverage AS score FROM (
        SELECT id, 1 - distance AS cosine, {WEIGHT} * coalesce(knows, 0) AS weight,
               coalesce(({_COVERED}) / idf, 0) AS coverage
        FROM (SELECT id, language, distance, strip(search) AS search FROM {candidates} OFFSET 0) AS candidate
        LEFT JOIN words USING (language)) AS counted"""


@lru_cache(maxsize=64)
def by_both(model: str, dimensions: int, *, every: bool = False) -> str:
    """Passages of this model's vectors by meaning and words; `every` looks at each passage, for measuring.

    The model stands in the text, not among the values: the index is for one model's vectors, and the planner
    takes it only where it can see that.
    """
    of_model = sql.Literal(model).as_string().replace("%", "%%")
    vector = f"public.halfvec({dimensions})"
    distance = f"chunk.embedding::{vector} OPERATOR(public.<=>) {_ASKED}"
    piece = f"SELECT chunk.id, chunk.language, chunk.search, {distance} AS distance FROM {_CHUNKS} chunk"
    mine = f"chunk.embedding_model = {of_model} AND {_open()}"
    return f"""
WITH asked AS MATERIALIZED (
    -- The settings last as long as this statement, and stand before the index is first read. Without going
    -- on (iterative_scan) passages that were replaced a moment ago would fill the neighbourhood and hide the
    -- rest.
    SELECT CASE WHEN set_config('hnsw.ef_search', '{SEARCH_WIDTH}', true)
                     || set_config('hnsw.iterative_scan', 'relaxed_order', true) <> ''
           THEN %(vector)b::{vector} END AS vector
), {_words(BY_WORDS, BY_PAIRS)}, near AS MATERIALIZED (
    {piece} WHERE {mine} ORDER BY distance{"" if every else f" LIMIT {BY_MEANING}"}
), near_scored AS MATERIALIZED (
    {_scored("near")}
), bar AS MATERIALIZED (
    -- What is not near must beat the last that would be told, with less nearness than any that is near.
    SELECT coalesce((SELECT score FROM near_scored ORDER BY score DESC OFFSET %(wanted)s - 1 LIMIT 1), -9)
           AS score, CASE WHEN count(*) < {BY_MEANING} THEN 1 ELSE min(cosine) END AS cosine
    FROM near_scored
), worded AS MATERIALIZED (
    -- First how near they are, where they lie: only what can still be told has its words looked through.
    SELECT id
    FROM (SELECT chunk.id, finding.*, {distance} AS distance
          FROM (SELECT finding.*, knows * idf - sum(finding.worth) OVER (PARTITION BY language) AS others,
                       {WEIGHT} * knows / idf AS share, bar.score AS bar
                FROM finding JOIN words USING (language) CROSS JOIN bar
                WHERE bar.cosine + {WEIGHT} * knows / idf * at_most > bar.score) AS finding
          JOIN {_CHUNKS} chunk ON chunk.search @@ finds AND chunk.language = finding.language AND {mine}
          LIMIT {MOST_LOOKED_AT}) AS hit
    GROUP BY id, others, share, bar HAVING 1 - min(distance) + share * (sum(worth) + others) >= bar
), scored AS (
    SELECT * FROM near_scored
    UNION ALL
    {_scored(f"({piece} JOIN worded USING (id) WHERE id NOT IN (SELECT id FROM near) OFFSET 0) AS worded")}
), best AS MATERIALIZED (
    SELECT *,
           (SELECT ({_common(model)}) * passages / (passages + {FEW})
            FROM {_MIDDLE} middle WHERE public.vector_dims(middle.vector) = {dimensions}) AS common
    FROM scored ORDER BY score DESC, id LIMIT %(limit)s
){_found(_leading(model, f"chunk.embedding::{vector}"))}"""


BY_WORDS_STATEMENT = f"""
WITH {_words(BY_WORDS_ALONE, BY_WORDS_ALONE)}, worded AS MATERIALIZED (
    SELECT DISTINCT chunk.id, chunk.language FROM finding
    JOIN {_CHUNKS} chunk ON chunk.search @@ finds AND chunk.language = finding.language WHERE {_open()}
), best AS MATERIALIZED (
    SELECT id, 0::float8 AS cosine, coverage, 1::float8 AS weight, coverage AS score, 0::float8 AS common
    FROM (SELECT id, ({_COVERED}) / idf AS coverage
          FROM (SELECT id, language, strip(search) AS search
                FROM {_CHUNKS} JOIN worded USING (id, language) OFFSET 0) AS worded
          JOIN words USING (language)) AS scored
    ORDER BY coverage DESC, id LIMIT %(limit)s
){_found()}"""
