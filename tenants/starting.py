"""Begin with a blueprint: what it says of an assistant and what it knows, under the business's own name."""

from contextlib import ExitStack
from datetime import datetime
from typing import Any

from tenants import blueprint_files, blueprints
from tenants.blueprint_files import Loaded
from tenants.catalogue import Blueprint
from tenants.models import Tenant, User


def load(blueprint: Blueprint, *, business: str) -> Loaded:
    """The blueprint's file for this business: its name in the texts, and paths that hold everywhere."""
    loaded = blueprint_files.load(blueprint.file)
    if loaded.problems:
        raise blueprints.BlueprintError(loaded.problems)
    invented = loaded.data["business"]["name"]
    loaded.data = {
        name: section if name == "business" else _under(section, invented, business)
        for name, section in loaded.data.items()
        if name != "owner"
    }
    for part in loaded.data.get("knowledge", []):
        if "path" in part:
            part["path"] = blueprint.origin(part["path"])
    return loaded


def begin(
    blueprint: Blueprint, *, tenant: Tenant, now: datetime, undo: ExitStack, actor: User | None = None
) -> None:
    """All of a blueprint for a business that is new; in the caller's transaction: see blueprints.add."""
    loaded = load(blueprint, business=tenant.name)
    folder = blueprint.file.parent
    blueprints.add(loaded, tenant=tenant, folder=folder, now=now, undo=undo, actor=actor)


def _under(value: Any, invented: str, business: str) -> Any:
    """The same with the business's name instead of the invented one."""
    if isinstance(value, dict):
        return {key: _under(one, invented, business) for key, one in value.items()}
    if isinstance(value, list):
        return [_under(one, invented, business) for one in value]
    return value.replace(invented, business) if isinstance(value, str) else value
