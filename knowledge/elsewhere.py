"""What people ask anybody: the weather, the match, a joke. A business's documents rarely answer it.

A question that is near to one of these in meaning needs more support from the documents. The questions are
in elsewhere.txt, their vectors by the installation's own models in elsewhere.npz; `python -m
knowledge.elsewhere` makes them anew, for another version of the models.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_QUESTIONS = Path(__file__).with_name("elsewhere.txt")
_VECTORS = Path(__file__).with_name("elsewhere.npz")


def nearness(vector: Any, *, model: str) -> float | None:
    """Cosine of the question's unit vector with the nearest of these; None for a model without vectors."""
    known, vectors = _known()
    if model != known:
        return None
    return float((vectors @ np.asarray(vector, dtype="f4")).max())


@cache
def _known() -> tuple[str, Any]:
    with np.load(_VECTORS) as kept:
        return str(kept["model"]), kept["vectors"].astype("f4")


def main() -> None:
    """Embed the questions with the models of this installation."""
    from providers.embedding_server import MODEL_ID, Models

    vectors = Models().embed("question", _QUESTIONS.read_text("utf-8").splitlines())
    np.savez_compressed(_VECTORS, model=np.array(MODEL_ID), vectors=vectors)


if __name__ == "__main__":
    main()
