"""Voyage AI's `/v1/embeddings` and `/v1/rerank`, by its public API reference."""

from typing import Any

from providers.embedding_vendor import Kind, VendorEmbedder
from providers.registry import Vendor
from providers.reranking import VendorReranker

VENDOR_URL = "https://api.voyageai.com/v1"
INPUT_TYPES = {"question": "query", "passage": "document"}


class VoyageEmbedder(VendorEmbedder):
    """The vendor puts other words before a question than before a passage."""

    vendor = "voyage"
    batch = 64  # the vendor takes 1,000 texts and 120,000 tokens

    def ask(self, kind: Kind, texts: list[str], *, seconds: float) -> list[Any]:
        from providers import json_http  # an HTTP stack that a page does not need

        body: dict[str, Any] = {"model": self.model, "input": texts, "input_type": INPUT_TYPES[kind]}
        if self.shortened and self.dimensions:
            body["output_dimension"] = self.dimensions
        url = self.url(VENDOR_URL, "/embeddings")
        answer = json_http.post(url, body, api_key=self.api_key, seconds=seconds, allow_private=self.reach)
        return json_http.by_index(answer, "data", "embedding")


class VoyageReranker(VendorReranker):
    """`{model, query, documents, top_k}` -> `{data: [{index, relevance_score}]}`."""

    url = f"{VENDOR_URL}/rerank"
    usual_model = "rerank-2.5"
    most_name = "top_k"
    results_name = "data"


VENDOR = Vendor(name="voyage", label="Voyage AI", embedding=VoyageEmbedder, reranking=VoyageReranker)
