"""Letters to the people who answer for a business, and to those who run the installation."""

from collections.abc import Sequence

from django.core.mail import mail_admins, send_mail
from django.utils import translation

from tenants.models import Membership, Role, Tenant


def owners_of(tenant: Tenant) -> list[str]:
    """The addresses of the owners who can sign in."""
    seats = Membership.objects.filter(tenant=tenant, role=Role.OWNER, user__is_active=True)
    return list(seats.order_by("pk").values_list("user__email", flat=True))


def to_owners(tenant: Tenant, *, subject: str, lines: Sequence[str]) -> None:
    """One letter to all owners, in words that are translated already. Never inside a transaction."""
    if addresses := owners_of(tenant):
        send_mail(subject, "\n\n".join(lines), None, addresses)


def to_operators(*, subject: str, lines: Sequence[str]) -> None:
    """One letter to the installation's ADMINS, in English, without a word of any customer."""
    mail_admins(subject, "\n\n".join(lines))


def in_language_of(tenant: Tenant) -> translation.override:
    return translation.override(tenant.language)
