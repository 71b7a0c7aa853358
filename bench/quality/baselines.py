"""Plainer ways to search the same documents, for comparison.

`bm25`           each word of a passage counts (Lucene's form, k1 1.2, b 0.75), stemmed, without accents and
                 stop words, over the product's own passages
`vector`         cosine of the product's own vectors, over its own passages
`naive`          what a first attempt looks like: the documents' text cut every 1,000 characters, one
                 embedding (multilingual-e5-small as the product's embedding process computes it, neither
                 centred nor joined with another), cosine, nothing else
`naive_centred`  the same, with the mean of questions and of passages subtracted
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from bench import measure
from bench.quality.figures import LOOKED_AT
from providers import embedding_means

PIECE_CHARACTERS = 1000
E5_DIMENSIONS = 384
K1, B = 1.2, 0.75
PIECES_A_CALL = 8


@dataclass(frozen=True, slots=True)
class Ranked:
    """The best passages' texts, and the score of the first."""

    texts: tuple[str, ...]
    strength: float


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the product, as it is embedded and searched."""

    document: int
    text: str
    language: str
    vector: Any


def passages() -> list[Passage]:
    """All passages of the business, in their order."""
    from knowledge.models import Chunk

    rows = Chunk.objects.order_by("document_id", "position")
    return [
        Passage(
            row.document_id,
            "\n".join([" › ".join(row.heading), row.text]).strip(),
            row.language,
            np.asarray(row.embedding, dtype="f4"),
        )
        for row in rows.iterator(chunk_size=200)
    ]


class Bm25:
    """Words alone, as a search library without settings does it."""

    def __init__(self, held: Sequence[Passage]) -> None:
        self._texts = [passage.text for passage in held]
        self._counts = [terms(passage.text, language=passage.language) for passage in held]
        self._lengths = [counts.total() for counts in self._counts]
        self._mean = sum(self._lengths) / len(held)
        self._known = Counter(term for counts in self._counts for term in counts)

    def search(self, question: str, *, language: str) -> Ranked:
        asked = terms(question, language=language)
        return _best([self._score(asked, n) for n in range(len(self._texts))], self._texts)

    def _score(self, asked: Counter[str], n: int) -> float:
        counts, longer = self._counts[n], K1 * (1 - B + B * self._lengths[n] / self._mean)
        return sum(self._idf(term) * counts[term] / (counts[term] + longer) for term in asked if counts[term])

    def _idf(self, term: str) -> float:
        known = self._known[term]
        return log(1 + (len(self._texts) - known + 0.5) / (known + 0.5))


def terms(text: str, *, language: str) -> Counter[str]:
    """The stems of a text with how often each occurs, without accents and stop words."""
    from django.db import connection

    from knowledge.models import LANGUAGES

    config = f"public.fd_{language if language in LANGUAGES else 'en'}"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lexeme, cardinality(positions) FROM unnest(to_tsvector(%s::regconfig, %s))",
            [config, text.replace("\x00", " ")],
        )
        return Counter(dict(cursor.fetchall()))


class Vectors:
    """Cosine over unit vectors."""

    def __init__(self, texts: Sequence[str], vectors: Any) -> None:
        self._texts, self._vectors = list(texts), _units(vectors)

    def search(self, vector: Any) -> Ranked:
        return _best(self._vectors @ _units(vector), self._texts)


def _best(scores: Any, texts: Sequence[str]) -> Ranked:
    order = np.argsort(-np.asarray(scores), kind="stable")[:LOOKED_AT]
    return Ranked(tuple(texts[n] for n in order), float(scores[order[0]]))


def pieces(held: Sequence[Passage]) -> list[str]:
    """The documents' text, each document cut every 1,000 characters."""
    documents: dict[int, list[str]] = {}
    for passage in held:
        documents.setdefault(passage.document, []).append(passage.text)
    texts = ["\n".join(parts) for parts in documents.values()]
    return [
        text[at : at + PIECE_CHARACTERS] for text in texts for at in range(0, len(text), PIECE_CHARACTERS)
    ]


def embedded(texts: Sequence[str], held: Sequence[Passage], embedder: Any) -> Any:
    """The joined vectors of these texts; what the product has embedded already is not embedded again."""
    known = {passage.text: passage.vector for passage in held}
    new = list(dict.fromkeys(text for text in texts if text not in known))
    for start in range(0, len(new), PIECES_A_CALL):
        part = new[start : start + PIECES_A_CALL]
        _model, vectors = embedder.embed_passages(part)
        known.update(zip(part, vectors, strict=True))
        if start % 200 == 0:
            measure.progress(f"naive pieces: {start + len(part)} of {len(new)}")
    return np.array([known[text] for text in texts], dtype="f4")


def e5(joined: Any, *, kind: str, centred: bool = False) -> Any:
    """E5's own unit vectors (rows of 384) out of the product's joined ones.

    The joined vector begins with E5's, less the mean of its kind ("question" or "passage"), scaled to a fixed
    length. E5's vectors have length one, so the length that was lost follows from the mean.
    """
    direction = _units(np.asarray(joined, dtype="f8")[..., :E5_DIMENSIONS])
    if centred:
        return direction
    mean = embedding_means.load()[0 if kind == "question" else 1].astype("f8")
    along = direction @ mean
    length = -along + np.sqrt(along**2 + 1 - mean @ mean)
    return mean + np.asarray(length)[..., None] * direction


def _units(rows: Any) -> Any:
    rows = np.asarray(rows, dtype="f4")
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-9)
