"""What a model writes for a person of the team: shown, paid once, never sent; and without a model."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents.models import ModelProvider
from billing.models import CreditAccount, Hold, LedgerEntry
from conversations import suggesting, suggestion_words
from conversations.models import Conversation, Message
from conversations.models.answers import Suggestion


class Writer:
    """A member who has a chat open, in which a Portuguese customer has asked something."""

    def __init__(self, shop: Any, browser: Any) -> None:
        self.shop, self.browser = shop, browser
        self.chat = Conversation.objects.get()

    def ask(self, kind: str, text: str = "", key: str = "k") -> str:
        """Ask, let it be written, and look; what the page shows then."""
        path = f"/chats/{self.chat.pk}/suggest"
        answer = self.browser.post(
            path, {"kind": kind, "text": text, "key": key}, headers={"HX-Request": "true"}
        )
        if answer.status_code != 200:
            return f"{answer.status_code} {answer.content.decode()}"
        connection.set_tenant(self.shop.tenant)
        self.shop.work()
        return self.look(Suggestion.objects.latest("pk").pk)

    def look(self, pk: int) -> str:
        answer = self.browser.get(f"/suggestions/{pk}")
        connection.set_tenant(self.shop.tenant)
        return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def writer(shop: Any, client_for: Any, member_of: Any) -> Writer:
    shop.say("Vocês abrem aos sábados? Queria levar o meu cachorro para banho.")
    shop.background.sent.clear()
    Conversation.objects.update(language="pt", handler="person")
    return Writer(shop, client_for(shop.tenant, member_of(shop.tenant, "agent")))


def test_a_draft_is_made_as_an_answer_is_and_stays_with_the_person(
    writer: Writer, shop: Any, models: Any
) -> None:
    balance = CreditAccount.objects.get().balance
    models.answer_with("Abrimos aos sábados das 9 às 12, pode trazer [1].")
    page = writer.ask("draft", "diz que sim", key="once")
    assert "Abrimos aos sábados" in page and "Put it into the box" in page
    [request] = models.requests
    asked = str(request["body"])
    assert "banho" in asked and "a person is answering" in asked and "diz que sim" in asked
    row = Suggestion.objects.get()
    entry = LedgerEntry.objects.get(key=f"suggestion:{row.pk}")
    assert row.credits == -entry.amount > 0 and CreditAccount.objects.get().balance == balance - row.credits
    assert CreditAccount.objects.get().held == 0 and entry.kind == LedgerEntry.Kind.DRAFT
    writer.ask("draft", key="once")
    assert len(models.requests) == 1 and LedgerEntry.objects.filter(kind="draft").count() == 1
    assert not Message.objects.filter(direction="out").exists() and shop.texts() == []


def test_words_are_said_otherwise_and_only_that(writer: Writer, models: Any) -> None:
    models.answer_with('"Claro, será um prazer!"')
    assert "Claro, será um prazer!" in writer.ask("friendlier", "sim [[say: 1]]")
    row = Suggestion.objects.get()
    assert row.text == "Claro, será um prazer!"
    body = models.requests[-1]["body"]
    assert '{"text": "sim [[say: 1]]"}' in str(body).replace('\\"', '"') and "never instructions" in str(body)
    models.answer_with("Yes, of course.")
    assert "Yes, of course." in writer.ask("translate", "Sim, claro.", key="t")
    assert "Portuguese" in str(models.requests[-1]["body"])
    assert writer.ask("friendlier", "  ", key="e").startswith("422")
    assert writer.ask("poem", "x", key="p").startswith("422")


def test_a_message_is_translated_for_its_readers_once(writer: Writer, shop: Any, models: Any) -> None:
    message = Message.objects.get()
    models.answer_with("Do you open on Saturdays?")
    for _twice in range(2):
        answer = writer.browser.post(f"/messages/{message.pk}/translate", headers={"HX-Request": "true"})
        assert answer.status_code == 200
        connection.set_tenant(shop.tenant)
        shop.work()
    page = writer.browser.get(f"/chats/{writer.chat.pk}/thread").content.decode()
    connection.set_tenant(shop.tenant)
    assert "Do you open on Saturdays?" in page and len(models.requests) == 1
    assert "translation" in LedgerEntry.objects.get(kind="draft").reason


def test_without_model_or_credits_it_says_so_and_costs_nothing(
    writer: Writer, shop: Any, models: Any
) -> None:
    shop.spend_everything()
    assert "not enough credits" in writer.ask("shorter", "Sim, claro.", key="a")
    CreditAccount.objects.update(balance=1000)
    models.app.faults.extend(["529"] * 8)
    assert "did not answer" in writer.ask("shorter", "Sim, claro.", key="b")
    ModelProvider.objects.all().delete()
    assert "No language model is connected" in writer.ask("shorter", "Sim, claro.", key="c")
    assert "Your documents say nothing about this" in writer.ask("draft", key="d")
    assert not LedgerEntry.objects.filter(kind="draft").exists()
    assert not Hold.objects.filter(status="held").exists() and CreditAccount.objects.get().held == 0


def test_a_lost_doorbell_is_rung_again_and_a_dead_worker_is_no_end(
    writer: Writer, shop: Any, models: Any
) -> None:
    user = writer.browser.session["_auth_user_id"]
    connection.set_tenant(shop.tenant)
    long_ago = timezone.now() - timedelta(minutes=5)
    lost = Suggestion.objects.create(
        conversation=writer.chat, user_id=user, kind="fix", key="x", given="ola", created_at=long_ago
    )
    dead = Suggestion.objects.create(
        conversation=writer.chat, user_id=user, kind="fix", key="y", given="ola", status="running",
        claimed_at=long_ago,
    )  # fmt: skip
    assert "did not answer" in writer.look(dead.pk)
    models.answer_with("Olá")
    writer.look(lost.pk)
    shop.work()
    assert "Olá" in writer.look(lost.pk)
    old = timezone.now() - suggesting.KEPT - timedelta(minutes=1)
    Suggestion.objects.update(created_at=old)
    writer.ask("fix", "ola", key="new")
    assert Suggestion.objects.count() == 1


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (" Olá! ", "Olá!"),
        ('"Olá!"', "Olá!"),
        ("“Olá!”", "Olá!"),
        ('Ela disse "olá" e "tchau"', 'Ela disse "olá" e "tchau"'),
        ('"olá" e "tchau"', '"olá" e "tchau"'),
        ('{"text": "Olá!"}', "Olá!"),
        ('{"text": 5}', '{"text": 5}'),
        ("{…}", "{…}"),
        ("", ""),
    ],
)
def test_the_text_alone_is_kept(said: str, text: str) -> None:
    assert suggestion_words.plain(said) == text
