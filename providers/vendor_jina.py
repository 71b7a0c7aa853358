"""Jina AI's `/v1/rerank`, by its public API reference."""

from providers.registry import Vendor
from providers.reranking import VendorReranker


class JinaReranker(VendorReranker):
    """`{model, query, documents, top_n}` -> `{results: [{index, relevance_score}]}`."""

    url = "https://api.jina.ai/v1/rerank"
    usual_model = "jina-reranker-v2-base-multilingual"


VENDOR = Vendor(name="jina", label="Jina AI", reranking=JinaReranker)
