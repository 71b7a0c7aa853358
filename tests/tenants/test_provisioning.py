"""Making a business: whole or not at all, the same as by migrations, and only under a safe name."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent
from conversations.models import Channel
from tenants import migrating, names, provisioning, template
from tenants.background import ring_public
from tenants.models import AuditEntry, Domain, Membership, SignUp, Tenant, User

SHAPE = """
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
       a.attgenerated, pg_get_expr(d.adbin, d.adrelid)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT 'constraint', k.conrelid::regclass::text, k.conname, pg_get_constraintdef(k.oid, true),
       k.condeferrable, k.contype, '', '' FROM pg_constraint k WHERE k.connamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'index', i.indrelid::regclass::text, i.indexrelid::regclass::text,
       pg_get_indexdef(i.indexrelid, 0, true), i.indisunique, '', '', ''
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = %(schema)s::regnamespace
UNION ALL
SELECT 'trigger', g.tgrelid::regclass::text, g.tgname, pg_get_triggerdef(g.oid, true), true, '', '', ''
FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE c.relnamespace = %(schema)s::regnamespace AND NOT g.tgisinternal
UNION ALL
SELECT 'function', p.proname, '', regexp_replace(pg_get_functiondef(p.oid), %(schema)s || '\\.', ''), true,
       '', '', ''
FROM pg_proc p WHERE p.pronamespace = %(schema)s::regnamespace
"""


def shape_of(schema: str) -> set[tuple[object, ...]]:
    """Everything that the catalogue knows of a schema's tables, without the schema's own name."""
    with schema_context(schema):
        connection.set_schema(schema, include_public=False)
        with connection.cursor() as cursor:
            cursor.execute(SHAPE, {"schema": schema})
            return {tuple(map(plain, row)) for row in cursor.fetchall()}


def plain(value: object) -> object:
    """PostgreSQL prints a condition that it has read back with its casts in other places."""
    return re.sub(r"::(text|character varying)(\[\])?|[()]", "", value) if isinstance(value, str) else value


def create(slug: str = "gamma", **options: object) -> Tenant:
    values = {"name": "Gamma", "owner": None, "now": timezone.now()} | options
    return provisioning.create(slug=slug, **values)


@pytest.mark.django_db
class TestCreate:
    def test_makes_what_the_migrations_make(self):
        create()
        shape = shape_of("gamma")
        assert shape == shape_of(template.SCHEMA)
        assert len({row[1] for row in shape if row[0] == "column"}) > 10

    def test_has_nothing_left_to_migrate(self):
        create()
        assert migrating.lacking(["gamma", template.SCHEMA]) == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM gamma.django_migrations")
            assert cursor.fetchone()[0] > 10

    def test_starts_with_assistant_channel_and_seat(self):
        owner = User.objects.create_user("o@gamma.example")
        tenant = create(owner=owner, language="pt-br")
        assert Membership.objects.get(tenant=tenant).role == "owner"
        assert Domain.objects.get(tenant=tenant).domain == "gamma.localhost"
        assert AuditEntry.objects.get(tenant=tenant).action == "tenant.create"
        with schema_context("gamma"):
            assert Agent.objects.get().published is not None
            assert Channel.objects.get().kind == Channel.Kind.TEST

    def test_copies_the_rows_of_the_template_and_goes_on_counting(self):
        with schema_context(template.SCHEMA):
            Agent.objects.create(name="Seed")
        template._last.clear()
        provisioning_seeders, provisioning._seeders[:] = provisioning._seeders[:], []
        try:
            create()
        finally:
            provisioning._seeders[:] = provisioning_seeders
            template._last.clear()
        with schema_context("gamma"):
            seed = Agent.objects.get()
            assert Agent.objects.create(name="Next").pk == seed.pk + 1

    def test_an_error_of_an_app_leaves_nothing(self):
        def broken(tenant: Tenant, *, now: object) -> None:
            raise RuntimeError("broken")

        provisioning.on_create(broken)
        try:
            with pytest.raises(RuntimeError), transaction.atomic():
                create()
        finally:
            provisioning._seeders.remove(broken)
        assert not Tenant.objects.filter(slug="gamma").exists()
        assert not provisioning.is_taken("gamma")
        create()


@pytest.mark.django_db
class TestNames:
    @pytest.mark.parametrize(
        "slug",
        [
            "pg_x", "pg-x", 'a"b', "a'b", "a;b", "public", "template", "www", "admin", "api", "ab", "",
            "a" * 64, "a" * 41, "Alpha2", "ação", "sh🙂p", "a--b", "-ab", "ab-", "1ab", "a.b", "a b",
            "xn--abc", "information-schema",
        ],
    )  # fmt: skip
    def test_a_dangerous_name_is_refused(self, slug):
        with pytest.raises(names.InvalidName) as error:
            create(slug)
        assert str(error.value)

    def test_a_taken_name_is_refused(self):
        for slug in ("alpha", "beta"):
            with pytest.raises(names.NameTaken):
                create(slug)

    def test_a_schema_that_nobody_made_here_is_not_taken_over(self):
        with connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA somebodys")
        with pytest.raises(names.NameTaken):
            create("somebodys")

    def test_a_hyphen_becomes_an_underscore(self):
        assert create("casa-verde").schema_name == "casa_verde"

    @pytest.mark.parametrize(
        ("name", "slug"),
        [("Clínica Aurora", "clinica-aurora"), ("24h Pão & Cia.", "h-pao-cia"), ("日本", ""), ("www", "")],
    )
    def test_a_name_suggests_an_address(self, name, slug):
        assert names.suggest(name) == slug

    @pytest.mark.parametrize("setting", [{"language": "xx"}, {"timezone": "Mars/Base"}])
    def test_an_unknown_setting_is_refused(self, setting):
        with pytest.raises(provisioning.InvalidSetting):
            create(**setting)


def test_no_table_of_a_tenant_is_in_public(db):
    """Not one: a query that lost its tenant must fail, not answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'template'::regnamespace "
            "AND relname <> 'django_migrations' INTERSECT "
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
class TestSignUp:
    def sign_up(self, **more: object) -> SignUp:
        user = User.objects.create_user("new@shop.example")
        values = {"name": "Shop", "slug": "shop", "language": "en", "timezone": "UTC", "now": timezone.now()}
        return provisioning.ask(user=user, **(values | more))

    def test_is_made_once(self, background):
        sign_up = self.sign_up()
        for _time in range(2):
            provisioning.start(sign_up, now=timezone.now())
        assert background.run() == 2
        sign_up.refresh_from_db()
        assert (sign_up.status, sign_up.tenant.slug) == ("done", "shop")
        assert Membership.objects.get(user=sign_up.user).role == "owner"

    def test_takes_the_next_free_address(self, background):
        sign_up = self.sign_up(slug="alpha")
        provisioning.start(sign_up, now=timezone.now())
        background.run()
        sign_up.refresh_from_db()
        assert sign_up.tenant.slug == "alpha-2"

    def test_waits_for_the_confirmation(self, background):
        sign_up = self.sign_up()
        ring_public(provisioning.make, sign_up_id=sign_up.pk)
        ring_public(provisioning.sweep)
        background.run()
        assert not Tenant.objects.filter(slug="shop").exists()

    def test_a_lost_task_is_rung_again(self, background):
        sign_up = self.sign_up()
        provisioning.start(sign_up, now=timezone.now() - provisioning.RING_AGAIN * 2)
        background.commit()
        background.sent.clear()
        ring_public(provisioning.sweep)
        background.run()
        assert Tenant.objects.filter(slug="shop").exists()

    def test_a_wrong_setting_fails_plainly_and_can_be_tried_again(self, background):
        sign_up = self.sign_up(timezone="Mars/Base")
        provisioning.start(sign_up, now=timezone.now())
        background.run()
        sign_up.refresh_from_db()
        assert sign_up.status == "failed" and "Mars" in sign_up.error
        SignUp.objects.filter(pk=sign_up.pk).update(timezone="UTC")
        provisioning.start(sign_up, now=timezone.now())
        background.run()
        assert Tenant.objects.filter(slug="shop").exists()


KILLED = """
import django, os, sys
django.setup()
from django.utils import timezone
from tenants import provisioning
for line in sys.stdin:
    child = os.fork()
    if not child:
        provisioning.create(name="Half", slug=line.strip(), owner=None, now=timezone.now())
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
"""
MOMENTS = (0.0, 0.01, 0.02, 0.035, 0.05, 0.07, 0.09, 0.12, 0.16, 0.25)


@pytest.mark.django_db(transaction=True)
def test_a_kill_leaves_a_business_absent_or_complete():
    """T15: the process that makes a business is killed at ten moments."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings"},
    ) as maker:
        for number, delay in enumerate(MOMENTS):
            slug = f"half{number}"
            maker.stdin.write(f"{slug}\n")
            maker.stdin.flush()
            child = int(maker.stdout.readline())
            time.sleep(delay)
            with contextlib.suppress(ProcessLookupError):  # on a fast machine the last is done by then
                os.kill(child, signal.SIGKILL)
            is_absent_or_complete(slug)


def is_absent_or_complete(slug: str) -> None:
    deadline = time.monotonic() + 10
    while provisioning_goes_on() and time.monotonic() < deadline:
        time.sleep(0.05)
    if Tenant.objects.filter(slug=slug).exists():
        assert shape_of(slug) == shape_of(template.SCHEMA)
    else:
        assert not provisioning.is_taken(slug)
        assert create(slug).status == Tenant.Status.READY


def provisioning_goes_on() -> bool:
    """Whether the killed process's transaction is still being ended by the server."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s", [provisioning.LOCK]
        )
        return bool(cursor.fetchone()[0])
