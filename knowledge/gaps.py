"""Gaps: what customers ask and we do not know, one for each meaning."""

from collections.abc import Callable
from datetime import datetime

from pgvector import HalfVector

from knowledge import likeness, pinned
from knowledge.embeddings import Vector
from knowledge.models import Gap, PinnedAnswer
from tenants.db import connection

LONGEST = 500
LOOKED_AT = 8
MORE = 3  # customers who must ask what was dismissed before it comes back
_LOCK = 7_260_013
_NEAREST = f"""
SELECT id, question, language, 1 - (vector OPERATOR(public.<=>) %(vector)s::public.halfvec) AS likeness
FROM {Gap._meta.db_table} WHERE vector_model = %(model)s AND vector IS NOT NULL
ORDER BY likeness DESC, id LIMIT {LOOKED_AT}
"""


def lock() -> None:
    """One at a time in this business, in the caller's transaction: two would both open the same gap."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", [_LOCK])


def place(*, question: str, language: str, vector: Vector, now: datetime) -> tuple[Gap, bool]:
    """The gap of this question, and whether it is new; in the caller's transaction, after `lock`."""
    known = _same(question, language, vector)
    if known is not None:
        return known, False
    return (
        Gap.objects.create(
            question=question[:LONGEST],
            language=language,
            vector=HalfVector(vector.values),
            vector_model=vector.model,
            created_at=now,
            asked_at=now,
        ),
        True,
    )


def _same(question: str, language: str, vector: Vector) -> Gap | None:
    """The nearest gap that means the same; its near misses are others (`knowledge.likeness`)."""
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST, {"vector": HalfVector(vector.values).to_text(), "model": vector.model})
        rows = cursor.fetchall()
    limits = pinned.limits(vector.model)
    for pk, known, spoken, near in rows:
        if likeness.is_same(question, language, known, spoken, near=near, limits=limits):
            return Gap.objects.get(pk=pk)
    return None


def asked_again(gap: Gap, *, customers: Callable[[datetime], int], now: datetime) -> None:
    """Somebody asked it: what was answered opens again, what was dismissed when enough have asked.

    `customers` tells how many have asked since a moment; in the caller's transaction.
    """
    gap.asked_at = max(gap.asked_at, now)
    dismissed = gap.dismissed_at if gap.status == Gap.Status.DISMISSED else None
    if gap.status == Gap.Status.ANSWERED or (dismissed and customers(dismissed) >= MORE):
        gap.status, gap.dismissed_at = Gap.Status.OPEN, None
    gap.save(update_fields=["asked_at", "status", "dismissed_at"])


def answered(gap: Gap, answer: PinnedAnswer) -> None:
    """This settled answer closes it."""
    gap.status, gap.pinned, gap.dismissed_at = Gap.Status.ANSWERED, answer, None
    gap.save(update_fields=["status", "pinned", "dismissed_at"])


def dismiss(gap: Gap, *, now: datetime) -> None:
    gap.status, gap.dismissed_at = Gap.Status.DISMISSED, now
    gap.save(update_fields=["status", "dismissed_at"])


def reopen(gap: Gap) -> None:
    gap.status, gap.dismissed_at = Gap.Status.OPEN, None
    gap.save(update_fields=["status", "dismissed_at"])


def take_in(gap: Gap, other: Gap) -> None:
    """One gap for two; the caller has brought over who asked."""
    gap.created_at, gap.asked_at = min(gap.created_at, other.created_at), max(gap.asked_at, other.asked_at)
    gap.status = Gap.Status.OPEN
    gap.save(update_fields=["created_at", "asked_at", "status"])
    other.delete()


def drafted(pk: int, *, text: str, passages: list[dict[str, object]], now: datetime) -> None:
    """Keep a draft, or that none could be made."""
    Gap.objects.filter(pk=pk).update(draft=text, draft_from=passages, drafted_at=now)
