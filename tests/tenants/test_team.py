"""Seats, invitations, keys: who may give and take them, in which business."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from tenants import team
from tenants.models import ApiKey, AuditEntry, Invitation, Membership

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(alpha, member_of):
    return member_of(alpha)


@pytest.fixture
def at_alpha(alpha, owner, client_for):
    return client_for(alpha, owner)


def seat(tenant, user):
    return Membership.objects.get(tenant=tenant, user=user)


class TestInvitation:
    def invited(self, client, email="new@example.com", role="agent"):
        assert client.post("/account/team/invite", {"email": email, "role": role}).status_code == 302
        return re.search(r"http://alpha\.localhost(/join/\S+/)", mail.outbox[-1].body)[1]

    def test_link_seats_the_invited_person_once(self, alpha, at_alpha, member_of, beta, client_for):
        path = self.invited(at_alpha)
        guest = client_for(alpha, member_of(beta, "viewer", email="new@example.com"))
        assert b"Take the seat" in guest.get(path).content
        assert guest.post(path).headers["Location"] == "/"
        assert Membership.objects.get(tenant=alpha, user__email="new@example.com").role == "agent"
        assert guest.post(path).headers["Location"] == path
        assert guest.get(path).status_code == 404

    def test_link_in_other_hands_opens_nothing(self, alpha, at_alpha, member_of, beta, client_for):
        path = self.invited(at_alpha)
        stranger = client_for(alpha, member_of(beta, "owner"))
        stranger.post(path)
        assert not Membership.objects.filter(tenant=alpha, user__email="owner@beta.example").exists()

    def test_link_is_of_one_business(self, at_alpha, member_of, beta, client_for):
        path = self.invited(at_alpha)
        guest = client_for(beta, member_of(beta, "viewer", email="new@example.com"))
        assert guest.get(path).status_code == 404

    def test_token_is_not_stored_and_ages(self, alpha, at_alpha):
        token = self.invited(at_alpha).split("/")[2]
        assert token not in str(Invitation.objects.values())
        later = timezone.now() + team.INVITATION_LIFE + timedelta(seconds=1)
        assert team.open_invitation(token, tenant=alpha, now=later) is None

    def test_second_invitation_replaces_the_first(self, alpha, at_alpha, client_for):
        first = self.invited(at_alpha)
        self.invited(at_alpha)
        assert Invitation.objects.filter(tenant=alpha).count() == 1
        assert client_for(alpha).get(first).status_code == 404

    def test_withdrawn_is_gone(self, alpha, at_alpha, client_for):
        path = self.invited(at_alpha)
        at_alpha.post(f"/account/invitations/{Invitation.objects.get().pk}/withdraw")
        assert client_for(alpha).get(path).status_code == 404

    def test_a_manager_makes_no_owner(self, alpha, member_of, client_for):
        manager = client_for(alpha, member_of(alpha, "manager"))
        answer = manager.post("/account/team/invite", {"email": "new@example.com", "role": "owner"})
        assert answer.status_code == 422
        assert b"Only an owner may do that." in answer.content
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("role", ["agent", "finance", "viewer"])
    def test_others_do_not_invite(self, alpha, member_of, client_for, role):
        client = client_for(alpha, member_of(alpha, role))
        assert client.get("/account/team/").status_code == 403
        assert client.post("/account/team/invite", {"email": "a@b.co", "role": "viewer"}).status_code == 403


class TestSeats:
    def test_role_is_changed_and_recorded(self, alpha, at_alpha, member_of):
        member = seat(alpha, member_of(alpha, "agent"))
        at_alpha.post(f"/account/team/{member.pk}/role", {"role": "manager"})
        member.refresh_from_db()
        assert member.role == "manager"
        assert AuditEntry.objects.get(action="team.role").detail == {"before": "agent", "after": "manager"}

    def test_last_owner_stays(self, alpha, owner):
        mine = seat(alpha, owner)
        with pytest.raises(team.LastOwner):
            team.remove(mine, by=mine)
        with pytest.raises(team.LastOwner):
            team.change_role(mine, role="viewer", by=mine)

    def test_a_manager_does_not_touch_an_owner(self, alpha, owner, member_of):
        with pytest.raises(team.NotYours):
            team.remove(seat(alpha, owner), by=seat(alpha, member_of(alpha, "manager")))

    def test_removal_works_at_the_next_request(self, alpha, at_alpha, member_of, client_for):
        user = member_of(alpha, "manager")
        client = client_for(alpha, user)
        assert client.get("/account/team/").status_code == 200
        at_alpha.post(f"/account/team/{seat(alpha, user).pk}/remove")
        assert client.get("/account/team/").status_code == 404

    def test_seats_of_another_business_are_not_there(self, at_alpha, beta, member_of):
        theirs = seat(beta, member_of(beta, "agent"))
        for action, data in (("role", {"role": "viewer"}), ("remove", {})):
            assert at_alpha.post(f"/account/team/{theirs.pk}/{action}", data).status_code == 404
        theirs.refresh_from_db()
        assert theirs.role == "agent"


class TestKeys:
    def test_a_key_is_shown_once_and_revoked_at_once(self, alpha, at_alpha):
        page = at_alpha.post(
            "/account/keys/", {"name": "Website", "scopes": ["knowledge:read"]}
        ).content.decode()
        secret = re.search(r"fd_[\w-]{40,}", page)[0]
        assert secret not in at_alpha.get("/account/keys/").content.decode()
        key = ApiKey.objects.get(tenant=alpha)
        assert key.scopes == ["knowledge:read"]
        assert secret not in str(ApiKey.objects.values())
        at_alpha.post(f"/account/keys/{key.pk}/revoke")
        key.refresh_from_db()
        assert key.revoked_at is not None

    def test_keys_of_another_business_are_not_there(self, at_alpha, beta):
        key, _secret = ApiKey.issue(tenant=beta, name="theirs", scopes=None)
        assert b"theirs" not in at_alpha.get("/account/keys/").content
        assert at_alpha.post(f"/account/keys/{key.pk}/revoke").status_code == 404
