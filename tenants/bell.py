"""What every page shows of notifications: how many are unseen, and whether this browser is told."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tenants.models import Membership
from tenants.notices import NoticeRules, Notification, PushDevice


@dataclass(frozen=True, slots=True)
class Bell:
    """`latest` is the newest one's number: a page that sees it grow has something new to tell."""

    unseen: int = 0
    latest: int = 0
    sound: bool = False
    is_told: bool = False


def of(seat: Membership, session: str | None) -> Bell:
    """This member's, in the browser of this session; one statement."""
    own = {"user": OuterRef("user"), "tenant": OuterRef("tenant")}
    told = Notification.objects.filter(**own).order_by().values("user")
    found: Any = (
        Membership.objects.filter(pk=seat.pk)
        .annotate(
            unseen=_one(told.annotate(n=Count("pk", filter=Q(seen_at=None)))),
            latest=_one(told.annotate(n=Max("pk"))),
            sound=Subquery(NoticeRules.objects.filter(**own).values("sound")[:1]),
            is_told=Exists(PushDevice.objects.filter(**own, session=session or "")),
        )
        .values("unseen", "latest", "sound", "is_told")
        .first()
    )
    return Bell(**{name: value for name, value in (found or {}).items() if value is not None})


def _one(counted: QuerySet[Any, Any]) -> Subquery:
    return Subquery(counted.values("n")[:1])


def context(request: HttpRequest) -> dict[str, Any]:
    """`bell` for the frame of a whole page; looked up when the frame asks, by no part of a page."""
    return {"bell": SimpleLazyObject(lambda: of_request(request))}


def of_request(request: HttpRequest) -> Bell:
    """Nothing for who has no seat of their own here, as staff that looks in."""
    seat = getattr(request, "membership", None)
    if seat is None or seat.pk is None:
        return Bell()
    return of(seat, request.session.session_key)
