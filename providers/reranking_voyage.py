"""Voyage AI's `/v1/rerank`, by its public API reference."""

from providers.reranking import VendorReranker


class VoyageReranker(VendorReranker):
    """`{model, query, documents, top_k}` -> `{data: [{index, relevance_score}]}`."""

    url = "https://api.voyageai.com/v1/rerank"
    usual_model = "rerank-2.5"
    most_name = "top_k"
    results_name = "data"
