"""The API for programs, version 1."""

from django.urls import include, path

from tenants.api_description import Description, Reader

urlpatterns = [
    path("schema", Description.as_view(), name="api_schema"),
    path("docs", Reader.as_view(url_name="api_schema"), name="api_docs"),
    path("knowledge/", include("knowledge.api_urls")),
    path("", include("conversations.api_urls")),
]
