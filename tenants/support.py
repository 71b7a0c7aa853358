"""Support staff in a business's inbox: who may come in, as what, and how everybody sees it.

Staff with a grant, or a superuser, open the business's own pages below `/admin/inbox/`: the same views and
templates, with another frame. They act as themselves, and each thing that they do is written down.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from tenants import access, audit, flags
from tenants.models import AuditEntry, Membership, Role, StaffGrant, Tenant, User

PREFIX = "/admin/inbox"
# What of a business's dashboard is inside; everything else is the business's own.
INSIDE = ("chats/", "messages/", "media/", "customers/")
LOOKS, WRITES = "conversations.view_conversation", "conversations.change_conversation"
SHOWN_DAYS = timedelta(days=90)
TOLD = ("backoffice.enter", "impersonation.enter", "impersonation.end", "support.grant_ended")


def grants(user: User, *, now: datetime) -> Any:
    """The businesses that this person supports at the moment."""
    return StaffGrant.objects.filter(user=user, expires_at__gt=now)


def may_enter(user: Any, tenant: Tenant) -> bool:
    """Whether this person may look into the back office of this business at all."""
    if not (user.is_authenticated and user.is_active and user.is_staff):
        return False
    return bool(user.is_superuser or grants(user, now=timezone.now()).filter(tenant=tenant).exists())


def seat(user: Any, tenant: Tenant) -> Membership | None:
    """A seat in the inbox for as long as this request: an agent's, or a viewer's. It is no row."""
    if not (may_enter(user, tenant) and user.has_perm(LOOKS)):
        return None
    writes = user.has_perm(WRITES) and flags.is_on(flags.SUPPORT_WRITES, tenant_id=tenant.pk)
    return Membership(user=user, tenant=tenant, role=Role.AGENT if writes else Role.VIEWER)


def is_inside(path: str) -> bool:
    """Whether a path of the dashboard, without its first slash, is part of the inbox."""
    return path.startswith(INSIDE)


def note_entry(request: HttpRequest) -> None:
    """Once a session: that this person looked into this business, and why they may."""
    tenant, user = request.tenant, request.user  # type: ignore[attr-defined]
    if tenant is None or not user.is_authenticated or request.session.get("looked_into") == tenant.pk:
        return
    grant = StaffGrant.objects.filter(user=user, tenant=tenant).order_by("-expires_at").first()
    audit.record("backoffice.enter", actor=user, reason=grant.reason if grant else "superuser")
    request.session["looked_into"] = tenant.pk


def note_visit(request: HttpRequest) -> None:
    """Who opened the inbox, once a session; and each thing that is changed there: which page, which row."""
    note_entry(request)
    if request.method in access.READS:
        return
    match = request.resolver_match
    assert match is not None  # the view is known by now
    row = next((str(value) for value in match.kwargs.values()), "")
    audit.record("support.act", actor=request.user, target=row, page=match.url_name or "")  # type: ignore[arg-type]


def guests(authors: Iterable[int], tenant: Tenant) -> set[int]:
    """Of these users those who are the platform's and not the business's, in one statement."""
    asked = set(authors)
    if not asked:
        return set()
    staff = User.objects.filter(pk__in=asked, is_staff=True)
    return set(staff.exclude(memberships__tenant=tenant).values_list("pk", flat=True))


def shown(tenant: Tenant, *, now: datetime) -> dict[str, Any]:
    """What a business sees of it: who may come in until when and why, and who came."""
    open_grants = StaffGrant.objects.filter(tenant=tenant, expires_at__gt=now).select_related("user")
    visits = AuditEntry.objects.filter(tenant=tenant, action__in=TOLD, at__gt=now - SHOWN_DAYS)
    return {
        "support_grants": list(open_grants.order_by("expires_at", "pk")),
        "support_visits": list(visits.select_related("actor").order_by("-pk")[:10]),
    }


def end_grant(grant: StaffGrant, *, by: User, now: datetime) -> None:
    """The business takes a leave back, at once; in the caller's transaction."""
    StaffGrant.objects.filter(pk=grant.pk, expires_at__gt=now).update(expires_at=now)
    audit.record("support.grant_ended", actor=by, target=grant.pk, tenant=grant.tenant, staff=str(grant.user))
