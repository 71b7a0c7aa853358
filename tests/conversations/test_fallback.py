"""A model, its account, the embedder, the ears or the broker are away: what the customer gets, once."""

import threading
import time
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from celery import Task
from django.core import mail
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import override_settings
from django.utils import timezone

from agents import publishing
from agents.lines import Line, say
from agents.models import Agent, ModelProvider
from billing.models import CreditAccount, Hold, LedgerEntry
from conversations import breakers, fallback, handoff, sweep, turns
from conversations.models import Breaker, Conversation, Message, Transcript, Turn
from knowledge import documents
from tenants import standin
from tests.conversations import door
from tests.knowledge.conftest import _convert_once

__all__ = ["_convert_once"]

PARKING = "# Clínica\n\n## Estacionamento\nO estacionamento é gratuito e fica atrás da casa."
QUESTION = "Vocês têm estacionamento para clientes?"
DOWN = ["429", "529", "500", "reset", "malformed", "html"]


@pytest.fixture
def book(shop: Any, settings: Any, embedding: str, tmp_path: Any, monkeypatch: Any) -> Any:
    """The shop with a document that answers where to park."""
    settings.EMBEDDING_URL, settings.MEDIA_ROOT = embedding, tmp_path
    monkeypatch.setattr(fallback, "QUICK_SECONDS", 60.0)  # however slow this machine is
    connection.set_tenant(shop.tenant)
    file = SimpleUploadedFile("clinica.md", PARKING.encode())
    documents.add(file=file, name="clinica.md", added_by=None, now=timezone.now())
    shop.work()
    return shop


def second_provider(shop: Any) -> None:
    """Another vendor for the stronger tier."""
    ModelProvider.objects.create(
        name="second", vendor="anthropic", base_url=shop.models.url, api_key="other key", model="c"
    )
    tiers = {"balanced": {"provider": "vendor"}, "advanced": {"provider": "second"}}
    agent = Agent.objects.order_by("pk")[0]
    publishing.publish_at_once(agent, content={"tiers": tiers}, user=None, now=timezone.now())


def ask(shop: Any, text: str = QUESTION, **more: Any) -> None:
    shop.say(text, **more)
    shop.work()


def pause_ends() -> None:
    Breaker.objects.update(open_until=timezone.now() - timedelta(seconds=1))


class TestModelDown:
    @pytest.mark.parametrize("fault", DOWN)
    def test_documents_are_quoted_once_at_their_own_price(self, book: Any, fault: str) -> None:
        book.models.fail_next(fault, times=10)
        ask(book)
        book.later()
        [text] = book.texts()
        assert "O estacionamento é gratuito" in text
        failed, done = Turn.objects.order_by("pk")
        assert (failed.status, done.status, done.vendor) == ("failed", "done", "extractive")
        assert LedgerEntry.objects.get(kind="turn").amount == -1 == -done.credits
        assert not Hold.objects.filter(status="held").exists()

    def test_the_other_providers_model_answers_in_the_same_turn(self, book: Any) -> None:
        second_provider(book)
        book.models.fail_next("500")
        book.models.answer_with("Sim, atrás da casa.")
        ask(book)
        assert [one["path"] for one in book.models.requests] == ["/v1/chat/completions", "/v1/messages"]
        assert Turn.objects.get().vendor == "anthropic"
        assert len(book.texts()) == LedgerEntry.objects.filter(kind="turn").count() == 1

    def test_a_vendor_that_hangs_leaves_time_for_another(self, book: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(fallback, "TOTAL_SECONDS", 2.0)
        monkeypatch.setattr(fallback, "LEAST_SECONDS", 0.1)
        monkeypatch.setattr(fallback, "QUICK_SECONDS", 0.5)
        book.models.fail_next("hang")
        ask(book)
        assert "O estacionamento é gratuito" in book.texts()[0]
        assert Turn.objects.get().latency_ms < 4_000

    def test_without_a_supporting_document_a_person_is_called_and_told_once(self, book: Any) -> None:
        book.models.fail_next("500", times=10)
        ask(book, "Quanto custa uma sessão de fisioterapia?")
        for _ in range(4):
            book.later()
        assert book.texts() == [say(Line.FAILED, "pt")]
        assert Conversation.objects.get().handoff_reason == "failed"
        assert CreditAccount.objects.get().held == 0

    def test_what_the_model_declines_is_not_asked_elsewhere(self, book: Any) -> None:
        second_provider(book)
        book.models.fail_next("400")
        ask(book)
        assert len(book.models.requests) == 1 and not Breaker.objects.exists()
        assert Conversation.objects.get().handler == "queue"


class TestBreaker:
    def test_opens_after_three_failures_and_nobody_asks_until_one_tries(self, shop: Any) -> None:
        shop.models.fail_next("500", times=3)
        for number in range(3):
            ask(shop, QUESTION, chat=f"551190000000{number}@c.us")
        assert Breaker.objects.get().is_open and len(shop.models.requests) == 3
        ask(shop, QUESTION, chat="5511900000009@c.us")
        assert len(shop.models.requests) == 3  # not asked
        pause_ends()
        row = Breaker.objects.get()
        assert breakers.allows(row, now=timezone.now())
        assert not breakers.allows(row, now=timezone.now())  # the second who comes
        pause_ends()
        shop.models.answer_with("Sim.")
        shop.later()
        assert "Sim." in shop.texts()
        assert not Breaker.objects.get().is_open and Breaker.objects.get().failures == 0

    def test_a_probe_that_fails_waits_for_longer(self, shop: Any) -> None:
        connection.set_tenant(shop.tenant)
        now = timezone.now()
        pauses = []
        for _ in range(6):
            breakers.failed("vendor", turns.ProviderError("no"), now=now)
            row = Breaker.objects.get()
            pauses.append((row.open_until - now).total_seconds() if row.open_until else 0.0)
        assert pauses == [0.0, 0.0, 15.0, 30.0, 60.0, 120.0]

    @pytest.mark.parametrize("fault", ["401", "402", "403", "spent"])
    def test_a_refused_account_opens_it_at_once_and_is_told_once(
        self, shop: Any, member_of: Any, fault: str
    ) -> None:
        member_of(shop.tenant)
        shop.models.fail_next(fault, times=10)
        ask(shop, QUESTION, chat="5511900000001@c.us")
        ask(shop, QUESTION, chat="5511900000002@c.us")
        sweep.sweep.apply(throw=True)
        shop.work()
        assert len(shop.models.requests) == 1
        assert Breaker.objects.get().cause == "account"
        assert len(mail.outbox) == 1 and mail.outbox[0].to == ["owner@alpha.example"]
        assert "tenant key" not in mail.outbox[0].body
        assert Conversation.objects.order_by("pk")[0].handoff_reason == "failed"

    def test_a_mail_that_could_not_be_sent_is_sent_later(self, shop: Any, member_of: Any) -> None:
        member_of(shop.tenant)
        shop.models.fail_next("401")
        with mock.patch("tenants.letters.EmailMessage.send", side_effect=OSError):
            ask(shop)
        assert Breaker.objects.get().told_at is None
        sweep.sweep.apply(throw=True)
        shop.work()
        assert len(mail.outbox) == 1

    def test_after_the_account_is_mended_customers_are_answered_again(self, shop: Any) -> None:
        shop.models.fail_next("401")
        ask(shop, QUESTION, chat="5511900000001@c.us")
        breakers.try_again(Breaker.objects.get().pk, now=timezone.now() - timedelta(seconds=1))
        shop.models.answer_with("Sim.")
        ask(shop, QUESTION, chat="5511900000002@c.us")
        assert shop.texts()[-1] == "Sim." and not Breaker.objects.get().is_open


class TestHoldingLine:
    @pytest.fixture
    def slow(self, shop: Any) -> turns.Begun:
        """A customer who has waited for a minute while the model thinks."""
        shop.say(QUESTION)
        connection.set_tenant(shop.tenant)
        Message.objects.filter(direction="in").update(created_at=timezone.now() - timedelta(minutes=1))
        begun = turns.begin(Conversation.objects.get().pk, now=timezone.now())
        assert begun is not None
        shop.background.sent.clear()
        return begun

    def sweep(self, shop: Any) -> None:
        connection.set_tenant(shop.tenant)
        sweep.sweep.apply(throw=True)
        shop.work()

    def test_is_said_once_and_then_the_real_answer_comes_once(self, shop: Any, slow: Any) -> None:
        for _ in range(3):
            self.sweep(shop)
        assert shop.texts() == [say(Line.HOLDING, "pt")]
        shop.models.answer_with("Sim, atrás da casa.")
        turns.finish(slow.turn, turns.answer(slow, started=time.monotonic()), now=timezone.now())
        shop.later()
        assert shop.texts() == [say(Line.HOLDING, "pt"), "Sim, atrás da casa."]
        assert LedgerEntry.objects.filter(kind="turn").count() == 1

    def test_an_abandoned_turn_after_it_leads_to_exactly_one_answer(self, shop: Any, slow: Any) -> None:
        self.sweep(shop)
        turns.abandon(slow.turn.pk, reason="the worker died", again=True, now=timezone.now())
        shop.models.answer_with("Sim.", "Sim, outra vez.")
        for _ in range(3):
            shop.later()
        late = turns.answer(slow, started=time.monotonic())  # the dead worker was only slow
        assert turns.finish(slow.turn, late, now=timezone.now()) is None
        shop.later()
        assert shop.texts() == [say(Line.HOLDING, "pt"), "Sim."]
        assert Turn.objects.filter(status="done").count() == 1
        assert LedgerEntry.objects.filter(kind="turn").count() == 1
        assert not Hold.objects.filter(status="held").exists()

    def test_a_person_after_it_is_not_announced_again(self, shop: Any, slow: Any) -> None:
        self.sweep(shop)
        turns.abandon(slow.turn.pk, reason="no", again=False, now=timezone.now())
        shop.later()
        assert shop.texts() == [say(Line.HOLDING, "pt")]
        assert Conversation.objects.get().handler == "queue"

    def test_it_is_due_at_the_owners_bound_not_at_the_sweeps_next_round(self, shop: Any) -> None:
        shop.say(QUESTION)
        connection.set_tenant(shop.tenant)
        Message.objects.update(created_at=timezone.now() - timedelta(seconds=15))
        [(_pk, left)] = fallback.late(now=timezone.now(), within=timedelta(seconds=10))
        assert 4.0 < left <= 5.0
        assert fallback.late(now=timezone.now(), within=timedelta(seconds=1)) == []

    def test_who_was_answered_or_has_a_person_hears_nothing(self, shop: Any, slow: Any) -> None:
        pk = Conversation.objects.get().pk
        handoff.request(pk, reason=Line.ASKED, now=timezone.now())
        shop.work()
        assert fallback.hold_line(pk, now=timezone.now()) is None


class TestEmbedderAway:
    def test_words_find_the_passage_and_the_model_answers(self, book: Any, settings: Any) -> None:
        settings.EMBEDDING_URL = "http://127.0.0.1:9"
        ask(book)
        asked = book.models.requests[0]["body"]["messages"][-1]["content"]
        assert "O estacionamento é gratuito" in asked
        assert Turn.objects.get().status == "done"
        assert Breaker.objects.get().vendor == "embedding"

    def test_with_the_model_away_as_well_documents_are_quoted(self, book: Any, settings: Any) -> None:
        settings.EMBEDDING_URL = "http://127.0.0.1:9"
        book.models.fail_next("500", times=10)
        ask(book, "Onde fica o estacionamento?")
        book.later()
        assert "fica atrás da casa" in book.texts()[0] and len(book.texts()) == 1


class TestNobodyHears:
    def speak(self, shop: Any, **more: Any) -> None:
        url = shop.gateway.media(b"ogg", "audio/ogg")
        shop.say(None, hasMedia=True, media={"url": url, "mimetype": "audio/ogg", "filename": None}, **more)
        shop.work()

    def later(self, shop: Any, *, times: int) -> None:
        for _ in range(times):
            Transcript.objects.exclude(due_at=None).update(due_at=timezone.now() - timedelta(seconds=9))
            shop.later()

    @pytest.mark.parametrize("fault", ["503", "malformed"])
    def test_the_customer_is_told_to_wait_once_and_then_has_a_person(self, shop: Any, fault: str) -> None:
        ModelProvider.objects.update(speech_model="whisper-1")
        shop.models.fail_next(fault, times=20)
        self.speak(shop)
        Message.objects.update(created_at=timezone.now() - timedelta(seconds=25))
        sweep.sweep.apply(throw=True)
        shop.work()
        waits, person = (say(line, shop.tenant.language) for line in (Line.HOLDING, Line.MEDIA))
        assert shop.texts() == [waits]
        self.later(shop, times=6)
        assert Conversation.objects.get().handoff_reason == "media"
        assert shop.texts() == [waits, person]
        assert not LedgerEntry.objects.filter(kind="speech").exists()
        assert CreditAccount.objects.get().held == 0

    def test_when_it_hears_again_the_next_one_is_answered(self, shop: Any) -> None:
        ModelProvider.objects.update(speech_model="whisper-1")
        shop.models.fail_next("503", times=2)
        self.speak(shop)
        shop.models.app.faults.clear()
        shop.models.hear("Que horas vocês abrem no sábado?")
        shop.models.answer_with("Às 8h.", "Às 8h, outra vez.")
        self.later(shop, times=3)
        assert shop.texts() == ["Às 8h."]
        assert LedgerEntry.objects.filter(kind="speech").count() == 1


class TestBrokerAway:
    def test_every_doorbell_is_lost_and_the_sweep_answers_once(self, shop: Any) -> None:
        shop.models.answer_with("Sim.")
        with mock.patch.object(Task, "apply_async", side_effect=Task.OperationalError("away")):
            assert shop.say(QUESTION) == 200
        assert shop.background.names() == []
        for _ in range(3):
            shop.later()
        assert shop.texts() == ["Sim."]
        assert LedgerEntry.objects.filter(kind="turn").count() == 1

    def test_a_worker_answers_from_the_rows_alone(self, shop: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(standin, "WATCH_SECONDS", 0.2)
        shop.models.answer_with("Sim.")
        until = time.monotonic() + 30
        here = standin.StandIn(
            broker_answers=lambda: bool(shop.texts()) or time.monotonic() > until,
            look=lambda: sweep.sweep_closely.apply(throw=True),
        )
        monkeypatch.setattr(standin, "_here", here)
        with mock.patch.object(Task, "apply_async", side_effect=Task.OperationalError("away")):
            assert shop.knock(door.delivery(QUESTION)) == 200
        connection.set_schema_to_public()
        here.serve()
        assert shop.background.sent == []  # nothing went to the broker, and nothing is left
        for _ in range(2):
            shop.later()
        assert shop.texts() == ["Sim."]
        assert LedgerEntry.objects.filter(kind="turn").count() == 1
        assert not Hold.objects.filter(status="held").exists()

    def test_what_is_left_goes_back_to_the_broker(self, shop: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(standin, "WATCH_SECONDS", 0.0)
        here = standin.StandIn(lambda: True, lambda: shop.ring(turns.take, conversation_id=7))
        monkeypatch.setattr(standin, "_here", here)
        monkeypatch.setattr(here, "_ripe", lambda now: [])
        here.serve()
        [left] = shop.background.sent
        assert (left.name, left.kwargs) == ("conversations.turns.take", {"conversation_id": 7})
        assert left.headers == {"schema": shop.tenant.schema_name}

    def test_one_worker_of_all_is_on_duty(self, shop: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(standin, "WATCH_SECONDS", 0.0)
        looks: list[str] = []
        done = threading.Event()

        def serve_beside() -> None:
            standin.StandIn(lambda: True, lambda: looks.append("other")).serve()
            connection.close()
            done.set()

        beside = threading.Thread(target=serve_beside)

        def look() -> None:
            if not looks:
                beside.start()
            looks.append("first")

        standin.StandIn(done.is_set, look).serve()
        beside.join()
        assert set(looks) == {"first"}


def test_the_cache_gives_nothing_while_it_is_away(settings: Any) -> None:
    away = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:9/0"}
    with override_settings(CACHES={"default": away}):
        assert cache.add("a", 1) is True and cache.get("a", "x") == "x" and cache.delete("a") is False
        cache.set("a", 1)
        assert cache.get_many(["a"]) == {} and not cache.has_key("a") and not cache.touch("a")
        with pytest.raises(ValueError):
            cache.incr("a")


def test_a_whatsapp_message_needs_no_cache(shop: Any, settings: Any) -> None:
    away = settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:9/0"}
    shop.models.answer_with("Sim.")
    with override_settings(CACHES={"default": away}):
        ask(shop)
    assert shop.texts() == ["Sim."] and Message.objects.get(direction="out").status == "sent"
