"""Sending: claimed once, in order, never repeated blindly."""

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.conf import settings

from conversations import outbox, sweep
from conversations.models import Conversation, Message
from tests.conversations import door


def answered(shop: Any) -> Message:
    shop.say("Que horas vocês abrem?")
    shop.work()
    return Message.objects.get(direction="out")


class TestDeliver:
    def test_a_message_is_sent_with_our_own_id(self, shop: Any) -> None:
        message = answered(shop)
        assert message.status == "sent"
        assert shop.gateway.app.sent[0].unique == message.unique_id

    @pytest.mark.parametrize("engine", ["GOWS", "NOWEB", "WEBJS"])
    def test_each_engines_answer_is_understood(self, shop: Any, engine: str) -> None:
        shop.gateway.app.sessions[shop.gateway.session].engine = engine
        message = answered(shop)
        shop.gateway.app.sessions[shop.gateway.session].engine = "GOWS"
        assert (message.status, message.unique_id) == ("sent", shop.gateway.app.sent[0].unique)

    @pytest.mark.parametrize("fault", ["after", "after_reset"])
    def test_sent_and_then_failed_is_not_sent_twice(self, shop: Any, fault: str) -> None:
        shop.gateway.fail_next(fault)
        message = answered(shop)
        assert len(shop.texts()) == 1
        assert message.status == "sent"

    @pytest.mark.parametrize("fault", ["status", "reset"])
    def test_failed_and_never_sent_is_sent_in_the_end(self, shop: Any, fault: str) -> None:
        shop.gateway.fail_next(fault)
        shop.say("Que horas vocês abrem?")
        shop.work()
        shop.later()
        assert len(shop.texts()) == 1
        assert Message.objects.get(direction="out").status == "sent"

    def test_a_refusal_is_shown_to_staff_and_sent_again_by_their_word(self, shop: Any) -> None:
        shop.channel.api_key = "wrong"
        shop.channel.save()
        message = answered(shop)
        assert message.status == "failed" and "401" in message.error
        shop.channel.api_key = shop.gateway.api_key
        shop.channel.save()
        outbox.retry(message.pk, now=shop.now())
        shop.work()
        assert len(shop.texts()) == 1

    def test_a_sender_that_died_is_found_and_the_gateway_asked(self, shop: Any) -> None:
        message = answered(shop)
        Message.objects.filter(pk=message.pk).update(
            status="sending", claimed_at=shop.now() - timedelta(minutes=5)
        )
        sweep_all(shop)
        assert Message.objects.get(pk=message.pk).status == "sent"
        assert len(shop.texts()) == 1

    def test_what_a_dead_sender_never_sent_goes_before_what_stands_behind_it(self, shop: Any) -> None:
        first = answered(shop)
        shop.gateway.app.forget()
        Message.objects.filter(pk=first.pk).update(
            status="sending", claimed_at=shop.now() - timedelta(minutes=5), terminal_at=None
        )
        second = outbox.post(first.conversation, "second", now=shop.now() - timedelta(minutes=4))
        sweep.sweep.apply(throw=True)
        shop.background.sent.sort(
            key=lambda sent: sent.name
        )  # the second's doorbell is the first that is heard
        assert shop.background.sent[0].kwargs == {"message_id": second.pk}
        shop.work()
        assert shop.texts() == [first.body, "second"]

    def test_an_echo_that_comes_after_the_look_up_keeps_it_from_being_sent_again(self, shop: Any) -> None:
        message = answered(shop)
        queued = Message.objects.filter(pk=message.pk)
        queued.update(status="queued", attempts=2, terminal_at=None, send_after=None)
        shop.knock(
            door.event(
                "message.any",
                {"id": f"true_5511988887777@c.us_{message.unique_id}", "fromMe": True, "source": "api",
                 "from": "5511988887777@c.us", "to": "5511988887777@c.us", "body": message.body},
            )
        )  # fmt: skip
        shop.read()
        assert queued.get().status == "sent"
        shop.ring(outbox.deliver, message_id=message.pk)
        shop.work()
        assert len(shop.texts()) == 1

    def test_what_a_gateway_takes_and_never_sends_is_given_up_in_the_end(self, shop: Any) -> None:
        message = answered(shop)
        shop.gateway.app.forget()  # it knows nothing of it: surely not sent
        mine = Message.objects.filter(pk=message.pk)
        mine.update(status="unknown", attempts=outbox.MAX_ATTEMPTS - 1, terminal_at=None)
        shop.ring(outbox.reconcile, message_id=message.pk)
        shop.work()
        row = mine.get()
        assert (row.status, row.error) == ("failed", outbox.NEVER_SENT) and row.terminal_at
        assert shop.texts() == []


class TestReceipts:
    def test_move_a_message_forward_and_never_back(self, shop: Any) -> None:
        message = answered(shop)
        full = f"true_5511988887777@c.us_{message.unique_id}"
        for level, status in [(3, "read"), (1, "read"), (2, "read"), (-1, "read")]:
            shop.knock(door.event("message.ack", {"id": full, "fromMe": True, "ack": level}))
            shop.read()
            assert Message.objects.get(pk=message.pk).status == status

    def test_of_an_unknown_message_change_nothing(self, shop: Any) -> None:
        shop.knock(door.event("message.ack", {"id": "true_55@c.us_3EB0", "fromMe": True, "ack": 3}))
        shop.read()
        assert Message.objects.count() == 0


class TestSweep:
    def test_finds_a_delivery_whose_doorbell_was_lost(self, shop: Any) -> None:
        from conversations.models import WebhookEvent

        shop.knock(door.delivery("Que horas vocês abrem?"))
        WebhookEvent.objects.update(received_at=shop.now() - timedelta(minutes=1))
        sweep_all(shop)
        assert len(shop.texts()) == 1

    def test_finds_an_answer_that_is_overdue(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.background.sent.clear()
        Conversation.objects.update(reply_due_at=shop.now() - timedelta(minutes=1))
        sweep_all(shop)
        assert len(shop.texts()) == 1

    def test_gives_up_a_turn_whose_worker_died(self, shop: Any) -> None:
        from billing.models import CreditAccount
        from conversations import turns
        from conversations.models import Turn

        shop.say("Que horas vocês abrem?")
        shop.background.sent.clear()
        turn = turns.begin(Conversation.objects.get().pk, now=shop.now())
        assert turn is not None and CreditAccount.objects.get().held > 0
        Turn.objects.update(started_at=shop.now() - timedelta(minutes=5))
        sweep_all(shop)
        shop.later()
        assert len(shop.texts()) == 1
        assert CreditAccount.objects.get().held == 0

    def test_rings_for_a_few_only_while_workers_are_behind_with_what_rang(
        self, shop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sweep, "A_FEW", 1)
        for number in range(3):
            shop.say("Que horas vocês abrem?", chat=f"551198888000{number}@c.us", unique=f"3A{number}")
        Conversation.objects.update(reply_due_at=shop.now() - timedelta(seconds=30))
        shop.background.commit()
        shop.background.sent.clear()
        broker = redis.Redis.from_url(settings.CELERY_BROKER_URL)
        broker.rpush("fast", *["a doorbell"] * (sweep.BEHIND + 1))
        try:
            sweep.sweep.apply(throw=True)
        finally:
            broker.delete("fast")
        assert shop.background.names().count("conversations.turns.take") == 1
        sweep.sweep.apply(throw=True)
        assert shop.background.names().count("conversations.turns.take") == 4

    def test_visits_nobody_when_nothing_is_due(self, shop: Any) -> None:
        answered(shop)
        assert sweep.overdue_schemas(now=shop.now()) == []


def sweep_all(shop: Any) -> None:
    """Sweep as beat does, and run what that rings."""
    sweep.sweep.apply(throw=True)
    shop.work()
