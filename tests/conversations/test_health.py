"""A channel's health: the rules by table, then a gateway that says WORKING and delivers nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from conversations import alarms, health
from conversations.health import Reason, Signs, Verdict
from conversations.models import Channel, ChannelStatus, Message
from tests.conversations import door
from tests.conversations.conftest import Shop

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


GREEN = Verdict("green")
TABLE = [
    ("all is well", {}, GREEN),
    ("one probe failed", {"probe_failures": 1}, Verdict("amber", Reason.UNSTEADY)),
    ("three probes failed", {"probe_failures": 3}, Verdict("red", Reason.UNREACHABLE)),
    ("refused once", {"refused": True, "probe_failures": 1}, Verdict("amber", Reason.UNSTEADY)),
    ("refused twice", {"refused": True, "probe_failures": 2}, Verdict("red", Reason.REFUSED)),
    ("never asked", {"status": "", "ever_worked": False}, Verdict("amber", Reason.NEW)),
    (
        "being paired for the first time",
        {"status": "SCAN_QR_CODE", "ever_worked": False, "status_at": ago(60)},
        Verdict("amber", Reason.PAIRING),
    ),
    (
        "a passkey is asked for the first time",
        {"status": "PASSKEY_REQUIRED", "ever_worked": False, "status_at": ago(60)},
        Verdict("amber", Reason.PAIRING),
    ),
    (
        "unpaired a moment ago",
        {"status": "SCAN_QR_CODE", "status_at": ago(1)},
        Verdict("amber", Reason.SETTLING),
    ),
    ("unpaired", {"status": "SCAN_QR_CODE", "status_at": ago(2)}, Verdict("red", Reason.STATE)),
    ("starting for ever", {"status": "STARTING", "status_at": ago(3)}, Verdict("red", Reason.STATE)),
    ("failed", {"status": "FAILED", "status_at": ago(5)}, Verdict("red", Reason.STATE)),
    ("a state that nobody knows", {"status": "ODD", "status_at": ago(5)}, Verdict("red", Reason.STATE)),
    ("sent, and no time has passed", {"silent_since": ago(14), "silent_people": 9}, GREEN),
    (
        "sent, and nothing at all came back",
        {"silent_since": ago(15), "silent_people": 1},
        Verdict("red", Reason.SILENT),
    ),
    (
        "nothing since the send, only before it",
        {"silent_since": ago(15), "silent_people": 1, "last_event_at": ago(16)},
        Verdict("red", Reason.SILENT),
    ),
    (
        "one person's phone is off",
        {"silent_since": ago(15), "silent_people": 1, "last_event_at": ago(2)},
        Verdict("amber", Reason.ONE_SILENT),
    ),
    (
        "two people have nothing, though events come",
        {"silent_since": ago(15), "silent_people": 2, "last_event_at": ago(2)},
        Verdict("red", Reason.SILENT),
    ),
    (
        "the business is patient",
        {"silent_since": ago(50), "silent_people": 2, "watchdog": timedelta(hours=1)},
        GREEN,
    ),
    ("started again after silence", {"was_silent": True}, Verdict("amber", Reason.UNPROVEN)),
    ("two people could not be sent to", {"failed_people": 2}, GREEN),
    ("three people could not be sent to", {"failed_people": 3}, Verdict("red", Reason.FAILING)),
    (
        "the gateway is away, whatever else",
        {"probe_failures": 3, "status": "FAILED", "status_at": ago(9)},
        Verdict("red", Reason.UNREACHABLE),
    ),
]


@pytest.mark.parametrize(("signs", "verdict"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_rules(signs: dict[str, Any], verdict: Verdict) -> None:
    assert health.judge(Signs(**signs), now=NOW) == verdict


def fresh(shop: Shop) -> Channel:
    shop.work()
    return Channel.objects.get(pk=shop.channel.pk)


def look(shop: Shop, *, minutes: float = 0) -> Channel:
    """The beat's round, so many minutes from now, and the mails that follow from it."""
    moment = timezone.now() + timedelta(minutes=minutes)
    health.go_round(now=moment)
    shop.work()
    alarms.tell_all(now=moment)
    return Channel.objects.get(pk=shop.channel.pk)


def answer_somebody(shop: Shop, chat: str = "5511988887777@c.us") -> Message:
    """A paired number answers; the gateway takes the message and says no more."""
    look(shop)
    shop.say("Oi", chat=chat)
    shop.work()
    return Message.objects.filter(direction="out", conversation__address=chat).latest("pk")


def tell_receipt(shop: Shop, message: Message, *, minutes: float, level: int = 2) -> None:
    """The phone has it, so many minutes from now: the inbox reads by the real clock, so the row is moved."""
    chat = message.conversation.address
    payload = {"id": f"true_{chat}_{message.unique_id}", "from": chat, "fromMe": True, "ack": level}
    assert shop.knock(door.event("message.ack", payload)) == 200
    shop.read()
    moment = timezone.now() + timedelta(minutes=minutes)
    assert Channel.objects.filter(pk=shop.channel.pk, last_ack_at__isnull=False).update(last_ack_at=moment)


@pytest.fixture
def boss(shop: Shop, member_of: Any) -> Any:
    """Who is told; besides an agent, who is not."""
    member_of(shop.tenant, role="agent")
    return member_of(shop.tenant, role="owner")


class TestAGatewayThatDeliversNothing:
    def test_turns_red_within_its_watchdog_time_and_recovers(self, shop: Shop, boss: Any) -> None:
        assert look(shop).health == "green"
        message = answer_somebody(shop)
        assert message.status == "sent"
        Channel.objects.update(last_event_at=None)  # it took the message, and was never heard again

        assert look(shop, minutes=14).health == "green"
        red = look(shop, minutes=15.1)
        assert (red.status, red.health, red.health_reason) == ("WORKING", "red", Reason.SILENT)
        assert red.alarmed_at is not None
        assert [one.to for one in mail.outbox] == [[boss.email]]
        assert shop.channel.name in mail.outbox[0].subject
        assert f"/account/channels/{red.pk}/" in mail.outbox[0].body

        tell_receipt(shop, message, minutes=16)
        green = look(shop, minutes=17)
        assert (green.health, len(mail.outbox)) == ("green", 1)  # it may waver: not yet
        steady = look(shop, minutes=23)
        assert (steady.health, steady.alarmed_at) == ("green", None)
        assert len(mail.outbox) == 2

    def test_tells_once_however_often_the_round_comes(self, shop: Shop, boss: Any) -> None:
        answer_somebody(shop)
        Channel.objects.update(last_event_at=None)
        for minutes in (16, 17, 18, 40):
            assert look(shop, minutes=minutes).health == "red"
        assert len(mail.outbox) == 1

    def test_is_not_cured_by_a_restart_that_proves_nothing(self, shop: Shop, boss: Any) -> None:
        message = answer_somebody(shop)
        Channel.objects.update(last_event_at=None)
        look(shop, minutes=16)
        later = timezone.now() + timedelta(minutes=17)
        Channel.objects.update(status_at=later)  # STARTING, then WORKING again
        unproven = look(shop, minutes=18)
        assert (unproven.health, unproven.health_reason) == ("amber", Reason.UNPROVEN)
        assert look(shop, minutes=60).alarmed_at is not None
        tell_receipt(shop, message, minutes=61)
        assert look(shop, minutes=62).health == "green"

    def test_an_echo_and_one_phone_that_is_off_is_no_alarm(self, shop: Shop, boss: Any) -> None:
        message = answer_somebody(shop)
        echo = door.delivery(
            message.body,
            chat=message.conversation.address,
            unique=message.unique_id,
            from_me=True,
            source="api",
        )
        shop.knock(echo)
        shop.read()
        amber = look(shop, minutes=16)
        assert (amber.health, amber.health_reason) == ("amber", Reason.ONE_SILENT)
        assert mail.outbox == []


class TestAsking:
    def test_a_gateway_that_is_away_turns_red_at_the_third_time(self, shop: Shop, boss: Any) -> None:
        look(shop)
        Channel.objects.update(base_url="http://127.0.0.1:9")
        assert [look(shop, minutes=m).health for m in (1, 2, 3)] == ["amber", "amber", "red"]
        assert len(mail.outbox) == 1
        Channel.objects.update(base_url=shop.gateway.url)
        assert look(shop, minutes=4).health == "green"

    def test_a_wrong_key_is_told_in_words(self, shop: Shop, boss: Any) -> None:
        Channel.objects.update(status="WORKING")
        channel = Channel.objects.get(pk=shop.channel.pk)
        channel.api_key = "another"
        channel.save()
        look(shop)
        red = look(shop, minutes=1)
        assert (red.health, red.health_reason) == ("red", Reason.REFUSED)
        assert "key" in red.probe_error

    def test_two_rounds_at_once_ask_once(self, shop: Shop) -> None:
        now = timezone.now()
        channel = Channel.objects.get(pk=shop.channel.pk)
        assert health._claims(channel, now=now)
        assert not health._claims(channel, now=now)

    def test_what_is_switched_off_or_our_own_is_not_asked(self, shop: Shop) -> None:
        Channel.objects.update(is_active=False)
        assert look(shop).last_probe_at is None
        assert not Channel.objects.exclude(last_probe_at=None).exists()

    def test_a_state_that_changed_behind_our_back_is_found_and_kept(self, shop: Shop) -> None:
        look(shop)
        shop.gateway.app.configure(shop.gateway.session, status="FAILED")
        try:
            assert look(shop, minutes=1).health == "amber"
            assert look(shop, minutes=4).health == "red"
        finally:
            shop.gateway.app.configure(shop.gateway.session, status="WORKING")
        kept = list(ChannelStatus.objects.order_by("pk").values_list("status", flat=True))
        assert kept == ["WORKING", "green", "FAILED", "amber", "red"]


class TestTelling:
    def test_a_mail_that_was_cut_off_is_sent_again_later(self, shop: Shop, boss: Any) -> None:
        now = timezone.now()
        Channel.objects.filter(pk=shop.channel.pk).update(
            health="red", health_reason=Reason.STATE, health_since=now, alarm_claimed_at=now
        )
        alarms.tell_all(now=now + timedelta(minutes=5))
        assert mail.outbox == []  # somebody is at it, or died
        alarms.tell_all(now=now + timedelta(minutes=11))
        alarms.tell_all(now=now + timedelta(minutes=12))
        assert len(mail.outbox) == 1

    def test_a_mail_server_that_is_away_loses_no_alarm(self, shop: Shop, boss: Any, settings: Any) -> None:
        now = timezone.now()
        Channel.objects.filter(pk=shop.channel.pk).update(
            health="red", health_reason=Reason.STATE, health_since=now
        )
        works = settings.EMAIL_BACKEND
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        alarms.tell_all(now=now)
        settings.EMAIL_BACKEND = works
        assert Channel.objects.get(pk=shop.channel.pk).alarmed_at is None
        alarms.tell_all(now=now + timedelta(minutes=11))
        assert len(mail.outbox) == 1


def test_the_events_of_a_session_are_judged_and_kept(shop: Shop) -> None:
    payload = {"name": "demo", "status": "WORKING", "statuses": []}
    shop.knock(door.event("session.status", payload))
    shop.knock(door.event("session.status", payload))
    shop.read()
    channel = fresh(shop)
    assert (channel.status, channel.health) == ("WORKING", "green")
    assert ChannelStatus.objects.filter(status="WORKING").count() == 1
    assert channel.last_event_at is not None
