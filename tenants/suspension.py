"""Pause a business and open it again; its doors answer plainly meanwhile, and lose nothing."""

from django.db import transaction
from django_tenants.utils import schema_context

from tenants import audit
from tenants.models import Tenant, User


def suspend(tenant: Tenant, *, actor: User | None, reason: str) -> None:
    """Close the pages and the API; webhooks are still kept."""
    _set(tenant, Tenant.Status.READY, Tenant.Status.SUSPENDED, "tenant.suspend", actor=actor, reason=reason)


def resume(tenant: Tenant, *, actor: User | None, reason: str) -> None:
    """Open it again; the sweep finds what waits."""
    _set(tenant, Tenant.Status.SUSPENDED, Tenant.Status.READY, "tenant.resume", actor=actor, reason=reason)


@transaction.atomic
def _set(tenant: Tenant, before: str, after: str, action: str, *, actor: User | None, reason: str) -> None:
    """Change the status once; the second of two at the same time finds nothing to do."""
    with schema_context("public"):
        if Tenant.objects.filter(pk=tenant.pk, status=before).update(status=after):
            audit.record(action, actor=actor, tenant=tenant, target=tenant.slug, reason=reason)
    tenant.refresh_from_db(fields=["status"])
