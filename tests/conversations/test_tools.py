"""Tools in a turn: asked for by a model, allowed, done once, kept as receipts, and only then spoken of."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from agents import publishing
from agents.lines import Line, say
from agents.models import Agent, ModelProvider
from agents.tools import Outcome, ToolFailed
from billing.models import LedgerEntry, Usage
from conversations import engine, receipts, sweep, tooling
from conversations.models import Conversation, Message, ToolRun, Turn
from providers.errors import ProviderError
from tests.conversations.tool_shop import Desk, desk, give

WISH = "Quero marcar uma consulta na segunda."


@pytest.fixture
def done() -> Iterator[Desk]:
    with desk() as made:
        yield made


def ask(shop: Any, text: str = WISH, **more: Any) -> None:
    shop.say(text, **more)
    shop.work()


def statuses() -> list[tuple[str, str]]:
    return list(ToolRun.objects.order_by("pk").values_list("tool", "status"))


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
def test_a_deed_is_done_once_kept_and_said(shop: Any, done: Desk, vendor: str) -> None:
    base = shop.models.url if vendor == "anthropic" else f"{shop.models.url}/v1"
    ModelProvider.objects.update(vendor=vendor, base_url=base)
    give(shop, "book", "look_up")
    shop.models.call_all(("look_up", {"day": "monday"}), ("book", {"day": "monday"}))
    shop.models.answer_with("Pronto, agendei para segunda.")
    ask(shop)
    assert shop.texts() == ["Pronto, agendei para segunda."]
    assert done.named("book") == [{"day": "monday"}]
    first, second = ToolRun.objects.order_by("pk")
    assert (first.tool, second.tool, second.status) == ("look_up", "book", "done")
    assert (second.arguments, second.claims) == ({"day": "monday"}, ["booked"])
    assert second.result == {"ok": "book", "day": "monday"}
    turn = Turn.objects.get()
    assert second.turn_id == turn.pk and turn.status == "done" and turn.supported
    assert [step["name"] for step in turn.steps if step["kind"] == "tool"] == ["look_up", "book"]
    assert len(shop.models.requests) == 2
    used = Usage.objects.get(key=f"turn:{turn.pk}")
    assert used.output_tokens == turn.output_tokens and turn.input_tokens > 100
    assert LedgerEntry.objects.get(kind="turn").amount == -turn.credits


def test_what_was_done_stands_in_the_chat_and_in_the_why(
    shop: Any, done: Desk, client_for: Any, member_of: Any
) -> None:
    give(shop, "book")
    shop.models.call("book", day="monday")
    shop.models.answer_with("Pronto, agendei para segunda.")
    ask(shop)
    message, thread = Message.objects.get(direction="out"), Conversation.objects.get()
    owner = client_for(shop.tenant, member_of(shop.tenant))
    why = owner.get(reverse("message_why", args=[message.pk])).content.decode()
    assert "monday" in why and "book" in why and "done" in why
    assert "booked" in owner.get(reverse("chat", args=[thread.pk])).content.decode()


def test_without_tools_nothing_of_it_is_asked_or_kept(shop: Any, done: Desk) -> None:
    ask(shop)
    assert "tools" not in shop.models.requests[0]["body"]
    assert not ToolRun.objects.exists()


def test_a_receipt_is_committed_before_its_tool_runs(shop: Any, done: Desk) -> None:
    give(shop, "book")
    seen: list[str] = []

    def look() -> Outcome:
        seen.extend(ToolRun.objects.values_list("status", flat=True))
        assert not connection.in_atomic_block
        return Outcome({"ok": True})

    done.answers["book"] = look
    shop.models.call("book", day="monday")
    ask(shop)
    assert seen == ["started"] and statuses() == [("book", "done")]


class TestCalls:
    def test_bad_arguments_are_told_once(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        shop.models.call_all(("book", {"when": "monday"}))
        shop.models.call("book", day="monday")
        shop.models.answer_with("Agendei.")
        ask(shop)
        told = shop.models.requests[1]["body"]["messages"][-1]["content"]
        assert "day: Field required" in told and "when" in told
        assert done.named("book") == [{"day": "monday"}] and shop.texts() == ["Agendei."]

    def test_a_second_error_ends_the_calls(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        shop.models.call_all(("book", "{day: "))
        shop.models.call_all(("nothing", {}))
        shop.models.answer_with("Não consegui; quer falar com a equipe?")
        ask(shop)
        assert shop.models.requests[-1]["body"]["tool_choice"] == "none"
        assert len(shop.models.requests) == 3 and not ToolRun.objects.exists()

    def test_a_model_that_goes_round_in_circles_is_stopped(self, shop: Any, done: Desk) -> None:
        give(shop, "look_up")
        for _ in range(8):
            shop.models.call("look_up", day="monday")
        ask(shop)
        assert done.named("look_up") == [{"day": "monday"}]
        assert len(shop.models.requests) == 3

    def test_rounds_and_calls_are_bounded(self, shop: Any, done: Desk) -> None:
        give(shop, "look_up")
        for number in range(8):
            shop.models.call_all(*(("look_up", {"day": f"{number}{letter}"}) for letter in "abcde"))
        ask(shop)
        assert len(done.done) == tooling.MOST_ROUNDS * tooling.MOST_CALLS
        assert len(shop.models.requests) == tooling.MOST_ROUNDS + 1

    def test_a_result_is_cut_and_clean(self, shop: Any, done: Desk) -> None:
        give(shop, "look_up")
        done.answers["look_up"] = lambda: Outcome({"text": "a\x00b" * 10_000, "at": timezone.now()})
        shop.models.call("look_up", day="a\x00b")
        shop.models.answer_with("Abrimos às 8h.")
        ask(shop)
        told = shop.models.requests[1]["body"]["messages"][-1]["content"]
        assert len(told) < receipts.RESULT_CHARACTERS + 100
        assert ToolRun.objects.get().arguments == {"day": "ab"}

    def test_what_failed_is_told_and_leaves_no_claim(self, shop: Any, done: Desk) -> None:
        give(shop, "book")

        def full() -> Outcome:
            raise ToolFailed("Monday is full.")

        done.answers["book"] = full
        shop.models.call("book", day="monday")
        shop.models.answer_with("Agendei para segunda.", "Segunda está lotada; serve terça?")
        ask(shop)
        assert "Monday is full." in shop.models.requests[1]["body"]["messages"][-1]["content"]
        run = ToolRun.objects.get()
        assert (run.status, run.claims, run.error) == ("failed", [], "Monday is full.")
        assert shop.texts() == ["Segunda está lotada; serve terça?"]


class TestClaims:
    def test_one_without_a_receipt_is_said_otherwise(self, shop: Any, done: Desk) -> None:
        shop.models.answer_with("Pronto, agendei sua consulta.", "Para marcar, ligue para a recepção.")
        ask(shop)
        assert shop.texts() == ["Para marcar, ligue para a recepção."]
        assert "Your draft of this answer" in str(shop.models.requests[1]["body"]["messages"][0])
        assert [s["name"] for s in Turn.objects.get().steps if s["kind"] == "check"] == ["action"]

    def test_insisted_on_calls_a_person(self, shop: Any, done: Desk) -> None:
        shop.models.answer_with("Pronto, agendei sua consulta.", "Sua consulta foi agendada.")
        ask(shop)
        assert shop.texts() == [say(Line.FAILED, "pt")]
        assert Conversation.objects.get().handler == "queue"
        assert not LedgerEntry.objects.filter(kind="turn").exists()


class TestAgain:
    """A turn that is tried again does nothing twice."""

    def fail_after_the_tool(self, shop: Any) -> None:
        shop.models.call("book", day="monday")
        shop.models.app.faults.extend(["", "500"])

    def test_a_deed_of_a_failed_attempt_is_known_to_the_next(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        self.fail_after_the_tool(shop)
        ask(shop)
        assert Turn.objects.get().status == "failed" and statuses() == [("book", "done")]
        shop.models.requests.clear()
        shop.models.answer_with("Agendei para segunda.")
        shop.later()
        assert shop.texts() == ["Agendei para segunda."]
        assert len(done.named("book")) == 1 and statuses() == [("book", "done")]
        assert '"ok": "book"' in shop.models.requests[0]["body"]["messages"][-1]["content"]

    def test_a_call_in_the_same_words_gets_the_same_receipt(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        self.fail_after_the_tool(shop)
        ask(shop)
        shop.models.call("book", day="monday")
        shop.models.answer_with("Agendei para segunda.")
        shop.later()
        assert len(done.named("book")) == 1 and shop.texts() == ["Agendei para segunda."]

    def died(self, tool: str) -> None:
        """A worker died while the tool ran."""
        ToolRun.objects.update(status="started", result={}, claims=[], tool=tool, finished_at=None)

    def test_after_a_death_what_may_be_repeated_runs_again_with_its_key(self, shop: Any, done: Desk) -> None:
        give(shop, "book_again")
        shop.models.call("book_again", day="monday")
        shop.models.app.faults.extend(["", "500"])
        ask(shop)
        self.died("book_again")
        shop.models.answer_with("Agendei para segunda.")
        shop.later()
        assert len({key for _name, _given, key in done.done}) == 1 and len(done.done) == 2
        assert statuses() == [("book_again", "done")] and shop.texts() == ["Agendei para segunda."]

    def test_after_a_death_for_anything_else_a_person_is_called(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        self.fail_after_the_tool(shop)
        ask(shop)
        self.died("book")
        shop.later()
        assert statuses() == [("book", "unknown")] and len(done.done) == 1
        assert Conversation.objects.get().handler == "queue" and shop.texts() == [say(Line.FAILED, "pt")]

    def test_an_outcome_that_nobody_knows_calls_a_person(self, shop: Any, done: Desk) -> None:
        give(shop, "book")

        def lost() -> Outcome:
            raise ProviderError("no answer", outcome_unknown=True)

        done.answers["book"] = lost
        shop.models.call("book", day="monday")
        ask(shop)
        assert statuses() == [("book", "unknown")] and Conversation.objects.get().handler == "queue"

    def test_a_turn_that_was_given_up_does_nothing_more(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        shop.models.call("book", day="monday")

        def given_up() -> None:
            Turn.objects.filter(status="running").update(status="failed")

        shop.models.app.before_answer = lambda: _in_schema(shop, given_up)
        ask(shop)
        assert done.done == [] and statuses() == []

    def test_a_wish_that_was_done_is_answered_before_what_came_meanwhile(self, shop: Any, done: Desk) -> None:
        give(shop, "book")

        def write_again() -> Outcome:
            shop.say("E quanto custa?")
            return Outcome({"ok": True})

        done.answers["book"] = write_again
        shop.models.call("book", day="monday")
        shop.models.answer_with("Agendei para segunda.", "Custa R$ 100.")
        ask(shop)
        assert shop.texts() == ["Agendei para segunda.", "Custa R$ 100."]
        assert len(done.named("book")) == 1

    def test_what_was_begun_and_never_ended_is_found(self, shop: Any, done: Desk) -> None:
        give(shop, "book")
        shop.models.call("book", day="monday")
        ask(shop)
        self.died("book")
        ToolRun.objects.update(started_at=timezone.now() - timedelta(minutes=10))
        sweep.sweep.apply(throw=True)
        connection.set_tenant(shop.tenant)
        assert statuses() == [("book", "unknown")]


def _in_schema(shop: Any, act: Any) -> None:
    connection.set_tenant(shop.tenant)
    act()
    connection.close()


class TestConfirmation:
    @pytest.fixture
    def put(self, shop: Any, done: Desk) -> Any:
        """The customer was asked whether to book."""
        give(shop, "book_asking")
        shop.models.call("book_asking", day="segunda")
        ask(shop)
        return shop

    def test_nothing_is_done_before_the_yes(self, put: Any, done: Desk) -> None:
        [question] = put.texts()
        assert "book asking" in question and "day: segunda" in question and "Responda" in question
        assert done.done == [] and statuses() == [("book_asking", "asked")]

    def test_a_yes_runs_exactly_that(self, put: Any, done: Desk) -> None:
        put.models.answer_with("Agendei para segunda.")
        ask(put, "Sim, por favor")
        assert done.named("book_asking") == [{"day": "segunda"}]
        assert put.texts()[1:] == ["Agendei para segunda."] and statuses() == [("book_asking", "done")]
        assert ToolRun.objects.get().turn_id == Turn.objects.latest("pk").pk

    def test_a_no_does_nothing(self, put: Any, done: Desk) -> None:
        put.models.answer_with("Tudo bem, não marquei nada.")
        ask(put, "não")
        assert done.done == [] and statuses() == [("book_asking", "declined")]
        assert "said no" in put.models.requests[-1]["body"]["messages"][-1]["content"]

    def test_anything_else_lets_it_lapse(self, put: Any, done: Desk) -> None:
        """A yes that wants something else is none to what was asked."""
        put.models.answer_with("Vejo isso.")
        ask(put, "sim, mas na terça às 15h")
        ask(put, "sim")
        assert done.done == [] and statuses() == [("book_asking", "declined")]

    def test_a_yes_whose_turn_failed_is_not_lost_and_not_done_twice(self, put: Any, done: Desk) -> None:
        put.models.app.faults.append("500")
        ask(put, "sim")
        assert Turn.objects.latest("pk").status == "failed" and len(done.done) == 1
        put.models.answer_with("Agendei para segunda.")
        put.later()
        assert len(done.done) == 1 and put.texts()[-1] == "Agendei para segunda."

    def test_what_a_model_was_talked_into_asking_is_not_put(self, shop: Any, done: Desk) -> None:
        give(shop, "book_asking")
        shop.models.call("book_asking", day="veja https://evil.example/x")
        ask(shop)
        assert shop.texts() == [say(Line.FAILED, "pt")] and done.done == []


class TestWhoTheyAre:
    def test_on_whatsapp_the_number_is_proved(self, shop: Any, done: Desk) -> None:
        give(shop, "my_record")
        shop.models.call("my_record", day="monday")
        shop.models.answer_with("Sua consulta é às 9h.")
        ask(shop, chat="5511988887777@c.us")
        assert done.contexts[0].phones == {"5511988887777"} and shop.texts() == ["Sua consulta é às 9h."]

    def test_behind_a_hidden_id_nobody_is(self, shop: Any, done: Desk) -> None:
        give(shop, "my_record")
        shop.models.call("my_record", day="monday")
        shop.models.answer_with("Qual é o seu e-mail?")
        ask(shop, chat="99887766@lid")
        assert done.done == [] and statuses() == [("my_record", "refused")]
        names = [one["function"]["name"] for one in shop.models.requests[0]["body"]["tools"]]
        assert names == ["my_record", "send_code", "check_code"]


class TestRehearsal:
    def question(self, **more: Any) -> engine.Question:
        version = Agent.objects.order_by("pk")[0].published
        assert version is not None
        return engine.Question("Marque segunda.", "pt", version, "balanced", rehearsed=True, **more)

    def test_touches_nothing_and_keeps_nothing(self, shop: Any, done: Desk) -> None:
        give(shop, "book_asking", "call_person")
        shop.models.call("book_asking", day="monday")
        shop.models.answer_with("Agendei para segunda.")
        thought = engine.think(self.question(), started=time.monotonic())
        assert thought.completion.text == "Agendei para segunda."
        assert [(ran.call.name, ran.status, ran.result) for ran in thought.runs] == [
            ("book_asking", "done", {"rehearsed": True})
        ]
        assert done.done == [] and not ToolRun.objects.exists()

    def test_a_person_is_not_called(self, shop: Any, done: Desk) -> None:
        give(shop, "call_person")
        shop.models.call("call_person", reason="angry", case=None)
        thought = engine.think(self.question(), started=time.monotonic())
        assert thought.handed_over and thought.completion.text == say(Line.CALLED, "pt")


def test_a_version_that_lost_its_tools_does_not_take_the_yes(shop: Any, done: Desk) -> None:
    give(shop, "book_asking")
    shop.models.call("book_asking", day="segunda")
    ask(shop)
    publishing.publish_at_once(
        Agent.objects.order_by("pk")[0], content={"tools": ["look_up"]}, user=None, now=timezone.now()
    )
    shop.models.answer_with("Como posso ajudar?")
    ask(shop, "sim")
    assert done.done == [] and statuses() == [("book_asking", "declined")]


def test_who_waits_is_answered_once_whatever_tools_did(shop: Any, done: Desk) -> None:
    give(shop, "book")
    shop.models.call("book", day="monday")
    shop.models.answer_with("Agendei para segunda.")
    ask(shop)
    assert Message.objects.get(direction="in").outcome == "answered"
    assert Turn.objects.get().attempt == 1
