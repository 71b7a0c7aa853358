"""Real queues and workers: one business is as loud as it can be, and another's customers notice nothing.

The loud one broadcasts to 2,000, and at the same time 60 of its customers ask on a number whose gateway takes
every call and answers none.
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from bench.stack import SLUG, Stack, tell, wait_until

PARTS = ("web", "worker", "worker2", "gateway")
LOUD, MANY = "loud", 2000
WARM_UP, ALONE, MEANWHILE = range(1, 25), range(100, 106), range(200, 212)
BUSINESS: dict[str, Any] = {
    "business": {"name": "Loud", "slug": LOUD, "timezone": "America/Sao_Paulo", "language": "en"},
    "owner": {"email": "owner@loud.example", "name": "Owner", "password": "loud pass word"},
    "assistant": {"name": "Reception", "persona": "You are the receptionist.", "debounce_seconds": 0},
    "credits": {"grant": 1000000, "key": "loud"},
}
BROADCAST = f"""
import django; django.setup()
from django.utils import timezone
from django_tenants.utils import schema_context
from conversations import bulk
from conversations.models import Channel, Contact, Conversation
with schema_context("{LOUD}"):
    channel = Channel.objects.get(name="Mass")
    people = Contact.objects.bulk_create(Contact(name=f"c{{n}}") for n in range({MANY}))
    threads = Conversation.objects.bulk_create(
        Conversation(contact=one, channel=channel, address=f"55118{{n:08d}}@c.us")
        for n, one in enumerate(people))
    bulk.broadcast(conversation_ids=[one.pk for one in threads], text="We move!", now=timezone.now())
"""


@pytest.mark.chaos
def test_a_broadcast_and_a_hanging_gateway_delay_no_other_business() -> None:
    stack = Stack("fairness", {"WAHA_BULK_SECONDS": "0.001"})
    try:
        with _deaf() as deaf:
            _start(stack, deaf)
            _waits(stack, WARM_UP, rate=200)  # both workers have loaded what they need
            alone = _waits(stack, ALONE)
            _ask(stack, range(1000, 1060), session=LOUD)
            stack.run("-c", BROADCAST)
            meanwhile = _waits(stack, MEANWHILE)
            left = stack.ask(
                "SELECT count(*) FROM conversations_message WHERE status = 'queued'", schema=LOUD
            )
            took = stack.ask(
                "SELECT count(*) FROM conversations_message WHERE status IN ('sending', 'unknown')"
                " OR error <> ''",
                schema=LOUD,
            )
    finally:
        stack.stop()
    # All the time there was bulk to send, and calls that hung.
    assert left[0][0] > MANY / 2 and took[0][0] > 0
    assert max(meanwhile) < max(5, 3 * max(alone)), f"alone {alone}, meanwhile {meanwhile}"


@contextmanager
def _deaf() -> Iterator[str]:
    """A gateway that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def _start(stack: Stack, deaf: str) -> None:
    stack.start_services()
    stack.manage("migrate_schemas", "-v", "0")
    stack.start_outside()
    for name in PARTS:
        stack.start(name)
    stack.apply_business(model=stack.outside_url, gateway=stack.gateway_url)
    _pair(stack, "default", stack.channels["WhatsApp"])
    addresses = {"WhatsApp": (LOUD, deaf), "Mass": ("mass", stack.gateway_url)}
    secret = {"api_key": "env:BENCH_GATEWAY_KEY", "hmac_secret": "env:BENCH_HMAC_SECRET"}
    channels = [
        {"name": name, "session": session, "base_url": url, **secret}
        for name, (session, url) in addresses.items()
    ]
    model = {"name": "outside", "vendor": "anthropic", "base_url": stack.outside_url,
             "api_key": "env:BENCH_MODEL_KEY", "model": "claude-haiku-5-5", "default": True}  # fmt: skip
    (stack.data / "loud.yaml").write_text(json.dumps(BUSINESS | {"channels": channels, "providers": [model]}))
    told = json.loads(stack.manage("apply", "-f", str(stack.data / "loud.yaml"), "--json"))["channels"]
    for one in told:
        _pair(stack, addresses[one["name"]][0], one["id"])


def _pair(stack: Stack, session: str, channel: str) -> None:
    hook = f"{stack.url}/hooks/waha/{channel}"
    settings = {"webhook_url": hook, "hmac_key": "hmac-secret", "api_key": "gateway-key"}
    tell(f"{stack.gateway_url}/_control/sessions/{session}", settings, method="PUT")


def _ask(stack: Stack, numbers: Any, *, session: str = "default", rate: int = 200) -> None:
    """Each number by a customer of its own."""
    messages = [
        {
            "chat": f"55119{number:08d}@c.us",
            "text": f"Question #{number}: when do you open?",
            "unique": f"3AC{number:013X}",
        }
        for number in numbers
    ]
    tell(f"{stack.gateway_url}/_control/burst", {"session": session, "messages": messages, "rate": rate})


def _answered(stack: Stack, numbers: Any) -> bool:
    sent = tell(f"{stack.gateway_url}/_control/sent", method="GET", timeout=30)
    said = {number for one in sent for number in re.findall(r"#(\d+):", one["text"])}
    return set(map(str, numbers)) <= said


def _waits(stack: Stack, numbers: range, *, rate: int = 2) -> list[float]:
    """Seconds from the door to the vendor's word that the answer left, of questions asked at this rate."""
    _ask(stack, numbers, rate=rate)
    wait_until(lambda: _answered(stack, numbers), seconds=120, what="customers are not answered", every=0.5)
    time.sleep(1)  # the last answer's row is written after it left
    rows = stack.ask(
        "SELECT extract(epoch FROM answer.sent_at - question.created_at) FROM conversations_message AS answer"
        " JOIN conversations_message AS question ON question.turn_id = answer.turn_id"
        " WHERE answer.direction = 'out' AND question.direction = 'in' AND answer.sent_at IS NOT NULL"
        " AND split_part(question.body, '#', 2) SIMILAR TO %s",
        f"({'|'.join(map(str, numbers))}):%",
        schema=SLUG,
    )
    assert len(rows) == len(numbers)
    return sorted(round(float(seconds), 2) for (seconds,) in rows)
