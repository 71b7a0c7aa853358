"""The search stage beside the bare vector query, at growing numbers of passages: `python -m bench.retrieval`.

Both sides run on one connection of the same PostgreSQL, over the product's own tables in a scratch business,
in turn, with the same questions; neither counts the embedding of the question. The index on meaning is there
where the product makes one. Recall compares the ten best with those that the same formula finds when it looks
at every passage. Prints JSON; `--short` is for CI.

The texts and vectors are made from a seed: words with the frequencies of a language, documents with a topic
each, vectors that lie near their document's middle in a space of a hundred directions.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product as pairs
from pathlib import Path
from typing import Any

import numpy as np

from bench import measure, scratch

_NEAREST = """
SELECT id FROM knowledge_chunk WHERE embedding_model = '{model}'
ORDER BY (embedding::public.halfvec(896) OPERATOR(public.<=>) {vector}){exactly} LIMIT 10
"""
_WIDE = (
    "(SELECT CASE WHEN set_config('hnsw.ef_search', '{width}', true) <> ''"
    " THEN %(vector)b::public.halfvec END)"
)
COUNT_WORDS = """
INSERT INTO knowledge_lexeme (language, word, chunks)
SELECT 'pt', word, count(*) FROM knowledge_chunk, unnest(tsvector_to_array(search) || ''::text) AS word
GROUP BY word
"""
SIZES = (1_000, 10_000, 100_000)
CHUNKS_A_DOCUMENT = 20
WORDS_A_CHUNK = 110
DIRECTIONS = 100
QUESTIONS = 400
SMALL_WORDS = [
    "de",
    "a",
    "o",
    "que",
    "e",
    "do",
    "da",
    "em",
    "um",
    "para",
    "com",
    "uma",
    "os",
    "no",
    "se",
    "na",
]
ASKING = ("que horas vocês", "quanto custa", "vocês têm", "como funciona o", "onde fica a", "posso levar")


@dataclass(frozen=True)
class Question:
    """A question and its vector."""

    text: str
    vector: Any


def main() -> None:
    """Measure each size, and print one JSON object."""
    options = _options()
    sizes = options.sizes or ((1_000,) if options.short else SIZES)
    with scratch.product("retrieval"):
        machine = measure.machine()
        result = {str(size): _measured(size, questions=60 if options.short else QUESTIONS) for size in sizes}
    measure.print_json({"machine": machine, "passages": result})


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true", help="one small size, few questions")
    parser.add_argument("--sizes", type=int, nargs="*", help="numbers of passages")
    return parser.parse_args()


# -- measuring


def _measured(size: int, *, questions: int) -> dict[str, Any]:
    """Both sides over one business of so many passages."""
    from django_tenants.utils import schema_context

    schema = scratch.business(f"bench-{size}")
    with schema_context(schema):
        asked = list(_fill(size, questions=questions))
        sides: dict[str, Callable[[], measure.Figures]] = {
            "raw": lambda: _timed(_raw, asked),
            "search": lambda: _timed(_search, asked),
        }
        for side in sides.values():
            side()  # plans, caches and dictionaries warm
        found = {name: measure.median_of(rounds) for name, rounds in measure.interleave(sides).items()}
        return found | {
            "ratio": {
                key: round(found["search"][key] / found["raw"][key], 2)
                for key in ("p50_ms", "p95_ms", "p99_ms", "cpu_ms")
            },
            "recall": _recall(asked[:100]),
        }


def _timed(side: Callable[[Question], Any], asked: Sequence[Question]) -> measure.Figures:
    """Wall time of each question, and the CPU of client and server together for one."""
    server, durations = _backend(), []
    before = time.process_time() + _on_cpu(server)
    for question in asked:
        started = time.perf_counter()
        side(question)
        durations.append(time.perf_counter() - started)
    spent = time.process_time() + _on_cpu(server) - before
    return measure.milliseconds(durations) | {"cpu_ms": round(1000 * spent / len(asked), 3)}


def _on_cpu(process: int) -> float:
    """Seconds on a core since this process began, to the nanosecond."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


def _backend() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _raw(question: Question) -> list[int]:
    return _nearest(question, "%(vector)b::public.halfvec")


def _nearest(question: Question, vector: str, *, exactly: bool = False) -> list[int]:
    """The ten nearest by pgvector alone, sent as the product sends its statement."""
    from django.db import connection

    from knowledge.retrieval import Halves, prepared

    connection.ensure_connection()
    statement = _NEAREST.format(model=_model(), vector=vector, exactly=" + 0" if exactly else "")
    return [row[0] for row in prepared(statement, {"vector": Halves(question.vector)})]


def _model() -> str:
    """The model that the product was measured with."""
    from knowledge import support

    return next(iter(support.NEEDED))


def _search(question: Question, *, every: bool = False) -> list[int]:
    from knowledge import embeddings, retrieval

    vector = embeddings.Vector(_model(), question.vector)
    found = retrieval.rank(question=question.text, vector=vector, limit=10, every=every)
    return [passage.chunk_id for passage in found.passages]


def _recall(asked: Sequence[Question]) -> dict[str, float]:
    """Share of the ten best that are found: by the index alone, and by the whole search."""
    from knowledge.search_statement import SEARCH_WIDTH

    wide = _WIDE.format(width=SEARCH_WIDTH)
    vectors, searches = [], []
    for question in asked:
        exact = set(_nearest(question, "%(vector)b::public.halfvec", exactly=True))
        vectors.append(len(exact & set(_nearest(question, wide))) / len(exact))
        best = set(_search(question, every=True))
        searches.append(len(best & set(_search(question))) / len(best))
    return {"index": round(float(np.mean(vectors)), 4), "search": round(float(np.mean(searches)), 4)}


# -- making a business


def _fill(size: int, *, questions: int) -> Iterator[Question]:
    """Put documents and passages into the current schema; questions about some of them."""
    measure.progress(f"{size} passages: making")
    random = np.random.default_rng(726)
    words = _Words(random)
    directions = random.normal(size=(DIRECTIONS, 896)) / np.sqrt(896)
    rows: list[Any] = []
    asked: list[Question] = []
    every = max(1, size // questions)
    for number in range(size):
        if number % CHUNKS_A_DOCUMENT == 0:
            topic, middle = words.topic(), random.normal(size=DIRECTIONS)
        place = middle + 0.8 * random.normal(size=DIRECTIONS)
        text = words.text(topic)
        rows.append(
            (
                number // CHUNKS_A_DOCUMENT,
                number % CHUNKS_A_DOCUMENT,
                text,
                _vector(random, place, directions),
            )
        )
        if number % every == 0 and len(asked) < questions:
            near = place + 0.9 * random.normal(size=DIRECTIONS)
            asked.append(Question(words.question(text), _vector(random, near, directions)))
    _store(rows)
    yield from asked


class _Words:
    """A vocabulary with the frequencies of a language."""

    def __init__(self, random: Any) -> None:
        self._random = random
        parts = [
            "ba",
            "ce",
            "di",
            "fo",
            "gu",
            "la",
            "me",
            "ni",
            "po",
            "ru",
            "sa",
            "te",
            "vi",
            "zo",
            "çã",
            "lha",
        ]
        made = ["".join(pair) for pair in pairs(parts, repeat=4)]
        random.shuffle(made)
        self._all = np.array(SMALL_WORDS + made[:30_000], dtype=object)
        weights = 1 / (np.arange(len(self._all)) + 2.7)
        self._cumulated = np.cumsum(weights / weights.sum())

    def topic(self) -> Any:
        return self._all[self._random.integers(300, len(self._all), 12)]

    def text(self, topic: Any) -> str:
        places = np.searchsorted(self._cumulated, self._random.random(WORDS_A_CHUNK - 8))
        common = self._all[np.minimum(places, len(self._all) - 1)]
        words = np.concatenate([common, self._random.choice(topic, 8)])
        self._random.shuffle(words)
        return " ".join(words)

    def question(self, text: str) -> str:
        told = list(self._random.choice(text.split(), 4))
        return f"{self._random.choice(ASKING)} {' '.join(told)}?"


def _vector(random: Any, place: Any, directions: Any) -> Any:
    made = place @ directions + 0.12 * random.normal(size=896) * np.sqrt(DIRECTIONS / 896)
    return (made / np.linalg.norm(made)).astype("<f2")


def _store(rows: Sequence[tuple[int, int, str, Any]]) -> None:
    """Load in bulk, then count the words and build the index, as a full business would have them."""
    from django.db import connection

    from knowledge import counting, meaning_index
    from knowledge.models import Document

    documents = [
        Document(title=f"Document {n}", bytes=1, sha256=str(n), status="ready", language="pt",
                 chunk_count=sum(1 for row in rows[n * CHUNKS_A_DOCUMENT:(n + 1) * CHUNKS_A_DOCUMENT]))
        for n in range(rows[-1][0] + 1)
    ]  # fmt: skip
    ids = [document.pk for document in Document.objects.bulk_create(documents)]
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE made (document bigint, position int, text text, vector public.halfvec)"
        )
        with connection.connection.cursor().copy("COPY made FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int8", "int4", "text", "bytea"])  # a vector's bytes are sent as they are
            for document, position, text, vector in rows:
                copy.write_row((ids[document], position, text, _bytes(vector)))
        cursor.execute(
            "INSERT INTO knowledge_chunk (document_id, position, heading, text, language, embedding,"
            " embedding_model, search) SELECT document, position, ARRAY[position::text], text, 'pt', vector,"
            " %s, to_tsvector('public.fd_pt', text) FROM made",
            [_model()],
        )
        cursor.execute("DROP TABLE made")
        cursor.execute(COUNT_WORDS)
        cursor.execute("VACUUM ANALYZE knowledge_chunk, knowledge_lexeme")
    counting.find_middle()
    measure.progress(f"{len(rows)} passages: index")
    started = time.perf_counter()
    meaning_index.settle()
    measure.progress(f"{len(rows)} passages: index took {time.perf_counter() - started:.0f} s")


def _bytes(vector: Any) -> bytes:
    return len(vector).to_bytes(2, "big") + b"\x00\x00" + vector.astype(">f2").tobytes()


if __name__ == "__main__":
    main()
