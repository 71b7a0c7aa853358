"""What a search must know of all passages together: how often words occur, and what they have in common.

In the transaction that changes the passages.
"""

from collections.abc import Sequence

from django.utils import timezone

from knowledge import cases
from knowledge.models import Chunk, Document, Lexeme, Middle
from tenants.db import connection

WORDS_LOCK = 7_260_002
SAMPLE = 4000  # passages from which the middle is told: more would not move it
_WORDS, _CHUNKS, _MIDDLE = (model._meta.db_table for model in (Lexeme, Chunk, Middle))
_COUNT = f"""
INSERT INTO {_WORDS} AS kept (language, word, chunks)
SELECT language, word, %(sign)s * count(*)
FROM {_CHUNKS}, unnest(tsvector_to_array(search) || ''::text) AS word
WHERE id = ANY(%(chunks)s) GROUP BY language, word
ON CONFLICT (word, language) DO UPDATE SET chunks = kept.chunks + excluded.chunks
"""
# Pages of the table, not rows, are drawn: it costs the same however many passages there are. Vectors of two
# models have no middle: while some passages wait for theirs, it is that of the model of most.
_FIND_MIDDLE = f"""
INSERT INTO {_MIDDLE} AS kept (id, passages, vector)
SELECT 1, %(passages)s, public.avg(embedding) FROM {_CHUNKS} {{sample}}
WHERE embedding_model = (SELECT mode() WITHIN GROUP (ORDER BY embedding_model) FROM {_CHUNKS} {{sample}})
HAVING count(*) > 0
ON CONFLICT (id) DO UPDATE SET passages = excluded.passages, vector = excluded.vector
"""
_PASSAGES = f"SELECT coalesce(sum(chunks), 0) FROM {_WORDS} WHERE word = ''"


def count_words(chunks: Sequence[int], *, sign: int = 1) -> None:
    """Add the words of these passages to the counts, or take them out; the empty word counts passages."""
    if not chunks:
        return
    with connection.cursor() as cursor:
        # One at a time: two documents that count their words in different orders could block each other.
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [WORDS_LOCK])
        cursor.execute(_COUNT, {"sign": sign, "chunks": list(chunks)})
    cases.knowledge_changed(now=timezone.now())  # whatever changes what is known comes by here


def forget_words(document: Document) -> None:
    """Take a document's words out of the counts, before its passages go."""
    count_words(list(document.chunks.values_list("pk", flat=True)), sign=-1)


def find_middle() -> None:
    """Say anew what all passages have in common, after they changed: of all, or of a sample of many."""
    with connection.cursor() as cursor:
        cursor.execute(_PASSAGES)
        passages = int(cursor.fetchone()[0])
        if not passages:
            return cursor.execute(f"DELETE FROM {_MIDDLE}")
        share = 100 * SAMPLE / passages
        sample = f"TABLESAMPLE SYSTEM ({share:.4f}) REPEATABLE (1)" if passages > 2 * SAMPLE else ""
        cursor.execute(_FIND_MIDDLE.format(sample=sample), {"passages": passages})
