"""What the door knows of a channel: looked up once for all who knock, and what was known suffices."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import psycopg
import pytest

from conversations import webhooks
from conversations.models import WebhookEvent
from conversations.webhooks import Door
from tests.conversations import door
from tests.conversations.conftest import SECRET, Shop

AT_ONCE = 12


async def _burst(opened: Door, shop: Shop) -> list[int]:
    raw = json.dumps(door.delivery("Oi")).encode()
    headers = {"x-webhook-hmac": hmac.new(SECRET.encode(), raw, hashlib.sha512).hexdigest()}
    knocks = [
        door.through(opened, f"/hooks/waha/{shop.channel.pk}", raw, headers=headers) for _ in range(AT_ONCE)
    ]
    return [status for status, _body in await asyncio.gather(*knocks)]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths that were looked up."""
    asked: list[str] = []
    really = webhooks.find_doorway

    def find(path: str) -> Any:
        asked.append(path)
        return really(path)

    monkeypatch.setattr(webhooks, "find_doorway", find)
    return asked


def test_many_at_once_look_once(shop: Shop, looked: list[str]) -> None:
    async def knock() -> list[int]:
        opened = Door()
        try:
            return await _burst(opened, shop)
        finally:
            await opened.close()

    assert asyncio.run(knock()) == [200] * AT_ONCE
    assert len(looked) == 1
    assert WebhookEvent.objects.filter(channel=shop.channel).count() == AT_ONCE


@pytest.mark.parametrize(("stale", "answer"), [(60.0, 200), (0.0, 503)])
def test_what_was_known_opens_while_it_cannot_be_looked_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, stale: float, answer: int
) -> None:
    monkeypatch.setattr(webhooks, "REMEMBER_SECONDS", 0.0)
    monkeypatch.setattr(webhooks, "STALE_SECONDS", stale)

    def busy(path: str) -> None:
        raise psycopg.OperationalError("no connection to be had")

    async def knock() -> list[int]:
        opened = Door()
        try:
            assert await _burst(opened, shop) == [200] * AT_ONCE
            monkeypatch.setattr(webhooks, "find_doorway", busy)
            return await _burst(opened, shop)
        finally:
            await opened.close()

    assert asyncio.run(knock()) == [answer] * AT_ONCE
    assert WebhookEvent.objects.filter(channel=shop.channel).count() == AT_ONCE * (1 + (answer == 200))
