"""`migrate` is `migrate_schemas`: Django's own would forget the tenants."""

from tenants.management.commands.migrate_schemas import Command

__all__ = ["Command"]
