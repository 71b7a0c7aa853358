"""Seeing a business as one of its members does: allowed for a reason and a time, entered, ended, audited.

While it lasts the pages are the member's. What is done is done by the staff person: that is who stands as
the author and in the audit, with the member beside it.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants import access, audit, support
from tenants.models import Membership, Tenant, User
from tenants.platform import Impersonation

MOST_MINUTES = 120
KEY = "impersonation"  # in the session of the staff person at the business's host
MAY = "tenants.add_impersonation"
# What stays the member's own: signing in, keys and secrets, the team, money, and their browser.
APART = (
    "allauth.",
    "billing.",
    "tenants.views_keys",
    "tenants.views_team",
    "tenants.views_entry",
    "tenants.views_support",
    "tenants.views_notices",
)
SECRETS = ("key", "secret", "token", "rotate", "connect", "pairing", "push")


class NotAllowed(ValueError):
    """This person may not look at that business in that way; the words are for them."""


@transaction.atomic
def allow(
    *,
    staff: User,
    tenant: Tenant,
    member: User,
    mode: str,
    reason: str,
    minutes: int,
    by: User,
    now: datetime,
) -> Impersonation:
    """Let a staff person see a business as this member; raises NotAllowed."""
    _check(staff=staff, tenant=tenant, member=member, mode=mode, by=by)
    row = Impersonation.objects.create(
        staff=staff, tenant=tenant, member=member, mode=mode, reason=reason, granted_by=by, created_at=now,
        expires_at=now + timedelta(minutes=min(minutes, MOST_MINUTES)),
    )  # fmt: skip
    audit.record(
        "impersonation.allow", actor=by, tenant=tenant, target=row.pk, staff=str(staff), member=str(member),
        mode=mode, reason=reason,
    )  # fmt: skip
    return row


def _check(*, staff: User, tenant: Tenant, member: User, mode: str, by: User) -> None:
    if not by.is_superuser:
        if staff.pk != by.pk or mode != Impersonation.Mode.LOOK:
            raise NotAllowed(_("Only a superuser lets others in, or lets anybody act."))
        if not (by.has_perm(MAY) and support.may_enter(by, tenant)):
            raise NotAllowed(_("You do not support this business."))
    if not (staff.is_active and staff.is_staff):
        raise NotAllowed(_("Only staff looks in."))
    if member.is_staff or member.is_superuser:
        raise NotAllowed(_("Who works for the platform is not impersonated."))
    if access.membership_of(member, tenant) is None:
        raise NotAllowed(_("This person has no seat in that business."))


def of_session(request: HttpRequest) -> Impersonation | None:
    """The row that this session entered by, whether or not it is over; asks nothing where there is none."""
    number = request.session.get(KEY)
    if number is None:
        return None
    rows = Impersonation.objects.select_related("member", "staff")
    return rows.filter(pk=number, staff=request.user, tenant=request.tenant).first()  # type: ignore[misc, attr-defined]


def hears(user: User, number: object, tenant: Tenant, *, now: datetime) -> bool:
    """Whether a session of this person, with this number in it, may hear the business's live events."""
    if not isinstance(number, int):
        return False
    rows = Impersonation.objects.select_related("member", "staff", "tenant")
    row = rows.filter(pk=number, staff=user, tenant=tenant).first()
    return row is not None and seat(row, now=now) is not None


def seat(row: Impersonation, *, now: datetime) -> Membership | None:
    """The member's own seat, as long as it is theirs and the time is not over."""
    if not row.is_live(now=now) or not row.staff.is_staff:
        return None
    return access.membership_of(row.member, row.tenant)


@transaction.atomic
def enter(row: Impersonation, *, now: datetime) -> None:
    """The staff person comes in; in the schema of the business."""
    Impersonation.objects.filter(pk=row.pk).update(entered_at=now)
    audit.record(
        "impersonation.enter", actor=row.staff, tenant=row.tenant, target=row.pk, member=str(row.member),
        mode=row.mode, reason=row.reason,
    )  # fmt: skip


@transaction.atomic
def end(row: Impersonation, *, now: datetime, by: User) -> None:
    """It is over; of two who end it at once the second changes nothing."""
    if Impersonation.objects.filter(pk=row.pk, ended_at=None).update(ended_at=now):
        audit.record("impersonation.end", actor=by, tenant=row.tenant, target=row.pk, member=str(row.member))


def refuses(row: Impersonation, request: HttpRequest, view: access.View) -> bool:
    """Whether this request is not for somebody who sees the business as another."""
    module = getattr(getattr(view, "view_class", view), "__module__", "")
    if getattr(view, "ends_impersonation", False):
        return False
    if module.startswith("allauth."):
        return True
    if request.method in access.READS:
        return False
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    return not row.acts or module.startswith(APART) or any(word in name for word in SECRETS)


def note(row: Impersonation, request: HttpRequest) -> None:
    """Each page that is opened and each deed, with both names; parts of a page are not pages."""
    reads = request.method in access.READS
    if reads and not _is_page(request):
        return
    match = request.resolver_match
    kwargs = match.kwargs if match else {}  # of which a token stays out of the audit
    ids = {key: str(value) for key, value in kwargs.items() if isinstance(value, int | uuid.UUID)}
    page = (match.url_name or "") if match else ""
    word = "impersonation.see" if reads else "impersonation.act"
    audit.record(word, actor=row.staff, target=row.pk, page=page, ids=ids)


def _is_page(request: HttpRequest) -> bool:
    """A page in a tab; not a fragment, a picture or a sound in it."""
    dest = request.headers.get("Sec-Fetch-Dest", "document")
    return dest == "document" and not request.headers.get("HX-Request")


@contextmanager
def acting(row: Impersonation) -> Iterator[None]:
    """What is recorded meanwhile names the staff person, and the member as whom they acted."""
    with audit.standing_in(staff=row.staff, member=row.member):
        yield
