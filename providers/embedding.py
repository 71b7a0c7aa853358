"""The capability of turning text into vectors, and the client of our own embedding process."""

import base64
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import httpx
import numpy as np

from providers.errors import ProviderError, ProviderRejected

DIMENSIONS = 896
PASSAGES_A_CALL = 8  # progress moves, and a lost call costs little


class Embedder(Protocol):
    """Unit vectors of 896 halves, and the id of the model that made them; raises ProviderError."""

    def embed_question(self, text: str) -> tuple[str, Any]: ...

    def embed_passages(self, texts: Sequence[str]) -> tuple[str, list[Any]]: ...


class LocalEmbedder:
    """The embedding process of this installation."""

    def __init__(self, url: str) -> None:
        self._url = url

    def embed_question(self, text: str) -> tuple[str, Any]:
        """The model's id and the vector of one question."""
        model, vectors = self._embed("question", [text], timeout=8.0)
        return model, vectors[0]

    def embed_passages(self, texts: Sequence[str]) -> tuple[str, list[Any]]:
        """The model's id and a vector for each passage; about 0.2 s of CPU each."""
        return self._embed("passage", list(texts), timeout=120.0)

    def _embed(self, kind: str, texts: list[str], *, timeout: float) -> tuple[str, list[Any]]:
        try:
            response = _http().post(
                f"{self._url}/embed", json={"kind": kind, "texts": texts}, timeout=timeout
            )
        except httpx.HTTPError as error:
            raise ProviderError(f"The embedding process does not answer ({type(error).__name__}).") from error
        if response.status_code == 400:
            raise ProviderRejected("The embedding process cannot read this text.")
        if response.status_code != 200:
            raise ProviderError(f"The embedding process is not ready ({response.status_code}).")
        answer = response.json()
        rows = np.frombuffer(base64.b64decode(answer["vectors"]), dtype="<f2").reshape(len(texts), -1)
        return answer["model"], list(rows)


@lru_cache(maxsize=1)
def _http() -> httpx.Client:
    return httpx.Client(limits=httpx.Limits(max_connections=16, keepalive_expiry=60), trust_env=False)


@lru_cache(maxsize=4)
def embedder(url: str) -> Embedder:
    """The embedder at this address."""
    return LocalEmbedder(url)
