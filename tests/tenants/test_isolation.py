"""Which business a connection, a task or a thread works for: the right one, or a loud error."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.db.utils import ProgrammingError
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations.models import Contact
from tenants import current
from tenants.background import TenantMissing, enqueue, public_task, task
from tenants.models import AuditEntry, Tenant


@pytest.fixture
def names(alpha, beta):
    """A contact in each business, named after it."""
    for tenant in (alpha, beta):
        with schema_context(tenant.schema_name):
            Contact.objects.create(name=tenant.slug)


def name_in(schema: str) -> str:
    with schema_context(schema):
        return Contact.objects.get().name


@task()
def tell(sign: int) -> None:
    """Leave the schema's name behind, and fail when told to."""
    Contact.objects.create(name=f"{connection.schema_name} {current.tenant().slug} {sign}")
    if sign % 3 == 0:
        raise ValueError("told to fail")


@public_task()
def tell_public() -> None:
    AuditEntry.objects.create(action=connection.schema_name)


@pytest.mark.django_db
class TestTasks:
    """T3."""

    def test_two_hundred_mixed_tasks_stay_apart(self, alpha, beta):
        refused = 0
        for number in range(200):
            schema = ("alpha", "beta", "")[number % 3]
            result = run(tell, {"sign": number}, {"schema": schema} if schema else {})
            refused += isinstance(result.result, TenantMissing)
        assert refused == 66
        for schema in ("alpha", "beta"):
            with schema_context(schema):
                rows = list(Contact.objects.values_list("name", flat=True))
                assert len(rows) == 67
                assert all(row.startswith(f"{schema} {schema} ") for row in rows)

    def test_the_public_schema_is_no_tenant(self, alpha):
        assert isinstance(run(tell, {"sign": 1}, {"schema": "public"}).result, TenantMissing)

    def test_a_public_task_forgets_what_ran_before(self, alpha):
        connection.set_tenant(alpha)
        run(tell_public, {}, {"schema": "alpha"})
        connection.set_schema_to_public()
        assert AuditEntry.objects.filter(action="public").exists()

    def test_enqueue_carries_the_schema_of_its_moment(self, alpha, beta, background):
        with transaction.atomic(), schema_context("alpha"):
            enqueue(tell, sign=1)
            connection.set_tenant(beta)
        background.run()
        assert name_in("alpha") == "alpha alpha 1"
        with pytest.raises(TenantMissing):
            enqueue(tell, sign=1)


def run(what, kwargs, headers):
    """Run a task as a worker does, on this test's own connection."""
    from unittest import mock

    with mock.patch.object(connection, "close"):
        return what.apply(kwargs=kwargs, headers=headers)


@pytest.mark.django_db
class TestConnection:
    """T6."""

    def test_after_a_rollback(self, names):
        connection.set_schema("alpha")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            connection.set_schema("beta")
            assert Contact.objects.get().name == "beta"
            raise ZeroDivisionError
        assert Contact.objects.get().name == "beta"
        connection.set_schema("alpha")
        assert Contact.objects.get().name == "alpha"

    def test_after_a_savepoint_that_was_rolled_back(self, names):
        connection.set_schema("alpha")
        savepoint = transaction.savepoint()
        connection.set_schema("beta")
        assert Contact.objects.get().name == "beta"
        transaction.savepoint_rollback(savepoint)
        assert Contact.objects.get().name == "beta"

    def test_after_an_error_in_the_database(self, names):
        connection.set_schema("alpha")
        with pytest.raises(IntegrityError), transaction.atomic():
            Tenant.objects.filter(slug="beta").update(slug="alpha")
        assert Contact.objects.get().name == "alpha"

    def test_public_fails_loudly(self, names):
        with pytest.raises(ProgrammingError), transaction.atomic():
            Contact.objects.count()

    def test_context_ends_with_the_tenant_that_it_found(self, names, alpha):
        connection.set_tenant(alpha)
        with schema_context("beta"):
            assert Contact.objects.get().name == "beta"
        assert Contact.objects.get().name == "alpha"
        assert connection.tenant == alpha


@pytest.mark.django_db(transaction=True)
class TestPool:
    """T4 and T6, on committed rows and connections of the pool."""

    def test_after_the_server_closed_the_connection(self, names):
        connection.set_schema("alpha")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        end(pid)
        with pytest.raises(Exception, match=r"closed|terminat"):
            Contact.objects.get()
        close_old_connections()
        assert Contact.objects.get().name == "alpha"

    def test_threads_begin_in_public(self, names, alpha):
        connection.set_tenant(alpha)
        found: list[object] = []

        def look() -> None:
            try:
                found.append(Contact.objects.count())
            except ProgrammingError as error:
                found.append(error)
            finally:
                connection.close()

        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert isinstance(found[0], ProgrammingError)

    def test_many_threads_on_few_connections(self, names):
        def look(number: int) -> bool:
            schema = ("alpha", "beta")[number % 2]
            try:
                return name_in(schema) == schema
            finally:
                connection.close()

        with ThreadPoolExecutor(12) as pool:
            assert all(pool.map(look, range(300)))

    async def test_gathered_coroutines(self, names):
        def look(number: int) -> bool:
            schema = ("alpha", "beta")[number % 2]
            try:
                return name_in(schema) == schema
            finally:
                connection.close()  # the thread lives on, and the next test's database is another one

        assert all(await asyncio.gather(*(sync_to_async(look)(number) for number in range(60))))


def end(pid: int) -> None:
    from tests.database import _server

    with _server() as server:
        server.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.mark.django_db
def test_cache_keys_carry_the_tenant(alpha, beta):
    """T8."""
    cache.set("same", "public")
    for tenant in (alpha, beta):
        with schema_context(tenant.schema_name):
            assert cache.get("same") is None
            cache.set("same", tenant.slug)
    for tenant in (alpha, beta):
        with schema_context(tenant.schema_name):
            assert cache.get("same") == tenant.slug
            cache.delete("same")
    assert cache.get("same") == "public"
    cache.delete("same")


@pytest.mark.django_db
def test_an_audit_entry_stays_as_it_is(alpha):
    entry = AuditEntry.objects.create(action="x", tenant=alpha, at=timezone.now())
    for change in (lambda: AuditEntry.objects.filter(pk=entry.pk).update(action="y"), entry.delete):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    AuditEntry.objects.filter(pk=entry.pk).update(tenant=None)
