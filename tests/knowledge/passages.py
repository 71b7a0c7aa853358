"""Documents that were read, made of passages whose words a test chooses."""

from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db.models import Value

from knowledge import counting, drafts, embeddings
from knowledge.models import Chunk, Document


def add(*texts: str, title: str = "casa", kind: Any = Chunk) -> list[Any]:
    """A ready document with these passages, embedded by whoever serves; none is the neighbour of another."""
    document = Document.objects.create(
        title=title, bytes=1, sha256=title, status="ready", chunk_count=len(texts), language="pt"
    )
    model, vectors = embeddings.passages(texts)
    rows = [
        kind(
            document=document, position=10 * place, text=text, language="pt", embedding=vector,
            embedding_model=model, digest=drafts.digest_of({"heading": [], "text": text}),
            search=SearchVector(Value(text), config="public.fd_pt"),
        )
        for place, (text, vector) in enumerate(zip(texts, vectors, strict=True))
    ]  # fmt: skip
    kind.objects.bulk_create(rows)
    if kind is Chunk:
        counting.count_words([row.pk for row in rows])
        counting.find_middle()
    return rows
