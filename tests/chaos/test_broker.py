"""The broker is killed and stays away: customers are answered all the same, and once."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable

import pytest

from bench.stack import SLUG, Stack, tell, wait_until
from config import embedded
from conversations.models import ChatRules

QUESTIONS = range(2, 8)  # the first one warms the worker up
AFTERWARDS = 8
PARTS = ("web", "worker", "gateway")


@pytest.mark.chaos
def test_customers_are_answered_within_the_bound_and_once() -> None:
    stack = Stack("broker")
    try:
        _start(stack)
        _ask(stack, [1])
        wait_until(lambda: "1" in _answers(stack), seconds=180, what="nobody is answered at all")
        os.kill(embedded.valkey_pid(stack.data) or 0, signal.SIGKILL)
        began = time.monotonic()
        _ask(stack, QUESTIONS)
        asked = set(map(str, QUESTIONS))
        wait_until(lambda: asked <= set(_answers(stack)), seconds=60, what="customers are not answered")
        waited = time.monotonic() - began
        embedded.start_valkey(stack.data)
        _ask(stack, [AFTERWARDS])
        wait_until(lambda: str(AFTERWARDS) in _answers(stack), seconds=60, what="it does not go on")
        wait_until(lambda: not _running(stack), seconds=30, what="turns do not end")
        answers = _answers(stack)
        charged = stack.ask("SELECT count(*) FROM billing_ledgerentry WHERE kind = 'turn'", schema=SLUG)
    finally:
        stack.stop()
    assert answers == Counter(map(str, [1, *QUESTIONS, AFTERWARDS]))
    assert charged == [(AFTERWARDS,)]
    assert waited < ChatRules().holding_seconds, f"{waited:.1f} s"


def _start(stack: Stack) -> None:
    """What a message needs, and nothing that could ring in the broker's stead: no beat."""
    stack.start_services()
    stack.manage("migrate_schemas", "-v", "0")
    stack.start_outside()
    for name in PARTS:
        stack.start(name)
    stack.apply_business(model=stack.outside_url, gateway=stack.gateway_url)
    [(channel,)] = stack.ask("SELECT id FROM conversations_channel WHERE kind = 'waha'", schema=SLUG)
    session = {
        "webhook_url": f"{stack.url}/hooks/waha/{channel}",
        "hmac_key": "hmac-secret",
        "api_key": "gateway-key",
    }
    tell(f"{stack.gateway_url}/_control/sessions/default", session, method="PUT")


def _ask(stack: Stack, numbers: Iterable[int]) -> None:
    """Each number by a customer of its own."""
    messages = [
        {
            "chat": f"55119{number:08d}@c.us",
            "text": f"Question #{number}: when do you open?",
            "unique": f"3AC{number:013X}",
        }
        for number in numbers
    ]
    tell(f"{stack.gateway_url}/_control/burst", {"session": "default", "messages": messages, "rate": 20})


def _answers(stack: Stack) -> Counter[str]:
    """How often each number was answered."""
    sent = tell(f"{stack.gateway_url}/_control/sent", method="GET", timeout=30)
    return Counter(number for one in sent for number in re.findall(r"#(\d+):", one["text"]))


def _running(stack: Stack) -> bool:
    """Whether something still moves."""
    held = stack.ask("SELECT count(*) FROM billing_hold WHERE status = 'held'", schema=SLUG)
    return bool(held[0][0])
