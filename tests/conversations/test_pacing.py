"""The pace of a number and of a person, typing before the words, and bulk behind everybody else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from conversations import bulk, outbox
from conversations.channels import Pace
from conversations.channels.waha import WahaTransport
from conversations.models import Channel, Contact, Conversation, Message
from tenants.models import Tenant
from tests.conversations import door
from tests.conversations.conftest import Shop


@pytest.fixture
def pace(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the WAHA numbers this pace."""

    def give(**pace: Any) -> None:
        monkeypatch.setattr(WahaTransport, "limits", replace(WahaTransport.limits, pace=Pace(**pace)))

    return give


def threads(shop: Any, count: int) -> list[int]:
    """Conversations with so many different people; returns their ids."""
    connection.set_tenant(shop.tenant)
    people = Contact.objects.bulk_create(Contact(name=f"c{n}") for n in range(count))
    rows = Conversation.objects.bulk_create(
        Conversation(contact=one, channel=shop.channel, address=f"55119{n:08d}@c.us")
        for n, one in enumerate(people)
    )
    return [row.pk for row in rows]


def post(shop: Any, conversation_id: int, text: str, **more: Any) -> Message:
    connection.set_tenant(shop.tenant)
    thread = Conversation.objects.select_related("channel").get(pk=conversation_id)
    return outbox.post(thread, text, now=timezone.now(), **more)


def run_due(shop: Any) -> None:
    """What a moment later would be due: the clock is moved on for every queued message."""
    connection.set_tenant(shop.tenant)
    past = timezone.now() - timedelta(seconds=1)
    for table, column in ((Message, "send_after"), (Channel, "next_send_at"), (Conversation, "next_send_at")):
        table.objects.exclude(**{column: None}).update(**{column: past})
    shop.background.sent.clear()
    for pk in (
        Message.objects.filter(status="queued", priority__lt=2).order_by("pk").values_list("pk", flat=True)
    ):
        shop.ring(outbox.deliver, message_id=pk)
    shop.work()


def run_once(shop: Any) -> None:
    """Every doorbell that rings by now, and none that rings later."""
    while now := [sent for sent in shop.background.sent if not sent.countdown] or _committed(shop):
        shop.background.sent.remove(now[0])
        shop.background._run_one(now[0])
        connection.set_tenant(shop.tenant)


def _committed(shop: Any) -> list[Any]:
    shop.background.commit()
    return [sent for sent in shop.background.sent if not sent.countdown]


class TestANumber:
    def test_sends_its_burst_at_once_and_the_rest_in_time(self, shop: Any, pace: Any) -> None:
        pace(a_second=0.5, burst=2)
        for pk in threads(shop, 4):
            post(shop, pk, f"to {pk}")
        run_once(shop)
        assert len(shop.texts()) == 2
        waits = list(
            Message.objects.filter(status="queued").order_by("pk").values_list("send_after", flat=True)
        )
        assert len(waits) == 2 and all(wait > timezone.now() - timedelta(seconds=2) for wait in waits)
        run_due(shop)
        assert len(shop.texts()) == 4

    def test_is_not_asked_to_wait_when_it_has_no_bound(self, shop: Any) -> None:
        for pk in threads(shop, 4):
            post(shop, pk, "hello")
        run_once(shop)
        assert len(shop.texts()) == 4
        assert Channel.objects.get(pk=shop.channel.pk).next_send_at is None


class TestAPerson:
    def test_gets_the_second_message_after_the_pause(self, shop: Any, pace: Any) -> None:
        pace(person_seconds=6)
        (pk,) = threads(shop, 1)
        first, second = post(shop, pk, "one"), post(shop, pk, "two")
        run_once(shop)
        assert shop.texts() == ["one"]
        second.refresh_from_db()
        assert second.status == "queued"
        assert 5 < (second.send_after - timezone.now()).total_seconds() <= 6
        run_due(shop)
        assert shop.texts() == ["one", "two"]
        first.refresh_from_db()
        assert first.terminal_at is not None and first.sent_at == first.terminal_at

    def test_does_not_hold_back_another(self, shop: Any, pace: Any) -> None:
        pace(person_seconds=6)
        one, other = threads(shop, 2)
        post(shop, one, "one"), post(shop, one, "two"), post(shop, other, "three")
        run_once(shop)
        assert shop.texts() == ["one", "three"]


class TestACrowdedNumber:
    """A vendor that hangs holds a thread a message: it must not get them all."""

    @staticmethod
    def busy(shop: Any, count: int, *, since: float) -> Message:
        """So many of the number's messages have been on their way so long; returns one that is queued."""
        *others, mine = threads(shop, count + 1)
        claimed_at = timezone.now() - timedelta(seconds=since)
        for pk in others:
            message = post(shop, pk, "on its way", ring=False)
            Message.objects.filter(pk=message.pk).update(status="sending", claimed_at=claimed_at)
        return post(shop, mine, "the next")

    @pytest.mark.parametrize(
        ("count", "since", "wait"),
        [
            (outbox.SLOW_AT_ONCE, 5, outbox.LONG_WAIT),
            (outbox.MOST_AT_ONCE, 0, outbox.SHORT_WAIT),
        ],
        ids=["slow", "many"],
    )
    def test_takes_no_more_threads(self, shop: Any, count: int, since: float, wait: float) -> None:
        message = self.busy(shop, count, since=since)
        run_once(shop)
        assert shop.texts() == [] and shop.gateway.calls == []
        (doorbell,) = shop.background.sent
        assert doorbell.countdown == wait
        row = Message.objects.get(pk=message.pk)
        assert row.status == "queued" and row.send_after is not None
        Message.objects.filter(status="sending").update(status="sent")
        run_due(shop)
        assert shop.texts() == ["the next"]

    @pytest.mark.parametrize(
        ("count", "since"),
        [(outbox.SLOW_AT_ONCE - 1, 5), (outbox.MOST_AT_ONCE - 1, 0), (outbox.MOST_AT_ONCE, 60)],
        ids=["a few are slow", "some", "left by the dead"],
    )
    def test_goes_on_while_there_is_room(self, shop: Any, count: int, since: float) -> None:
        self.busy(shop, count, since=since)
        run_once(shop)
        assert shop.texts() == ["the next"]

    def test_holds_back_no_other_number(self, shop: Any) -> None:
        message = self.busy(shop, outbox.MOST_AT_ONCE, since=5)
        shop.channel.pk = None
        shop.channel.name = "Another"
        shop.channel.save(force_insert=True)
        Conversation.objects.filter(pk=message.conversation_id).update(channel=shop.channel)
        run_once(shop)
        assert shop.texts() == ["the next"]


class TestTyping:
    def test_is_shown_first_and_nobody_waits_for_it_in_a_thread(self, shop: Any, settings: Any) -> None:
        settings.WAHA_TYPING_SECONDS = 3
        (pk,) = threads(shop, 1)
        message = post(shop, pk, "x" * 400)
        run_once(shop)
        assert shop.gateway.calls == ["/api/sendSeen", "/api/startTyping"]
        message.refresh_from_db()
        assert message.status == "queued"
        assert 2 < (message.send_after - timezone.now()).total_seconds() <= 3
        (doorbell,) = shop.background.sent
        assert doorbell.name == outbox.deliver.name and doorbell.countdown == 3.0
        run_due(shop)
        assert shop.gateway.calls[2:] == ["/api/sendText", "/api/stopTyping"]

    def test_of_a_short_text_is_short(self, shop: Any, settings: Any) -> None:
        settings.WAHA_TYPING_SECONDS = 3
        message = Message(body="Sim.")
        assert 0.6 < WahaTransport().typing_seconds(message) < 1


class TestOrder:
    def test_a_message_waits_behind_one_of_unknown_fate_and_not_for_ever(self, shop: Any) -> None:
        (pk,) = threads(shop, 1)
        first, second = post(shop, pk, "one"), post(shop, pk, "two")
        Message.objects.filter(pk=first.pk).update(status="unknown", claimed_at=timezone.now(), attempts=1)
        run_once(shop)
        assert shop.texts() == []
        held_long = timezone.now() - timedelta(seconds=outbox.ORDER_SECONDS + 1)
        Message.objects.filter(pk=first.pk).update(claimed_at=held_long)
        shop.ring(outbox.deliver, message_id=second.pk)
        shop.work()
        assert shop.texts() == ["two"]
        assert Message.objects.get(pk=first.pk).status == "unknown"  # shown as such, never repeated blindly

    def test_a_hang_holds_the_thread_until_the_gateway_has_said(self, shop: Any) -> None:
        shop.gateway.fail_next("after_reset")
        (pk,) = threads(shop, 1)
        post(shop, pk, "one"), post(shop, pk, "two")
        run_once(shop)
        assert shop.texts() == ["one"] and Message.objects.get(body="one").status == "unknown"
        shop.work()  # the question to the gateway, and then the one that waited
        assert shop.texts() == ["one", "two"]
        assert set(Message.objects.values_list("status", flat=True)) == {"sent"}


class TestBulk:
    def test_reaches_everybody_in_its_own_rhythm_and_once(self, shop: Any, pace: Any) -> None:
        pace(bulk_seconds=(0.001, 0.001))
        ids = threads(shop, 30)
        posted = bulk.broadcast(conversation_ids=[*ids, ids[0]], text="We move!", now=timezone.now())
        assert len(posted) == 30
        shop.background.run_one()  # one pump
        assert len(shop.texts()) == bulk.BATCH
        shop.work()
        assert len(shop.texts()) == 30
        assert Channel.objects.get(pk=shop.channel.pk).next_bulk_at is None

    def test_pauses_as_long_as_the_number_must(self, shop: Any, pace: Any) -> None:
        pace(bulk_seconds=(30, 60))
        bulk.broadcast(conversation_ids=threads(shop, 3), text="We move!", now=timezone.now())
        run_once(shop)
        assert len(shop.texts()) == 1
        (next_pump,) = shop.background.sent
        assert next_pump.name == bulk.pump.name and 29 < next_pump.countdown <= 60

    def test_never_delays_an_answer_of_the_same_business(self, shop: Any, pace: Any) -> None:
        pace(bulk_seconds=(0.001, 0.001), a_second=10, burst=1)
        ids = threads(shop, 40)
        bulk.broadcast(conversation_ids=ids, text="We move!", now=timezone.now())
        answer = post(shop, ids[0], "An answer")  # in a thread that waits for its bulk too
        shop.background.sent.clear()
        shop.ring(bulk.pump)
        shop.background.run_one()
        assert shop.texts() == []  # an answer wants the number: bulk stands back
        shop.ring(outbox.deliver, message_id=answer.pk)
        run_once(shop)
        assert shop.texts()[0] == "An answer"

    def test_of_2000_does_not_delay_another_business(
        self, shop: Any, pace: Any, gateway: Any, models: Any
    ) -> None:
        pace(bulk_seconds=(0.001, 0.001))
        other = Shop(Tenant.objects.get(slug="beta"), gateway, models, shop.background)
        ids = threads(shop, 2000)
        bulk.broadcast(conversation_ids=ids, text="We move!", now=timezone.now())
        other.knock(door.delivery("Que horas vocês abrem?"))
        other.read()
        # One queue and one worker, the worst case: what stands before the answer is one pump.
        while not [text for text in shop.texts() if text != "We move!"]:
            shop.background.run_one()
        assert shop.texts().count("We move!") <= bulk.BATCH
        connection.set_tenant(shop.tenant)
        assert Message.objects.filter(status="queued").count() >= 2000 - bulk.BATCH

    def test_a_lost_doorbell_is_forgiven(self, shop: Any, pace: Any) -> None:
        pace(bulk_seconds=(0.001, 0.001))
        bulk.broadcast(conversation_ids=threads(shop, 3), text="We move!", now=timezone.now())
        shop.background.commit()
        shop.background.sent.clear()
        Channel.objects.filter(pk=shop.channel.pk).update(next_bulk_at=timezone.now() - timedelta(minutes=1))
        shop.later()
        assert len(shop.texts()) == 3

    def test_what_the_gateway_could_not_take_is_tried_again(self, shop: Any, pace: Any) -> None:
        pace(bulk_seconds=(0.001, 0.001))
        shop.gateway.fail_next("429")
        bulk.broadcast(conversation_ids=threads(shop, 2), text="We move!", now=timezone.now())
        run_once(shop)
        waiting = Message.objects.get(status="queued")
        assert waiting.send_after is not None and waiting.priority == Message.Priority.BULK
        Message.objects.filter(pk=waiting.pk).update(send_after=timezone.now())
        Channel.objects.filter(pk=shop.channel.pk).update(next_bulk_at=timezone.now())
        shop.work()
        assert len(shop.texts()) == 2
