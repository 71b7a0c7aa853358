"""Record who did what that somebody may have to answer for."""

from typing import Any

from django.db import connection

from tenants.models import AuditEntry, User


def record(action: str, *, actor: User | None, target: object = "", **detail: Any) -> AuditEntry:
    """Append one entry for the tenant of this connection; in the caller's transaction, with what it tells."""
    tenant_id = getattr(connection.tenant, "pk", None)
    return AuditEntry.objects.create(
        tenant_id=tenant_id, actor=actor, action=action, target=str(target)[:120], detail=detail
    )
