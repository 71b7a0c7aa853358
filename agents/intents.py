"""What a customer wants, read from the vector of the words: a small linear classifier, no model is asked.

It is fitted at build from the labelled examples in agents/intent_examples (`make intents`), and a business's
own corrections bend it while it reads. Numbers only: who has the vector, and what was corrected, is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from agents.routing import OUT_OF_SCOPE, Reading

EXAMPLES = Path(__file__).with_name("intent_examples")
PATH = Path(__file__).with_name("intents.npz")
# How a correction counts: from this cosine on, and at the very same words as so many units of a logit.
NEAR, BENDS = 0.6, 12.0


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """Weights (dimensions × intents) and a bias for unit vectors of the model with this id."""

    model: str
    intents: tuple[str, ...]
    weights: Any
    bias: Any

    def logits(self, vectors: Any) -> Any:
        """One row a vector, one column an intent."""
        return np.asarray(vectors, dtype="f4") @ self.weights + self.bias


@dataclass(frozen=True, slots=True, eq=False)
class Corrections:
    """What people of a business have said that messages mean: an intent for each row of unit vectors."""

    intents: Sequence[str]
    vectors: Any


def read(vector: Any, *, model: str, corrections: Corrections | None = None) -> Reading | None:
    """What these words want; None where the vector is of a model that the classifier does not know."""
    shipped = classifier()
    if model != shipped.model:
        return None
    return reading(shipped, vector, corrections)


def reading(by: Classifier, vector: Any, corrections: Corrections | None = None) -> Reading:
    """The likeliest intent within the business's affairs or without, with its probability."""
    logits = by.logits(vector)
    if corrections is not None and len(corrections.intents):
        logits = logits + _bent(by, vector, corrections)
    shares = softmax(logits)
    best = int(shares.argmax())
    return Reading(by.intents[best], float(shares[best]), float(outside(by.intents, logits)))


def outside(names: Sequence[str], logits: Any) -> Any:
    """How likely it is none of the business's affairs, along the last axis.

    Without examples of that it is what claims no intent: as if there were one more, always at nought.
    """
    if OUT_OF_SCOPE in names:
        return softmax(logits)[..., list(names).index(OUT_OF_SCOPE)]
    return 1 / (1 + np.exp(logits).sum(axis=-1))


def softmax(logits: Any) -> Any:
    """Probabilities along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def _bent(by: Classifier, vector: Any, corrections: Corrections) -> Any:
    """What the nearest corrections add to each intent; nothing where none is near."""
    near = np.asarray(corrections.vectors, dtype="f4") @ np.asarray(vector, dtype="f4")
    weight = np.clip((near - NEAR) / (1 - NEAR), 0.0, 1.0) ** 2
    added = np.zeros(len(by.intents), dtype="f4")
    for intent, one in zip(corrections.intents, weight, strict=True):
        if intent in by.intents:
            column = by.intents.index(intent)
            added[column] = max(added[column], one * BENDS)
    return added


@cache
def classifier() -> Classifier:
    """The one that ships; about 30 KB."""
    with np.load(PATH) as kept:
        return Classifier(
            str(kept["model"]),
            tuple(str(name) for name in kept["intents"]),
            kept["weights"].astype("f4"),
            kept["bias"].astype("f4"),
        )
