"""What an owner says of an assistant, as it reaches the model and the customer."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import handing, publishing
from agents.lines import Line, say
from conversations.models import Conversation, Message, Turn
from tests.conversations import web_visitor
from tests.conversations.test_conduct import closed_now, rule


def told(shop: Any, **content: Any) -> None:
    """Customers are answered with this from now on."""
    connection.set_tenant(shop.tenant)
    publishing.publish_at_once(shop.channel.agent, content=content, user=None, now=timezone.now())


def ask(shop: Any, text: str, **more: Any) -> None:
    shop.say(text, **more)
    shop.work()


def system_of(shop: Any, place: int = -1) -> str:
    """What the model was told before the talk."""
    return str(shop.models.requests[place]["body"]["messages"][0]["content"])


class TestPrompt:
    def test_holds_everything_that_the_owner_said(self, shop: Any) -> None:
        told(
            shop,
            persona="Você é Lia.",
            tone="cordial",
            rules=[
                {"rule": "Nunca prometa desconto.", "example": "O preço é esse."},
                {"rule": "Seja breve."},
            ],
            topics=["preços", "horários"],
            greeting="Olá! Sou a Lia.",
            handover=[{"when": "a pessoa reclama da conta", "say": "Já chamei alguém."}],
        )
        ask(shop, "Quanto custa uma limpeza de pele aí?")
        system = system_of(shop)
        for words in (
            "Você é Lia.", "cordial", "- Nunca prometa desconto. For example: “O preço é esse.”",
            "- Seja breve.", "Keep to these topics", "- preços\n- horários",
            "- a pessoa reclama da conta. Say: “Já chamei alguém.”", "begin with this greeting",
            "Olá! Sou a Lia.",
        ):  # fmt: skip
            assert words in system
        assert "no general-purpose assistant" in system

    def test_general_chat_is_declined_also_without_topics(self, shop: Any) -> None:
        ask(shop, "Quanto custa uma limpeza de pele aí?")
        assert "You are no general-purpose assistant" in system_of(shop)
        assert "Keep to these topics" not in system_of(shop) and "How you begin" not in system_of(shop)

    def test_is_the_same_for_the_same_version(self, shop: Any) -> None:
        """What a vendor keeps must not change from one question to the next."""
        told(shop, greeting="Olá!", topics=["preços"])
        ask(shop, "Quanto custa uma limpeza de pele aí?")
        ask(shop, "E vocês abrem aos sábados de manhã?")
        assert system_of(shop, 0) == system_of(shop, 1)


class TestGreeting:
    async def test_stands_in_the_web_chat_and_is_not_said_again(
        self, shop: Any, inside: Any, work: Any
    ) -> None:
        await inside(lambda: told(shop, greeting="Olá! Sou a Lia."))
        channel = await inside(lambda: web_visitor.make_channel(shop.tenant))
        _status, look, _headers = await web_visitor.request(channel)
        assert look["greeting"] == "Olá! Sou a Lia."
        token = await web_visitor.new_token(channel)
        asked = web_visitor.message("Vocês têm estacionamento no local?")
        status, _content, _headers = await web_visitor.request(channel, "messages", asked, token=token)
        assert status == 200
        await work()
        assert "has read your greeting already" in system_of(shop)
        assert "Olá! Sou a Lia." not in system_of(shop)

    async def test_a_web_chats_own_goes_before_it(self, shop: Any, inside: Any) -> None:
        await inside(lambda: told(shop, greeting="Olá! Sou a Lia."))
        channel = await inside(lambda: web_visitor.make_channel(shop.tenant, greeting="Bem-vindo!"))
        _status, look, _headers = await web_visitor.request(channel)
        assert look["greeting"] == "Bem-vindo!"

    def test_without_a_model_a_greeting_is_answered_with_it_once(self, shop: Any) -> None:
        from agents.models import ModelProvider

        ModelProvider.objects.update(vendor="extractive")
        told(shop, greeting="Olá! Sou a Lia.")
        ask(shop, "Bom dia!")
        ask(shop, "Boa tarde")
        assert shop.texts()[0] == "Olá! Sou a Lia."
        assert shop.texts()[1] != "Olá! Sou a Lia."


class TestCasesForAPerson:
    CASES = [{"when": "legal", "words": "advogado, procon, danos mora*", "say": "Já chamei a gerente."}]

    def test_words_are_enough_before_any_model(self, shop: Any) -> None:
        told(shop, handover=self.CASES)
        ask(shop, "Vou falar com meu ADVOGADO sobre isso")
        assert shop.texts() == ["Já chamei a gerente."]
        assert shop.models.answers_asked == [] and not Turn.objects.exists()
        talk = Conversation.objects.get()
        assert (talk.handler, talk.handoff_reason) == ("queue", "owners_case")
        assert Message.objects.get(direction="in").outcome == "handed_over"

    def test_without_words_of_its_own_our_line_is_said(self, shop: Any) -> None:
        told(shop, handover=[{"when": "reclamação", "words": "procon"}])
        ask(shop, "Isso vai parar no Procon, viu?")
        assert shop.texts() == [say(Line.OWNERS_CASE, "pt")]

    def test_other_words_are_the_models(self, shop: Any) -> None:
        told(shop, handover=self.CASES)
        ask(shop, "Vocês têm estacionamento no local?")
        assert len(shop.models.requests) == 1

    def test_safety_comes_first(self, shop: Any) -> None:
        told(shop, handover=[{"when": "dor", "words": "dor"}])
        ask(shop, "Minha mãe está com dor no peito")
        assert shop.texts() == [say(Line.MEDICAL, "pt")]

    @pytest.mark.parametrize(
        ("text", "meets"),
        [
            ("Vou ao PROCÓN!", True),
            ("processo por danos morais", True),
            ("danos,  moral", True),
            ("o dano moreno", False),
            ("advogados", False),
            ("", False),
            ("proconsul", False),
        ],
    )
    def test_whole_words_whatever_their_accents(self, text: str, meets: bool) -> None:
        assert (handing.matched(self.CASES, text) is not None) == meets

    def test_a_case_without_words_meets_nothing(self) -> None:
        assert handing.matched([{"when": "x", "words": ""}, {"when": "y"}, {"words": "a, ,;"}], "a b") is None


def test_a_language_of_its_own_answers_everybody_in_it(shop: Any) -> None:
    told(shop, language="fr")
    ask(shop, "Vocês têm estacionamento no local para clientes?")
    assert "Write in French" in system_of(shop)
    talk = Conversation.objects.select_related("contact").get()
    assert (talk.language, talk.contact.language) == ("fr", "pt")


class TestHours:
    def test_an_assistant_may_have_a_way_of_its_own_while_people_are_away(self, shop: Any) -> None:
        rule(shop, **closed_now(shop), out_of_hours="assistant")
        told(shop, hours={"out_of_hours": "text", "text": "Fechado. Voltamos {back}."})
        ask(shop, "Vocês têm estacionamento no local?")
        assert shop.texts() == ["Fechado. Voltamos amanhã às 00:00."] and shop.models.requests == []

    def test_its_own_words_close_an_answer(self, shop: Any) -> None:
        rule(shop, **closed_now(shop), out_of_hours_text="De todos: {back}.")
        told(shop, hours={"text": "Só meu: {back}."})
        shop.models.answer_with("Sim.")
        ask(shop, "Vocês têm estacionamento no local?")
        assert shop.texts() == ["Sim.\n\nSó meu: amanhã às 00:00."]


def test_every_answer_leads_to_the_words_it_was_given_with(
    shop: Any, client_for: Any, member_of: Any
) -> None:
    shop.models.answer_with("Sim.", "Sim.")
    ask(shop, "Vocês têm estacionamento no local?")
    first = Turn.objects.get().agent_version_id
    told(shop, tone="seco")
    ask(shop, "E o estacionamento é grátis para clientes?")
    newest = Message.objects.filter(direction="out").order_by("pk")
    answers = [message.pk for message in newest]
    client = client_for(shop.tenant, member_of(shop.tenant, role="agent"))
    pages = [client.get(f"/messages/{pk}/why").content.decode() for pk in answers]
    assert f"/assistant/versions/{first}/" in pages[0] and f"/assistant/versions/{first}/" not in pages[1]
    assert "seco" not in client.get(f"/assistant/versions/{first}/").content.decode()


def test_cases_for_a_person_give_the_model_the_means_to_call_one(shop: Any) -> None:
    told(shop, handover=[{"when": "a pessoa reclama da conta"}])
    ask(shop, "Vocês têm estacionamento no local?")
    offered = shop.models.requests[-1]["body"]["tools"]
    assert [tool["function"]["name"] for tool in offered] == ["call_person"]
    told(shop, handover=[])
    ask(shop, "E o estacionamento é grátis para clientes?")
    assert "tools" not in shop.models.requests[-1]["body"]
