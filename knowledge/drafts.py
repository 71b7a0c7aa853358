"""Passages on their way: read and embedded, kept as drafts, then answering.

A new document answers portion by portion. A replacement answers all at once, and what is the same in both
versions stays as it is: its row, whether it answers, its flags. Every function runs in the caller's
transaction, with the document's row locked.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.search import SearchVector
from django.db.models import Count, Exists, F, OuterRef, Q, Sum, Value
from django.db.models.functions import Length

from knowledge import counting, metering
from knowledge.models import Chunk, Document, DraftChunk
from tenants.db import connection

ASIDE = 1_000_000_000  # where positions wait while others take their places
_COLUMNS = (
    "position", "heading", "page", "boxes", "text", "digest", "language", "embedding", "embedding_model",
    "search",
)  # fmt: skip
_MOVED = ("position", "heading", "page", "boxes")
_CHUNKS, _DRAFTS = Chunk._meta.db_table, DraftChunk._meta.db_table
Piece = dict[str, Any]  # heading, page, text, boxes


def answer_at_once(document: Document) -> bool:
    """A new document's passages answer portion by portion, unless a person is to be asked first."""
    return document.ready_at is None and not document.reviews


def readable(piece: Piece) -> str:
    """The text with its headings before it: how it is embedded and searched."""
    return "\n".join([" › ".join(piece["heading"]), piece["text"]]).strip()


def digest_of(piece: Piece) -> str:
    """What tells two passages apart: the same means the same vector."""
    return hashlib.sha256(readable(piece).encode("utf-8", "replace")).hexdigest()


def known(digests: Iterable[str], *, model: str) -> dict[str, Any]:
    """The vectors of passages that this business has already, in whichever document, by digest."""
    wanted = {"digest__in": set(digests), "embedding_model": model}
    found: dict[str, Any] = {}
    for kept in (DraftChunk, Chunk):
        found |= dict(kept.objects.filter(**wanted).values_list("digest", "embedding"))
    return found


def write(
    document: Document, pieces: Sequence[tuple[int, Piece, Any]], *, model: str, language: str, live: bool
) -> None:
    """Keep these (position, piece, vector) as drafts, or, of a new document, as passages that answer."""
    rows: list[Any] = [
        (Chunk if live else DraftChunk)(
            document=document,
            position=position,
            heading=piece["heading"],
            page=piece["page"],
            boxes=piece["boxes"],
            text=piece["text"],
            digest=digest_of(piece),
            language=language,
            embedding=vector,
            embedding_model=model,
            search=SearchVector(Value(readable(piece)), config=f"public.fd_{language}"),
            audience=document.audience,
            agent_ids=document.agent_ids,
        )
        for position, piece, vector in pieces
    ]
    if live:
        _answer(document, rows)
    else:
        DraftChunk.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["document", "position"],
            update_fields=[name for name in _COLUMNS if name != "position"],
        )


def _answer(document: Document, rows: Sequence[Any]) -> None:
    """Passages of a new document; those that an earlier try has made already stay."""
    there = dict(
        document.chunks.filter(position__in=[row.position for row in rows]).values_list("position", "digest")
    )
    if any(there.get(row.position, row.digest) != row.digest for row in rows):
        forget(document, document.chunks.filter(position__gte=min(row.position for row in rows)))
        there = {}
    new = Chunk.objects.bulk_create([row for row in rows if row.position not in there])
    counting.count_words([row.pk for row in new])
    counting.find_middle()


def forget(document: Document, chunks: Any) -> None:
    """These passages of the document answer no more."""
    going = list(chunks.values_list("pk", flat=True))
    counting.count_words(going, sign=-1)
    Chunk.objects.filter(pk__in=going).delete()


def trim(document: Document, *, count: int) -> None:
    """Leave out what an earlier, longer version has left behind."""
    DraftChunk.objects.filter(document=document, position__gte=count).delete()
    beyond = document.chunks.filter(position__gte=count)
    if answer_at_once(document) and beyond.exists():
        forget(document, beyond)


def new_pages(document: Document) -> int:
    """How many pages have passages that no document of this business had before: those are paid."""
    pieces: Any = Chunk if answer_at_once(document) else DraftChunk
    had = Chunk.objects.filter(
        document__ready_at__isnull=False,
        digest=OuterRef("digest"),
        embedding_model=OuterRef("embedding_model"),
    )
    new = pieces.objects.filter(~Exists(had), document=document)
    told = new.aggregate(pages=Count("page", distinct=True), letters=Sum(Length("text"), filter=Q(page=None)))
    return metering.pages_of(pages=told["pages"], characters=told["letters"] or 0)


def _all_drafts(document: Document) -> Any:
    return DraftChunk.objects.filter(document=document)


def promote(document: Document) -> int:
    """The drafts for the old passages, in the caller's one commit; how many answer now."""
    kept, going, new = _paired(document)
    forget(document, document.chunks.filter(pk__in=going))
    with connection.cursor() as cursor:
        _move(cursor, document, kept)
        added = _add(cursor, document, new)
    counting.count_words(added)
    counting.find_middle()
    DraftChunk.objects.filter(document=document).delete()
    document.chunks.update(audience=document.audience, agent_ids=document.agent_ids)
    return len(kept) + len(added)


def _paired(document: Document) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Old passages with the drafts that say the same; old ones that go; drafts that are new."""
    drafts: dict[tuple[str, str], deque[int]] = defaultdict(deque)
    for pk, *key in _all_drafts(document).order_by("position").values_list("pk", "digest", "language"):
        drafts[key[0], key[1]].append(pk)
    kept, going = [], []
    for chunk in document.chunks.order_by("position").defer("embedding", "search"):
        waiting = drafts[_as_read(chunk), chunk.language]
        if waiting:
            kept.append((chunk.pk, waiting.popleft()))
        else:
            going.append(chunk.pk)
    return kept, going, [pk for waiting in drafts.values() for pk in waiting]


def _as_read(chunk: Chunk) -> str:
    """The digest of a passage as its document has it, whatever a person has made of it since."""
    return digest_of({"heading": chunk.heading, "text": chunk.original}) if chunk.edited else chunk.digest


def _move(cursor: Any, document: Document, kept: Sequence[tuple[int, int]]) -> None:
    """What stays takes the places of the new version."""
    document.chunks.update(position=F("position") + ASIDE)
    cursor.execute(
        f"""
        UPDATE {_CHUNKS} chunk SET {", ".join(f"{name} = draft.{name}" for name in _MOVED)}
        FROM {_DRAFTS} draft, unnest(%s::bigint[], %s::bigint[]) AS pair(chunk, draft)
        WHERE chunk.id = pair.chunk AND draft.id = pair.draft
        """,
        [[chunk for chunk, _draft in kept], [draft for _chunk, draft in kept]],
    )


def _add(cursor: Any, document: Document, new: Sequence[int]) -> list[int]:
    cursor.execute(
        f"""
        INSERT INTO {_CHUNKS} (document_id, audience, agent_ids, {", ".join(_COLUMNS)})
        SELECT document_id, audience, agent_ids, {", ".join(_COLUMNS)} FROM {_DRAFTS} WHERE id = ANY(%s)
        RETURNING id
        """,
        [list(new)],
    )
    return [pk for (pk,) in cursor.fetchall()]


def withdraw(document: Document, *, keep: bool) -> None:
    """A new document that came to no end answers nothing; kept as drafts, nothing is embedded twice."""
    if keep:
        taken = document.chunks.values("position")
        DraftChunk.objects.filter(document=document, position__in=taken).delete()
        with connection.cursor() as cursor:
            columns = f"document_id, audience, agent_ids, {', '.join(_COLUMNS)}"
            cursor.execute(
                f"INSERT INTO {_DRAFTS} ({columns}) SELECT {columns} FROM {_CHUNKS} WHERE document_id = %s",
                [document.pk],
            )
    forget(document, document.chunks.all())
    counting.find_middle()


def models_of(document: Document) -> set[str]:
    """The models whose vectors the drafts have."""
    return set(_all_drafts(document).order_by().values_list("embedding_model", flat=True).distinct())


def last_page(pieces: Sequence[Piece]) -> int:
    return max((piece["page"] or 0 for piece in pieces), default=0)
