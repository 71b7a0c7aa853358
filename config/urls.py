"""A business's host."""

from django.contrib import admin
from django.urls import include, path

from config import errors, health

urlpatterns = [
    path("health", health.health, name="health"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("config.api_urls")),
    path("", include("conversations.urls")),
    path("", include("conversations.thread_urls")),
    path("", include("conversations.customer_urls")),
    path("", include("conversations.trial_urls")),
    path("", include("conversations.beginning_urls")),
    path("", include("conversations.web_urls")),
    path("account/channels/", include("conversations.channel_urls")),
    path("", include("conversations.cloud_urls")),
    path("", include("conversations.hook_urls")),
    path("", include("conversations.conduct_urls")),
    path("", include("conversations.desk_urls")),
    path("", include("conversations.model_urls")),
    path("", include("conversations.teaching_urls")),
    path("", include("conversations.gate_urls")),
    path("", include("conversations.figure_urls")),
    path("", include("agents.urls")),
    path("", include("agents.tool_urls")),
    path("", include("knowledge.urls")),
    path("assistant/", include("knowledge.source_urls")),
    path("", include("billing.urls")),
    path("", include("tenants.urls")),
]
handler400, handler403, handler404, handler500 = errors.HANDLERS
