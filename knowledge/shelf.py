"""What the business has taught, as one list: places with what came from them, and single documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Sum,
    Value,
    When,
)

from knowledge.models import Document, Source
from tenants import catalogue

Of = Document.Status
# What a person can ask for: the documents, and the places that are so themselves.
STATES: dict[str, tuple[Q, Q]] = {
    "ready": (Q(status=Of.READY), Q(status=Source.Status.READY)),
    "reading": (
        Q(status__in=[Of.WAITING, Of.READING]),
        Q(status__in=[Source.Status.WAITING, Source.Status.READING]),
    ),
    "attention": (Q(status=Of.FAILED), Q(status=Source.Status.FAILED)),
    "review": (Q(status=Of.REVIEW), Q(pk=None)),
    "gone": (Q(status=Of.RETIRED), Q(pk=None)),
}


@dataclass(frozen=True, slots=True)
class Totals:
    """What came from a place: documents by how they fare, and what they amount to."""

    documents: int = 0
    ready: int = 0
    reading: int = 0
    failed: int = 0
    review: int = 0
    retired: int = 0
    bytes: int = 0
    passages: int = 0
    credits: int = 0

    @property
    def there(self) -> int:
        """Documents that have not gone."""
        return self.documents - self.retired

    @property
    def is_done(self) -> bool:
        return self.reading == 0


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the list: a place with its totals, or a document that stands for itself."""

    source: Source | None = None
    document: Document | None = None
    totals: Totals = Totals()


def found(*, query: str = "", state: str = "") -> QuerySet[Any, Any]:
    """The lines that fit, newest first, as (kind, id) pairs; a place fits when one of its documents does."""
    documents, sources = Document.objects.filter(source=None), Source.objects.all()
    inside = Document.objects.filter(source=OuterRef("pk"))
    if query:
        named = Q(title__icontains=query)
        documents = documents.filter(named)
        own = named | Q(address__icontains=query)
        sources = sources.filter(own | Q(Exists(inside.filter(named | Q(key__icontains=query)))))
    if state in STATES:
        of_document, of_source = STATES[state]
        documents = documents.filter(of_document)
        # A place is ready only as a whole; anything else in it is worth its own look.
        wanted = of_source if state == "ready" else of_source | Q(Exists(inside.filter(of_document)))
        sources = sources.filter(wanted)
    lines = _lines(documents, "document").union(_lines(sources, "source"), all=True)
    return lines.order_by("-at", "-key_id")


def _lines(rows: QuerySet[Any], what: str) -> QuerySet[Any, Any]:
    named = rows.order_by().annotate(
        what=Value(what, output_field=CharField()),
        key_id=F("pk") + Value(0, output_field=BigIntegerField()),
        at=F("created_at"),
    )
    return named.values_list("what", "key_id", "at")


def urgency() -> Case:
    """Puts first what a person should look at, and last what is gone."""
    order = [Of.FAILED, Of.REVIEW, Of.READING, Of.WAITING, Of.READY, Of.RETIRED]
    return Case(*(When(status=status, then=Value(place)) for place, status in enumerate(order)))


def items(lines: Sequence[tuple[str, int, Any]]) -> list[Item]:
    """The lines with everything that is shown of them, in their order."""
    ids = {what: [pk for kind, pk, _at in lines if kind == what] for what in ("document", "source")}
    documents = Document.objects.in_bulk(ids["document"])
    sources, sums = Source.objects.in_bulk(ids["source"]), totals(ids["source"])
    made = []
    for what, pk, _at in lines:
        if what == "document" and pk in documents:
            made.append(Item(document=documents[pk]))
        elif what == "source" and pk in sources:
            made.append(Item(source=sources[pk], totals=sums.get(pk, Totals())))
    return made


def totals(source_ids: Sequence[int]) -> dict[int, Totals]:
    """By place; one query, whatever their number."""
    there = ~Q(status=Of.RETIRED)
    sums = (
        Document.objects.filter(source__in=source_ids)
        .order_by()
        .values("source_id")
        .annotate(
            documents=Count("pk"),
            ready=Count("pk", filter=Q(status=Of.READY)),
            reading=Count("pk", filter=STATES["reading"][0]),
            failed=Count("pk", filter=Q(status=Of.FAILED)),
            review=Count("pk", filter=Q(status=Of.REVIEW)),
            retired=Count("pk", filter=Q(status=Of.RETIRED)),
            size=Sum("bytes", filter=there),
            passages=Sum("chunk_count", filter=there),
            spent=Sum("credits"),
        )
    )
    return {row["source_id"]: _totals(dict(row)) for row in sums}


def _totals(row: dict[str, Any]) -> Totals:
    size, passages, spent = (int(row.pop(name) or 0) for name in ("size", "passages", "spent"))
    del row["source_id"]
    return Totals(bytes=size, passages=passages, credits=spent, **row)


def examples() -> QuerySet[Document]:
    """The documents that came with a blueprint and that nobody has replaced yet."""
    return Document.objects.filter(origin__startswith=catalogue.PREFIX)
