"""Cache keys carry their tenant, so that equal ids of two businesses never meet."""

from tenants.db import connection


def key(name: str, prefix: str, version: int) -> str:
    return f"{prefix}:{connection.schema_name}:{version}:{name}"
