"""Fit the classifier of intents from labelled examples: `python -m agents.fitting` (`make intents`).

The examples are JSONL, {"text", "intent", "language"} on each line, a file for each language. The weights
carry the digest of the examples that they were fitted from, so that a test sees when they are old.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents import intents

STRENGTH = 8.0  # of the data against the size of the weights: what is sure is then right nine times in ten
DIGITS = 16


@dataclass(frozen=True, slots=True)
class Example:
    """A message, and what it wants."""

    text: str
    intent: str
    language: str


def examples(folder: Path = intents.EXAMPLES) -> list[Example]:
    """All examples that ship, in the order of the files."""
    return [example for path in sorted(folder.glob("*.jsonl")) for example in read(path)]


def read(path: Path) -> list[Example]:
    """The examples of one file; raises ValueError and KeyError."""
    rows = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip())
    return [Example(row["text"], row["intent"], row["language"]) for row in rows]


def digest(known: Sequence[Example]) -> str:
    """Another one when any example is another."""
    told = json.dumps([[one.text, one.intent, one.language] for one in known], ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()[:DIGITS]


def fit(vectors: Any, labels: Sequence[str], *, model: str = "", strength: float = STRENGTH) -> Any:
    """A multinomial logistic regression over the vectors' rows, each intent counting alike."""
    names = tuple(sorted(set(labels)))
    rows = np.asarray(vectors, dtype="f8")
    wanted = np.array([names.index(label) for label in labels])
    weights, bias = regress(rows, wanted, count=len(names), strength=strength)
    return intents.Classifier(model, names, weights.astype("f4"), bias.astype("f4"))


def regress(rows: Any, wanted: Any, *, count: int, strength: float) -> tuple[Any, Any]:
    """Weights and bias that fit best, with the weights' squares held down; deterministic."""
    from scipy.optimize import minimize

    truth = np.eye(count)[wanted]
    share = (len(wanted) / (count * truth.sum(axis=0)))[wanted]  # a rare intent is not drowned

    def loss(flat: Any) -> tuple[float, Any]:
        weights, bias = flat[:-count].reshape(-1, count), flat[-count:]
        found = intents.softmax(rows @ weights + bias)
        missed = -np.log(np.maximum((found * truth).sum(axis=1), 1e-12)) @ share
        off = (found - truth) * share[:, None]
        slope = strength * np.vstack([rows.T @ off, off.sum(axis=0)])
        slope[:-1] += weights
        return strength * missed + (weights**2).sum() / 2, slope.ravel()

    start = np.zeros((rows.shape[1] + 1) * count)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    return best[:-count].reshape(-1, count), best[-count:]


def main() -> None:
    """Embed the examples with the models of this installation, fit, and write the weights."""
    from providers.embedding_server import MODEL_ID, Models

    known = examples()
    vectors = Models().embed("question", [example.text for example in known])
    fitted = fit(vectors, [example.intent for example in known], model=MODEL_ID)
    np.savez_compressed(
        intents.PATH,
        model=np.array(MODEL_ID),
        examples=np.array(digest(known)),
        intents=np.array(fitted.intents),
        weights=fitted.weights.astype("f2"),
        bias=fitted.bias,
    )


if __name__ == "__main__":
    main()
