"""Documents in the business file."""

from collections.abc import Iterable
from typing import Any

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from pydantic import Field

from knowledge import documents
from knowledge.models import Document
from tenants import blueprints
from tenants.blueprint_files import Steps
from tenants.blueprints import Context, Part


class SourcePart(Part):
    """A document by its path, relative to the business file."""

    path: str = Field(min_length=1, max_length=300)
    title: str = Field(default="", max_length=200)


def register() -> None:
    """Tell the business file about documents."""
    section = blueprints.Section("knowledge", list[SourcePart], apply=_apply, export=_export, check=_check)
    blueprints.register(section)


def _check(value: list[SourcePart], context: Context) -> Iterable[tuple[Steps, str]]:
    for number, part in enumerate(value):
        if not context.path(part.path).is_file():
            yield (number, "path"), f"there is no file {part.path}"


def _apply(value: list[SourcePart], context: Context) -> None:
    for part in value:
        file = context.path(part.path)
        document = documents.add(
            file=SimpleUploadedFile(file.name, file.read_bytes()),
            name=file.name,
            title=part.title,
            origin=part.path,
            added_by=context.actor,
            now=context.now,
        )
        if document.created_at == context.now:
            context.undo(lambda name=document.file.name: default_storage.delete(name))  # type: ignore[misc]


def _export(context: Context) -> list[dict[str, Any]] | None:
    """The documents that came by a business file; others stay where they are, in the tenant's storage."""
    kept = Document.objects.exclude(origin="").order_by("pk").values_list("origin", "title")
    return [{"path": path, "title": title} for path, title in kept] or None
