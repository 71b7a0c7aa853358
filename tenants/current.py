"""The tenant of this connection, for code that runs outside a request."""

import time

from tenants.db import connection
from tenants.models import Tenant

_REMEMBER_SECONDS = 10.0
_known: dict[str, tuple[float, Tenant]] = {}


def tenant() -> Tenant:
    """The Tenant row of this connection's schema, at most ten seconds old; raises DoesNotExist."""
    if isinstance(connection.tenant, Tenant):
        return connection.tenant
    schema = connection.schema_name
    known = _known.get(schema)
    if known and known[0] > time.monotonic():
        return known[1]
    found = Tenant.objects.get(schema_name=schema)
    _known[schema] = (time.monotonic() + _REMEMBER_SECONDS, found)
    return found
