"""Cohere's `/v2/rerank`, by its public API reference."""

from providers.reranking import VendorReranker


class CohereReranker(VendorReranker):
    """`{model, query, documents, top_n}` -> `{results: [{index, relevance_score}]}`."""

    url = "https://api.cohere.com/v2/rerank"
    usual_model = "rerank-v3.5"
