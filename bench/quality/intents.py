"""How well the router reads what customers want, beside plainer ways that learnt from the same examples.

`router`    the product's classifier over the vectors of the installation's own embedding
`tfidf`     TF-IDF over words and pairs of words, logistic regression
`majority`  always the commonest intent

A set is read by what the product ships when it knows all its intents; by what is learnt from --train; from
the set's own `split`; or else in five folds, each read by what the four others taught.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from agents import fitting, intents
from agents.routing import OUT_OF_SCOPE, Policy
from agents.routing import Asked as RouterAsked
from agents.routing import decide as route
from bench.quality.intent_sets import IntentSet, Labelled

FOLDS = 5
CORRECTED = 200  # corrections of a business, for the time
TIMED = 400  # readings
WORDS = re.compile(r"\w+")
TFIDF_STRENGTH = 10.0  # as `C`: better for it than 1 on the examples that ship

Vectors = Callable[[Sequence[str]], Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What one way made of one message."""

    intent: str
    outside: float


def embedded() -> Vectors:
    """Texts into vectors by the installation's models, here in this process; each text once."""
    from providers.embedding_server import Models

    models, known = Models(), {}

    def vectors(texts: Sequence[str]) -> Any:
        new = [text for text in dict.fromkeys(texts) if text not in known]
        if new:
            known.update(zip(new, models.embed("question", new), strict=True))
        return np.array([known[text] for text in texts], dtype="f4")

    return vectors


def shipped() -> list[Labelled]:
    """What the product's classifier learnt from."""
    return [Labelled(one.text, one.intent, one.language) for one in fitting.examples()]


def measured(one: IntentSet, *, train: Sequence[Labelled], vectors: Vectors) -> dict[str, Any]:
    """The figures of a set by every way, for all languages and for each; `train` may be empty."""
    found: dict[str, list[tuple[Labelled, Said]]] = {"router": [], "tfidf": [], "majority": []}
    learnt_from = 0
    for known, asked in parts(one.rows, train):
        learnt_from = len(known)
        for name, said in ways(known, asked, vectors).items():
            found[name] += list(zip(asked, said, strict=True))
    return {
        "messages": len(found["router"]),
        "learnt_from": learnt_from,
        "intents": len({row.intent for row in one.rows}),
        "ways": {name: _by_language(pairs) for name, pairs in found.items()},
    }


def parts(rows: Sequence[Labelled], train: Sequence[Labelled]) -> list[tuple[list[Labelled], list[Labelled]]]:
    """What to learn from and what to ask; several times where a set must do for both."""
    if train:
        told = {row.text for row in train}
        return [(list(train), [row for row in rows if row.text not in told])]
    if any(row.test for row in rows) and any(row.test is False for row in rows):
        return [([r for r in rows if r.test is False], [r for r in rows if r.test])]
    seen: Counter[tuple[str, str]] = Counter()
    folds = []
    for row in rows:
        folds.append(seen[row.intent, row.language] % FOLDS)
        seen[row.intent, row.language] += 1
    return [
        (
            [row for row, at in zip(rows, folds, strict=True) if at != fold],
            [row for row, at in zip(rows, folds, strict=True) if at == fold],
        )
        for fold in range(FOLDS)
    ]


def ways(known: Sequence[Labelled], asked: Sequence[Labelled], vectors: Vectors) -> dict[str, list[Said]]:
    """What each way makes of the messages, after it has learnt from the same examples."""
    labels = [row.intent for row in known]
    learnt = fitting.fit(vectors([row.text for row in known]), labels)
    logits = learnt.logits(vectors([row.text for row in asked]))
    common = Counter(labels).most_common(1)[0][0]
    return {
        "router": _said(learnt.intents, logits),
        "tfidf": _tfidf(known, asked),
        "majority": [Said(common, 0.5)] * len(asked),
    }


def _said(names: Sequence[str], logits: Any) -> list[Said]:
    best, outside = logits.argmax(axis=1), intents.outside(names, logits)
    return [Said(names[at], float(score)) for at, score in zip(best, outside, strict=True)]


def _tfidf(known: Sequence[Labelled], asked: Sequence[Labelled]) -> list[Said]:
    from scipy.sparse import csr_array

    names = tuple(sorted({row.intent for row in known}))
    counted = [Counter(_terms(row.text)) for row in known]
    spread = Counter(term for terms in counted for term in terms)
    places = {term: place for place, term in enumerate(spread)}
    rarity = np.array([np.log((1 + len(known)) / (1 + spread[term])) + 1 for term in places])

    def rows(terms_of: Sequence[Counter[str]]) -> Any:
        at, columns, values = [], [], []
        for number, terms in enumerate(terms_of):
            known_terms = [(places[term], count) for term, count in terms.items() if term in places]
            weights = np.array([count * rarity[place] for place, count in known_terms])
            length = np.linalg.norm(weights) or 1.0
            at += [number] * len(known_terms)
            columns += [place for place, _count in known_terms]
            values += list(weights / length)
        return csr_array((values, (at, columns)), shape=(len(terms_of), len(places)))

    wanted = np.array([names.index(row.intent) for row in known])
    weights, bias = fitting.regress(rows(counted), wanted, count=len(names), strength=TFIDF_STRENGTH)
    logits = rows([Counter(_terms(row.text)) for row in asked]) @ weights + bias
    return _said(names, logits)


def _terms(text: str) -> list[str]:
    words = WORDS.findall(text.lower())
    return words + [" ".join(pair) for pair in pairwise(words)]


# -- figures


def _by_language(pairs: Sequence[tuple[Labelled, Said]]) -> dict[str, dict[str, float]]:
    languages = sorted({row.language for row, _said in pairs})
    told = {"all": figures(pairs)}
    for language in languages if len(languages) > 1 else []:
        told[language] = figures([pair for pair in pairs if pair[0].language == language])
    return told


def figures(pairs: Sequence[tuple[Labelled, Said]]) -> dict[str, float]:
    """Accuracy, macro-F1 over the intents that occur, and how well out of scope is told."""
    told = {
        "messages": len(pairs),
        "accuracy": _mean([row.intent == said.intent for row, said in pairs]),
        "macro_f1": _mean([_f1(pairs, intent) for intent in sorted({row.intent for row, _said in pairs})]),
    }
    outside = [said.outside for row, said in pairs if row.intent == OUT_OF_SCOPE]
    inside = [said.outside for row, said in pairs if row.intent != OUT_OF_SCOPE]
    if outside and inside:
        told["oos_recall"] = _mean(
            [said.intent == OUT_OF_SCOPE for row, said in pairs if row.intent == OUT_OF_SCOPE]
        )
        told["oos_auroc"] = auroc(outside, inside)
    return told


def _f1(pairs: Sequence[tuple[Labelled, Said]], intent: str) -> float:
    right = sum(row.intent == said.intent == intent for row, said in pairs)
    wrong = sum((row.intent == intent) != (said.intent == intent) for row, said in pairs)
    return 2 * right / (2 * right + wrong) if right else 0.0


def auroc(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """How often a positive scores above a negative; a tie counts half."""
    above = np.asarray(positives)[:, None] - np.asarray(negatives)[None, :]
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def beyond_embedding(vectors: Vectors) -> dict[str, float]:
    """Milliseconds that a decision takes once the message's vector is there, with many corrections."""
    known = shipped()[:CORRECTED]
    corrected = intents.Corrections([row.intent for row in known], vectors([row.text for row in known]))
    by, policy = intents.classifier(), Policy()
    one = vectors([known[0].text])[0].astype("f2")
    took = []
    for _time in range(TIMED):
        since = time.perf_counter()
        reading = intents.read(one, model=by.model, corrections=corrected)
        route(RouterAsked(known[0].text, reading, value=80), policy=policy)
        took.append((time.perf_counter() - since) * 1000)
    return {"median_ms": float(np.median(took)), "p95_ms": float(np.percentile(took, 95))}


def run(sets: Sequence[IntentSet], *, train: Path | None = None) -> dict[str, Any]:
    """The figures of all sets."""
    from bench.quality.intent_sets import read

    vectors, taught = embedded(), list(read(train).rows) if train else []
    told: dict[str, Any] = {"sets": {}}
    ours = {row.intent for row in shipped()}
    for one in sets:
        knows = {row.intent for row in one.rows} <= ours
        told["sets"][one.name] = measured(one, train=taught or (shipped() if knows else []), vectors=vectors)
    return told | {"beyond_embedding": beyond_embedding(vectors)}


def lines(told: dict[str, Any]) -> list[str]:
    """The figures as a table for a person."""
    names = ("accuracy", "macro_f1", "oos_recall", "oos_auroc")
    found = []
    for name, figures_of in told["sets"].items():
        found.append(f"{name}: {figures_of['messages']} messages, learnt from {figures_of['learnt_from']}")
        found.append(f"  {'':<18}" + "".join(f"{one:>12}" for one in names))
        for way, languages in figures_of["ways"].items():
            for language, row in languages.items():
                cells = "".join(f"{row[one]:>12.3f}" if one in row else f"{'-':>12}" for one in names)
                found.append(f"  {way:<10}{language:<8}{cells}")
    took = told["beyond_embedding"]
    return [*found, f"Beyond the embedding: {took['median_ms']:.2f} ms (95 %: {took['p95_ms']:.2f})"]
