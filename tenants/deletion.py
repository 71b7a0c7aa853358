"""Delete a business: what has to be kept is written down, its doors close, schema and rows go together.

Who keeps something (billing: the ledger) is registered here. Nothing is dropped before what they wrote was
read again, whole, and before it is sure that nothing was added since: else `NotKept` stops it, and it can be
tried anew. What was done stays in the audit.
"""

from datetime import datetime
from typing import Any, Protocol

from django.core.files.storage import Storage, default_storage
from django.db import transaction
from django_celery_beat.models import PeriodicTask
from django_tenants.utils import schema_context

from tenants import audit, provisioning
from tenants.db import connection
from tenants.models import ApiKey, Domain, SignUp, Tenant, User, WebhookRoute

TRIES = 3


class NotKept(Exception):
    """What has to be kept is not: nothing was dropped."""


class Keeper(Protocol):
    """Writes down, outside of the business's schema, what stays of it."""

    def write(self, tenant: Tenant, *, now: datetime) -> Any:
        """Write and read again, in no transaction; what comes back stands for it. Raises NotKept."""

    def is_whole(self, kept: Any) -> bool:
        """Whether nothing was added since; in the business's schema, in the transaction that drops it."""

    def record(self, tenant: Tenant, kept: Any, *, now: datetime) -> None:
        """Make it known, in the public schema and the transaction that drops the business."""

    def undo(self, kept: Any) -> None:
        """The business was not deleted: take away what was written."""


_keepers: list[Keeper] = []


def register(keeper: Keeper) -> None:
    """Once, when the apps are ready."""
    _keepers.append(keeper)


def delete(tenant: Tenant, *, actor: User | None, reason: str, now: datetime, keeps: bool = True) -> None:
    """Remove the business for good; people, the audit and what has to be kept stay. Raises NotKept.

    Its files go after the commit. Without `keeps` nothing of it is kept: for what never was a business.
    """
    kept = _write(tenant, now=now, keeps=keeps)  # what cannot be kept stops it with all doors open
    close(tenant, now=now)
    for _try in range(TRIES):
        if _dropped(tenant, kept, actor=actor, reason=reason, now=now):
            return remove_files(default_storage, tenant.schema_name)
        _undo(kept)
        kept = _write(tenant, now=now, keeps=keeps)
    _undo(kept)
    raise NotKept(f"{tenant.slug} is still being written to: try again in a minute")


def _write(tenant: Tenant, *, now: datetime, keeps: bool) -> list[tuple[Keeper, Any]]:
    """What everybody keeps; nothing of it stays when one of them fails."""
    kept: list[tuple[Keeper, Any]] = []
    try:
        for keeper in _keepers if keeps else ():
            kept.append((keeper, keeper.write(tenant, now=now)))
    except Exception:
        _undo(kept)
        raise
    return kept


def _undo(kept: list[tuple[Keeper, Any]]) -> None:
    for keeper, what in kept:
        keeper.undo(what)


def _dropped(tenant: Tenant, kept: list[tuple[Keeper, Any]], **told: Any) -> bool:
    """As `_drop`; what was kept does not stay where it fails."""
    try:
        return _drop(tenant, kept, **told)
    except Exception:
        _undo(kept)
        raise


@transaction.atomic(durable=True)
def _drop(
    tenant: Tenant, kept: list[tuple[Keeper, Any]], *, actor: User | None, reason: str, now: datetime
) -> bool:
    """Schema and rows together; False, and nothing, when something was added after it was written down."""
    schema = tenant.schema_name
    with schema_context(schema):
        if not all(keeper.is_whole(what) for keeper, what in kept):
            return False
    with schema_context("public"):
        provisioning.lock()
        for keeper, what in kept:
            keeper.record(tenant, what, now=now)
        audit.record("tenant.delete", actor=actor, target=tenant.slug, reason=reason, schema=schema)
        PeriodicTask.objects.filter(headers__contains=f'"{schema}"').delete()
        SignUp.objects.filter(tenant=tenant).delete()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {connection.ops.quote_name(schema)} CASCADE")
        tenant.delete()  # and by cascade domains, memberships, keys, invitations, routes, tickets, payments
    return True


def close(tenant: Tenant, *, now: datetime) -> None:
    """Nobody comes in any more: a commit of its own, so that what is under way ends first."""
    with transaction.atomic(durable=True), schema_context("public"):
        Tenant.objects.filter(pk=tenant.pk).update(status=Tenant.Status.SUSPENDED)
        ApiKey.objects.filter(tenant=tenant, revoked_at=None).update(revoked_at=now)
        WebhookRoute.objects.filter(tenant=tenant).delete()
        Domain.objects.filter(tenant=tenant).delete()


def remove_files(storage: Storage, folder: str) -> None:
    """Every file below a folder, and the folder itself where the storage has folders."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        storage.delete(f"{folder}/{name}")
    for name in folders:
        remove_files(storage, f"{folder}/{name}")
    storage.delete(folder)
