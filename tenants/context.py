"""What every page may know: the business, and who looks at it."""

from typing import Any

from django.http import HttpRequest

from tenants import accounts
from tenants.models import Role


def tenant(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    return {
        "tenant": getattr(request, "tenant", None),
        "membership": membership,
        "mail_link": _mail_link(request),
        "can_manage": bool(membership and membership.role in (Role.OWNER, Role.MANAGER)),
    }


def _mail_link(request: HttpRequest) -> str:
    """In development, where mail becomes files: the link that was mailed last, for the sign-in pages."""
    if not (
        accounts.mail_is_files() and request.path.startswith("/accounts/") and hasattr(request, "session")
    ):
        return ""
    return str(request.session.get("mail_link", ""))
