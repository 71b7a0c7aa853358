"""The back office on a business's host: its assistants and their versions, to look at."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from agents.models import Agent, AgentVersion, ModelProvider
from tenants.backoffice import ReadOnlyAdmin


class VersionInline(TabularInline):
    model = AgentVersion
    extra = 0
    can_delete = False
    show_change_link = True
    fields = readonly_fields = ("number", "status", "published_at")
    ordering = ("-number",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentVersion]:
        """A version is named with its assistant, which comes along."""
        return super().get_queryset(request).select_related("agent")


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_at", "retired_at")
    ordering = ("name",)
    inlines = (VersionInline,)


@admin.register(AgentVersion)
class AgentVersionAdmin(ReadOnlyAdmin):
    list_display = ("agent", "number", "status", "published_at", "published_by")
    list_filter = ("status", "agent")
    ordering = ("agent", "-number")
    list_select_related = ("agent", "published_by")


@admin.register(ModelProvider)
class ModelProviderAdmin(ReadOnlyAdmin):
    """Without the key, and without the headers, which may hold one."""

    list_display = ("name", "vendor", "model", "base_url", "is_default")
    ordering = ("name",)
    exclude = ("api_key", "headers")
