"""M2: killed exactly between two steps. Nothing is lost, nothing is said or charged twice.

A real process is killed by SIGKILL at each point, every doorbell that it rang is lost, and what is found
afterwards is found by the sweep.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import CreditAccount, Hold, LedgerEntry
from conversations import outbox
from conversations.models import Conversation, Message, Turn, WebhookEvent
from tests.conversations import door
from tests.counterparts import cloud as meta

# (the step in which it dies, where, what is there then)
POINTS = [
    ("read", "conversations.inbox:_close_batch:after", "read and not yet committed"),
    ("read", "conversations.inbox:_drain_batch:after", "committed, and the doorbell of the answer is lost"),
    ("answer", "billing.credits:hold:after", "the credits are reserved, not yet committed"),
    ("answer", "conversations.turns:begin:after", "the turn is open and the credits are reserved"),
    ("answer", "conversations.turns:answer:after", "the model has answered and nobody knows"),
    ("answer", "billing.credits:settle:before", "posted, not yet charged"),
    ("answer", "conversations.turns:_charge:after", "posted and charged, not yet committed"),
    ("answer", "conversations.turns:finish:after", "committed, and the doorbell of the send is lost"),
    ("answer", "conversations.outbox:_send:before", "claimed, not yet sent"),
    ("answer", "conversations.outbox:_send:after", "sent, not yet marked"),
    ("answer", "conversations.outbox:_mark_sent:after", "marked"),
]
CALM = {f"{name}_SECONDS": 0 for name in ("DEBOUNCE", "WAHA_TYPING", "WAHA_PERSON", "WHATSAPP_CLOUD_PERSON")}
CALM |= {"WAHA_MESSAGES_A_SECOND": 0, "WHATSAPP_CLOUD_MESSAGES_A_SECOND": 0}
Kill = Callable[..., None]


@pytest.fixture
def kill(shop: Any) -> Iterator[Kill]:
    """`kill(step, point, **ids)`: a process does this step of the shop's, and dies there."""
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"}
    env |= {name: str(value) for name, value in CALM.items()}
    victim = subprocess.Popen(
        [sys.executable, "-m", "tests.risks.victim"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert victim.stdin and victim.stdout and victim.stdout.readline() == b"ready\n"

    def order(step: str, point: str, *, settings: dict[str, Any] | None = None, **ids: Any) -> None:
        told = {"step": step, "point": point, "schema": "alpha", "settings": settings or {}, "ids": ids}
        victim.stdin.write(json.dumps(told).encode() + b"\n")  # type: ignore[union-attr]
        victim.stdin.flush()  # type: ignore[union-attr]
        assert int(victim.stdout.readline()) == signal.SIGKILL, (step, point)  # type: ignore[union-attr]

    yield order
    victim.stdin.close()
    assert victim.wait(timeout=20) == 0


def recover(shop: Any) -> None:
    """Minutes pass, and the sweep goes its rounds."""
    connection.set_tenant(shop.tenant)
    past = timezone.now() - timedelta(minutes=5)
    WebhookEvent.objects.filter(status="new").update(received_at=past)
    Turn.objects.filter(status="running").update(started_at=past)
    Message.objects.filter(status="sending").update(claimed_at=past)
    Hold.objects.filter(status="held").update(created_at=past)
    for _ in range(4):
        shop.later()
        unsent = Message.objects.filter(status__in=["queued", "sending"])
        if not (unsent.exists() or Message.objects.filter(direction="in", outcome="").exists()):
            return


def assert_answered_once(chat: str, what: str) -> None:
    conversation = Conversation.objects.get(address=chat)
    asked = conversation.messages.get(direction="in")
    assert (asked.outcome, conversation.handler) == ("answered", "agent"), what
    done = conversation.turns.filter(status="done").values_list("pk", flat=True)
    charges = LedgerEntry.objects.filter(key__in=[f"turn:{pk}" for pk in done], kind="turn")
    assert (len(done), charges.count()) == (1, 1), what
    assert not conversation.turns.filter(status="running").exists(), what
    assert CreditAccount.objects.get().held == 0 and not Hold.objects.filter(status="held").exists(), what


class TestM2:
    def test_waha_every_point(self, shop: Any, kill: Kill) -> None:
        """The gateway takes our own id and can be asked: no answer is ever sent twice."""
        for number, (step, point, what) in enumerate(POINTS):
            chat, unique = f"55119{number:08d}@c.us", f"3AM2{number}"
            assert shop.knock(door.delivery("Que horas vocês abrem?", chat=chat, unique=unique)) == 200
            ids = {}
            if step != "read":
                shop.read()
                ids = {"conversation_id": Conversation.objects.get(address=chat).pk}
            shop.background.sent.clear()
            kill(step, point, **ids)
            recover(shop)
            assert_answered_once(chat, what)
            assert [to for to, _text in shop.gateway.sent].count(chat) == 1, what
            [message] = Message.objects.filter(conversation__address=chat, direction="out")
            assert message.status in ("sent", "delivered", "read"), what
        entries = LedgerEntry.objects.filter(kind="turn")
        assert entries.count() == Turn.objects.filter(status="done").count() == len(POINTS)

    def test_cloud_cannot_be_asked_so_what_is_unknown_is_shown_and_not_repeated(
        self, shop: Any, cloud: Any, kill: Kill, settings: Any
    ) -> None:
        url = {"WHATSAPP_CLOUD_URL": settings.WHATSAPP_CLOUD_URL}
        for number, (when, sent) in enumerate((("before", 0), ("after", 1))):
            who = f"55119{number:08d}"
            cloud.deliver(
                meta.change(
                    messages=[meta.text_message("Que horas vocês abrem?", sender=who)],
                    contacts=[{"wa_id": who, "profile": {"name": "Ana"}}],
                )
            )
            shop.background.sent.clear()
            pk = Conversation.objects.get(address=who).pk
            kill("answer", f"conversations.outbox:_send:{when}", settings=url, conversation_id=pk)
            recover(shop)
            [message] = Message.objects.filter(conversation=pk, direction="out")
            assert (message.status, len(cloud.cloud.texts)) == ("unknown", number + sent)
            assert_answered_once(who, when)
            if (
                not sent
            ):  # a person looks at the phone, and nothing is there: the one repetition, by their word
                outbox.retry(message.pk, now=timezone.now())
                shop.work()
                assert [to for to, _text in cloud.cloud.texts] == [who]

    def test_a_web_door_that_dies_is_knocked_at_again(self, shop: Any) -> None:
        """Before the row is stored no 200 was said, after it the second delivery is known by its ids."""
        delivery = door.delivery("Que horas vocês abrem?", unique="3ATWICE")
        assert [shop.knock(delivery), shop.knock(delivery)] == [200, 200]
        shop.read()
        recover(shop)
        assert len(shop.texts()) == 1
        assert set(WebhookEvent.objects.values_list("outcome", flat=True)) == {
            "received", "ignored: repeated"
        }  # fmt: skip
