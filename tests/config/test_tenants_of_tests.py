"""The ground that every other test stands on."""

import socket

import pytest
from django.db import connection
from django.template import Context, Template

from agents.models import Agent
from billing.models import CreditAccount
from tenants.models import Tenant
from tests.strict import SocketBlocked


@pytest.mark.django_db
class TestGround:
    def test_two_tenants_are_there(self, alpha, beta):
        assert {alpha.schema_name, beta.schema_name} == {"alpha", "beta"}
        assert set(Tenant.objects.values_list("slug", flat=True)) == {"alpha", "beta"}

    def test_a_test_is_rolled_back_first(self):
        Tenant.objects.create(schema_name="gone", slug="gone", name="Gone")

    def test_a_test_is_rolled_back_second(self):
        assert not Tenant.objects.filter(slug="gone").exists()

    def test_unordered_rows_are_shuffled(self):
        assert "RANDOM()" in str(Tenant.objects.all().query)
        assert "RANDOM()" not in str(Tenant.objects.order_by("pk").query)


@pytest.mark.django_db(transaction=True)
class TestCommitted:
    def test_a_test_that_commits_first(self):
        Tenant.objects.create(schema_name="kept", slug="kept", name="Kept")
        assert not connection.in_atomic_block

    def test_a_test_that_commits_second(self, alpha):
        assert not Tenant.objects.filter(slug="kept").exists()

    def test_it_may_change_what_is_there_first(self, in_alpha):
        Agent.objects.update(name="Changed")
        CreditAccount.objects.all().delete()
        Agent.objects.create(name="Another")

    def test_it_may_change_what_is_there_second(self, in_alpha):
        assert [agent.name for agent in Agent.objects.order_by("pk")] == ["Assistant"]
        assert CreditAccount.objects.get().balance > 0
        assert Agent.objects.create(name="Another").pk == 2  # numbers begin again

    def test_it_may_change_the_tables_first(self, in_alpha):
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE agents_agent ADD COLUMN extra integer")
            cursor.execute("CREATE TABLE made_by_a_test (id integer)")

    def test_it_may_change_the_tables_second(self, in_alpha):
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
            columns = connection.introspection.get_table_description(cursor, "agents_agent")
        assert "made_by_a_test" not in tables
        assert "extra" not in {column.name for column in columns}


def test_other_machines_are_out_of_reach():
    with pytest.raises(SocketBlocked):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(SocketBlocked):
        socket.getaddrinfo("example.com", 443)


def test_an_undefined_variable_of_a_strangers_template_is_empty():
    assert Template("<{{ nothing }}>").render(Context({})) == "<>"
