"""Closed hours, opt-out words, machines on the other side, a day's answers: through the gateway's door."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents.lines import Line, say
from billing.models import Hold, LedgerEntry
from conversations import bulk, handoff, hours, outbox, rules, sweep
from conversations.models import Channel, ChatRules, Consent, Contact, Conversation, Message, Turn
from tests.conversations import door


def rule(shop: Any, **fields: Any) -> None:
    """The owner's rules, as saved."""
    connection.set_tenant(shop.tenant)
    ChatRules(**fields).save()


def local_now(shop: Any) -> datetime:
    return timezone.now().astimezone(ZoneInfo(shop.tenant.timezone))


def closed_now(shop: Any) -> dict[str, Any]:
    """Business hours that ended an hour ago and begin again tomorrow."""
    now = local_now(shop)
    shut = [{"date": (now + timedelta(days=n)).date().isoformat(), "spans": []} for n in (-1, 0)]
    return {"week": {day: ["00:00-24:00"] for day in hours.DAYS}, "exceptions": shut}


def ask(shop: Any, text: str, **more: Any) -> None:
    shop.say(text, **more)
    shop.work()


def last(shop: Any) -> str:
    return str(shop.texts()[-1])


class TestOutOfHours:
    def test_the_assistant_answers_and_says_once_when_people_are_back(self, shop: Any) -> None:
        rule(shop, **closed_now(shop))
        shop.models.answer_with("Sim, temos estacionamento.", "Sim, é grátis.")
        ask(shop, "Vocês têm estacionamento no local?")
        assert last(shop) == "Sim, temos estacionamento.\n\nNossa equipe volta amanhã às 00:00."
        ask(shop, "E o estacionamento é grátis para clientes?")
        assert last(shop) == "Sim, é grátis."

    def test_it_says_so_again_in_the_next_closed_period(self, shop: Any) -> None:
        rule(shop, **closed_now(shop))
        shop.models.answer_with("Sim.", "Sim.")
        ask(shop, "Vocês têm estacionamento no local?")
        Conversation.objects.update(closed_told_until=timezone.now() - timedelta(hours=1))
        ask(shop, "E o estacionamento é grátis para clientes?")
        assert last(shop) == "Sim.\n\nNossa equipe volta amanhã às 00:00."

    def test_in_business_hours_nothing_is_added(self, shop: Any) -> None:
        rule(shop, week={day: ["00:00-24:00"] for day in hours.DAYS})
        shop.models.answer_with("Sim.")
        ask(shop, "Vocês têm estacionamento no local?")
        assert last(shop) == "Sim."

    def test_only_the_owners_text_and_then_a_person(self, shop: Any) -> None:
        text = "Fechado agora. Voltamos {back}."
        rule(shop, **closed_now(shop), out_of_hours="text", out_of_hours_text=text)
        for question in ("Vocês podem me dizer quanto custa a limpeza?", "Alguém aí?"):
            ask(shop, question)
        assert shop.texts() == ["Fechado agora. Voltamos amanhã às 00:00."]
        assert shop.models.requests == [] and not Hold.objects.exists()
        assert set(Message.objects.filter(direction="in").values_list("outcome", flat=True)) == {
            "handed_over"
        }
        assert Conversation.objects.get().handoff_reason == "out_of_hours"

    def test_given_back_in_the_same_period_the_text_is_not_said_again(self, shop: Any) -> None:
        rule(shop, **closed_now(shop), out_of_hours="text")
        ask(shop, "Quanto custa a limpeza?")
        handoff.give_back(Conversation.objects.get().pk, user=None, now=timezone.now())
        ask(shop, "E o clareamento?")
        assert len(shop.texts()) == 1
        assert Conversation.objects.get().handler == "queue"

    def test_a_hand_over_tells_when_people_are_back(self, shop: Any) -> None:
        rule(shop, **closed_now(shop))
        ask(shop, "Quero falar com uma pessoa")
        assert last(shop) == f"{say(Line.ASKED, 'pt')} Nossa equipe volta amanhã às 00:00."

    def test_an_emergency_is_told_only_where_help_is(self, shop: Any) -> None:
        rule(shop, **closed_now(shop), out_of_hours="text")
        ask(shop, "Minha mãe está com dor no peito")
        assert shop.texts() == [say(Line.MEDICAL, "pt")]


class TestQuietHours:
    @pytest.fixture
    def quiet(self, shop: Any) -> datetime:
        """It is quiet from an hour ago to an hour from now; returns when that ends."""
        now = local_now(shop).replace(second=0, microsecond=0)
        since, until = now - timedelta(hours=1), now + timedelta(hours=1)
        rule(shop, quiet_from=since.time(), quiet_until=until.time())
        return until

    def test_bulk_waits_for_their_end_and_then_leaves(self, shop: Any, quiet: datetime) -> None:
        ask(shop, "Que horas vocês abrem?")
        thread = Conversation.objects.get()
        bulk.broadcast(conversation_ids=[thread.pk], text="Promoção!", now=timezone.now())
        shop.work()
        assert "Promoção!" not in shop.texts()
        assert Channel.objects.get(pk=shop.channel.pk).next_bulk_at == quiet
        ChatRules.objects.update(quiet_from=time(0), quiet_until=time(0))  # an hour later
        Channel.objects.update(next_bulk_at=timezone.now() - timedelta(seconds=9))
        sweep.sweep.apply(throw=True)
        shop.work()
        assert shop.texts()[-1] == "Promoção!"

    def test_a_bulk_message_that_is_rung_for_waits_as_well(self, shop: Any, quiet: datetime) -> None:
        ask(shop, "Que horas vocês abrem?")
        thread = Conversation.objects.get()
        (pk,) = bulk.broadcast(conversation_ids=[thread.pk], text="Promoção!", now=timezone.now())
        shop.ring(outbox.deliver, message_id=pk)
        shop.work()
        message = Message.objects.get(pk=pk)
        assert message.status == "queued" and abs(message.send_after - quiet) < timedelta(minutes=1)

    def test_answers_never_wait(self, shop: Any, quiet: datetime) -> None:
        shop.models.answer_with("Às 8h.")
        ask(shop, "Que horas vocês abrem?")
        assert shop.texts() == ["Às 8h."]


class TestOptOut:
    def test_is_honoured_at_once_and_recorded(self, shop: Any) -> None:
        ask(shop, "SAIR", unique="3AOUT")
        assert shop.texts() == [say(Line.OPTED_OUT, "pt")]
        assert shop.models.requests == [] and not Turn.objects.exists()
        message = Message.objects.get(direction="in")
        assert (message.outcome, message.outcome_reason) == ("ignored", "opted out")
        consent = Consent.objects.get()
        assert (consent.given, consent.purpose, consent.words) == (False, "messages", "SAIR")
        assert (consent.channel_id, consent.message_id) == (shop.channel.pk, message.pk)
        assert consent.text_version and consent.created_at
        assert Contact.objects.get().opted_out_at == consent.created_at

    @pytest.mark.parametrize(
        ("word", "language"), [("BAJA", "es"), ("Arrêt", "fr"), ("unsubscribe", "en"), ("STOP!", "en")]
    )
    def test_is_confirmed_in_the_language_of_the_word(self, shop: Any, word: str, language: str) -> None:
        ask(shop, word)
        assert shop.texts() == [say(Line.OPTED_OUT, language)]

    def test_said_twice_is_confirmed_once(self, shop: Any) -> None:
        for _ in range(3):
            ask(shop, "PARAR")
        assert len(shop.texts()) == Consent.objects.count() == 1

    def test_afterwards_a_person_may_answer_and_nobody_else(self, shop: Any) -> None:
        ask(shop, "SAIR")
        ask(shop, "Qual é o endereço de vocês?")
        conversation = Conversation.objects.get()
        assert shop.models.requests == [] and len(shop.texts()) == 1
        assert (conversation.handler, conversation.handoff_reason) == ("queue", "opted_out")
        outbox.post(conversation, "Rua A, 1", author=Message.Author.PERSON, now=timezone.now())
        shop.work()
        assert last(shop) == "Rua A, 1"

    def test_an_unanswered_question_before_the_word_is_not_answered_after_it(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.say("SAIR")
        shop.work()
        assert shop.texts() == [say(Line.OPTED_OUT, "pt")]
        assert set(Message.objects.filter(direction="in").values_list("outcome", flat=True)) == {"ignored"}

    def test_an_emergency_before_the_word_comes_first(self, shop: Any) -> None:
        shop.say("Estou com dor no peito")
        shop.say("SAIR")
        shop.work()
        assert say(Line.MEDICAL, "pt") in shop.texts()

    def test_bulk_is_refused_with_its_reason_also_when_sent_again(self, shop: Any) -> None:
        ask(shop, "Que horas vocês abrem?")
        thread = Conversation.objects.get()
        (pk,) = bulk.broadcast(conversation_ids=[thread.pk], text="Promoção!", now=timezone.now())
        shop.say("SAIR")  # after it was queued, before it leaves
        shop.work()
        assert Message.objects.get(pk=pk).error == outbox.OPTED_OUT
        outbox.retry(pk, now=timezone.now())
        shop.work()
        assert Message.objects.get(pk=pk).status == "failed" and "Promoção!" not in shop.texts()

    def test_a_programs_message_is_refused_until_the_customer_writes(self, shop: Any) -> None:
        ask(shop, "SAIR")
        thread = Conversation.objects.select_related("channel").get()
        unasked = outbox.post(thread, "Oi!", author=Message.Author.PROGRAM, now=timezone.now())
        shop.work()
        assert Message.objects.get(pk=unasked.pk).error == outbox.OPTED_OUT
        ask(shop, "Cadê meu pedido 123?")
        outbox.post(thread, "Chega hoje.", author=Message.Author.PROGRAM, now=timezone.now())
        shop.work()
        assert last(shop) == "Chega hoje."

    def test_back_again(self, shop: Any) -> None:
        ask(shop, "SAIR")
        ask(shop, "VOLTAR")
        assert last(shop) == say(Line.OPTED_IN, "pt")
        assert Contact.objects.get().opted_out_at is None
        assert list(Consent.objects.values_list("given", flat=True)) == [True, False]
        shop.models.answer_with("Às 8h.")
        ask(shop, "Que horas vocês abrem?")
        assert last(shop) == "Às 8h."

    def test_start_from_somebody_who_never_left_is_a_greeting(self, shop: Any) -> None:
        shop.models.answer_with("Olá!")
        ask(shop, "Start")
        assert shop.texts() == ["Olá!"] and not Consent.objects.exists()

    def test_the_answer_to_a_question_of_ours_is_no_opt_out(self, shop: Any) -> None:
        shop.models.answer_with("Responda CONFIRMAR ou CANCELAR.", "Tudo bem.")
        ask(shop, "Tenho consulta amanhã, certo?")
        ask(shop, "CANCELAR")
        assert last(shop) == "Tudo bem." and not Consent.objects.exists()

    def test_the_database_keeps_what_was_said(self, shop: Any) -> None:
        ask(shop, "SAIR")
        with pytest.raises(DatabaseError), transaction.atomic():
            Consent.objects.update(given=True)

    def test_a_person_who_has_the_chat_does_not_change_that(self, shop: Any) -> None:
        ask(shop, "Quero falar com uma pessoa")
        ask(shop, "SAIR")
        assert last(shop) == say(Line.OPTED_OUT, "pt") and Consent.objects.count() == 1


class TestLoops:
    def test_two_machines_are_parted_within_ten_answers_and_pay_no_more(self, shop: Any) -> None:
        for number in range(30):
            shop.models.answer_with(f"Posso ajudar em algo mais? ({number})")
            ask(shop, f"Claro! Como posso ajudar você hoje, cliente número {number}?")
        answered = Turn.objects.filter(status="done").count()
        conversation = Conversation.objects.get()
        assert answered <= 10
        assert len(shop.texts()) == len(shop.models.requests) == answered  # and no other line
        assert (conversation.handler, conversation.handoff_reason) == ("queue", "loop")
        assert handoff.reason_of(conversation) == "looks like another bot"
        assert LedgerEntry.objects.filter(kind="turn").count() == answered
        assert not Hold.objects.filter(status="held").exists()
        assert not Message.objects.filter(direction="in", outcome="").exists()

    def test_the_owner_may_turn_it_off(self, shop: Any) -> None:
        rule(shop, breaks_loops=False)
        for _ in range(12):
            ask(shop, "Claro! Como posso ajudar você hoje?")
        assert Turn.objects.filter(status="done").count() == 12

    def test_what_a_person_answered_meanwhile_starts_the_count_anew(self, shop: Any) -> None:
        for _ in range(4):
            ask(shop, "Claro! Como posso ajudar você hoje?")
        conversation = Conversation.objects.select_related("channel").get()
        assert conversation.handler == "queue"
        outbox.post(conversation, "É gente", author=Message.Author.PERSON, now=timezone.now())
        handoff.give_back(conversation.pk, user=None, now=timezone.now())
        before = len(shop.models.requests)
        ask(shop, "Claro! Como posso ajudar você hoje?")
        assert len(shop.models.requests) == before + 1


class TestACustomersDay:
    def test_five_hundred_messages_cost_a_bounded_number_of_turns(self, shop: Any) -> None:
        rule(shop, answers_a_day=5, breaks_loops=False)
        for number in range(25):
            for part in range(20):
                shop.knock(door.delivery(f"mensagem {number} parte {part} sobre outra coisa"))
            shop.read()
            shop.work()
        assert Turn.objects.filter(status="done").count() == 5
        assert LedgerEntry.objects.filter(kind="turn").count() == 5
        assert last(shop) == say(Line.TOO_MANY, "pt") and len(shop.texts()) == 6
        assert Conversation.objects.get().handoff_reason == "too_many"
        assert not Message.objects.filter(direction="in", outcome="").exists()

    def test_yesterdays_answers_do_not_count(self, shop: Any) -> None:
        rule(shop, answers_a_day=1)
        ask(shop, "Que horas vocês abrem?")
        Turn.objects.update(started_at=timezone.now() - timedelta(hours=25))
        ask(shop, "E no domingo, abrem também?")
        assert Turn.objects.filter(status="done").count() == 2


def test_without_a_row_the_usual_rules_hold(shop: Any) -> None:
    connection.set_tenant(shop.tenant)
    assert (rules.current().holding_seconds, rules.current().answers_a_day) == (20, 100)
    assert rules.closed(rules.current(), now=datetime(2026, 1, 1, tzinfo=UTC)) is None
