"""Record who did what that somebody may have to answer for."""

from typing import Any

from tenants import current
from tenants.db import connection
from tenants.models import AuditEntry, Tenant, User


def record(
    action: str, *, actor: User | None, target: object = "", tenant: Tenant | None = None, **detail: Any
) -> AuditEntry:
    """Append one entry, by default for the tenant of this connection; in the transaction of what it tells."""
    if tenant is None and connection.schema_name != "public":
        tenant = current.tenant()
    return AuditEntry.objects.create(
        tenant=tenant, actor=actor, action=action, target=str(target)[:120], detail=detail
    )
