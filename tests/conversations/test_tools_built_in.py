"""The tools that every business has: what they do to the world, and what they refuse."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from agents.lines import Line, say
from conversations import fallback, follow_ups, sweep
from conversations.models import ChatRules, Consent, Contact, Conversation, FollowUp, Message, ToolRun, Turn
from knowledge import documents
from knowledge.models import Document
from tests.conversations.tool_shop import give
from tests.knowledge.conftest import _convert_once

__all__ = ["_convert_once"]

PRICES = b"# Tabela\n\nA limpeza custa R$ 190.\n\nO clareamento custa R$ 650."


def ask(shop: Any, text: str, **more: Any) -> None:
    shop.say(text, **more)
    shop.work()


def last_run() -> ToolRun:
    return ToolRun.objects.latest("pk")


@pytest.fixture
def taught(shop: Any, settings: Any, embedding: str, tmp_path: Any, monkeypatch: Any) -> Any:
    """The shop with a price list."""
    monkeypatch.setattr(fallback, "QUICK_SECONDS", 60.0)  # however slow this machine is
    settings.EMBEDDING_URL, settings.MEDIA_ROOT = embedding, tmp_path
    connection.set_tenant(shop.tenant)
    file = SimpleUploadedFile("Tabela de preços.md", PRICES)
    documents.add(file=file, name="Tabela de preços.md", added_by=None, now=timezone.now())
    shop.work()
    return shop


class TestCallPerson:
    def test_ends_the_turn_with_one_line(self, shop: Any, client_for: Any, member_of: Any) -> None:
        give(shop, "call_person")
        shop.models.call("call_person", reason="wants a discount", case=None)
        ask(shop, "Isso é um absurdo!")
        conversation, turn = Conversation.objects.get(), Turn.objects.get()
        assert shop.texts() == [say(Line.CALLED, "pt")]
        assert (conversation.handler, conversation.handoff_reason) == ("queue", "called")
        assert turn.status == "handed_over" and Message.objects.get(direction="in").outcome == "handed_over"
        assert last_run().arguments["reason"] == "wants a discount" and last_run().claims == ["called_person"]
        assert len(shop.models.answers_asked) == 1
        Contact.objects.update(details={"birthday": "12/03/1990"})
        page = client_for(shop.tenant, member_of(shop.tenant)).get(reverse("chat", args=[conversation.pk]))
        assert "wants a discount" in page.content.decode() and "12/03/1990" in page.content.decode()

    def test_says_what_the_owner_wants_said_in_this_case(self, shop: Any) -> None:
        cases = [{"when": "A complaint about a bill", "words": "", "say": "A Rita cuida disso."}]
        give(shop, "call_person", handover=cases)
        shop.models.call("call_person", reason="bill", case="A complaint about a bill.")
        ask(shop, "Cobraram errado!")
        assert shop.texts() == ["A Rita cuida disso."]


class TestSearch:
    def test_finds_what_the_first_search_missed(self, taught: Any) -> None:
        give(taught, "search_knowledge")
        taught.models.call("search_knowledge", query="Quanto custa a limpeza?")
        taught.models.answer_with("A limpeza custa R$ 190.")
        ask(taught, "Bom dia, tudo bem com vocês aí?")
        assert last_run().result["enough"] and "R$ 190" in str(last_run().result)
        assert taught.texts() == ["A limpeza custa R$ 190."] and Turn.objects.get().supported

    def test_never_in_what_is_for_the_team(self, taught: Any) -> None:
        Document.objects.get().chunks.update(audience="staff")
        give(taught, "search_knowledge")
        taught.models.call("search_knowledge", query="Quanto custa a limpeza?")
        ask(taught, "Bom dia, tudo bem com vocês aí?")
        assert last_run().result == {"enough": False, "passages": []}


class TestCollect:
    def test_is_kept_after_a_yes_which_is_the_consent(self, shop: Any) -> None:
        give(shop, "collect_fields", collects=["Data de nascimento"])
        others = [{"field": "data de nascimento", "value": "12/03/1990"}]
        shop.models.call("collect_fields", name="Ana Souza", email="Ana@x.example", others=others)
        ask(shop, "Sou Ana Souza, ana@x.example, nascida em 12/03/1990")
        [question] = shop.texts()
        assert "Ana Souza" in question and "12/03/1990" in question and not Consent.objects.exists()
        shop.models.answer_with("Anotei seus dados, Ana: ana@x.example.")
        ask(shop, "Sim")
        contact, consent = Contact.objects.latest("pk"), Consent.objects.get()
        assert contact.name == "Ana Souza"
        assert contact.details == {"email": "ana@x.example", "Data de nascimento": "12/03/1990"}
        assert (consent.purpose, consent.given, consent.words) == ("details", True, "Sim")
        assert shop.texts()[-1] == "Anotei seus dados, Ana: ana@x.example."

    def test_only_the_customers_own_words_and_the_owners_fields(self, shop: Any) -> None:
        give(shop, "collect_fields", collects=["CPF"])
        nothing = {"name": None, "email": None, "others": None}
        strange = [{"field": "Senha", "value": "Oi"}]
        for number, more in enumerate(({"name": "Eve"}, {}, {"others": strange})):
            shop.models.call("collect_fields", **nothing | more)
            shop.models.answer_with("Certo.")
            ask(shop, "Oi, sou a Ana", chat=f"55119000{number:05d}@c.us")
            ask(shop, "sim", chat=f"55119000{number:05d}@c.us")
            assert last_run().status == "failed", more
            shop.models.app.answers.clear()
        assert not Consent.objects.exists()


class TestSend:
    def test_a_document_goes_once_as_a_file(self, taught: Any) -> None:
        give(taught, "send_document")
        taught.models.call("send_document", title="tabela de preços")
        taught.models.app.faults.extend(["", "500"])
        ask(taught, "Me manda a tabela de preços")
        assert last_run().error == ""
        taught.models.answer_with("Enviei a tabela aqui.")
        taught.later()
        sent = Message.objects.filter(direction="out").order_by("pk")
        assert (sent[0].kind, sent[0].media_name) == ("document", "Tabela de preços.md")
        assert sent.count() == 2 and sent[1].body.startswith("Enviei a tabela aqui.")
        assert sent[0].media.name != Document.objects.get().file.name

    def test_not_what_is_for_the_team_and_not_another_assistants(self, taught: Any) -> None:
        give(taught, "send_document")
        for fields in ({"audience": "staff"}, {"audience": "customers", "agent_ids": [987]}):
            Document.objects.update(**fields)
            taught.models.call("send_document", title="Tabela de preços.md")
            taught.models.answer_with("Não tenho esse documento.")
            ask(taught, f"Me manda a tabela {fields}")
            assert last_run().status == "failed"
        assert not Message.objects.exclude(media="").exists()

    def test_the_place_goes_as_a_place(self, shop: Any) -> None:
        give(shop, "send_location")
        shop.models.call("send_location")
        shop.models.answer_with("O endereço está no site.")
        ask(shop, "Onde ficam?")
        assert last_run().error == "The business has not said where it is."
        place = {"latitude": -25.43, "longitude": -49.27, "title": "Aurora"}
        ChatRules.objects.update_or_create(pk=1, defaults={"place": place})
        shop.models.call("send_location")
        shop.models.answer_with("Enviei a localização.")
        ask(shop, "Pode mandar no mapa?")
        sent = Message.objects.filter(direction="out").exclude(content={}).get()
        assert sent.content["location"] == place and shop.texts()[-1] == "Enviei a localização."


class TestFollowUp:
    def promise(self, shop: Any, *, hours: float = 2.0, text: str = "Olá! Ainda quer a limpeza?") -> None:
        zone = ZoneInfo(shop.tenant.timezone)
        at = (timezone.now() + timedelta(hours=hours)).astimezone(zone)
        give(shop, "schedule_follow_up")
        shop.models.call("schedule_follow_up", at=f"{at:%Y-%m-%dT%H:%M}", text=text)
        shop.models.answer_with("Combinado, volto a escrever.")
        ask(shop, "Me lembra mais tarde?")

    def falls_due(self, shop: Any) -> None:
        FollowUp.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        sweep.sweep.apply(throw=True)
        shop.work()

    def test_is_said_when_its_time_has_come(self, shop: Any) -> None:
        self.promise(shop)
        assert shop.texts() == ["Combinado, volto a escrever."]
        row = FollowUp.objects.get()
        assert timedelta(minutes=118) < row.due_at - timezone.now() < timedelta(minutes=121)
        self.falls_due(shop)
        self.falls_due(shop)
        assert shop.texts()[1:] == ["Olá! Ainda quer a limpeza?"]
        assert FollowUp.objects.get().status == "sent"

    def test_is_dropped_when_something_happened_before(self, shop: Any) -> None:
        self.promise(shop)
        [first] = FollowUp.objects.all()
        ask(shop, "Oi, voltei")
        thread = Conversation.objects.get()
        for reason, change in (
            (follow_ups.WROTE, lambda: None),
            (follow_ups.PERSON, lambda: Conversation.objects.update(handler="person")),
            (follow_ups.OUT, lambda: Contact.objects.update(opted_out_at=timezone.now())),
        ):
            change()
            before, now = len(shop.texts()), timezone.now()
            row = FollowUp.objects.create(
                conversation=thread,
                key=reason,
                text="Oi!",
                due_at=now,
                created_at=first.created_at if reason == follow_ups.WROTE else now,
            )
            self.falls_due(shop)
            row.refresh_from_db()
            assert (row.status, row.reason) == ("dropped", reason) and len(shop.texts()) == before

    def test_waits_for_the_end_of_the_quiet_hours(self, shop: Any) -> None:
        self.promise(shop)
        here = timezone.now().astimezone(ZoneInfo(shop.tenant.timezone))
        quiet = {
            "quiet_from": (here - timedelta(hours=1)).time(),
            "quiet_until": (here + timedelta(hours=1)).time(),
        }
        ChatRules.objects.update_or_create(pk=1, defaults=quiet)
        FollowUp.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        follow_ups.carry_out(FollowUp.objects.get().pk, now=timezone.now())
        row = FollowUp.objects.get()
        assert row.status == "waiting" and row.due_at > timezone.now() + timedelta(minutes=50)

    def test_what_cannot_be_promised_is_not(self, shop: Any) -> None:
        for hours, text, words in (
            (0.01, "Oi!", "between five minutes"),
            (24 * 60, "Oi!", "between five minutes"),
            (2.0, "Veja https://evil.example", "may not be sent"),
            (2.0, "Sua consulta foi confirmada.", "may not be sent"),
        ):
            self.promise(shop, hours=hours, text=text)
            assert not FollowUp.objects.exists() and words in last_run().error, text
            shop.models.app.answers.clear()

    def test_beyond_the_24_hours_only_where_a_template_may_carry_it(self, cloud: Any) -> None:
        zone = ZoneInfo(cloud.shop.tenant.timezone)
        at = (timezone.now() + timedelta(hours=30)).astimezone(zone)
        give(cloud.shop, "schedule_follow_up")
        cloud.shop.models.call("schedule_follow_up", at=f"{at:%Y-%m-%dT%H:%M}", text="Oi!")
        cloud.say("Me lembra amanhã à noite?")
        cloud.work()
        assert not FollowUp.objects.exists() and "until" in last_run().error
