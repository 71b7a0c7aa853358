"""Migrating many businesses: only those that lack something, several at once, and on after a kill."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from django.utils import timezone

from tenants import migrating, provisioning, template
from tenants.models import Tenant
from tests.tenants.test_provisioning import shape_of

LATE = ("knowledge", "0011_spending_limit")  # the newest of its app
pytestmark = pytest.mark.django_db(transaction=True)


def command(*words: str) -> subprocess.Popen[str]:
    """The command as an operator runs it, on the test's database."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "migrate_schemas", *words],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(*words: str) -> tuple[int, str]:
    with command(*words) as process:
        output, _none = process.communicate(timeout=120)
    return process.returncode, output


def behind(*slugs: str) -> None:
    """Businesses that lack one migration; it changes no table, so it can be applied where it was before."""
    for slug in slugs:
        provisioning.create(name=slug, slug=slug, owner=None, now=timezone.now())
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {slug}.django_migrations WHERE app = %s AND name = %s", LATE)


def test_only_what_lacks_something_is_touched_and_a_failure_stops_no_other():
    behind("gamma", "delta", "epsilon")
    with connection.cursor() as cursor:
        # Its tables are there and its record is not: this one must fail.
        cursor.execute("DELETE FROM beta.django_migrations WHERE app = 'billing'")
    assert migrating.lacking(["alpha", "beta", "gamma"]) == ["beta", "gamma"]
    status, output = run("--processes", "2")
    assert status != 0
    assert "1 of 4 could not be migrated: beta" in output
    assert "[4/4]" in output and "alpha" not in output
    assert migrating.lacking(["alpha", "beta", "gamma", "delta", "epsilon"]) == ["beta"]
    assert run("--check")[0] != 0


def test_nothing_to_do_is_quick():
    started = time.monotonic()
    behind = migrating.lacking([template.SCHEMA, "alpha", "beta"] * 300)
    assert behind == []
    assert time.monotonic() - started < 2
    status, output = run()
    assert status == 0 and "Every business is up to date." in output


def test_a_killed_run_is_taken_up():
    slugs = [f"shop{number}" for number in range(4)]
    behind(*slugs)
    with command("--processes", "1") as process:
        for line in process.stdout:
            if line.startswith("[2/"):
                process.send_signal(signal.SIGKILL)
                break
    left = migrating.lacking(slugs)
    assert 0 < len(left) < 4
    status, output = run("--processes", "1")
    assert status == 0, output
    assert f"/{len(left)}]" in output
    assert migrating.lacking(slugs) == []


def test_the_template_is_made_where_it_is_missing():
    shape = shape_of(template.SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA template CASCADE")
    with pytest.raises(template.TemplateMissing):
        provisioning.create(
            name="X", slug="xenia", owner=None, now=Tenant.objects.get(slug="alpha").created_at
        )
    assert run("-v", "0")[0] == 0
    assert migrating.lacking([template.SCHEMA]) == []
    assert shape_of(template.SCHEMA) == shape
