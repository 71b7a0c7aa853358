"""Who is in the team: seats in a business, and invitations to one."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction

from tenants import audit
from tenants.models import Invitation, Membership, Role, Tenant, User, digest

INVITATION_LIFE = timedelta(days=7)


class TeamError(ValueError):
    """A change of the team that is not allowed; the message is for the person who tried."""


class LastOwner(TeamError):
    """A business must keep an owner."""


class NotYours(TeamError):
    """Only an owner may make, change or remove an owner."""


class AlreadyHere(TeamError):
    """This person has a seat in the business already."""


class InvitationGone(TeamError):
    """The invitation was used, withdrawn, is too old, or is for another address."""


@transaction.atomic
def invite(*, tenant: Tenant, email: str, role: str, by: Membership, now: datetime) -> tuple[Invitation, str]:
    """Offer a seat; a new offer replaces the open one. Returns it and the token, which is not stored."""
    _may_touch(by, role)
    if Membership.objects.filter(tenant=tenant, user__email__iexact=email).exists():
        raise AlreadyHere
    Invitation.objects.filter(tenant=tenant, email__iexact=email, accepted_at=None).delete()
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        tenant=tenant,
        email=email.lower(),
        role=role,
        token_hash=digest(token),
        invited_by=by.user,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    audit.record("team.invite", actor=by.user, target=invitation.pk, role=role)
    return invitation, token


def open_invitation(token: str, *, tenant: Tenant, now: datetime) -> Invitation | None:
    """The invitation to this business behind a token, while it is good."""
    offers = Invitation.objects.filter(tenant=tenant, accepted_at=None, expires_at__gt=now)
    return offers.filter(token_hash=digest(token)).first()


@transaction.atomic
def accept(token: str, *, tenant: Tenant, user: User, now: datetime) -> Membership:
    """Take the seat. The signed-in address must be the invited one: a forwarded link opens nothing."""
    offers = Invitation.objects.select_for_update().filter(tenant=tenant, token_hash=digest(token))
    invitation = offers.filter(accepted_at=None, expires_at__gt=now).first()
    if invitation is None or invitation.email.lower() != user.email.lower():
        raise InvitationGone
    invitation.accepted_at = now
    invitation.save(update_fields=["accepted_at"])
    seat, _made = Membership.objects.get_or_create(
        user=user, tenant=tenant, defaults={"role": invitation.role}
    )
    audit.record("team.join", actor=user, target=seat.pk, role=seat.role)
    return seat


@transaction.atomic
def change_role(seat: Membership, *, role: str, by: Membership) -> None:
    """Give a member another role; the last owner stays one."""
    _may_touch(by, role, seat.role)
    if seat.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(seat)
    audit.record("team.role", actor=by.user, target=seat.pk, before=seat.role, after=role)
    seat.role = role
    seat.save(update_fields=["role"])


@transaction.atomic
def restore(*, tenant: Tenant, user_id: int, role: str, by: Membership) -> Membership:
    """Give a seat back that was taken away a moment ago; who sits there again keeps the role they have."""
    _may_touch(by, role)
    seat, made = Membership.objects.get_or_create(tenant=tenant, user_id=user_id, defaults={"role": role})
    if made:
        audit.record("team.restore", actor=by.user, target=seat.pk, role=role)
    return seat


@transaction.atomic
def remove(seat: Membership, *, by: Membership) -> None:
    """Take a seat away; it works at the member's next request."""
    _may_touch(by, seat.role)
    if seat.role == Role.OWNER:
        _keep_an_owner(seat)
    audit.record("team.remove", actor=by.user, target=seat.pk, role=seat.role)
    seat.delete()


def _may_touch(by: Membership, *roles: str) -> None:
    if by.role != Role.OWNER and Role.OWNER in roles:
        raise NotYours


def _keep_an_owner(seat: Membership) -> None:
    """Lock the owners: two of them leaving at once must not leave none."""
    owners = Membership.objects.select_for_update().filter(tenant=seat.tenant_id, role=Role.OWNER)
    if not [owner for owner in owners if owner.pk != seat.pk]:
        raise LastOwner
