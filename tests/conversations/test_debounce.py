"""When an answer is due: by the row, from the door."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from agents import publishing
from agents.models import Agent
from conversations import inbox
from conversations.events import Typing
from conversations.models import Conversation, Message

CHAT = "5511988887777@c.us"


@pytest.fixture
def patient(shop: Any, settings: Any) -> Any:
    """The shop with the usual waits."""
    settings.DEBOUNCE_SECONDS, settings.DEBOUNCE_CEILING_SECONDS = 2.5, 12.0
    return shop


def due_in(shop: Any) -> float:
    """Seconds from the last message in to the answer."""
    last = Message.objects.filter(direction="in").order_by("pk").last()
    due = Conversation.objects.get().reply_due_at
    assert last is not None and due is not None
    return float((due - last.created_at).total_seconds())


def writes(shop: Any, *, at: datetime) -> None:
    from django.db import transaction

    with transaction.atomic(durable=True):
        inbox.note_typing(shop.channel, Typing(chat=CHAT, at=at), now=at)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Que horas vocês abrem?", 1.0), ("quero marcar", 2.5), ("Oi", 5.0), ("eu queria,", 5.0)],
)
def test_waits_by_what_was_said(patient: Any, text: str, seconds: float) -> None:
    patient.say(text)
    assert due_in(patient) == pytest.approx(seconds)


def test_is_measured_from_the_last_bubble(patient: Any) -> None:
    patient.say("quero marcar")
    first = Conversation.objects.get().reply_due_at
    patient.say("um corte")
    assert due_in(patient) == pytest.approx(2.5)
    assert Conversation.objects.get().reply_due_at > first


def test_nothing_is_answered_before_it_is_due(patient: Any) -> None:
    patient.say("quero marcar")
    patient.work()
    assert patient.texts() == []
    patient.later()
    assert len(patient.texts()) == 1


def test_writing_moves_it_but_never_over_the_ceiling(patient: Any) -> None:
    patient.say("quero marcar")
    start = Message.objects.get().created_at
    for seconds, due in ((2, 7), (6, 11), (10, 12), (11.5, 12)):
        writes(patient, at=start + timedelta(seconds=seconds))
        assert Conversation.objects.get().reply_due_at == start + timedelta(seconds=due)


def test_new_bubbles_never_move_it_over_the_ceiling(patient: Any) -> None:
    patient.say("quero marcar")
    past = timezone.now() - timedelta(seconds=11)
    Message.objects.update(created_at=past)
    patient.say("um corte e")
    assert Conversation.objects.get().reply_due_at == past + timedelta(seconds=12)


def test_the_ceiling_is_the_assistants_own(patient: Any) -> None:
    agent, content = Agent.objects.get(), {"debounce_ceiling_seconds": Decimal("3.0")}
    publishing.publish_at_once(agent, content=content, user=None, now=timezone.now())
    patient.say("Oi")
    assert due_in(patient) == pytest.approx(3.0)


def test_writing_brings_no_answer_where_none_is_due(patient: Any) -> None:
    patient.say("Que horas vocês abrem?")
    patient.later()
    writes(patient, at=timezone.now())
    assert Conversation.objects.get().reply_due_at is None
    assert len(patient.texts()) == 1


def test_writing_is_no_reason_to_wait_where_nothing_waits(shop: Any) -> None:
    shop.say("quero marcar")
    due = Conversation.objects.get().reply_due_at
    writes(shop, at=timezone.now())
    assert Conversation.objects.get().reply_due_at == due
