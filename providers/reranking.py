"""The capability of putting passages into their final order: what every vendor takes and gives.

Another vendor is a class of three lines in a file of its own: docs/adding-a-vendor.md.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

from providers import registry
from providers.embedding import PASSAGE_CHARACTERS, QUESTION_CHARACTERS, cut
from providers.errors import About, ProviderError


class Reranker(Protocol):
    """(Place among the passages, score of how well it answers), best first; raises ProviderError."""

    def rerank(
        self, question: str, passages: Sequence[str], *, seconds: float
    ) -> list[tuple[int, float]]: ...


def build(
    vendor: str, *, api_key: str, base_url: str | None, model: str, allow_private: bool | None = None
) -> Reranker:
    """The adapter of a vendor with this key; `allow_private` as in providers.llm.build."""
    made: Reranker = registry.make(
        vendor, "reranking", api_key=api_key, base_url=base_url, allow_private=allow_private, model=model
    )
    return made


class VendorReranker:
    """One tenant's account at a vendor. The vendors differ in an address and three names."""

    url: str
    usual_model: str
    most_name = "top_n"  # of how many are wanted
    results_name = "results"

    def __init__(self, *, api_key: str, base_url: str | None, model: str, allow_private: bool | None) -> None:
        self._api_key, self._model = api_key, model or self.usual_model
        self._url = f"{base_url.rstrip('/')}/rerank" if base_url else self.url
        self._reach = allow_private if base_url else None

    def rerank(self, question: str, passages: Sequence[str], *, seconds: float) -> list[tuple[int, float]]:
        """Ask once, for the order of all of them."""
        from providers import json_http  # an HTTP stack that a page does not need

        body: dict[str, Any] = {
            "model": self._model,
            "query": cut(question, longest=QUESTION_CHARACTERS),
            "documents": [cut(passage, longest=PASSAGE_CHARACTERS) for passage in passages],
            self.most_name: len(passages),
        }
        answer = json_http.post(
            self._url, body, api_key=self._api_key, seconds=seconds, allow_private=self._reach
        )
        scores = json_http.by_index(answer, self.results_name, "relevance_score")
        return _ordered(scores, count=len(passages))


def _ordered(scores: list[Any], *, count: int) -> list[tuple[int, float]]:
    if len(scores) != count or not all(isinstance(score, int | float) for score in scores):
        raise ProviderError("The order could not be read (not a score for each passage).", about=About.ANSWER)
    if not all(math.isfinite(score) for score in scores):
        raise ProviderError("The order could not be read (a score is no number).", about=About.ANSWER)
    return sorted(enumerate(scores), key=lambda pair: -pair[1])
