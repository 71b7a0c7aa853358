"""Text that somebody wrote or pasted here, kept as a document of its own."""

from datetime import datetime

from django.core.files.base import ContentFile

from knowledge import documents
from knowledge.models import Document
from knowledge.reaching import Reach
from tenants.models import User

LONGEST = 200_000  # letters: some eighty pages


def keep(*, title: str, text: str, reach: Reach | None, added_by: User | None, now: datetime) -> Document:
    """Keep it under this title, in place of what was there; the old one answers until the new is read."""
    return documents.add(
        file=ContentFile(text.replace("\r\n", "\n").encode()),
        name="text.txt",
        title=title,
        added_by=added_by,
        now=now,
        form=Document.Form.TEXT,
        reach=reach,
    )


def of(document: Document) -> str:
    """The text as it was written."""
    with document.file.open("rb") as file:
        return file.read().decode("utf-8", "replace")
