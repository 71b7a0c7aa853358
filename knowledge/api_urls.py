from django.urls import path

from knowledge import api, api_passages, api_sources

urlpatterns = [
    path("documents", api.Documents.as_view(), name="api_documents"),
    path("documents/<int:pk>", api.OneDocument.as_view(), name="api_document"),
    path("texts", api_sources.Texts.as_view(), name="api_texts"),
    path("pairs", api_sources.PairLists.as_view(), name="api_pairs"),
    path("sources", api_sources.Sources.as_view(), name="api_sources"),
    path("sources/<int:pk>", api_sources.OneSource.as_view(), name="api_source"),
    path("sources/<int:pk>/refresh", api_sources.RefreshSource.as_view(), name="api_source_refresh"),
    path("documents/<int:pk>/passages", api_passages.Passages.as_view(), name="api_passages"),
    path("passages/<int:pk>", api_passages.OnePassage.as_view(), name="api_passage"),
    path("search", api.Search.as_view(), name="api_search"),
]
