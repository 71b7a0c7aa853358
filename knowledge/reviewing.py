"""What would change if a document that was read went live: recent questions with another best passage.

Only questions that documents answered are looked at: a better answer to what nobody knew is no contradiction.
The passages are compared as a search compares them (knowledge/search_statement.py), those of the document by
one statement for all questions.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from django.db import connection

from knowledge import asked, corrections, embeddings, questions, retrieval
from knowledge.asked import Asked
from knowledge.embeddings import Vector
from knowledge.joining import Found
from knowledge.models import Audience, Document, DraftChunk, Lexeme
from knowledge.search_statement import WEIGHT

LOOKED_AT = 100  # of the last questions
LIVE = 12  # passages that answer now, among which another document's is looked for
Piece = tuple[str, bool]  # a stretch of a text, and whether it is a number that the other text has not
_NUMBER = re.compile(r"\d+(?:[.,:/h-]\d+)*")
_WORD = re.compile(r"[^\W_]+")
_DRAFTS, _WORDS = DraftChunk._meta.db_table, Lexeme._meta.db_table


@dataclass(frozen=True, slots=True)
class Change:
    """A question with the passage that answers it now and the one that would; or words that would be lost.

    `kind` "edit" is a passage that a person corrected and that the new version has no more.
    """

    question: str
    before: str
    after: str
    turn_id: int | None = None
    kind: Literal["answer", "edit"] = "answer"

    @property
    def before_pieces(self) -> list[Piece]:
        """The old passage, its numbers marked where the new one has others."""
        return _pieces(self.before, self.after)

    @property
    def after_pieces(self) -> list[Piece]:
        """The new passage, its numbers marked where the old one had others."""
        return _pieces(self.after, self.before)


def changes(document: Document) -> list[Change]:
    """What its draft would change, for a person to say yes to; raises ProviderError.

    Empty: nothing that was answered is answered from elsewhere, and no correction is lost.
    """
    kept = _corrected(document)
    return [*_lost(document, kept), *_answers(document, kept)]


def _corrected(document: Document) -> dict[str, str]:
    """What a person made of passages, by the words that were read."""
    return {chunk.original: chunk.text for chunk in corrections.of(document)}


def _lost(document: Document, kept: Mapping[str, str]) -> list[Change]:
    """Corrections of passages that the draft has no more."""
    read = set(DraftChunk.objects.filter(document=document, text__in=kept).values_list("text", flat=True))
    return [Change("", text, "", kind="edit") for original, text in kept.items() if original not in read]


def _answers(document: Document, kept: Mapping[str, str]) -> list[Change]:
    recent = _once(asked.recent(LOOKED_AT)) if document.audience == Audience.CUSTOMERS else []
    if not recent:
        return []
    told = [questions.written_out(retrieval.clean(one.question), language=one.language) for one in recent]
    vectors = [embeddings.question(words) for words in told]
    drafts = _best_drafts(document, told, vectors)
    found = (
        _change(document, one, words, vector, draft=drafts.get(number), kept=kept)
        for number, (one, words, vector) in enumerate(zip(recent, told, vectors, strict=True))
    )
    return [change for change in found if change is not None]


def _once(recent: Iterable[Asked]) -> list[Asked]:
    """Each question once, as it was asked last."""
    by_words: dict[str, Asked] = {}
    for one in recent:
        by_words.setdefault(_plain(one.question), one)
    return list(by_words.values())


def _change(
    document: Document, one: Asked, words: str, vector: Vector, *, draft: tuple[str, float] | None,
    kept: Mapping[str, str],
) -> Change | None:  # fmt: skip
    """What becomes of one question's best passage; None when it says the same."""
    agent_id = document.agent_ids[0] if document.agent_ids else None
    to = retrieval.Listener(agent_id=agent_id)
    live = retrieval.rank(question=words, vector=vector, limit=LIVE, to=to).passages
    if not live:
        return None
    after = _after(document, live, draft, kept)
    same = after is live[0] or _says(after if isinstance(after, str) else after.text, _itself(live[0]))
    if same:
        return None
    text = after if isinstance(after, str) else _itself(after)
    return Change(one.question, _itself(live[0]), text, turn_id=one.turn_id)


def _after(
    document: Document, live: Sequence[Found], draft: tuple[str, float] | None, kept: Mapping[str, str]
) -> Found | str:
    """The best passage once the draft is live and the document's old ones are gone; "" when none is left."""
    stays = next((found for found in live if found.document_id != document.pk), None)
    if draft is None or (stays is not None and stays.score > draft[1]):
        return stays or ""
    return kept.get(draft[0], draft[0])


def _itself(found: Found) -> str:
    """The passage that was found, without its neighbours."""
    if found.chunk_id not in found.chunk_ids:
        return found.text
    number = found.chunk_ids.index(found.chunk_id)
    ends = [*(start - 1 for start in found.starts[1:]), len(found.text)]
    return found.text[found.starts[number] : ends[number]]


def _says(after: str, before: str) -> bool:
    """Whether everything in the old passage stands in the new one, word for word."""
    return bool(after) and _plain(before) in _plain(after)


def _plain(text: str) -> str:
    """The words alone, so that another line break or comma is no change."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def _pieces(text: str, other: str) -> list[Piece]:
    theirs = set(_NUMBER.findall(other))
    found: list[Piece] = []
    last = 0
    for number in _NUMBER.finditer(text):
        if number[0] not in theirs:
            found += [(text[last : number.start()], False), (number[0], True)]
            last = number.end()
    return [piece for piece in (*found, (text[last:], False)) if piece[0]]


# Words that only the draft has count as known: they will be, once it is live.
_STATEMENT = f"""
WITH drafts AS MATERIALIZED (
    SELECT id, language, text, search, embedding FROM {_DRAFTS}
    WHERE document_id = %(document)s AND embedding_model = %(model)s
), asked AS MATERIALIZED (
    SELECT n, vector::public.halfvec AS vector, words
    FROM unnest(%(numbers)s::int[], %(vectors)s::text[], %(words)s::text[]) AS one(n, vector, words)
), told AS (
    SELECT n, spoken.language, coalesce(counted.chunks, 0) AS chunks, coalesce(every.chunks, 1) AS passages,
           ('''' || replace(replace(stem, '\\', '\\\\'), '''', '''''') || '''')::tsquery AS query
    FROM asked CROSS JOIN (SELECT DISTINCT language FROM drafts) AS spoken
    CROSS JOIN LATERAL unnest(tsvector_to_array(
        to_tsvector(('public.fd_' || spoken.language)::regconfig, asked.words))) AS one(stem)
    LEFT JOIN {_WORDS} counted ON counted.word = stem AND counted.language = spoken.language
    LEFT JOIN {_WORDS} every ON every.word = '' AND every.language = spoken.language
), worth AS MATERIALIZED (
    SELECT n, language, query, ln(1 + greatest(passages, 1) / (0.5::float8 + greatest(chunks, 0))) AS idf,
           chunks > 0 OR EXISTS (SELECT FROM drafts WHERE search @@ query) AS known FROM told
), whole AS (
    SELECT n, language, sum(idf) AS idf, coalesce(sum(idf) FILTER (WHERE known), 0) AS known
    FROM worth GROUP BY n, language
), covered AS (
    SELECT n, drafts.id, sum(idf) AS idf FROM worth
    JOIN drafts ON drafts.language = worth.language AND search @@ query GROUP BY n, drafts.id
)
SELECT DISTINCT ON (asked.n) asked.n, drafts.text,
       1 - (drafts.embedding OPERATOR(public.<=>) asked.vector)
       + coalesce({WEIGHT} * whole.known / whole.idf * covered.idf / whole.idf, 0) AS score
FROM asked CROSS JOIN drafts
LEFT JOIN whole ON whole.n = asked.n AND whole.language = drafts.language
LEFT JOIN covered ON covered.n = asked.n AND covered.id = drafts.id
ORDER BY asked.n, score DESC, drafts.id
"""


def _best_drafts(
    document: Document, told: Sequence[str], vectors: Sequence[Vector]
) -> dict[int, tuple[str, float]]:
    """By a question's number: the draft's best passage for it, and its score."""
    values: Any = {
        "document": document.pk,
        "model": vectors[0].model,
        "numbers": list(range(len(told))),
        "vectors": [str([round(float(value), 5) for value in vector.values]) for vector in vectors],
        "words": [questions.telling(words) for words in told],
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        return {n: (text, float(score)) for n, text, score in cursor.fetchall()}
