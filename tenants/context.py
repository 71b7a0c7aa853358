"""What every page may know: the business, and who looks at it."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from tenants import accounts, announcing
from tenants.models import Role


def tenant(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    return {
        "tenant": getattr(request, "tenant", None),
        "membership": membership,
        "mail_link": _mail_link(request),
        "can_manage": bool(membership and membership.role in (Role.OWNER, Role.MANAGER)),
        # Staff of the platform: in the inbox inside the back office, or as one of the members.
        "inside": getattr(request, "inside", False),
        "impersonation": getattr(request, "impersonation", None),
        "announcements": SimpleLazyObject(lambda: _announcements(request)),
    }


def _announcements(request: HttpRequest) -> list[Any]:
    """Asked for by the frame of a whole page, and by no part of one."""
    if not request.user.is_authenticated or getattr(request, "tenant", None) is None:
        return []
    return list(announcing.shown_to(request.user, now=timezone.now()))


def _mail_link(request: HttpRequest) -> str:
    """In development, where mail becomes files: the link that was mailed last, for the sign-in pages."""
    if not (
        accounts.mail_is_files() and request.path.startswith("/accounts/") and hasattr(request, "session")
    ):
        return ""
    return str(request.session.get("mail_link", ""))
