"""What every test has: two tenants made once, a rollback after each test, no other machine in reach."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from tests import database, embedder, strict
from tests.background import Background, recorded


def pytest_unconfigure() -> None:
    """Stop the servers that this run started."""
    if settings.configured:
        for stop in getattr(settings, "STARTED", []):
            stop(settings.DATA)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any) -> Iterator[None]:
    """This run's database, with the tenants alpha and beta in it."""
    with django_db_blocker.unblock():
        database.create()
    yield
    with django_db_blocker.unblock():
        database.drop()


@pytest.fixture(autouse=True, scope="session")
def _strictness() -> Iterator[None]:
    from django.test import TransactionTestCase

    with strict.loopback_only(), strict.unordered_at_random(), pytest.MonkeyPatch.context() as patch:
        # Django's own way of cleaning up would empty the tenants' table.
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda self: database.restore())
        yield


@pytest.fixture(autouse=True)
def _public_schema() -> Iterator[None]:
    """Every test begins and ends outside of the tenants."""
    from django.db import connection

    connection.set_schema_to_public()
    yield
    connection.set_schema_to_public()


@pytest.fixture(autouse=True)
def background() -> Iterator[Background]:
    """Tasks wait until the test says `background.run()`."""
    with recorded() as background:
        yield background


@pytest.fixture(scope="session")
def embedding() -> Iterator[str]:
    """The URL of a real embedding process, started when a test first asks for it."""
    with embedder.running() as url:
        yield url


@pytest.fixture
def alpha(db: None) -> Any:
    """The first tenant, at alpha.localhost."""
    return _tenant("alpha")


@pytest.fixture
def beta(db: None) -> Any:
    """The second tenant, at beta.localhost."""
    return _tenant("beta")


def _tenant(slug: str) -> Any:
    from tenants.models import Tenant

    return Tenant.objects.get(slug=slug)


@pytest.fixture
def in_alpha(alpha: Any) -> Iterator[Any]:
    """The test itself stands in alpha's schema."""
    from django.db import connection

    connection.set_tenant(alpha)
    yield alpha


@pytest.fixture
def member_of(db: None) -> Callable[..., Any]:
    """`member_of(tenant, role="owner")` makes a user with that role and the password `pass word 1`."""
    from tenants.models import Membership, User

    def make(tenant: Any, role: str = "owner", email: str = "") -> Any:
        email = email or f"{role}@{tenant.slug}.example"
        user = User.objects.filter(email=email).first() or User.objects.create_user(email, "pass word 1")
        Membership.objects.get_or_create(user=user, tenant=tenant, defaults={"role": role})
        return user

    return make


@pytest.fixture
def client_for(db: None) -> Callable[..., Any]:
    """`client_for(tenant, user=None)` is a browser at that tenant's host; tenant None is the public site."""
    from django.test import Client

    def make(tenant: Any, user: Any = None, **headers: str) -> Client:
        host = f"{tenant.slug}.localhost" if tenant is not None else "localhost"
        client = Client(headers={"host": host} | headers)
        if user is not None:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make
