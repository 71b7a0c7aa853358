"""Cohere's `/v2/embed` and `/v2/rerank`, by its public API reference."""

from typing import Any

from providers.embedding_vendor import Kind, VendorEmbedder
from providers.errors import About, ProviderError
from providers.registry import Vendor
from providers.reranking import VendorReranker

VENDOR_URL = "https://api.cohere.com/v2"
INPUT_TYPES = {"question": "search_query", "passage": "search_document"}


class CohereEmbedder(VendorEmbedder):
    """The vendor tells questions and passages apart, and cuts by itself what is too long."""

    vendor = "cohere"
    batch = 96  # the vendor's own limit

    def ask(self, kind: Kind, texts: list[str], *, seconds: float) -> list[Any]:
        from providers import json_http  # an HTTP stack that a page does not need

        body: dict[str, Any] = {
            "model": self.model,
            "texts": texts,
            "input_type": INPUT_TYPES[kind],
            "embedding_types": ["float"],
            "truncate": "END",
        }
        if self.shortened and self.dimensions:
            body["output_dimension"] = self.dimensions
        url = self.url(VENDOR_URL, "/embed")
        answer = json_http.post(url, body, api_key=self.api_key, seconds=seconds, allow_private=self.reach)
        vectors = answer.get("embeddings")
        rows = vectors.get("float") if isinstance(vectors, dict) else None
        if not isinstance(rows, list):
            raise ProviderError("The vectors could not be read (not embeddings).", about=About.ANSWER)
        return rows


class CohereReranker(VendorReranker):
    """`{model, query, documents, top_n}` -> `{results: [{index, relevance_score}]}`."""

    url = f"{VENDOR_URL}/rerank"
    usual_model = "rerank-v3.5"


VENDOR = Vendor(name="cohere", label="Cohere", embedding=CohereEmbedder, reranking=CohereReranker)
