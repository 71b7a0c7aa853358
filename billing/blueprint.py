"""Credits in the business file, and the ones that a new business starts with."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from pydantic import Field

from billing import credits
from billing.models import LedgerEntry
from tenants import blueprints, provisioning
from tenants.blueprints import Context, Part
from tenants.models import Tenant

PREFIX = "file:"


class CreditsPart(Part):
    """Credits to grant, once for each key however often the file is applied."""

    grant: int = Field(gt=0, le=1_000_000_000)
    key: str = Field(default="business-file", pattern=r"^[A-Za-z0-9_.-]{1,60}$")
    reason: str = Field(default="business file", min_length=1, max_length=200)


def register() -> None:
    """Tell the business file and new businesses about credits."""
    provisioning.on_create(start)
    blueprints.register(blueprints.Section("credits", CreditsPart, apply=_apply, export=_export))


def start(tenant: Tenant, *, now: datetime) -> None:
    """The welcome credits, through the ledger as every other credit."""
    if settings.WELCOME_CREDITS > 0:
        with translation.override(tenant.language):
            reason = _("Welcome credits")
        credits.grant(amount=settings.WELCOME_CREDITS, reason=reason, key="welcome", actor=None, now=now)


def _apply(value: CreditsPart, context: Context) -> None:
    key = f"{PREFIX}{value.key}"
    credits.grant(amount=value.grant, reason=value.reason, key=key, actor=context.actor, now=context.now)


def _export(context: Context) -> dict[str, Any] | None:
    entry = LedgerEntry.objects.filter(key__startswith=PREFIX).order_by("-pk").first()
    if entry is None:
        return None
    return {"grant": entry.amount, "key": entry.key.removeprefix(PREFIX), "reason": entry.reason}
