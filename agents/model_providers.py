"""A business's own accounts at vendors of models: kept, made the default, removed."""

from django.db import transaction

from agents.models import AgentVersion, ModelProvider
from tenants import audit
from tenants.models import User

MOST = 20


@transaction.atomic(durable=True)
def keep(row: ModelProvider, *, actor: User | None) -> None:
    """Add or change one; the audit never names a key."""
    _make_room(row)
    row.save()
    audit.record("model_provider.keep", actor=actor, target=row)


@transaction.atomic(durable=True)
def make_default(pk: int, *, actor: User | None) -> None:
    """From now on this one answers wherever a tier names none."""
    row = ModelProvider.objects.select_for_update().get(pk=pk)
    row.is_default = True
    _make_room(row)
    row.save(update_fields=["is_default"])
    audit.record("model_provider.default", actor=actor, target=row)


@transaction.atomic(durable=True)
def remove(pk: int, *, actor: User | None) -> None:
    """Tiers that name it are answered by the default one from now on."""
    row = ModelProvider.objects.select_for_update().get(pk=pk)
    audit.record("model_provider.remove", actor=actor, target=row)
    row.delete()


def _make_room(row: ModelProvider) -> None:
    if row.is_default:
        ModelProvider.objects.filter(is_default=True).exclude(pk=row.pk).update(is_default=False)


def named_by(row: ModelProvider) -> list[str]:
    """The tiers of published assistants that name it, each with its assistant."""
    published = AgentVersion.objects.filter(status=AgentVersion.Status.PUBLISHED).select_related("agent")
    newest = {version.agent_id: version for version in published.order_by("number")}
    return [
        f"{version.agent}: {tier}"
        for version in newest.values()
        for tier, said in (version.tiers or {}).items()
        if said.get("provider") == row.name
    ]
