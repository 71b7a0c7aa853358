"""Letters to the people who answer for a business, and to those who run the installation."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import structlog
from django.core.mail import EmailMessage, mail_admins
from django.utils import timezone, translation

from tenants.models import Membership, Role, Tenant, User

log = structlog.get_logger(__name__)
Written = tuple[str, str]  # subject and text


def to_each(tenant: Tenant, write: Callable[[], Written], *, roles: Iterable[Role]) -> bool:
    """A letter for each person of these roles who can sign in, in their own language and the business's time.

    False when none could be sent, and is to be tried again. Never inside a transaction.
    """
    seats = Membership.objects.filter(tenant=tenant, role__in=roles, user__is_active=True)
    sent = [_send(seat.user, tenant, write) for seat in seats.select_related("user").order_by("pk")]
    return any(sent) or not sent


def _send(
    person: User, tenant: Tenant, write: Callable[[], Written], headers: Mapping[str, str] | None = None
) -> bool:
    """Whether the mail server took it."""
    with translation.override(person.language or tenant.language), timezone.override(tenant.timezone):
        subject, text = write()
    try:
        EmailMessage(
            " ".join(subject.split()), text, None, [person.email], headers=dict(headers or {})
        ).send()
    except OSError as error:
        log.warning("letter.failed", tenant=tenant.schema_name, error=type(error).__name__)
        return False
    return True


def to_one(
    person: User, tenant: Tenant, write: Callable[[], Written], *, headers: Mapping[str, str] | None = None
) -> bool:
    """As `to_each`, for one person; whether the mail server took it. Never inside a transaction."""
    return _send(person, tenant, write, headers)


def to_operators(*, subject: str, lines: Sequence[str]) -> None:
    """One letter to the installation's ADMINS, in English, without a word of any customer."""
    try:
        mail_admins(subject, "\n\n".join(lines))
    except OSError as error:
        log.warning("letter.failed", tenant="", error=type(error).__name__)
