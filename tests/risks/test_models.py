"""L1 to L3: what goes wrong at the model's vendor, through the vendors' real SDKs against their counterpart.

Answers are not streamed, so a fault "in mid-stream" is an answer that is cut, or that drips for ever.
"""

import time
from dataclasses import replace
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from agents import publishing, replies
from agents.lines import Line, say
from agents.models import Agent, ModelProvider
from billing.models import CreditAccount, Hold, LedgerEntry
from conversations import fallback, sweep
from conversations.models import Breaker, Conversation, Message, Turn

QUESTION = "Qual é a capital da Mongólia hoje em dia?"  # which no document answers
VENDORS = ["anthropic", "openai"]
PASSING = ["429", "429:30", "529", "500", "reset", "malformed", "html", "hollow", "hang", "drip"]
OF_ACCOUNT = ["401", "402", "403", "spent", "broke"]
ODD = ["malformed", "hollow", "html", "empty", "refusal", "tool", "bad tool"]


@pytest.fixture
def asked(shop: Any, request: Any) -> Any:
    """The shop with this vendor for its first tier."""
    vendor = request.param
    base = shop.models.url if vendor == "anthropic" else f"{shop.models.url}/v1"
    ModelProvider.objects.update(vendor=vendor, base_url=base)
    return shop


BOTH = pytest.mark.parametrize("asked", VENDORS, indirect=True)


def second_tier(shop: Any) -> None:
    """The other vendor for the stronger tier, at the same counterpart."""
    first = ModelProvider.objects.get()
    vendor = "openai" if first.vendor == "anthropic" else "anthropic"
    base = shop.models.url if vendor == "anthropic" else f"{shop.models.url}/v1"
    ModelProvider.objects.create(name="second", vendor=vendor, base_url=base, api_key="other key", model="c")
    tiers = {"balanced": {"provider": "vendor"}, "advanced": {"provider": "second"}}
    publishing.publish_at_once(
        Agent.objects.order_by("pk")[0], content={"tiers": tiers}, user=None, now=timezone.now()
    )


def ask(shop: Any, number: int, text: str = QUESTION) -> str:
    """A new customer asks; the chat."""
    chat = f"55119{number:08d}@c.us"
    shop.say(text, chat=chat)
    shop.work()
    return chat


def heard(shop: Any, chat: str) -> list[str]:
    return [text for to, text in shop.gateway.sent if to == chat]


def quicken(monkeypatch: pytest.MonkeyPatch) -> None:
    """One vendor has a second, and all of them together eight; in life it is 15 and 25."""
    compose = replies.compose
    monkeypatch.setattr(replies, "compose", lambda **asked: replace(compose(**asked), timeout=1.0))
    monkeypatch.setattr(fallback, "TOTAL_SECONDS", 8.0)
    monkeypatch.setattr(fallback, "LEAST_SECONDS", 0.3)


def until_a_person(shop: Any, chat: str) -> None:
    """Minutes pass, and the vendor is asked again each time."""
    for _ in range(4):
        if Conversation.objects.get(address=chat).handler == "queue":
            return shop.work()
        shop.later()
        mended()


def mended() -> None:
    Breaker.objects.all().delete()


class TestL1:
    @BOTH
    def test_another_vendor_answers_in_the_same_turn(
        self, asked: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One try at the first, one at the second, within the budget; one answer, one charge."""
        quicken(monkeypatch)
        second_tier(asked)
        ask(asked, 99)  # the SDKs take seconds to load
        for number, fault in enumerate(PASSING):
            mended()
            asked.models.requests.clear()
            asked.models.fail_next(fault)
            asked.models.answer_with("Sim.")
            began = time.monotonic()
            chat = ask(asked, number)
            took = time.monotonic() - began
            paths = [one["path"] for one in asked.models.requests]
            assert len(paths) == 2 and len(set(paths)) == 2, (fault, paths)
            assert heard(asked, chat) == ["Sim."], fault
            assert took < fallback.TOTAL_SECONDS, (fault, took)
        assert LedgerEntry.objects.filter(kind="turn").count() == len(PASSING) + 1
        assert not Hold.objects.filter(status="held").exists()

    @BOTH
    def test_without_another_a_person_is_called_and_the_customer_told_once(
        self, asked: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        quicken(monkeypatch)
        for number, fault in enumerate(("429", "529", "reset", "drip")):
            mended()
            asked.models.requests.clear()
            asked.models.fail_next(fault, times=12)
            chat = ask(asked, number)
            until_a_person(asked, chat)
            asked.models.app.faults.clear()
            conversation = Conversation.objects.get(address=chat)
            assert heard(asked, chat) == [say(Line.FAILED, "pt")], fault
            assert (conversation.handler, conversation.handoff_reason) == ("queue", "failed"), fault
            assert conversation.messages.get(direction="in").outcome == "handed_over"
            assert len(asked.models.requests) <= 3, fault  # one a turn: no SDK tries again by itself
        assert not LedgerEntry.objects.filter(kind="turn").exists()
        assert CreditAccount.objects.get().held == 0

    @BOTH
    def test_an_answer_that_drips_ends_in_time(self, asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A byte now and then keeps each silence short: the whole answer has a bound as well."""
        ask(asked, 99)
        quicken(monkeypatch)
        asked.models.fail_next("drip")
        began = time.monotonic()
        ask(asked, 1)
        assert time.monotonic() - began < 4
        assert "too long" in Turn.objects.latest("pk").error


class TestL2:
    @BOTH
    def test_a_refused_account_is_asked_once_and_the_owner_told_once(
        self, asked: Any, member_of: Any
    ) -> None:
        member_of(asked.tenant)
        for number, fault in enumerate(OF_ACCOUNT):
            mended()
            mail.outbox.clear()
            asked.models.requests.clear()
            asked.models.fail_next(fault, times=10)
            first, second = ask(asked, 2 * number), ask(asked, 2 * number + 1)
            for _ in range(3):
                sweep.sweep.apply(throw=True)
                asked.work()
            asked.models.app.faults.clear()
            row = Breaker.objects.get(vendor="vendor")
            assert len(asked.models.requests) == 1, fault  # no retry, and nobody else asks
            assert row.is_open and row.cause == "account", fault
            assert [letter.to for letter in mail.outbox] == [["owner@alpha.example"]], fault
            assert "tenant key" not in mail.outbox[0].body
            assert heard(asked, first) == heard(asked, second) == [say(Line.FAILED, "pt")], fault
        assert not LedgerEntry.objects.filter(kind="turn").exists()


class TestL3:
    @BOTH
    def test_what_is_no_answer_is_never_sent(self, asked: Any, caplog: Any) -> None:
        """Tried again where that may help, logged without its words, and then a person."""
        for number, fault in enumerate(ODD):
            mended()
            asked.models.fail_next(fault, times=6)
            chat = ask(asked, number)
            until_a_person(asked, chat)
            asked.models.app.faults.clear()
            assert heard(asked, chat) == [say(Line.FAILED, "pt")], fault
            conversation = Conversation.objects.get(address=chat)
            assert conversation.handler == "queue", fault
            errors = list(conversation.turns.values_list("error", flat=True))
            assert errors and all(errors), fault
            tried = 1 if fault == "refusal" else 3
            assert len(errors) == tried, fault
        assert Message.objects.filter(direction="out", author_kind="agent").count() == 0
        assert not LedgerEntry.objects.filter(kind="turn").exists()
        assert "Mongólia" not in caplog.text and "tenant key" not in caplog.text

    @BOTH
    def test_one_that_was_cut_off_ends_with_a_whole_sentence(self, asked: Any) -> None:
        asked.models.answer_with("Abrimos às 8h, e aos sábados às 9h. No doming")
        asked.models.fail_next("max_tokens")
        assert heard(asked, ask(asked, 1)) == ["Abrimos às 8h, e aos sábados às 9h."]

    @BOTH
    def test_no_tool_is_offered_today(self, asked: Any) -> None:
        """So whatever tool a model wants, there is none to run."""
        ask(asked, 1)
        [request] = asked.models.requests
        assert "tools" not in request["body"]
        connection.set_tenant(asked.tenant)
        assert Turn.objects.get().status == "done"
