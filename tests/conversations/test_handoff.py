"""One voice at a time: takeover, giving back, the owner's own phone."""

from typing import Any

from django.db import connection

from agents.lines import Line
from conversations import handoff
from conversations.models import Conversation, Message, Turn
from tenants.models import AuditEntry


class TestTakeOver:
    def test_silences_the_agent_until_given_back(self, shop: Any, member_of: Any) -> None:
        user = member_of(shop.tenant)
        shop.say("Oi, tudo bem?")
        conversation = Conversation.objects.get()
        handoff.take_over(conversation.pk, user=user, now=shop.now())
        shop.work()
        assert shop.texts() == []
        assert Message.objects.get(direction="in").outcome == "handed_over"
        handoff.give_back(conversation.pk, user=user, now=shop.now())
        shop.models.answer_with("Abrimos às 8h.")
        shop.say("Que horas abrem?")
        shop.work()
        assert shop.texts() == ["Abrimos às 8h."]
        assert AuditEntry.objects.filter(action="conversation.take_over").count() == 1

    def test_while_the_model_thinks_settles_and_stays_silent(self, shop: Any, member_of: Any) -> None:
        user = member_of(shop.tenant)
        shop.say("Que horas abrem?")
        conversation = Conversation.objects.get()
        shop.models.app.before_answer = lambda: take_over(shop, conversation.pk, user)
        shop.work()
        assert shop.texts() == []
        assert Turn.objects.get().status == Turn.Status.SILENT

    def test_the_owners_own_phone_counts_as_a_person(self, shop: Any) -> None:
        shop.say("Que horas abrem?")
        shop.say("Às oito, Ana!", from_me=True, source="app")
        shop.work()
        conversation = Conversation.objects.get()
        assert conversation.handler == Conversation.Handler.PERSON
        assert shop.texts() == []
        assert Message.objects.get(direction="out").author_kind == Message.Author.PERSON


def take_over(shop: Any, pk: int, user: Any) -> None:
    """As a colleague does, from another process."""
    connection.set_tenant(shop.tenant)
    handoff.take_over(pk, user=user, now=shop.now())
    connection.close()


class TestAskedFor:
    def test_a_person_is_called_and_the_customer_told_once(self, shop: Any) -> None:
        shop.say("Quero falar com um atendente")
        shop.work()
        shop.say("alô?")
        shop.work()
        conversation = Conversation.objects.get()
        assert conversation.handler == Conversation.Handler.QUEUE
        assert len(shop.texts()) == 1 and "pessoa" in shop.texts()[0]
        assert set(Message.objects.filter(direction="in").values_list("outcome", flat=True)) == {
            "handed_over"
        }

    def test_an_emergency_comes_before_the_model_and_the_balance(self, shop: Any) -> None:
        shop.spend_everything()
        shop.say("Meu pai está com dor no peito e não consegue respirar")
        shop.work()
        assert "192" in shop.texts()[0]
        assert shop.models.requests == []
        assert Conversation.objects.get().handoff_reason == "medical"

    def test_no_credits_is_an_honest_line_and_a_person_once(self, shop: Any) -> None:
        shop.spend_everything()
        for _ in range(3):
            shop.say("Que horas vocês abrem hoje?")
            shop.work()
        assert len(shop.texts()) == 1
        assert shop.models.requests == []
        assert Conversation.objects.get().handoff_reason == "no_credits"


def test_who_has_shown_no_language_hears_the_businesss(shop: Any) -> None:
    shop.tenant.language = "es"
    shop.tenant.save(update_fields=["language"])
    shop.say("👍")
    handoff.request(Conversation.objects.get().pk, reason=Line.ASKED, now=shop.now())
    assert Message.objects.get(direction="out").body.startswith("Claro. Ya avisé al equipo")
