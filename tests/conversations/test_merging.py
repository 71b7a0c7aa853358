"""From many bubbles to one answer: who writes while the model thinks is answered once, and pays once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from billing.models import CreditAccount, Hold, LedgerEntry, Usage
from conversations import handoff, sweep
from conversations.models import Conversation, Message, Turn


def while_thinking(shop: Any, *texts: str) -> None:
    """The customer writes one of these during each of the next requests to the model."""
    waiting = list(texts)

    def write() -> None:
        if waiting:
            shop.say(waiting.pop(0))
            connection.close()

    shop.models.app.before_answer = write


def take_once(shop: Any) -> None:
    """One turn. The door rings for the inbox from a thread of its own, at any moment: that is passed by."""
    shop.background.commit()
    rung = [sent for sent in shop.background.sent if sent.name != "conversations.inbox.drain"]
    shop.background.sent[:] = rung
    shop.background.run_one()


def assert_sums_hold(before: int) -> None:
    """The ledger sums to the balance, and nothing stays reserved."""
    account = CreditAccount.objects.get()
    assert account.held == 0 and not Hold.objects.filter(status="held").exists()
    assert account.balance == LedgerEntry.objects.aggregate(total=Sum("amount"))["total"]
    spent = LedgerEntry.objects.filter(kind="turn").aggregate(total=Sum("amount"))["total"] or 0
    assert account.balance == before + spent


@pytest.fixture
def before(shop: Any) -> int:
    return int(CreditAccount.objects.get().balance)


class TestAMessageWhileTheModelThinks:
    def test_is_merged_into_one_answer_and_one_charge(self, shop: Any, before: int) -> None:
        shop.models.answer_with("Só a primeira.", "As duas.")
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        shop.work()
        assert shop.texts() == ["As duas."]
        draft, turn = Turn.objects.order_by("pk")
        assert (draft.status, draft.credits, turn.status, turn.merges) == ("merged", 0, "done", 1)
        asked = shop.models.requests[1]["body"]["messages"][-1]["content"]
        assert "Que horas vocês abrem?\nE no domingo, abrem também?" in asked
        assert LedgerEntry.objects.filter(kind="turn").get().key == f"turn:{turn.pk}"
        assert_sums_hold(before)

    def test_reserves_no_second_time(self, shop: Any, before: int) -> None:
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        shop.work()
        hold = Hold.objects.get()
        draft, turn = Turn.objects.order_by("pk")
        assert (hold.key, hold.status) == (f"turn:{draft.pk}", "settled")
        assert (draft.hold, turn.hold) == (None, hold)

    def test_keeps_the_drafts_tokens_as_usage_that_costs_nothing(self, shop: Any, before: int) -> None:
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        shop.work()
        draft, turn = Usage.objects.order_by("pk")
        assert draft.input_tokens > 0 and draft.credits == 0
        assert turn.credits == Turn.objects.get(status="done").credits > 0

    def test_ends_every_bubble_and_says_into_which_turn(self, shop: Any, before: int) -> None:
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        shop.work()
        turn = Turn.objects.get(status="done")
        ends = Message.objects.filter(direction="in").order_by("pk").values_list("outcome", "outcome_reason")
        assert list(ends) == [("answered", f"merged into turn {turn.pk}"), ("answered", "")]
        assert set(Message.objects.filter(direction="in").values_list("turn", flat=True)) == {turn.pk}

    def test_after_two_merges_the_answer_goes_out(self, shop: Any, before: int) -> None:
        shop.models.answer_with("1", "2", "Resposta às três primeiras.", "Resposta à quarta.")
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no sábado?", "E no domingo?", "E nos feriados?")
        shop.work()
        assert shop.texts() == ["Resposta às três primeiras.", "Resposta à quarta."]
        assert list(Turn.objects.order_by("pk").values_list("status", "merges")) == [
            ("merged", 0),
            ("merged", 1),
            ("done", 2),
            ("done", 0),
        ]
        assert LedgerEntry.objects.filter(kind="turn").count() == Hold.objects.count() == 2
        assert_sums_hold(before)

    def test_when_the_second_answer_fails_the_credits_are_free_and_it_is_tried_again(
        self, shop: Any, before: int
    ) -> None:
        shop.models.answer_with("1")
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        take_once(shop)
        shop.models.fail_next("529")
        shop.work()
        shop.later()
        assert list(Turn.objects.order_by("pk").values_list("status", "attempt")) == [
            ("merged", 1),
            ("failed", 1),
            ("done", 2),
        ]
        assert len(shop.texts()) == LedgerEntry.objects.filter(kind="turn").count() == 1
        assert_sums_hold(before)

    def test_a_person_who_takes_over_between_the_two_frees_the_credits(self, shop: Any, before: int) -> None:
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        take_once(shop)
        assert CreditAccount.objects.get().held > 0
        handoff.request(Conversation.objects.get().pk, reason=handoff.Line.ASKED, now=shop.now())
        assert Turn.objects.get().status == "merged"
        assert LedgerEntry.objects.filter(kind="turn").count() == 0
        assert_sums_hold(before)

    def test_credits_of_a_draft_that_nobody_takes_up_are_swept(self, shop: Any, before: int) -> None:
        shop.say("Que horas vocês abrem?")
        while_thinking(shop, "E no domingo, abrem também?")
        take_once(shop)
        Conversation.objects.update(reply_due_at=None)
        Message.objects.filter(direction="in").update(outcome="ignored")
        Hold.objects.update(created_at=shop.now() - timedelta(hours=1))
        shop.background.sent.clear()
        sweep.sweep.apply(throw=True)
        connection.set_tenant(shop.tenant)
        assert_sums_hold(before)
