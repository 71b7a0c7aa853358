"""What people are told: once, by the ways they chose, not by night, and not what they have seen meanwhile."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from agents.models import Agent
from conversations.models import Channel, Contact, Conversation
from tenants import notice_delivery, notifying
from tenants.models import User
from tenants.notices import Notification, PushDevice, PushKey
from tenants.quiet import allowed_from
from tests.background import Background
from tests.counterparts.browsers import Browser
from tests.counterparts.receiver import Receiver

pytestmark = pytest.mark.django_db
URL = "/chats/1/"


@pytest.fixture
def now() -> datetime:
    return timezone.now()


@pytest.fixture
def chat(in_alpha: Any) -> Conversation:
    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=Agent.objects.get())
    contact = Contact.objects.create(name="Ana Souza")
    return Conversation.objects.create(contact=contact, channel=channel, address="1@c.us", handler="queue")


@pytest.fixture(scope="module")
def _service() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def service(_service: Receiver) -> Receiver:
    """The server of a browser's maker, as if nothing had come yet."""
    _service.app.requests.clear()
    _service.app.faults.clear()
    return _service


@pytest.fixture
def agent(alpha: Any, member_of: Callable[..., User]) -> User:
    return member_of(alpha, "agent")


@pytest.fixture
def page(alpha: Any, agent: User, client_for: Callable[..., Client]) -> Client:
    return client_for(alpha, agent)


@pytest.fixture
def told(page: Client, service: Receiver) -> Browser:
    """A browser of the agent that said yes."""
    browser = Browser(service.url)
    assert page.post("/notices/devices", browser.subscription).status_code == 204
    return browser


def tell(chat: Conversation, *, key: str = "1", **more: Any) -> None:
    notifying.notify(
        "waiting", key=key, url=URL, params={"conversation": chat.pk}, **{"now": timezone.now(), **more}
    )


def of(user: User) -> list[Notification]:
    return list(Notification.objects.filter(user=user).order_by("pk"))


@pytest.mark.parametrize(
    ("local", "start", "end", "expected"),
    [
        ("12:00", "22:00", "07:00", "12:00"),
        ("22:00", "22:00", "07:00", "07:00+1"),
        ("23:30", "22:00", "07:00", "07:00+1"),
        ("06:59", "22:00", "07:00", "07:00"),
        ("07:00", "22:00", "07:00", "07:00"),
        ("13:15", "13:00", "14:00", "14:00"),
        ("12:59", "13:00", "14:00", "12:59"),
        ("03:00", "00:00", "00:00", "03:00"),
        ("03:00", "", "", "03:00"),
    ],
)
def test_quiet_hours_are_of_the_businesss_own_day(local: str, start: str, end: str, expected: str) -> None:
    def at(text: str) -> datetime:
        clock, _plus, days = text.partition("+")
        hour, minute = map(int, clock.split(":"))
        local = datetime(2026, 11, 20 + int(days or 0), hour, minute, tzinfo=UTC)
        return local + timedelta(hours=3)  # São Paulo is at -3

    def clock(text: str) -> Any:
        return time.fromisoformat(text) if text else None

    found = allowed_from(at(local), start=clock(start), end=clock(end), zone="America/Sao_Paulo")
    assert found == at(expected)


class TestWhoIsTold:
    def test_each_once_a_cause_and_only_members_whom_it_concerns(
        self, alpha: Any, beta: Any, chat: Conversation, agent: User, member_of: Callable[..., User]
    ) -> None:
        owner, viewer, stranger = member_of(alpha), member_of(alpha, "viewer"), member_of(beta)
        tell(chat)
        tell(chat)
        tell(chat, key="2", besides=[agent])
        tell(chat, key="3", users=[stranger, viewer])
        assert [len(of(one)) for one in (owner, agent, viewer, stranger)] == [2, 1, 1, 0]
        notifying.over(url=URL, now=timezone.now(), kinds=["waiting"])
        assert not Notification.objects.filter(seen_at=None).exists()

    def test_the_list_has_names_and_opening_is_seeing(
        self, alpha: Any, chat: Conversation, agent: User, page: Client, member_of: Callable[..., User]
    ) -> None:
        member_of(alpha)
        tell(chat)
        seen = page.get("/notices/")
        assert "Ana Souza waits for a person" in seen.content.decode()
        part = page.get("/notices/", headers={"HX-Request": "true"}).content.decode()
        assert _plain(part) in _plain(seen.content.decode())
        assert 'data-unseen="1"' in page.get("/notices/bell").content.decode()
        [own] = of(agent)
        opened = page.get(f"/notices/{own.pk}/")
        assert (opened.status_code, opened["Location"]) == (302, URL)
        assert 'data-unseen="0"' in page.get("/notices/bell").content.decode()
        assert Notification.objects.filter(seen_at=None).count() == 1  # the owner's
        other = Notification.objects.get(seen_at=None)
        assert page.get(f"/notices/{other.pk}/").status_code == 404

    def test_all_are_seen_and_unseen_again(self, chat: Conversation, agent: User, page: Client) -> None:
        tell(chat)
        tell(chat, key="2")
        said = page.post("/notices/seen", follow=True).content.decode()
        assert not [one for one in of(agent) if one.seen_at is None]
        undo = re.search(r'action="(/notices/unseen\?[^"]+)"', said)
        assert undo
        page.post(undo[1].replace("&amp;", "&"))
        assert len([one for one in of(agent) if one.seen_at is None]) == 2


def _plain(html: str) -> str:
    html = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", html)
    return re.sub(r"\s+", " ", html).strip()


class TestBrowsers:
    def test_is_told_sealed_and_signed_in_its_persons_language(
        self, chat: Conversation, agent: User, told: Browser, service: Receiver, background: Background
    ) -> None:
        User.objects.filter(pk=agent.pk).update(language="en")
        tell(chat)
        background.run()
        [request] = service.app.requests
        shown = told.read(request)
        assert shown["body"] == "Ana Souza waits for a person" and shown["count"] == 1
        assert shown["url"] == f"/notices/{of(agent)[0].pk}/"
        assert b"Ana" not in request.body and request.headers["urgency"] == "high"
        assert of(agent)[0].push_due_at is None and PushDevice.objects.get().told_at
        other = Browser(told.endpoint)
        with pytest.raises(Exception):  # noqa: B017 - whatever the cipher says to the wrong key
            other.read(request)
        background.run()
        assert len(service.app.requests) == 1 and PushKey.objects.count() == 1

    def test_who_took_the_leave_back_or_signed_out_is_forgotten(
        self, chat: Conversation, page: Client, told: Browser, service: Receiver, background: Background
    ) -> None:
        service.fail_next("410")
        tell(chat)
        background.run()
        assert not PushDevice.objects.exists()
        again = Browser(service.url + "?2")
        assert page.post("/notices/devices", again.subscription).status_code == 204
        page.logout()
        tell(chat, key="2")
        background.run()
        assert not PushDevice.objects.exists() and len(service.app.requests) == 1

    def test_a_maker_that_fails_is_asked_again_and_a_dead_worker_loses_nothing(
        self, chat: Conversation, agent: User, told: Browser, service: Receiver, background: Background
    ) -> None:
        service.fail_next("503")
        tell(chat)
        background.run()
        [waiting] = of(agent)
        assert waiting.push_due_at and waiting.push_left
        Notification.objects.update(push_due_at=timezone.now() - timedelta(minutes=1))
        background.run_one(notice_delivery.sweep)
        assert told.read(service.app.requests[1])["body"] and of(agent)[0].push_due_at is None
        tell(chat, key="2")  # and the doorbell is lost
        background.commit()
        background.sent.clear()
        Notification.objects.exclude(push_due_at=None).update(
            push_due_at=timezone.now() - timedelta(minutes=1)
        )
        background.run_one(notice_delivery.sweep)
        assert len(service.app.requests) == 3

    def test_no_address_of_the_house_is_taken(self, page: Client, service: Receiver, settings: Any) -> None:
        settings.PUSH_PRIVATE_HOSTS = [""]
        for address in (service.url, "https://127.0.0.1:9/x", "https://[::1]/x", "nonsense", ""):
            refused = page.post("/notices/devices", Browser(address).subscription)
            assert refused.status_code == 422, address
        assert not PushDevice.objects.exists()


class TestChoices:
    def test_by_night_nothing_leaves_and_a_muted_channel_never_does(
        self, alpha: Any, chat: Conversation, agent: User, page: Client, told: Browser, background: Background
    ) -> None:
        local = timezone.localtime(timezone.now(), timezone.get_default_timezone())
        zone = {"quiet_from": "", "quiet_until": "", "muted_channels": [str(chat.channel_id)]}
        page.post("/account/notifications/", {**zone, "push": ["waiting"], "email": ["waiting"]})
        tell(chat, channel=chat.channel_id)
        assert (of(agent)[0].push_due_at, of(agent)[0].email_due_at) == (None, None)
        hours = {"quiet_from": "00:00", "quiet_until": "23:59"}
        page.post("/account/notifications/", {**hours, "push": ["waiting"], "email": ["waiting"]})
        tell(chat, key="2")
        due = of(agent)[1].push_due_at
        assert due is not None and (due > timezone.now() or local.hour == 23)
        page.post("/account/notifications/", {"quiet_from": "", "quiet_until": ""})
        tell(chat, key="3")
        assert (of(agent)[2].push_due_at, of(agent)[2].email_due_at) == (None, None)

    def test_what_was_typed_is_kept_where_something_is_wrong(self, page: Client) -> None:
        answer = page.post("/account/notifications/", {"quiet_from": "22:00", "push": ["mention"]})
        words = answer.content.decode()
        assert answer.status_code == 422 and "Quiet hours need a beginning and an end." in words
        assert 'value="22:00"' in words and re.search(r'name="push"\s+value="mention"[^>]*checked', words)


class TestLetters:
    def test_one_letter_of_what_was_not_seen_and_never_twice(
        self, alpha: Any, chat: Conversation, agent: User, now: datetime, member_of: Callable[..., User]
    ) -> None:
        owner = member_of(alpha)
        User.objects.update(language="en")
        for number in range(3):
            tell(chat, key=str(number))
        tell(chat, key="away", users=[owner])
        soon, later = now + timedelta(minutes=1), now + timedelta(minutes=6)
        notice_delivery.mail_due(now=soon)
        assert not mail.outbox
        notifying.over(url=URL, now=now, users=[owner])
        notice_delivery.mail_due(now=later)
        notice_delivery.mail_due(now=later)
        [letter] = mail.outbox
        assert letter.to == [agent.email] and "3 things for you" in letter.subject
        assert letter.body.count("Ana Souza waits for a person") == 3
        assert "alpha.localhost" in letter.body and "/account/notifications/" in letter.body

    def test_who_has_no_seat_any_more_gets_none(
        self, alpha: Any, chat: Conversation, agent: User, now: datetime
    ) -> None:
        tell(chat)
        agent.memberships.all().delete()
        notice_delivery.mail_due(now=now + timedelta(minutes=6))
        assert not mail.outbox


def test_low_credits_are_told_once_each_step(in_alpha: Any, member_of: Callable[..., User]) -> None:
    from billing import credits
    from billing.models import CreditAccount

    finance = member_of(in_alpha, "finance")
    CreditAccount.objects.update(balance=25, held=0)
    for number in range(4):
        credits.spend(kind="turn", amount=3, key=f"x{number}", reason="x", now=timezone.now())
    [told] = of(finance)
    assert (told.kind, told.params) == ("low_balance", {"credits": 19})
