"""Delete a business: its doors, then schema and rows together, then its files. What was done is kept."""

from datetime import datetime

from django.core.files.storage import Storage, default_storage
from django.db import transaction
from django_celery_beat.models import PeriodicTask
from django_tenants.utils import schema_context

from tenants import audit, provisioning
from tenants.db import connection
from tenants.models import ApiKey, Domain, SignUp, Tenant, User, WebhookRoute


def delete(tenant: Tenant, *, actor: User | None, reason: str, now: datetime) -> None:
    """Remove the business for good; people and the audit stay. Its files go after the commit."""
    close(tenant, now=now)
    schema = tenant.schema_name
    with transaction.atomic(durable=True), schema_context("public"):
        provisioning.lock()
        audit.record("tenant.delete", actor=actor, target=tenant.slug, reason=reason, schema=schema)
        PeriodicTask.objects.filter(headers__contains=f'"{schema}"').delete()
        SignUp.objects.filter(tenant=tenant).delete()
        with connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {connection.ops.quote_name(schema)} CASCADE")
        tenant.delete()  # and by cascade domains, memberships, keys, invitations, routes, tickets
    remove_files(default_storage, schema)


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
