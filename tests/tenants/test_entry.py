"""From the installation's host into a business."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tenants import entry
from tenants.models import EntryTicket, Membership

pytestmark = pytest.mark.django_db


def ticket_path(client, slug="alpha"):
    target = client.get(f"/enter/{slug}/").headers["Location"]
    assert target.startswith(f"http://{slug}.localhost")
    return "/enter/" + target.rpartition("/enter/")[2]


class TestEntry:
    def test_a_member_is_signed_in_once(self, alpha, member_of, client_for):
        path = ticket_path(client_for(None, member_of(alpha)))
        browser = client_for(alpha)
        assert browser.get(path).headers["Location"] == "/"
        assert "_auth_user_id" in browser.session
        again = client_for(alpha)
        assert again.get(path).headers["Location"].startswith("/accounts/login/")
        assert "_auth_user_id" not in again.session

    def test_a_ticket_opens_its_own_business_only(self, alpha, beta, member_of, client_for):
        user = member_of(alpha)
        member_of(beta, email=user.email)
        path = ticket_path(client_for(None, user))
        assert client_for(beta).get(path).headers["Location"].startswith("/accounts/login/")

    def test_a_stranger_gets_no_ticket(self, alpha, beta, member_of, client_for):
        assert client_for(None, member_of(beta)).get("/enter/alpha/").status_code == 404
        assert not EntryTicket.objects.exists()

    def test_a_ticket_ages_and_dies_with_the_seat(self, alpha, member_of):
        user, now = member_of(alpha), timezone.now()
        old = entry.ticket(user=user, tenant=alpha, now=now)
        assert entry.redeem(old, tenant=alpha, now=now + entry.TICKET_LIFE + timedelta(seconds=1)) is None
        fresh = entry.ticket(user=user, tenant=alpha, now=now)
        Membership.objects.filter(user=user).delete()
        assert entry.redeem(fresh, tenant=alpha, now=now) is None


class TestFrontPage:
    def test_shows_a_member_the_doors(self, alpha, beta, member_of, client_for):
        page = client_for(None, member_of(alpha)).get("/").content.decode()
        assert "/enter/alpha/" in page
        assert "/enter/beta/" not in page

    def test_strangers_are_offered_a_business(self, client_for):
        assert b"Create your business" in client_for(None).get("/").content
