"""The back office on a business's host: its documents, to look at."""

from django.contrib import admin
from unfold.decorators import display

from knowledge.models import Document
from tenants.backoffice import ReadOnlyAdmin


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = ("title", "kind", "state", "problem", "pages", "chunk_count", "created_at", "ready_at")
    list_filter = ("status", "kind", "origin")
    search_fields = ("title",)
    ordering = ("-pk",)
    exclude = ("file",)  # its content is for the business's own pages

    @display(
        description=Document._meta.get_field("status").verbose_name,
        label={"ready": "success", "failed": "danger", "waiting": "info"},
        ordering="status",
    )
    def state(self, document: Document) -> tuple[str, str]:
        return document.status, document.get_status_display()
