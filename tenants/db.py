"""The database connection as django-tenants makes it: it knows `schema_name`, `tenant` and `set_tenant`."""

from typing import Any

from django.db import connection as _connection

# Any, because django-tenants has no types and Django's own do not know what it adds.
connection: Any = _connection
