"""WhatsApp Cloud API from end to end: Meta's counterpart knocks over HTTP, and the answers reach it."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client

from conversations.models import Channel, Message, WebhookEvent
from conversations.webhooks import Door
from tests.conversations.cloud_shop import CloudShop
from tests.counterparts import cloud as meta
from tests.counterparts.serving import Background, answer

NUMBER = meta.Number(id="333", token="EAAB-second", app_secret="second secret", waba_id="222")
PEOPLE = [f"55119888877{n:02d}" for n in range(6)]


class Front:
    """The gateways' door behind a real HTTP server."""

    def __init__(self) -> None:
        self.door = Door()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] == "/close":
            await self.door.close()
            return await answer(send, 200)
        await self.door(scope, receive, send)


@pytest.fixture
def front(cloud: CloudShop, settings: Any) -> Iterator[Background]:
    server = Background(Front())
    server.start()
    settings.BASE_DOMAIN, settings.PORT, settings.PUBLIC_SCHEME = "127.0.0.1", server.port, "http"
    yield server
    httpx.get(f"{server.url}/close", trust_env=False)
    server.stop()


@pytest.fixture
def channel(cloud: CloudShop, front: Background, member_of: Callable[..., Any], client_for: Any) -> Channel:
    """A number that its owner has just added: Meta has verified the address, and delivers there."""
    cloud.cloud.app.numbers["333"] = number = meta.Number(**vars(NUMBER))
    owner: Client = client_for(cloud.shop.tenant, member_of(cloud.shop.tenant))
    agent = str(cloud.channel.agent_id)
    form = {
        "name": "Loja", "phone_number_id": "333", "waba_id": "222", "token": NUMBER.token,
        "app_secret": NUMBER.app_secret, "agent": agent,
    }  # fmt: skip
    assert owner.post("/account/channels/cloud/new", form).status_code == 302
    connection.set_tenant(cloud.shop.tenant)
    made = Channel.objects.get(name="Loja")
    assert number.webhook_url == f"{front.url}/hooks/cloud/{made.pk}"
    return made


def control(cloud: CloudShop, method: str, path: str, body: Any = None) -> Any:
    return httpx.request(method, f"{cloud.cloud.url}/_control/{path}", json=body, trust_env=False).json()


def settle(cloud: CloudShop) -> None:
    """Until Meta has delivered everything and nothing waits here either."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        cloud.work()
        cloud.shop.read()
        if control(cloud, "GET", "idle")["idle"] and not WebhookEvent.objects.filter(status="new").exists():
            return cloud.work()
        threading.Event().wait(0.02)
    raise AssertionError("it does not come to rest")


def test_batches_delivered_twice_in_no_order_are_answered_once_and_acknowledged(
    cloud: CloudShop, channel: Channel
) -> None:
    texts = [{"from": person, "text": f"Que horas abrem no dia {n}?"} for n in (1, 2) for person in PEOPLE]
    ids = control(
        cloud, "POST", "messages", {"number": "333", "messages": texts, "batch": 4, "dup": 1.0, "seed": 7}
    )["ids"]
    settle(cloud)
    kept = Message.objects.filter(conversation__channel=channel, direction="in")
    assert Counter(one.unique_id for one in kept) == Counter(ids)
    assert set(kept.values_list("outcome", flat=True)) == {"answered"}
    ours = Message.objects.filter(conversation__channel=channel, direction="out")
    reached = [one for one in cloud.cloud.sent if one.number == "333"]
    assert {one.to for one in reached} == set(PEOPLE)
    assert Counter(one.reference for one in reached).most_common(1)[0][1] == 1  # nothing is sent twice
    assert sorted(one.id for one in reached) == sorted(one.unique_id for one in ours)
    assert set(ours.values_list("status", flat=True)) == {"read"}
    assert Channel.objects.get(pk=channel.pk).last_ack_at is not None


def test_what_meta_did_not_sign_is_refused_on_the_wire(cloud: CloudShop, channel: Channel) -> None:
    body = b'{"object": "whatsapp_business_account", "entry": []}'
    url = cloud.cloud.app.numbers["333"].webhook_url
    for headers in ({}, meta.signed(body, "another secret"), meta.signed(body + b" ", NUMBER.app_secret)):
        assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == 401
    assert httpx.post(
        url, content=body, headers=meta.signed(body, NUMBER.app_secret), trust_env=False
    ).is_success
    assert WebhookEvent.objects.filter(channel=channel).count() == 1
