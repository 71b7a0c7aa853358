"""Record who did what that somebody may have to answer for."""

from typing import Any

from django.db import connection

from tenants import current
from tenants.models import AuditEntry, User


def record(action: str, *, actor: User | None, target: object = "", **detail: Any) -> AuditEntry:
    """Append one entry for the tenant of this connection; in the caller's transaction, with what it tells."""
    tenant = current.tenant() if connection.schema_name != "public" else None
    return AuditEntry.objects.create(
        tenant=tenant, actor=actor, action=action, target=str(target)[:120], detail=detail
    )
