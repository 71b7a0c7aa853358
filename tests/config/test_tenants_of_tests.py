"""The ground that every other test stands on."""

import socket

import pytest
from django.db import connection
from django.template import Context, Template

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


def test_other_machines_are_out_of_reach():
    with pytest.raises(SocketBlocked):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(SocketBlocked):
        socket.getaddrinfo("example.com", 443)


def test_an_undefined_variable_of_a_strangers_template_is_empty():
    assert Template("<{{ nothing }}>").render(Context({})) == "<>"
