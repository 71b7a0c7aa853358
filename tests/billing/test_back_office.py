"""The back office of money: seen, given with a reason, priced from a date on; nothing rewritten."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone
from django_tenants.utils import schema_context

from billing.models import CreditAccount, LedgerEntry, Price
from billing.price_admin import PriceForm
from tenants.models import AuditEntry, StaffGrant, Tenant, User

pytestmark = pytest.mark.django_db
LEDGER = "/admin/billing/ledgerentry/"
GIVE = f"{LEDGER}give/"


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root@frontdesk.example", "pass word 1")


@pytest.fixture
def clerk(alpha: Tenant) -> User:
    """Staff that may look at everything in alpha, and give nothing."""
    user = User.objects.create_user("clerk@frontdesk.example", "pass word 1", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    StaffGrant.objects.create(
        user=user, tenant=alpha, reason="ticket 7", expires_at=timezone.now() + timedelta(hours=1)
    )
    return user


def finance(clerk: User) -> User:
    clerk.user_permissions.add(Permission.objects.get(codename="add_ledgerentry"))
    return User.objects.get(pk=clerk.pk)


def form(**fields: Any) -> dict[str, Any]:
    return {"amount": 250, "reason": "Thank you for waiting", "cause": uuid.uuid4()} | fields


def balance(tenant: Tenant) -> int:
    with schema_context(tenant.schema_name):
        return CreditAccount.objects.get().balance


class TestGiving:
    def test_is_one_entry_with_its_reason_and_in_the_audit(
        self, client_for: Callable[..., Any], clerk: User, alpha: Tenant, beta: Tenant
    ) -> None:
        before = balance(alpha), balance(beta)
        sent, browser = form(), client_for(alpha, finance(clerk))
        for _again in range(2):  # a double click
            assert browser.post(GIVE, sent).status_code == 302
        assert (balance(alpha), balance(beta)) == (before[0] + 250, before[1])
        with schema_context(alpha.schema_name):
            entry = LedgerEntry.objects.get(key=f"staff:{sent['cause']}")
        assert (entry.amount, entry.reason, entry.actor_id) == (250, "Thank you for waiting", clerk.pk)
        written = AuditEntry.objects.filter(action="credits.give", tenant=alpha, actor=clerk)
        assert written.first().detail == {"amount": 250, "reason": "Thank you for waiting"}  # type: ignore[union-attr]
        assert b"Thank you for waiting" in browser.get(LEDGER).content

    def test_asks_for_a_reason_and_a_number(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant
    ) -> None:
        before, browser = balance(alpha), client_for(alpha, superuser)
        assert browser.get(GIVE).status_code == 200
        for fields in ({"reason": ""}, {"amount": 0}, {"amount": ""}, {"cause": "x"}, {"amount": 10**12}):
            assert browser.post(GIVE, form(**fields)).status_code == 200
        assert balance(alpha) == before

    def test_takes_back_only_what_is_there(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant
    ) -> None:
        before, browser = balance(alpha), client_for(alpha, superuser)
        answer = browser.post(GIVE, form(amount=-before - 1))
        assert answer.status_code == 200 and b"fewer credits" in answer.content
        assert browser.post(GIVE, form(amount=-before)).status_code == 302
        assert balance(alpha) == 0

    def test_is_for_finance_only(
        self, client_for: Callable[..., Any], clerk: User, member_of: Any, alpha: Tenant
    ) -> None:
        before = balance(alpha)
        assert client_for(alpha, clerk).post(GIVE, form()).status_code == 403
        assert client_for(alpha, member_of(alpha)).post(GIVE, form()).status_code == 404
        assert client_for(alpha).post(GIVE, form()).status_code in (302, 404)
        public = f"/admin/tenants/tenant/{alpha.pk}/give/"
        assert client_for(None, clerk).post(public, form()).status_code == 403
        assert client_for(alpha, finance(clerk)).post(public, form()).status_code == 404
        assert balance(alpha) == before

    def test_works_for_a_chosen_business_on_the_public_host(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant, beta: Tenant
    ) -> None:
        before, browser = (balance(alpha), balance(beta)), client_for(None, superuser)
        page = f"/admin/tenants/tenant/{beta.pk}/"
        assert f"{before[1]:,}".encode() in browser.get("/admin/tenants/tenant/").content
        assert b"/give/" in browser.get(f"{page}change/").content
        assert browser.get(f"{page}give/").status_code == 200
        assert browser.post(f"{page}give/", form(amount=7_000)).status_code == 302
        assert (balance(alpha), balance(beta)) == (before[0], before[1] + 7_000)
        assert f"{before[1] + 7_000:,}".encode() in browser.get("/admin/tenants/tenant/").content
        assert AuditEntry.objects.get(action="credits.give").tenant == beta


class TestLedger:
    def test_has_no_way_to_be_changed(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant
    ) -> None:
        with schema_context(alpha.schema_name):
            entry = LedgerEntry.objects.latest("pk")
        browser = client_for(alpha, superuser)
        assert browser.get(f"{LEDGER}{entry.pk}/change/").status_code == 200
        for path in (f"{LEDGER}{entry.pk}/change/", f"{LEDGER}{entry.pk}/delete/", f"{LEDGER}add/"):
            assert browser.post(path, {"amount": 9}).status_code == 403

    def test_of_another_business_is_not_there(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant, beta: Tenant
    ) -> None:
        client_for(alpha, superuser).post(GIVE, form(reason="Only for alpha"))
        assert b"Only for alpha" not in client_for(beta, superuser).get(LEDGER).content


class TestPrices:
    NEW = {
        "model": "*",
        "input_per_million": 9,
        "output_per_million": 9,
        "cache_read_per_million": 9,
        "cache_write_per_million": 9,
        "audio_per_hour": 9,
        "reading_per_hundred_pages": 9,
        "spoken_per_million": 9,
        "per_message": 9,
        "minimum": 2,
    }

    def starting(self, when: Any) -> dict[str, Any]:
        return {**self.NEW, "effective_from_0": f"{when:%Y-%m-%d}", "effective_from_1": f"{when:%H:%M:%S}"}

    def test_begin_later_and_are_audited(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant, beta: Tenant
    ) -> None:
        add, tomorrow = "/admin/billing/price/add/", timezone.now() + timedelta(days=1)
        assert client_for(alpha, superuser).post(add, self.starting(tomorrow)).status_code == 302
        with schema_context(alpha.schema_name):
            assert Price.objects.filter(model="*").count() == 2
        with schema_context(beta.schema_name):
            assert Price.objects.filter(model="*").count() == 1
        assert AuditEntry.objects.get(action="price.set").tenant == alpha

    def test_of_the_past_are_neither_added_nor_altered(
        self, client_for: Callable[..., Any], superuser: User, alpha: Tenant
    ) -> None:
        browser, yesterday = client_for(alpha, superuser), timezone.now() - timedelta(days=1)
        with schema_context(alpha.schema_name):
            # Not through the door: the theme's own error page trips over our strictness about variables.
            assert set(PriceForm({**self.NEW, "effective_from": yesterday}).errors) == {"effective_from"}
            old = Price.objects.get(model="*")
        for action in ("change", "delete"):
            path = f"/admin/billing/price/{old.pk}/{action}/"
            assert browser.post(path, self.starting(yesterday)).status_code == 403
