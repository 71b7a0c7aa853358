"""From the installation's host to a business's: a session is of one host, so people carry a ticket."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction

from tenants import impersonating, support
from tenants.models import EntryTicket, Impersonation, Membership, Tenant, User, digest

TICKET_LIFE = timedelta(minutes=1)


@transaction.atomic
def ticket(*, user: User, tenant: Tenant, now: datetime, impersonation: Impersonation | None = None) -> str:
    """A one-use token for this person and this business, good for a minute. Old ones are swept on the way."""
    EntryTicket.objects.filter(expires_at__lt=now).delete()
    token = secrets.token_urlsafe(32)
    EntryTicket.objects.create(
        token_hash=digest(token),
        user=user,
        tenant=tenant,
        impersonation=impersonation,
        expires_at=now + TICKET_LIFE,
    )
    return token


@transaction.atomic
def redeem(token: str, *, tenant: Tenant, now: datetime) -> EntryTicket | None:
    """The ticket with whom it lets in, once; None when used, old, another business's, or not theirs now.

    Theirs is a member's seat, a leave of support staff, or a look as a member that is still allowed.
    """
    tickets = EntryTicket.objects.select_for_update(of=("self",)).select_related(
        "user", "tenant", "impersonation__member", "impersonation__staff", "impersonation__tenant"
    )
    found = tickets.filter(token_hash=digest(token), tenant=tenant).first()
    if found is None:
        return None
    EntryTicket.objects.filter(pk=found.pk).delete()  # the row; what it says is still wanted
    return found if found.is_good(now=now) and _is_theirs(found, now=now) else None


def _is_theirs(found: EntryTicket, *, now: datetime) -> bool:
    if not found.user.is_active:
        return False
    if found.impersonation is not None:
        row = found.impersonation
        return row.staff_id == found.user_id and impersonating.seat(row, now=now) is not None
    seats = Membership.objects.filter(user=found.user, tenant=found.tenant)
    return seats.exists() or support.may_enter(found.user, found.tenant)
