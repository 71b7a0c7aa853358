"""From the gateway's door to the customer's phone."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from conversations import inbox
from conversations.models import Contact, Conversation, Message, Turn, WebhookEvent
from tenants.models import Tenant
from tests.conversations import door
from tests.conversations.conftest import Shop


class TestDoor:
    def test_stores_what_is_signed(self, shop: Any) -> None:
        assert shop.knock(door.delivery("Oi")) == 200
        assert WebhookEvent.objects.get().status == "new"

    def test_refuses_what_is_not(self, shop: Any) -> None:
        assert shop.knock(door.delivery("Oi"), secret="another") == 401
        body = json.dumps(door.delivery("Oi")).encode()
        assert shop.knock(body, **{"x-webhook-hmac": ""}) == 401
        assert WebhookEvent.objects.count() == 0

    def test_the_signature_is_over_the_raw_bytes(self, shop: Any) -> None:
        import hashlib
        import hmac

        body = json.dumps(door.delivery("Oi"))
        signed = hmac.new(b"webhook secret", body.encode(), hashlib.sha512).hexdigest()
        again = json.dumps(json.loads(body), indent=1).encode()
        assert shop.knock(again, **{"x-webhook-hmac": signed}) == 401

    def test_an_unknown_door_is_404_and_a_huge_body_413(self, shop: Any) -> None:
        assert door.knock("0e4a6b50-0000-4000-8000-000000000000", b"{}", secret="s") == 404
        assert door.knock("../../admin", b"{}", secret="s") == 404
        assert shop.knock(b" " * (2 * 2**20 + 1)) == 413

    def test_a_suspended_business_loses_nothing(self, shop: Any) -> None:
        Tenant.objects.filter(pk=shop.tenant.pk).update(status="suspended")
        assert shop.knock(door.delivery("Oi")) == 200
        assert WebhookEvent.objects.count() == 1


class TestInboundMessage:
    def test_is_answered_and_charged(self, shop: Any) -> None:
        before = CreditAccount.objects.get().balance
        shop.models.answer_with("Abrimos às 8h.")
        assert shop.say("Que horas vocês abrem?") == 200
        shop.work()
        assert shop.gateway.sent == [("5511988887777@c.us", "Abrimos às 8h.")]
        turn = Turn.objects.get()
        assert (turn.status, turn.vendor) == (Turn.Status.DONE, "openai")
        assert Message.objects.get(direction="in").outcome == "answered"
        entry = LedgerEntry.objects.get(key=f"turn:{turn.pk}")
        account = CreditAccount.objects.get()
        assert (account.balance, account.held) == (before + entry.amount, 0)
        assert -entry.amount == turn.credits == Usage.objects.get().credits > 0

    def test_shows_manners_before_it_speaks(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.work()
        assert shop.gateway.calls == ["/api/sendSeen", "/api/startTyping", "/api/sendText", "/api/stopTyping"]

    def test_delivered_five_times_is_answered_once(self, shop: Any) -> None:
        for _ in range(5):
            shop.say("Que horas vocês abrem?", unique="3AREPEATED")
        shop.work()
        assert len(shop.texts()) == Message.objects.filter(direction="in").count() == 1
        assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {
            "received",
            "ignored: repeated",
        }

    def test_the_same_message_under_two_addresses_is_one(self, shop: Any) -> None:
        shop.say("Oi, tudo bem com vocês?", unique="3ATWICE")
        shop.say("Oi, tudo bem com vocês?", unique="3ATWICE", chat="123456@lid")
        assert Message.objects.filter(direction="in").count() == Contact.objects.exclude(name="").count() == 1

    def test_two_bubbles_make_one_answer(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem")
        shop.say("no sábado?")
        shop.work()
        assert len(shop.texts()) == 1
        asked = shop.models.requests[0]["body"]["messages"][-1]["content"]
        assert "Que horas vocês abrem\nno sábado?" in asked

    @pytest.mark.parametrize("chat", ["12036@g.us", "status@broadcast", "99@newsletter"])
    def test_groups_and_broadcasts_are_left_alone(self, shop: Any, chat: str) -> None:
        shop.say("Oi", chat=chat)
        shop.work()
        assert Message.objects.count() == 0 and shop.texts() == []
        assert WebhookEvent.objects.get().outcome.startswith("ignored: ")

    def test_memory_ends_after_a_long_silence(self, shop: Any) -> None:
        from datetime import timedelta

        shop.say("Meu nome é Ana e gosto de azul")
        shop.work()
        Message.objects.update(created_at=shop.now() - timedelta(minutes=31))
        shop.say("Qual é a minha cor preferida?")
        shop.work()
        assert len(shop.models.requests[1]["body"]["messages"]) == 2  # the rules and the question alone

    def test_the_customers_language_is_remembered(self, shop: Any) -> None:
        shop.say("¿A qué hora abren mañana por la tarde?")
        shop.work()
        shop.say("Ok")
        assert Conversation.objects.get().language == "es"
        assert "Spanish" in shop.models.requests[0]["body"]["messages"][0]["content"]

    def test_a_picture_is_kept_and_goes_to_a_person(self, shop: Any) -> None:
        url = shop.gateway.media(b"\x89PNG picture", "image/png")
        shop.say(None, hasMedia=True, media={"url": url, "mimetype": "image/png", "filename": "a.png"})
        shop.work()
        message = Message.objects.get(direction="in")
        assert message.media.read() == b"\x89PNG picture"
        assert (message.outcome, Conversation.objects.get().handoff_reason) == ("handed_over", "media")


class TestBacklog:
    def test_of_one_business_lets_anothers_customer_in_between(
        self, shop: Any, gateway: Any, models: Any, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr(inbox, "SECONDS", 0.0)
        other = Shop(Tenant.objects.get(slug="beta"), gateway, models, shop.background)
        other.knock(door.delivery("Que horas vocês abrem?"))
        for n in range(2 * inbox.BATCH + 1):
            shop.knock(door.delivery("Oi", chat=f"55119{n:08d}@c.us"))
        shop.background.commit()
        shop.background.sent.clear()
        shop.ring(inbox.drain)
        other.ring(inbox.drain)
        shop.background.run_one()  # of the loud one, and then of the other
        shop.background.run_one()
        connection.set_tenant(other.tenant)
        assert WebhookEvent.objects.get().status == "done", shop.background.names()
        connection.set_tenant(shop.tenant)
        assert WebhookEvent.objects.filter(status="new").count() == inbox.BATCH + 1
        shop.work()
        assert not WebhookEvent.objects.filter(status="new").exists()


class TestPoison:
    @pytest.mark.parametrize("body", [b"not json", b"[]", b'{"event": "message.any"}', b"\xff" * 100])
    def test_nonsense_is_put_aside_and_the_next_one_flows(self, shop: Any, body: bytes) -> None:
        assert shop.knock(body) == 200
        shop.say("Que horas vocês abrem?")
        shop.work()
        assert len(shop.texts()) == 1
        assert WebhookEvent.objects.filter(status="new").count() == 0

    def test_strange_characters_are_answered_like_others(self, shop: Any) -> None:
        shop.say("Que horas\x00 vocês \ud800abrem? \u202e\u200b")
        shop.work()
        assert len(shop.texts()) == 1

    def test_what_always_fails_is_parked_with_its_reason(self, shop: Any, monkeypatch: Any) -> None:
        from conversations import inbox

        def broken(*_: Any, **__: Any) -> str:
            raise RuntimeError("poison")

        monkeypatch.setattr(inbox, "read", broken)
        shop.knock(door.delivery("Oi"))
        for _ in range(inbox.MAX_ATTEMPTS):
            shop.read()
        event = WebhookEvent.objects.get()
        assert (event.status, event.outcome, event.attempts) == ("parked", "RuntimeError", inbox.MAX_ATTEMPTS)


class TestFailure:
    @pytest.mark.parametrize("kind", ["529", "malformed", "reset", "empty"])
    def test_a_passing_failure_is_tried_again_and_costs_nothing(self, shop: Any, kind: str) -> None:
        shop.models.fail_next(kind)
        shop.say("Que horas vocês abrem?")
        shop.work()
        shop.later()
        failed, done = Turn.objects.order_by("pk")
        assert (failed.status, done.status, done.attempt) == ("failed", "done", 2)
        assert len(shop.texts()) == LedgerEntry.objects.filter(kind="turn").count() == 1
        assert Hold.objects.filter(status="held").count() == 0

    def test_one_that_stays_calls_a_person_and_tells_the_customer_once(self, shop: Any) -> None:
        shop.models.fail_next("500", times=10)
        shop.say("Que horas vocês abrem?")
        shop.work()
        for _ in range(4):
            shop.later()
        assert Turn.objects.filter(status="failed").count() == 3
        assert Conversation.objects.get().handoff_reason == "failed"
        assert len(shop.texts()) == 1
        assert LedgerEntry.objects.filter(kind="turn").count() == 0
        assert CreditAccount.objects.get().held == 0

    def test_a_refusal_is_not_tried_again(self, shop: Any) -> None:
        shop.models.fail_next("401")
        shop.say("Que horas vocês abrem?")
        shop.work()
        assert len(shop.models.requests) == 1
        assert Conversation.objects.get().handler == "queue"


def test_how_a_customer_feels_lasts_through_plain_words(shop: Shop) -> None:
    for text, days, felt in (
        ("Que horas abrem?", 0, 0),
        ("Péssimo atendimento, isso é um absurdo", 0, -1),
        ("ok", 0, -1),
        ("ok", 2, 0),
        ("Adorei, muito obrigada!", 0, 1),
    ):
        long_ago = timezone.now() - timedelta(days=days)
        Conversation.objects.update(last_message_at=long_ago)
        shop.say(text)
        assert Conversation.objects.get().sentiment == felt, text
