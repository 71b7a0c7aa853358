"""The API for programs, version 1."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="api_schema"),
    path("knowledge/", include("knowledge.api_urls")),
]
