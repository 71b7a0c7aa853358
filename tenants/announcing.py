"""What those who run the installation tell every dashboard, until it is read or over."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from tenants.models import User
from tenants.platform import Announcement, Dismissal

MOST = 3


def shown_to(user: User, *, now: datetime) -> QuerySet[Announcement]:
    """What this person has not read yet, what will not work first; a query that no page has to make."""
    read = Dismissal.objects.filter(announcement=OuterRef("pk"), user=user)
    current = Announcement.objects.filter(shown_from__lte=now, shown_until__gt=now)
    return current.exclude(Exists(read)).order_by("-level", "begins_at", "pk")[:MOST]


def dismiss(announcement_id: int, *, user: User, now: datetime) -> bool:
    """This person has read it; False when there is none, once however often it is said."""
    if not Announcement.objects.filter(pk=announcement_id).exists():
        return False
    Dismissal.objects.get_or_create(announcement_id=announcement_id, user=user, defaults={"at": now})
    return True
