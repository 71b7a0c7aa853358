"""From plenty to nothing: the least model, the documents' own words, a person; always a reply (B6)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone

from agents import publishing
from agents.lines import Line, say
from agents.models import Agent
from billing import credits, foresight
from billing.models import CreditAccount, CreditWarnings, LedgerEntry, Price, Usage
from conversations import reserving
from conversations.models import Conversation, Message, Turn
from knowledge import documents
from tenants.models import User
from tenants.notices import Notification
from tests.knowledge.conftest import _convert_once

__all__ = ["_convert_once"]

MODELS = {"fast": "small", "balanced": "middle", "advanced": "large"}
PARKING = "# Clínica\n\n## Estacionamento\nO estacionamento é gratuito e fica atrás da casa."
PARKED = "Vocês têm estacionamento para clientes?"
UNKNOWN = "Quanto custa uma sessão de fisioterapia?"
WEEKDAYS = (3, 2, 2, 2, 3, 1, 0)  # customers, Monday first


@pytest.fixture
def house(shop: Any, settings: Any) -> Any:
    """The shop with three tiers, and no embedding: the words alone decide."""
    settings.EMBEDDING_URL, settings.ANSWERS_REUSED_SECONDS = "http://127.0.0.1:9", 0
    tiers = {tier: {"provider": "vendor", "model": model} for tier, model in MODELS.items()}
    connection.set_tenant(shop.tenant)
    publishing.publish_at_once(Agent.objects.get(), content={"tiers": tiers}, user=None, now=timezone.now())
    return shop


@pytest.fixture
def book(shop: Any, settings: Any, embedding: str, tmp_path: Any) -> Any:
    """The shop with a document that answers where to park."""
    settings.EMBEDDING_URL, settings.MEDIA_ROOT = embedding, tmp_path
    settings.ANSWERS_REUSED_SECONDS = 0
    connection.set_tenant(shop.tenant)
    file = SimpleUploadedFile("clinica.md", PARKING.encode())
    documents.add(file=file, name="clinica.md", added_by=None, now=timezone.now())
    shop.work()
    return shop


def ask(shop: Any, text: str, *, customer: int = 1) -> None:
    shop.say(text, chat=f"551199999{customer:04d}@c.us")
    shop.work()


def have(amount: int, **more: int) -> None:
    CreditAccount.objects.update(balance=amount, held=0, **more)


class TestSaving:
    def test_below_the_owners_mark_the_least_model_answers(self, house: Any) -> None:
        have(1000, saving_below=100)
        ask(house, UNKNOWN)
        have(99)
        ask(house, UNKNOWN, customer=2)
        assert [one["body"]["model"] for one in house.models.requests] == ["middle", "small"]
        turn = Turn.objects.latest("pk")
        assert (turn.tier, turn.route["reasons"][-1]) == ("fast", {"code": "saving", "tier": "fast"})

    def test_where_the_dearest_cannot_be_paid_the_least_is(self, house: Any) -> None:
        rates = (
            "input_per_million",
            "output_per_million",
            "cache_read_per_million",
            "cache_write_per_million",
        )
        Price.objects.create(
            model="large", effective_from=timezone.now(), minimum=1, **dict.fromkeys(rates, 10**6)
        )
        have(40, saving_below=0)
        ask(house, UNKNOWN)
        assert Turn.objects.get().model == "small" and Turn.objects.get().hold.amount == 17

    def test_a_question_of_two_bubbles_is_saved_on_as_one(self, house: Any) -> None:
        have(99, saving_below=100)
        house.models.answer_with("Um.", "Dois.")
        house.models.app.before_answer = lambda: None
        house.say("Oi")
        house.say(UNKNOWN)
        house.work()
        assert {one["body"]["model"] for one in house.models.requests} == {"small"}

    def test_who_looks_why_is_told(self, house: Any, member_of: Callable[..., User], client_for: Any) -> None:
        have(99, saving_below=100)
        owner = member_of(house.tenant)
        User.objects.filter(pk=owner.pk).update(language="en")
        ask(house, UNKNOWN)
        message = Message.objects.get(direction="out")
        page = client_for(house.tenant, owner).get(f"/messages/{message.pk}/why").content.decode()
        assert "Few credits are left" in page


class TestNothing:
    def test_documents_answer_in_their_own_words_for_nothing(self, book: Any) -> None:
        have(16)  # an answer may need 17
        ask(book, PARKED)
        assert "O estacionamento é gratuito" in book.texts()[0] and not book.models.requests
        turn = Turn.objects.get()
        assert (turn.status, turn.vendor, turn.credits, turn.hold) == ("done", "extractive", 0, None)
        assert turn.route["reasons"][-1]["code"] == "unpaid"
        assert (
            not LedgerEntry.objects.filter(kind="turn").exists()
            and not Usage.objects.filter(key__startswith="turn").exists()
        )

    def test_anything_else_goes_to_a_person_with_a_truthful_line(self, book: Any) -> None:
        book.spend_everything()
        ask(book, UNKNOWN)
        assert book.texts() == [say(Line.NO_CREDITS, "pt")] and not book.models.requests
        assert Conversation.objects.get().handoff_reason == "no_credits"
        assert Message.objects.get(direction="in").outcome == "handed_over"

    def test_the_owner_is_told_once_until_credits_are_added(
        self, book: Any, member_of: Callable[..., User]
    ) -> None:
        owner = member_of(book.tenant)
        book.spend_everything()
        for customer in range(4):
            ask(book, PARKED if customer % 2 else UNKNOWN, customer=customer)
        assert [row.kind for row in Notification.objects.filter(user=owner, kind="no_credits")] == [
            "no_credits"
        ]
        now = timezone.now()
        with transaction.atomic():
            credits.grant(amount=500, reason="top-up", key="more", actor=None, now=now)
        ask(book, PARKED, customer=9)
        assert len(book.models.requests) == 1 and CreditWarnings.objects.get().told_credits is None

    def test_today_says_what_answers_now(
        self, book: Any, member_of: Callable[..., User], client_for: Any
    ) -> None:
        owner = member_of(book.tenant)
        User.objects.filter(pk=owner.pk).update(language="en")
        browser = client_for(book.tenant, owner)
        assert "no model answers now" not in browser.get("/").content.decode()
        book.spend_everything()
        page = browser.get("/").content.decode()
        assert "no model answers now" in page and "sentences of your documents" in page
        ladder = browser.get("/account/").content.decode()
        assert "Fewer than 17 credits" in ladder and 'aria-current="step"' in ladder


class Clock:
    """What `timezone.now()` says everywhere in the product."""

    def __init__(self, monkeypatch: Any) -> None:
        self.at = timezone.now()
        monkeypatch.setattr(timezone, "now", lambda: self.at)

    def go(self, to: datetime) -> None:
        self.at = max(to, self.at + timedelta(minutes=1))


def test_weeks_go_by_the_end_comes_when_it_was_foreseen_and_nobody_is_left_without_a_reply(
    book: Any, monkeypatch: Any, member_of: Callable[..., User]
) -> None:
    owner, clock = member_of(book.tenant), Clock(monkeypatch)
    midnight = timezone.localtime(clock.at).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(
        days=1
    )
    for back in range(21, 0, -1):
        day = midnight - timedelta(days=back)
        for number in range(WEEKDAYS[day.weekday()]):
            key = f"turn:past:{back}:{number}"
            with transaction.atomic():
                credits.spend(kind="turn", amount=1, key=key, reason="answer", now=day + timedelta(hours=9))
    least = reserving.answering(clock.at).least
    have(least - 1 + 12)
    clock.go(midnight)
    foreseen = foresight.outlook(now=clock.at).runway
    lasted, customers, answered = None, 0, 0
    for day in range(12):
        today = midnight + timedelta(days=day)
        wanted = WEEKDAYS[today.weekday()]
        for number in range(wanted):
            clock.go(today + timedelta(hours=9 + number))
            ask(book, PARKED if customers % 2 else f"{UNKNOWN} {customers}", customer=customers)
            customers += 1
            if len(book.models.requests) == answered and lasted is None:
                lasted = day + number / wanted
            answered = len(book.models.requests)
        if lasted is not None and day > lasted + 1:
            break
    assert lasted is not None and foreseen.days is not None and foreseen.is_sure
    assert abs(foreseen.days - lasted) / lasted < 0.15, (foreseen, lasted)
    assert answered == 12 and customers > answered  # some came when there was nothing left
    replied = Message.objects.filter(direction="out", status="sent").values("conversation").distinct()
    assert replied.count() == customers == Conversation.objects.count()
    assert not Message.objects.filter(direction="in", outcome="").exists()
    assert Notification.objects.filter(user=owner, kind="no_credits").count() == 1
