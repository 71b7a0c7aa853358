from django.urls import path

from knowledge import api

urlpatterns = [
    path("documents", api.Documents.as_view(), name="api_documents"),
    path("documents/<int:pk>", api.OneDocument.as_view(), name="api_document"),
    path("search", api.Search.as_view(), name="api_search"),
]
