"""Ask every question of a set in each way that is compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench import measure
from bench.quality import gold
from bench.quality.baselines import Bm25, Passage, Ranked, Vectors, e5, embedded, passages, pieces
from bench.quality.figures import LOOKED_AT, Outcome
from bench.quality.sets import Question

PARTS = {"words": "words", "meaning": "meaning"}
SHOWN = 3  # passages of a question that was missed


@dataclass(slots=True)
class Answered:
    """How each way did, by its name, and what was quoted in answers."""

    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    passages: int = 0
    pieces: int = 0
    unknown: int = 0  # golds that stand in no passage: other documents, or another rule is needed
    quoted: int = 0
    invented: list[str] = field(default_factory=list)
    missed: list[dict[str, Any]] = field(default_factory=list)


def ask(questions: Sequence[Question], into: Answered) -> None:
    """Every question in every way, over what the business at hand has read; adds to `into`."""
    held = passages()
    plain = _Plain(held)
    into.passages += len(held)
    into.pieces += plain.pieces
    into.unknown += _unknown(questions, [passage.text for passage in held])
    for number, question in enumerate(questions, start=1):
        if number % 100 == 0:
            measure.progress(f"question {number} of {len(questions)}")
        for name, outcome in _outcomes(question, plain, into):
            into.outcomes.setdefault(name, []).append(outcome)
        into.quoted += _was_quoted(question, into)


def _unknown(questions: Sequence[Question], texts: Sequence[str]) -> int:
    golds = {answer for question in questions for answer in question.golds}
    return sum(not any(gold.is_gold(text, answer) for text in texts) for answer in golds)


def _outcomes(question: Question, plain: "_Plain", answered: Answered) -> Iterator[tuple[str, Outcome]]:
    from knowledge import retrieval

    language = None if question.language == "?" else question.language
    for name, mode in {"product": "both", **PARTS}.items():
        found = retrieval.explain(question.text, mode=mode, language=language, limit=LOOKED_AT)  # type: ignore[arg-type]
        texts = tuple(_readable(passage) for passage in found.passages)
        outcome = _outcome(question, Ranked(texts, found.support), refused=not found.supported)
        if name == "product":
            _note(question, outcome, texts, answered)
        yield name, outcome
    for name, ranked in plain.search(question).items():
        yield name, _outcome(question, ranked)


def _readable(passage: Any) -> str:
    return "\n".join([" › ".join(passage.heading), passage.text]).strip()


def _outcome(question: Question, ranked: Ranked, *, refused: bool | None = None) -> Outcome:
    return Outcome(question, gold.places(ranked.texts, question.golds), ranked.strength, refused)


def _note(question: Question, outcome: Outcome, texts: Sequence[str], answered: Answered) -> None:
    """Keep what a person should look at: a gold not first, an answer where there is none, a refusal."""
    wrong = outcome.first != 1 if question.golds else not outcome.refused
    if wrong or (question.golds and outcome.refused):
        answered.missed.append(
            {
                "question": question.text,
                "kind": question.kind,
                "language": question.language,
                "gold": list(question.golds),
                "place": outcome.first,
                "support": round(outcome.strength, 3),
                "found": [text[:160] for text in texts[:SHOWN]],
            }
        )


class _Plain:
    """The ways that are not the product's."""

    def __init__(self, held: Sequence[Passage]) -> None:
        from django.conf import settings

        from providers.embedding import embedder

        self._embedder = embedder(settings.EMBEDDING_URL)
        cut = pieces(held)
        joined = embedded(cut, held, self._embedder)
        self.pieces = len(cut)
        self._bm25 = Bm25(held)
        self._vectors = Vectors([one.text for one in held], np.array([one.vector for one in held]))
        self._naive = {
            "naive": Vectors(cut, e5(joined, kind="passage")),
            "naive_centred": Vectors(cut, e5(joined, kind="passage", centred=True)),
        }

    def search(self, question: Question) -> Mapping[str, Ranked]:
        _model, joined = self._embedder.embed_question(question.text)
        return {
            "bm25": self._bm25.search(question.text, language=question.language),
            "vector": self._vectors.search(np.asarray(joined, dtype="f4")),
            "naive": self._naive["naive"].search(e5(joined, kind="question")),
            "naive_centred": self._naive["naive_centred"].search(e5(joined, kind="question", centred=True)),
        }


def _was_quoted(question: Question, answered: Answered) -> bool:
    """Have it answered without a model; a quote that stands in no stored passage is invented."""
    from knowledge import retrieval
    from knowledge.models import Chunk
    from providers.extractive import Extractive

    language = None if question.language == "?" else question.language
    found = retrieval.search(question=question.text, language=language)
    if not found.supported:
        return False
    completion = Extractive().complete(_request(question, found))
    for citation in completion.citations:
        cited = found.passages[citation.passage]
        stored = " ".join(
            Chunk.objects.filter(pk__in=cited.chunk_ids or [cited.chunk_id])
            .order_by("position")
            .values_list("text", flat=True)
        )
        if _flat(citation.quote) not in _flat(stored):
            answered.invented.append(citation.quote)
    return bool(completion.citations)


def _request(question: Question, found: Any) -> Any:
    from providers import llm

    given = (
        llm.Passage(ref=n, title=one.document_title, text=one.text, page=one.page, heading="")
        for n, one in enumerate(found.passages)
    )
    asked = llm.ChatMessage(role="user", text=question.text)
    return llm.Request("", (asked,), tuple(given), model="", language=question.language)


def _flat(text: str) -> str:
    return " ".join(text.split())
