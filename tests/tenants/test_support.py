"""Support staff in a business: its inbox inside the back office, as a member, and what the business sees."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from agents.models import Agent
from conversations.models import Channel, Contact, Conversation, Message
from tenants import admitting, entry, flags, impersonating
from tenants.models import Announcement, AuditEntry, FeatureFlag, Impersonation, StaffGrant, Tenant, User
from tests.tenants import staff

pytestmark = pytest.mark.django_db
INBOX = "/admin/inbox"


@pytest.fixture(autouse=True)
def _flags() -> Any:
    flags.forget()
    yield
    flags.forget()


@pytest.fixture
def chat(alpha: Tenant) -> Conversation:
    """Bruna waits for a person."""
    with schema_context(alpha.schema_name):
        channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=Agent.objects.order_by("pk")[0])
        chat = Conversation.objects.create(
            channel=channel,
            contact=Contact.objects.create(name="Bruna Dias"),
            address="1@c.us",
            handler="queue",
            waiting_since=timezone.now(),
            unread_count=1,
            last_message_at=timezone.now(),
        )
        Message.objects.create(
            conversation=chat,
            direction="in",
            author_kind="contact",
            body="Alguém aí?",
            status="received",
            outcome="handed_over",
        )
    return chat


def follow(browser: Any, answer: Any) -> Any:
    """Over to the business's own host, by the ticket in the answer."""
    return browser.get("/enter/" + way(answer).rpartition("/enter/")[2])


def way(answer: Any) -> str:
    """Where an answer leads: after a form to another host only by a page that goes on."""
    return str(answer.headers.get("Location") or answer.headers.get("Refresh", ""))


def cookies(browser: Any) -> dict[str, str]:
    return {"host": "alpha.localhost", "cookie": f"sessionid={browser.cookies['sessionid'].value}"}


class TestInbox:
    def test_is_the_business_own_page_in_another_frame(
        self, client_for: Any, member_of: Any, alpha: Tenant, chat: Conversation
    ) -> None:
        user = staff.make("support", supports=alpha)
        browser = client_for(alpha, user)
        page = browser.get(f"{INBOX}/chats/{chat.pk}/").content.decode()
        assert "Alguém aí?" in page and "Frontdesk support" in page
        assert f'href="{INBOX}/chats/' in page and 'href="/account' not in page and 'href="/chats' not in page
        theirs = client_for(alpha, member_of(alpha)).get(f"/chats/{chat.pk}/thread").content.decode()
        ours = browser.get(f"{INBOX}/chats/{chat.pk}/thread").content.decode()
        assert strip(ours.replace(INBOX, "")) == strip(theirs)
        with schema_context("alpha"):
            assert Conversation.objects.get().unread_count == 1  # nobody of the team has read it
        assert admitting.admit(cookies(browser)) == "alpha"

    def test_is_where_they_act_as_themselves_and_the_team_sees_it(
        self, client_for: Any, member_of: Any, alpha: Tenant, chat: Conversation
    ) -> None:
        user = staff.make("support", supports=alpha, name="Sara Lima")
        browser = client_for(alpha, user)
        browser.post(f"{INBOX}/chats/{chat.pk}/take-over")
        sent = browser.post(f"{INBOX}/chats/{chat.pk}/send", {"text": "Sou a Sara.", "key": "k1"})
        assert sent.status_code in (200, 302)
        with schema_context("alpha"):
            now = Conversation.objects.get()
            assert (now.handler, now.assigned_to) == ("person", user)
            assert Message.objects.get(body="Sou a Sara.").author == user
        owner = client_for(alpha, member_of(alpha))
        assert "Frontdesk support" in owner.get(f"/chats/{chat.pk}/thread").content.decode()
        acts = AuditEntry.objects.filter(action="support.act", tenant=alpha, actor=user)
        assert set(acts.values_list("detail__page", flat=True)) == {"chat_take_over", "chat_send"}
        assert AuditEntry.objects.filter(action="backoffice.enter", actor=user).count() == 1
        team = owner.get("/account/team/").content.decode()
        assert "Sara Lima" in team and "ticket 7" in team

    def test_is_not_the_rest_of_the_dashboard_and_not_for_others(
        self, client_for: Any, member_of: Any, alpha: Tenant, beta: Tenant, chat: Conversation
    ) -> None:
        user = staff.make("support", supports=alpha)
        browser, path = client_for(alpha, user), f"{INBOX}/chats/{chat.pk}/"
        for closed in (
            "/account/keys/",
            "/account/",
            "/assistant/",
            "/",
            "/admin/",
            "/accounts/password/change/",
        ):
            assert browser.get(INBOX + closed).status_code == 404, closed
        assert browser.get(f"/chats/{chat.pk}/").status_code == 404
        assert client_for(beta, user).get(path).status_code == 404
        assert client_for(None, user).get(path).status_code == 404
        for other in (
            staff.make("finance", supports=alpha),
            staff.make("nobody", supports=alpha),
            member_of(alpha),
        ):
            assert client_for(alpha, other).get(path).status_code == 404
        assert client_for(alpha).get(path)["Location"].startswith("/accounts/login/?next=%2Fadmin%2Finbox")
        assert "unsafe" not in browser.get(path)["Content-Security-Policy"]
        StaffGrant.objects.update(expires_at=timezone.now())
        assert browser.get(path).status_code == 404
        assert admitting.admit(cookies(browser)) == admitting.FORBIDDEN

    def test_is_for_looking_only_where_a_flag_says_so(
        self, client_for: Any, alpha: Tenant, chat: Conversation
    ) -> None:
        browser = client_for(alpha, staff.make("support", supports=alpha))
        operator = client_for(None, staff.make("operator"))
        answer = operator.post(
            "/admin/tenants/featureflag/add/", {"name": "support_writes", "state": "off", "percent": 0}
        )
        assert answer.status_code == 302 and AuditEntry.objects.filter(action="flag.set").count() == 1
        assert browser.post(f"{INBOX}/chats/{chat.pk}/take-over").status_code == 403
        assert browser.get(f"{INBOX}/chats/{chat.pk}/").status_code == 200
        FeatureFlag.objects.update(state="chosen")
        FeatureFlag.objects.get().tenants.add(alpha)
        flags.forget()
        assert browser.post(f"{INBOX}/chats/{chat.pk}/take-over").status_code == 302

    def test_is_a_ticket_away_and_ends_when_the_business_says_so(
        self, client_for: Any, member_of: Any, alpha: Tenant, chat: Conversation
    ) -> None:
        user = staff.make("support", supports=alpha)
        front, browser = client_for(None, user), client_for(alpha)
        arrived = follow(browser, front.get("/admin/enter/alpha/?to=inbox"))
        assert arrived["Location"] == f"{INBOX}/chats/?filter=waiting"
        assert browser.get(arrived["Location"]).status_code == 200
        assert front.get("/admin/enter/beta/?to=inbox").status_code == 404
        grant = StaffGrant.objects.get()
        member_of(alpha, "manager")
        owner = client_for(alpha, member_of(alpha, "manager"))
        assert owner.post(f"/account/team/support/{grant.pk}/end").status_code == 302
        assert browser.get(arrived["Location"]).status_code == 404
        assert AuditEntry.objects.get(action="support.grant_ended").tenant == alpha


def strip(html: str) -> str:
    """Without what is different in every answer."""
    import re

    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|value="[\w-]{36}"|\s+', " ", html)


class TestAsAMember:
    def begin(self, client_for: Any, alpha: Tenant, by: User, member: User, **fields: Any) -> Any:
        """The staff person's browser at the business, after the form in the back office."""
        form = {"member": member.memberships.get().pk, "minutes": 30, "reason": "ticket 9"} | fields
        front, browser = client_for(None, by), client_for(alpha)
        answer = front.post(f"/admin/tenants/tenant/{alpha.pk}/as/", form)
        if "/enter/" in way(answer):
            follow(browser, answer)
        return browser

    def test_shows_what_the_member_sees_and_changes_nothing(
        self, client_for: Any, member_of: Any, alpha: Tenant, chat: Conversation
    ) -> None:
        user, member = staff.make("support", supports=alpha), member_of(alpha)
        browser = self.begin(client_for, alpha, user, member)
        page = browser.get(f"/chats/{chat.pk}/").content.decode()
        assert (
            "Alguém aí?" in page and "impersonation/end" in page and str(user) in page and str(member) in page
        )
        assert browser.get("/account/team/").status_code == 200
        for path in (
            f"/chats/{chat.pk}/take-over",
            "/account/language",
            "/account/keys/",
            f"/chats/{chat.pk}/send",
        ):
            assert browser.post(path, {"language": "fr", "name": "K", "text": "x"}).status_code == 403, path
        assert browser.get("/accounts/password/change/").status_code == 403
        with schema_context("alpha"):
            assert Conversation.objects.get().unread_count == 1
        seen = AuditEntry.objects.filter(action="impersonation.see", tenant=alpha, actor=user)
        assert set(seen.values_list("detail__page", flat=True)) >= {"chat", "account_team"}
        assert set(seen.values_list("detail__as", flat=True)) == {str(member)}
        assert admitting.admit(cookies(browser)) == "alpha"

    def test_acts_with_both_names_where_a_superuser_lets_them(
        self, client_for: Any, member_of: Any, alpha: Tenant, chat: Conversation
    ) -> None:
        root, member = staff.make("superuser"), member_of(alpha)
        browser = self.begin(client_for, alpha, root, member, staff=root.pk, mode="act")
        assert browser.post(f"/chats/{chat.pk}/take-over").status_code == 302
        for path, form in (
            ("/account/keys/", {"name": "K", "scopes": ["conversations:read"]}),
            ("/account/team/invite", {"email": "x@x.example", "role": "owner"}),
            ("/account/language", {"language": "fr"}),
            ("/accounts/2fa/totp/activate/", {}),
        ):
            assert browser.post(path, form).status_code == 403, path
        with schema_context("alpha"):
            assert Conversation.objects.get().assigned_to == root  # not the member: nobody speaks for another
        entry_of = AuditEntry.objects.get(action="conversation.take_over")
        assert (entry_of.actor, entry_of.detail["as"]) == (root, str(member))
        assert (
            AuditEntry.objects.filter(action="impersonation.act", detail__page="chat_take_over").count() == 1
        )

    def test_ends_by_the_button_by_time_and_with_the_seat(
        self, client_for: Any, member_of: Any, alpha: Tenant
    ) -> None:
        root, member = staff.make("superuser"), member_of(alpha)
        for end in ("button", "time", "seat"):
            browser = self.begin(client_for, alpha, root, member, staff=root.pk, mode="look")
            assert browser.get("/chats/").status_code == 200
            if end == "button":
                assert "url=http://localhost" in browser.post("/impersonation/end")["Refresh"]
            elif end == "time":
                Impersonation.objects.filter(ended_at=None).update(expires_at=timezone.now())
                assert browser.get("/chats/")["Location"].startswith("http://localhost")
            else:
                member.memberships.all().delete()
                assert browser.get("/chats/")["Location"].startswith("http://localhost")
            assert browser.get("/chats/").status_code == 404, end
        assert AuditEntry.objects.filter(action="impersonation.end", tenant=alpha).count() == 1

    def test_is_allowed_by_the_rules(
        self, client_for: Any, member_of: Any, alpha: Tenant, beta: Tenant
    ) -> None:
        root, support, finance = (staff.make(kind) for kind in ("superuser", "support", "finance"))
        member, now = member_of(alpha), timezone.now()

        def may(**wishes: Any) -> bool:
            whole = {
                "staff": support,
                "tenant": alpha,
                "member": member,
                "mode": "look",
                "by": support,
            } | wishes
            try:
                impersonating.allow(**whole, reason="r", minutes=10, now=now)
            except impersonating.NotAllowed:
                return False
            return True

        assert not may()  # no grant
        staff.grant(support, alpha)
        staff.grant(finance, alpha)
        assert may() and may(by=root, mode="act") and may(by=root, staff=finance)
        boss = member_of(alpha, "manager", email="boss@x.example")
        User.objects.filter(pk=boss.pk).update(is_staff=True)
        boss.refresh_from_db()
        refused = (
            {"mode": "act"},
            {"staff": finance},
            {"staff": finance, "by": finance},
            {"tenant": beta},
            {"member": boss},
            {"member": root, "by": root},
            {"by": root, "staff": member},
        )
        assert [wishes for wishes in refused if may(**wishes)] == []
        row = Impersonation.objects.filter(staff=support, mode="look").first()
        stolen = entry.ticket(user=finance, tenant=alpha, now=now, impersonation=row)
        assert entry.redeem(stolen, tenant=alpha, now=now) is None


def test_announcements_are_shown_in_ones_language_until_read_or_over(
    client_for: Any, member_of: Any, alpha: Tenant
) -> None:
    now = timezone.now()
    note = Announcement.objects.create(
        text_en="We move house.",
        text_pt="Vamos mudar de casa.",
        begins_at=now,
        shown_until=now + timedelta(hours=2),
    )
    Announcement.objects.create(
        text_en="Long ago.", shown_from=now - timedelta(days=2), shown_until=now - timedelta(days=1)
    )
    Announcement.objects.create(
        text_en="Not yet.", shown_from=now + timedelta(days=1), shown_until=now + timedelta(days=2)
    )
    viewer, owner = member_of(alpha, "viewer"), member_of(alpha)
    User.objects.filter(pk=viewer.pk).update(language="pt-br")
    User.objects.filter(pk=owner.pk).update(language="fr")
    browser, other = client_for(alpha, viewer), client_for(alpha, owner)
    page = browser.get("/").content.decode()
    assert "Vamos mudar de casa." in page and "Long ago" not in page and "Not yet" not in page
    assert "We move house." in other.get("/").content.decode()
    for _twice in range(2):
        assert browser.post(f"/announcements/{note.pk}/read", headers={"hx-request": "true"}).content == b""
    assert "Vamos mudar" not in browser.get("/").content.decode()
    assert "We move house." in other.get("/").content.decode()


def test_a_share_of_businesses_only_grows() -> None:
    """Pure: of 400 numbers, those that are in at ten percent are in at thirty, and about so many are in."""

    def chosen(percent: int) -> set[int]:
        setting = flags.Setting("share", percent)
        return {pk for pk in range(400) if flags.decide(setting, name="x", tenant_id=pk)}

    assert chosen(0) == set() and chosen(100) == set(range(400))
    assert chosen(10) < chosen(30) and 80 < len(chosen(30)) < 160
    assert not flags.decide(flags.Setting("off"), name="x", tenant_id=1)
    assert flags.decide(flags.Setting("chosen", tenants=frozenset({1})), name="x", tenant_id=1)
