"""What a person does to single passages: switch them off and on, correct their words.

A corrected passage is found by its new words at once, and by its meaning as soon as it is embedded anew: a
task does that, and until then its digest says that it waits. What was read from the document stays beside it.
"""

from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db import transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import StrIndex
from django.utils import timezone
from django_tenants.utils import schema_context

from knowledge import cases, counting, drafts, embeddings
from knowledge.models import Chunk, Document
from tenants import live
from tenants.background import enqueue, public_task, ready_schemas, ring, task

WAITS = "waits"  # a digest that none is: the vector is not of this text
LONGEST = 2000


class Unsuitable(Exception):
    """These words cannot be a passage: there are none, or more than LONGEST characters."""


@transaction.atomic(durable=True)
def switch(chunk_id: int, *, enabled: bool) -> Chunk | None:
    """Let a passage answer, or not; None when it is gone."""
    chunk = _locked(chunk_id)
    if chunk is not None and chunk.enabled != enabled:
        chunk.enabled = enabled
        chunk.save(update_fields=["enabled"])
        cases.knowledge_changed(now=timezone.now())
        live.publish("document.changed", id=chunk.document_id)
    return chunk


@transaction.atomic(durable=True)
def edit(chunk_id: int, *, text: str) -> Chunk | None:
    """Correct a passage's words; with the words that were read it is as it was. None when it is gone.

    Raises Unsuitable.
    """
    text = _clean(text)
    chunk = _locked(chunk_id)
    if chunk is None or text == chunk.text:
        return chunk
    counting.count_words([chunk.pk], sign=-1)
    original = chunk.original if chunk.edited else chunk.text
    chunk.text, chunk.digest, chunk.edited = text, WAITS, text != original
    chunk.original = original if chunk.edited else ""
    chunk.search = SearchVector(Value(_readable(chunk)), config=f"public.fd_{chunk.language}")
    chunk.save(update_fields=["text", "digest", "edited", "original", "search"])
    counting.count_words([chunk.pk])
    enqueue(embed, chunk_id=chunk.pk)
    live.publish("document.changed", id=chunk.document_id)
    return chunk


def _clean(text: str) -> str:
    plain = text.replace("\x00", "").replace("\r\n", "\n").encode("utf-8", "replace").decode().strip()
    if not 0 < len(plain) <= LONGEST:
        raise Unsuitable
    return plain


def _readable(chunk: Chunk) -> str:
    """As it is embedded and searched."""
    return drafts.readable({"heading": chunk.heading, "text": chunk.text})


def _locked(chunk_id: int) -> Chunk | None:
    """The passage under its document's lock, which a new version takes, too, before it counts words."""
    document_id = Chunk.objects.filter(pk=chunk_id).values_list("document_id", flat=True).first()
    if document_id is None or not Document.objects.select_for_update().filter(pk=document_id).exists():
        return None
    return Chunk.objects.select_for_update(of=("self",)).filter(pk=chunk_id).first()


# -- the vector of what was corrected


@task()
def embed(chunk_id: int) -> None:
    """Give a corrected passage the vector of its new words; when that fails the sweep rings again."""
    chunk = Chunk.objects.filter(pk=chunk_id, digest=WAITS).first()
    if chunk is not None:
        text = _readable(chunk)
        model, vectors = embeddings.passages([text])
        _keep(chunk, model, vectors[0])


@transaction.atomic(durable=True)
def _keep(chunk: Chunk, model: str, vector: Any) -> None:
    """The vector, unless the words were changed again meanwhile."""
    embeddings.guard(model)
    digest = drafts.digest_of({"heading": chunk.heading, "text": chunk.text})
    same = Chunk.objects.filter(pk=chunk.pk, text=chunk.text, digest=WAITS)
    if same.update(embedding=vector, embedding_model=model, digest=digest):
        counting.find_middle()
        live.publish("document.changed", id=chunk.document_id)


@public_task()
def sweep() -> None:
    """Ring again for corrected passages whose doorbell was lost."""
    for schema in ready_schemas():
        with schema_context(schema):
            for pk in Chunk.objects.filter(digest=WAITS).values_list("pk", flat=True)[:200]:
                ring(embed, schema=schema, chunk_id=pk)


def exist() -> bool:
    """Whether a person corrected anything at all."""
    return Chunk.objects.filter(edited=True).exists()


def of(document: Document) -> list[Chunk]:
    """The passages of a document that a person corrected."""
    return list(document.chunks.filter(edited=True).order_by("position"))


# -- where what was read for an answer stands now


def standing(*, chunk_id: int | None, document_id: int | None, text: str) -> int | None:
    """The passage that was read, or the one of its document that says the same now; None when none does."""
    said = Chunk.objects.filter(document_id=document_id or 0).annotate(at=StrIndex(Value(text), F("text")))
    itself = Case(When(pk=chunk_id or 0, then=0), default=1)
    return said.filter(at__gt=0).order_by(itself, "at", "position").values_list("pk", flat=True).first()
