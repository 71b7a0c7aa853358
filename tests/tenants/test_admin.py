"""T12: who may look into the back office, at what, and that it is written down."""

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.utils import timezone

from tenants.backoffice import ReadOnlyAdmin
from tenants.models import AuditEntry, StaffGrant, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("root@frontdesk.example", "pass word 1")


@pytest.fixture
def staff(db):
    user = User.objects.create_user("staff@frontdesk.example", "pass word 1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return user


class TestGrant:
    def test_opens_one_business_for_a_time_and_is_written_down(self, client_for, staff, alpha, beta):
        grant = StaffGrant.objects.create(
            user=staff, tenant=alpha, reason="ticket 7", expires_at=timezone.now() + timedelta(hours=1)
        )
        browser = client_for(alpha, staff)
        for _time in range(2):
            assert browser.get("/admin/conversations/conversation/").status_code == 200
        assert client_for(beta, staff).get("/admin/conversations/conversation/").status_code == 404
        entry = AuditEntry.objects.get(action="backoffice.enter")
        assert (entry.actor, entry.tenant, entry.detail["reason"]) == (staff, alpha, "ticket 7")
        StaffGrant.objects.filter(pk=grant.pk).update(expires_at=timezone.now())
        assert browser.get("/admin/").status_code == 404

    def test_staff_makes_no_staff(self, client_for, staff, superuser):
        staff.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
        form = {"email": staff.email, "name": "S", "is_active": "on", "is_staff": "on", "is_superuser": "on"}
        client_for(None, staff).post(f"/admin/tenants/user/{staff.pk}/change/", form)
        staff.refresh_from_db()
        assert staff.name == "S" and not staff.is_superuser


class TestBusinesses:
    def test_are_suspended_with_a_reason(self, client_for, superuser, alpha):
        browser = client_for(None, superuser)
        path = f"/admin/tenants/tenant/{alpha.pk}/suspend/"
        browser.post(path, {"reason": ""})
        alpha.refresh_from_db()
        assert alpha.status == "ready"
        assert browser.get(path).status_code == 200
        browser.post(path, {"reason": "unpaid"})
        alpha.refresh_from_db()
        assert alpha.status == "suspended"
        entry = AuditEntry.objects.get(action="tenant.suspend")
        assert (entry.actor, entry.tenant, entry.detail) == (superuser, alpha, {"reason": "unpaid"})

    def test_the_audit_is_read_only(self, client_for, superuser, alpha):
        entry = AuditEntry.objects.create(action="x", tenant=alpha)
        browser = client_for(None, superuser)
        assert browser.get(f"/admin/tenants/auditentry/{entry.pk}/change/").status_code == 200
        for action in ("change", "delete"):
            path = f"/admin/tenants/auditentry/{entry.pk}/{action}/"
            assert browser.post(path, {"action": "y"}).status_code == 403
        assert browser.get("/admin/tenants/auditentry/add/").status_code == 403

    def test_a_change_page_opens(self, client_for, superuser, alpha, member_of):
        member_of(alpha)
        browser = client_for(None, superuser)
        assert browser.get(f"/admin/tenants/tenant/{alpha.pk}/change/").status_code == 200
        assert browser.get(f"/admin/tenants/user/{superuser.pk}/change/").status_code == 200

    def test_suggestions_come_from_this_host_only(self, client_for, superuser, alpha):
        query = "?app_label=tenants&model_name=membership&field_name=user"
        assert client_for(None, superuser).get(f"/admin/autocomplete/{query}").status_code == 200
        assert client_for(alpha, superuser).get(f"/admin/autocomplete/{query}").status_code == 404


def test_what_is_only_looked_at_has_no_other_way():
    assert {m.__name__ for m, a in admin.site._registry.items() if isinstance(a, ReadOnlyAdmin)} >= {
        "AuditEntry", "Conversation", "Contact", "Channel", "Invitation", "ApiKey", "SignUp",
    }  # fmt: skip


def test_signing_in_goes_the_same_way_as_everywhere(client_for):
    """With its limits on guessing and its second factor."""
    answer = client_for(None).get("/admin/login/?next=/admin/")
    assert answer["Location"] == "/accounts/login/?next=%2Fadmin%2F"
