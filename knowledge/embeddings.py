"""Texts into vectors, by the model that serves this business.

Vectors of two models are never compared: whoever keeps a vector keeps the id of its model beside it
(`Chunk.embedding_model`, `PinnedQuestion.vector_model`), and compares only where the ids are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from providers.embedding import PASSAGES_A_CALL, Embedder, embedder


@dataclass(frozen=True, slots=True, eq=False)
class Vector:
    """A question's unit vector of halves, and the id of the model that made it."""

    model: str
    values: Any


@dataclass(frozen=True, slots=True)
class Serving:
    """Who embeds for this business, and how many passages are best given at once."""

    adapter: Embedder
    batch: int


def serving() -> Serving:
    """The model that serves this business at this moment."""
    return Serving(embedder(settings.EMBEDDING_URL), PASSAGES_A_CALL)


def question(text: str) -> Vector:
    """The vector of what somebody asks; raises ProviderError."""
    model, values = serving().adapter.embed_question(text)
    return Vector(model, values)


def passages(texts: Sequence[str]) -> tuple[str, list[Any]]:
    """The model's id and a unit vector of halves for each passage; raises ProviderError.

    Give `serving().batch` of them at once: progress moves, and a call that is lost costs little.
    """
    return serving().adapter.embed_passages(texts)
