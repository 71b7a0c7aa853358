"""From the installation's host to a business's: a session is of one host, so people carry a ticket."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction

from tenants.models import EntryTicket, Membership, Tenant, User, digest

TICKET_LIFE = timedelta(minutes=1)


@transaction.atomic
def ticket(*, user: User, tenant: Tenant, now: datetime) -> str:
    """A one-use token for this person and this business, good for a minute. Old ones are swept on the way."""
    EntryTicket.objects.filter(expires_at__lt=now).delete()
    token = secrets.token_urlsafe(32)
    EntryTicket.objects.create(
        token_hash=digest(token), user=user, tenant=tenant, expires_at=now + TICKET_LIFE
    )
    return token


@transaction.atomic
def redeem(token: str, *, tenant: Tenant, now: datetime) -> User | None:
    """Whom the ticket lets in, once; None when it is used, old, of another business, or the seat is gone."""
    tickets = EntryTicket.objects.select_for_update(of=("self",)).select_related("user")
    found = tickets.filter(token_hash=digest(token), tenant=tenant).first()
    if found is None:
        return None
    found.delete()
    seated = Membership.objects.filter(user=found.user, tenant=tenant, user__is_active=True).exists()
    return found.user if found.is_good(now=now) and seated else None
