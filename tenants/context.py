"""What every page may know: the business, and who looks at it."""

from typing import Any

from django.http import HttpRequest

from tenants.models import Role


def tenant(request: HttpRequest) -> dict[str, Any]:
    membership = getattr(request, "membership", None)
    return {
        "tenant": getattr(request, "tenant", None),
        "membership": membership,
        "can_manage": bool(membership and membership.role in (Role.OWNER, Role.MANAGER)),
    }
