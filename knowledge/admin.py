"""The back office on a business's host: its documents, to look at."""

from django.contrib import admin
from unfold.decorators import display

from knowledge.models import Document, Source
from tenants.backoffice import ReadOnlyAdmin


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = (
        "title", "form", "kind", "state", "problem", "pages", "chunk_count", "credits", "source", "audience",
        "created_at", "ready_at", "refreshed_at",
    )  # fmt: skip
    list_filter = ("status", "form", "kind", "audience", "source")
    list_select_related = ("source",)
    search_fields = ("title",)
    ordering = ("-pk",)
    exclude = ("file",)  # its content is for the business's own pages

    @display(
        description=Document._meta.get_field("status").verbose_name,
        label={"ready": "success", "failed": "danger", "waiting": "info", "review": "warning"},
        ordering="status",
    )
    def state(self, document: Document) -> tuple[str, str]:
        return document.status, document.get_status_display()


@admin.register(Source)
class SourceAdmin(ReadOnlyAdmin):
    list_display = (
        "title",
        "kind",
        "state",
        "problem",
        "found",
        "refresh_hours",
        "refreshed_at",
        "created_at",
    )
    list_filter = ("status", "kind")
    search_fields = ("title",)
    ordering = ("-pk",)
    exclude = ("secret", "options", "resume")  # what opens it is nobody's but the business's

    @display(
        description=Source._meta.get_field("status").verbose_name,
        label={"ready": "success", "failed": "danger", "waiting": "info"},
        ordering="status",
    )
    def state(self, source: Source) -> tuple[str, str]:
        return source.status, source.get_status_display()
