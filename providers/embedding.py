"""The capability of turning text into vectors: what every vendor takes and gives.

Another vendor is one more file: docs/adding-a-vendor.md.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from providers import registry
from providers.embedding_local import DIMENSIONS, PASSAGES_A_CALL, LocalEmbedder
from providers.errors import ProviderRejected

__all__ = [
    "DIMENSIONS", "MOST_DIMENSIONS", "PASSAGES_A_CALL", "Embedder", "LocalEmbedder", "build", "cut",
    "embedder", "model_id", "units",
]  # fmt: skip
MOST_DIMENSIONS = 4000  # of halves, that an index can hold
QUESTION_CHARACTERS = 500
PASSAGE_CHARACTERS = 1500
QUESTION_SECONDS = 5.0  # somebody waits
PASSAGES_SECONDS = 60.0
SHORTEST = 1e-6  # a vector without a length points nowhere


class Embedder(Protocol):
    """Unit vectors of halves, and the id of the model that made them; raises ProviderError.

    `batch` is how many passages are best given at once; `known_model` the id that the next vectors will have,
    empty while that is not known.
    """

    @property
    def batch(self) -> int: ...

    @property
    def known_model(self) -> str: ...

    def embed_question(self, text: str) -> tuple[str, Any]: ...

    def embed_passages(self, texts: Sequence[str]) -> tuple[str, list[Any]]: ...


@lru_cache(maxsize=4)
def embedder(url: str) -> Embedder:
    """The embedding process of the installation at this address."""
    return LocalEmbedder(url)


def build(
    vendor: str, *, api_key: str, base_url: str | None, model: str, dimensions: int | None,
    shortened: bool = False, allow_private: bool | None = None,
) -> Embedder:  # fmt: skip
    """The adapter of a vendor with this key. Never looks for a key elsewhere: a missing one is refused.

    `dimensions` is how many a vector must have; None takes what comes, to find out. `shortened` asks the
    vendor for so many, where its model has more. `allow_private` as in providers.llm.build.
    """
    made: Embedder = registry.make(
        vendor, "embedding", api_key=api_key, base_url=base_url, allow_private=allow_private, model=model,
        dimensions=dimensions, shortened=shortened,
    )  # fmt: skip
    return made


def model_id(vendor: str, *, base_url: str | None, model: str, dimensions: int) -> str:
    """What is kept beside each vector: two that differ in anything of it are never compared."""
    name = f"{vendor}/{model[:70]}/{dimensions}"
    if not base_url and len(model) <= 70:
        return name
    told_apart = hashlib.sha256(json.dumps([base_url, model]).encode()).hexdigest()[:12]
    return f"{name}@{told_apart}"


def cut(text: str, *, longest: int) -> str:
    """What every vendor can read, and never nothing: an empty text has a normal-looking vector."""
    return text.replace("\x00", "")[:longest].encode("utf-8", "replace").decode().strip() or "?"


def units(rows: Sequence[Any], *, count: int, dimensions: int | None) -> list[Any]:
    """A vendor's vectors as unit vectors of halves; what is no vector of ours is refused."""
    if len(rows) != count:
        raise ProviderRejected(f"The vendor gave {len(rows)} vectors for {count} texts.")
    try:
        found = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ProviderRejected("The vendor's vectors cannot be read.") from error
    if found.ndim != 2 or not 0 < found.shape[1] <= MOST_DIMENSIONS:
        raise ProviderRejected(f"The vendor's vectors must have at most {MOST_DIMENSIONS} dimensions.")
    if dimensions is not None and found.shape[1] != dimensions:
        raise ProviderRejected(f"The vendor's vectors have {found.shape[1]} dimensions, not {dimensions}.")
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or (lengths < SHORTEST).any():
        raise ProviderRejected("The vendor's vectors hold what is no number, or nothing.")
    return list((found / lengths).astype("<f2"))
