"""T13 in its basic form, and pausing: what is closed answers plainly, and others notice nothing."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent
from conversations.models import Channel
from conversations.webhooks import find_doorway
from tenants import deletion, suspension
from tenants.models import ApiKey, AuditEntry, Domain, Tenant, User, WebhookRoute


@pytest.fixture
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    for slug in ("alpha", "beta"):
        default_storage.save(f"{slug}/documents/a.txt", ContentFile(b"a"))
    return Path(tmp_path)


def open_everything(tenant: Tenant) -> tuple[str, WebhookRoute]:
    """A key and a door of the business."""
    _key, secret = ApiKey.issue(tenant=tenant, name="k", scopes=None)
    with schema_context(tenant.schema_name):
        agent = Agent.objects.order_by("pk")[0]
        channel = Channel.objects.create(kind="waha", name="W", agent=agent, hmac_secret="h", session="s")
    return secret, WebhookRoute.objects.create(pk=channel.pk, tenant=tenant)


@pytest.mark.django_db(transaction=True)
class TestDelete:
    def test_leaves_nothing_but_the_audit(self, alpha, beta, media, client_for, member_of):
        owner = member_of(alpha)
        secret, route = open_everything(alpha)
        assert find_doorway(f"waha/{route.pk}") is not None
        call_command("delete_tenant", "alpha", reason="asked by the owner", interactive=False)
        assert not Tenant.objects.filter(slug="alpha").exists()
        for model in (Domain, ApiKey, WebhookRoute):
            assert not model.objects.filter(tenant=alpha.pk).exists()
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'alpha'")
            assert cursor.fetchone()[0] == 0
        assert not (media / "alpha").exists() and (media / "beta" / "documents" / "a.txt").exists()
        assert find_doorway(f"waha/{route.pk}") is None
        assert client_for(alpha).get("/").status_code == 404
        api = client_for(beta, authorization=f"Bearer {secret}")
        assert api.get("/api/v1/knowledge/documents").status_code == 401
        entry = AuditEntry.objects.get(action="tenant.delete")
        assert (entry.target, entry.tenant_id) == ("alpha", None)
        assert entry.detail["reason"] == "asked by the owner"
        assert User.objects.filter(pk=owner.pk).exists()

    def test_the_other_business_works_on(self, alpha, beta, media, client_for, member_of):
        browser = client_for(beta, member_of(beta))
        deletion.delete(alpha, actor=None, reason="x", now=timezone.now())
        assert browser.get("/").status_code == 200


@pytest.mark.django_db
class TestSuspension:
    def test_the_doors_answer_plainly_and_webhooks_are_kept(self, alpha, client_for, member_of):
        browser = client_for(alpha, member_of(alpha))
        secret, _route = open_everything(alpha)
        suspension.suspend(alpha, actor=None, reason="unpaid")
        page = browser.get("/")
        assert page.status_code == 503 and "paused" in page.content.decode()
        answer = client_for(None, authorization=f"Bearer {secret}").get("/api/v1/schema")
        assert (answer.status_code, answer.json()["detail"]) == (503, "This business is suspended.")
        suspension.resume(alpha, actor=None, reason="paid")
        assert browser.get("/").status_code == 200
        told = AuditEntry.objects.filter(tenant=alpha, action__in=["tenant.suspend", "tenant.resume"])
        assert list(told.order_by("pk").values_list("detail__reason", flat=True)) == ["unpaid", "paid"]

    def test_twice_is_told_once(self, alpha):
        for _time in range(2):
            suspension.suspend(alpha, actor=None, reason="unpaid")
        assert AuditEntry.objects.filter(action="tenant.suspend").count() == 1
