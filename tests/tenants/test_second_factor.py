"""The second factor: anybody's own to switch on, and staff's where a setting asks for it."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

from tenants import admitting
from tenants.blueprints import confirm_email
from tenants.models import AuditEntry, Tenant
from tests.tenants import staff
from tests.tenants.test_support import INBOX, cookies

pytestmark = pytest.mark.django_db


def code_of(secret: str) -> str:
    """The six digits of this moment."""
    _before, now, _after = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, now))


def test_staff_must_have_a_second_factor_where_a_setting_says_so(
    client_for: Any, member_of: Any, alpha: Tenant, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    user, settings.STAFF_SECOND_FACTOR = staff.make("support", supports=alpha), True
    confirm_email(user)
    browser, inside = client_for(None), client_for(alpha, user)
    signing_in = {"login": user.email, "password": "pass word 1"}
    assert browser.post("/accounts/login/", signing_in).status_code == 302
    set_up = browser.get("/admin/")["Location"]
    assert inside.get(f"{INBOX}/chats/")["Location"] == set_up
    assert inside.get(f"{INBOX}/chats/", headers={"HX-Request": "true"})["HX-Redirect"] == set_up
    assert admitting.admit(cookies(inside)) == admitting.FORBIDDEN
    assert client_for(alpha, member_of(alpha)).get("/chats/").status_code == 200  # of no member is it asked
    password_again = browser.get(set_up)["Location"]
    assert "Staff signs in with a second factor" in browser.get(password_again).content.decode()
    assert browser.post(password_again, {"password": "pass word 1"}).status_code == 302
    page = browser.get(set_up)
    secret = page.context["form"].secret
    with django_capture_on_commit_callbacks(execute=True):
        assert browser.post(set_up, {"code": code_of(secret)}).status_code == 302
    for client in (browser.get("/admin/"), inside.get(f"{INBOX}/chats/")):
        assert client.status_code == 200
    kept = Authenticator.objects.get(user=user, type="totp")
    assert secret not in str(kept.data)
    refused = browser.post("/accounts/2fa/totp/deactivate/")
    assert refused.status_code == 200 and "cannot deactivate" in refused.content.decode()
    assert AuditEntry.objects.filter(action="account.totp_activated", actor=user).count() == 1

    other = client_for(None)
    assert other.post("/accounts/login/", signing_in)["Location"].startswith("/accounts/2fa/authenticate/")
    assert other.get("/admin/").status_code == 302  # not signed in yet
    spare = RecoveryCodes(Authenticator.objects.get(user=user, type="recovery_codes")).get_unused_codes()[0]
    assert other.post("/accounts/2fa/authenticate/", {"code": spare}).status_code == 302
    assert other.get("/admin/").status_code == 200
