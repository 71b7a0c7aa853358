"""Whom knowledge is for: said of a document or of a source, it holds for every passage at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from knowledge.models import Audience, Chunk, Document, DraftChunk, Source
from tenants import live


@dataclass(frozen=True, slots=True)
class Reach:
    """An audience, and the ids of the assistants that may use it; empty means all."""

    audience: str = Audience.CUSTOMERS
    agent_ids: tuple[int, ...] = ()


@transaction.atomic
def set_document(document_id: int, reach: Reach) -> bool:
    """False when there is no such document."""
    fields = _fields(reach)
    if not Document.objects.filter(pk=document_id).update(**fields):
        return False
    _pieces([document_id], fields)
    live.publish("document.changed", id=document_id)
    return True


@transaction.atomic
def set_source(source_id: int, reach: Reach) -> bool:
    """The place and everything that came from it. False when there is no such source."""
    fields = _fields(reach)
    if not Source.objects.filter(pk=source_id).update(**fields):
        return False
    documents = Document.objects.filter(source_id=source_id)
    documents.update(**fields)
    _pieces(documents.values_list("pk", flat=True), fields)
    live.publish("source.changed", id=source_id)
    return True


def _fields(reach: Reach) -> dict[str, Any]:
    return {"audience": reach.audience, "agent_ids": sorted(set(reach.agent_ids))}


def _pieces(document_ids: Iterable[int], fields: dict[str, Any]) -> None:
    for model in (Chunk, DraftChunk):
        model.objects.filter(document_id__in=document_ids).update(**fields)
