"""The platform's people, for tests: one of each kind, and their leave to look into a business."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from tenants.models import StaffGrant, Tenant, User


def make(kind: str, *, supports: Tenant | None = None, **fields: Any) -> User:
    """`kind` is support, finance, operator, superuser, or nobody: staff without any permission."""
    email = f"{kind}@frontdesk.example"
    if kind == "superuser":
        return User.objects.create_superuser(email, "pass word 1")
    user = User.objects.create_user(email, "pass word 1", is_staff=True, **fields)
    if kind != "nobody":
        user.groups.add(Group.objects.get(name=kind))
    if supports is not None:
        grant(user, supports)
    return user


def grant(user: User, tenant: Tenant, *, hours: int = 1) -> StaffGrant:
    return StaffGrant.objects.create(
        user=user, tenant=tenant, reason="ticket 7", expires_at=timezone.now() + timedelta(hours=hours)
    )
