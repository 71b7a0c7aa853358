"""Record who did what that somebody may have to answer for."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tenants import current
from tenants.db import connection
from tenants.models import AuditEntry, Tenant, User

# The staff person who sees the business as a member at this moment, and that member.
_stands_in: ContextVar[tuple[User, User] | None] = ContextVar("stands_in", default=None)


def record(
    action: str, *, actor: User | None, target: object = "", tenant: Tenant | None = None, **detail: Any
) -> AuditEntry:
    """Append one entry, by default for the tenant of this connection; in the transaction of what it tells."""
    if tenant is None and connection.schema_name != "public":
        tenant = current.tenant()
    if both := _stands_in.get():
        actor, detail = both[0], {**detail, "as": str(both[1])}
    return AuditEntry.objects.create(
        tenant=tenant, actor=actor, action=action, target=str(target)[:120], detail=detail
    )


@contextmanager
def standing_in(*, staff: User, member: User) -> Iterator[None]:
    """Name both in every entry that is made meanwhile: who does it, and as whom."""
    before = _stands_in.set((staff, member))
    try:
        yield
    finally:
        _stands_in.reset(before)
