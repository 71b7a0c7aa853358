"""The live socket: members of the host's own business, and nothing of another one's."""

import asyncio
import json
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django_tenants.utils import schema_context

from config.asgi import application
from tenants import admitting, live
from tenants.hub import Page, hub
from tenants.models import Membership, Tenant, User

QUIET = 0.4  # seconds in which nothing may arrive; what should arrive does so in milliseconds


def member(slug: str, email: str) -> str:
    """A new member's session cookie."""
    user = User.objects.create_user(email, "pass word 1")
    Membership.objects.create(user=user, tenant=Tenant.objects.get(slug=slug), role="agent")
    client = Client(headers={"host": f"{slug}.localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    connection.close()
    return f"sessionid={client.cookies['sessionid'].value}"


def publish(slug: str, event: str, **ids: int) -> None:
    with schema_context(slug), transaction.atomic():
        live.publish(event, **ids)
    connection.close()


def page(slug: str, cookie: str = "", origin: str = "") -> WebsocketCommunicator:
    headers = [(b"host", f"{slug}.localhost".encode()), (b"cookie", cookie.encode())]
    if origin:
        headers.append((b"origin", origin.encode()))
    return WebsocketCommunicator(application, "/ws/live", headers=headers)


async def opened(slug: str, cookie: str) -> WebsocketCommunicator:
    """A page that listens; it waits until the subscription is there."""
    socket = page(slug, cookie)
    accepted, _protocol = await socket.connect(timeout=10)
    assert accepted
    for number in range(100):
        await sync_to_async(publish)(slug, "probe", id=number)
        if not await socket.receive_nothing(timeout=0.1, interval=0.01):
            break
    while not await socket.receive_nothing(timeout=0.3, interval=0.01):
        await socket.receive_from()
    return socket


async def heard(socket: WebsocketCommunicator) -> dict[str, Any]:
    return dict(json.loads(await socket.receive_from(timeout=5)))


async def code_of(socket: WebsocketCommunicator) -> int:
    """The code that a refused page is closed with."""
    accepted, code = await socket.connect(timeout=10)
    if accepted:
        closed = await socket.receive_output(timeout=5)
        assert closed["type"] == "websocket.close"
        code = closed["code"]
    return int(code or 0)


async def test_a_page_hears_again_after_the_connection_to_redis_was_lost(transactional_db: None) -> None:
    alpha = await opened("alpha", await sync_to_async(member)("alpha", "a@alpha.example"))
    server = redis.Redis.from_url(settings.REDIS_URL)
    assert server.client_kill_filter(_type="pubsub")
    assert await heard(alpha) == {"event": "refresh"}
    # Only when it hears again is it told where the business stands: what it fetches then is not too old.
    assert (await heard(alpha))["event"] == "hello"
    await sync_to_async(publish)("alpha", "message.received", id=8)
    assert (await heard(alpha))["id"] == 8
    await alpha.disconnect()


async def test_a_member_hears_its_own_business_and_no_other(transactional_db: None) -> None:
    alpha = await opened("alpha", await sync_to_async(member)("alpha", "a@alpha.example"))
    beta = await opened("beta", await sync_to_async(member)("beta", "b@beta.example"))
    await sync_to_async(publish)("alpha", "message.received", id=7, conversation=3)
    told = await heard(alpha)
    assert told == {"seq": told["seq"], "event": "message.received", "id": 7, "conversation": 3}
    assert await beta.receive_nothing(timeout=QUIET)
    await alpha.disconnect()
    await beta.disconnect()


async def test_a_page_is_told_where_its_business_stands_and_counts_from_there(transactional_db: None) -> None:
    await sync_to_async(publish)("alpha", "message.received", id=1)
    before = await sync_to_async(position)("alpha")
    cookie = await sync_to_async(member)("alpha", "a@alpha.example")
    sockets = [page("alpha", cookie) for _two in range(2)]
    for socket in sockets:
        accepted, _protocol = await socket.connect(timeout=10)
        assert accepted
        assert await heard(socket) == {"event": "hello", "seq": before}
    await sync_to_async(publish)("alpha", "message.received", id=2)
    for socket in sockets:
        assert (await heard(socket))["seq"] == before + 1
        await socket.disconnect()
    forget("alpha")
    await sync_to_async(publish)("alpha", "message.received", id=3)
    assert await sync_to_async(position)("alpha") > before + 1  # also when Redis forgot, never the same again


def position(slug: str) -> int:
    with schema_context(slug):
        found = live.position()
    connection.close()
    assert found is not None
    return found


def forget(slug: str) -> None:
    redis.Redis.from_url(settings.REDIS_URL).delete(live.numbers_of(slug))


async def test_an_event_of_a_rolled_back_change_is_never_told(transactional_db: None) -> None:
    def fail() -> None:
        with schema_context("alpha"), pytest.raises(RuntimeError), transaction.atomic():
            live.publish("message.received", id=1)
            raise RuntimeError
        connection.close()

    alpha = await opened("alpha", await sync_to_async(member)("alpha", "a@alpha.example"))
    await sync_to_async(fail)()
    assert await alpha.receive_nothing(timeout=QUIET)
    await alpha.disconnect()


async def test_a_cookie_of_one_business_opens_no_other(transactional_db: None) -> None:
    cookie = await sync_to_async(member)("alpha", "a@alpha.example")
    assert await code_of(page("beta", cookie)) == 4403


async def test_strangers_are_told_why(transactional_db: None) -> None:
    assert await code_of(page("alpha")) == 4401
    assert await code_of(page("alpha", "sessionid=forged")) == 4401
    assert await code_of(page("nobody")) == 4404


async def test_another_sites_page_is_refused_before_anything_is_asked(transactional_db: None) -> None:
    cookie = await sync_to_async(member)("alpha", "a@alpha.example")
    accepted, code = await page("alpha", cookie, origin="http://evil.example").connect(timeout=10)
    assert (accepted, code) == (False, 4403)


async def test_pages_that_come_together_are_looked_up_together(
    transactional_db: None, monkeypatch: Any
) -> None:
    cookies = {slug: await sync_to_async(member)(slug, f"a@{slug}.example") for slug in ("alpha", "beta")}
    looks, one_by_one = [], admitting._looked_up

    async def look(asking: Any) -> Any:
        looks.append(len(asking))
        return await one_by_one(asking)

    monkeypatch.setattr(admitting, "_looked_up", look)
    sockets = [page(slug, cookies[slug]) for slug in ("alpha", "beta") * 10]
    strays = [page("alpha", cookies["beta"]), page("beta"), page("nobody", cookies["alpha"])]
    opened, codes = await asyncio.gather(
        asyncio.gather(*(socket.connect(timeout=10) for socket in sockets)),
        asyncio.gather(*(code_of(socket) for socket in strays)),
    )
    assert {accepted for accepted, _protocol in opened} == {True} and codes == [4403, 4401, 4404]
    assert sum(looks) == 23 and len(looks) <= 3
    for socket in sockets:
        assert (await heard(socket))["event"] == "hello"
        await socket.disconnect()


async def test_what_waits_for_a_page_comes_in_its_order() -> None:
    told, free = [], asyncio.Event()

    async def write(text: str) -> None:
        if text == "1":
            await free.wait()
        told.append(text)

    async def close(code: int) -> None:
        raise AssertionError

    narrow = Page(write, close)
    for number in range(4):
        narrow.tell(str(number))
    await asyncio.sleep(0)
    assert told == ["0"]
    free.set()
    await asyncio.sleep(0.01)
    narrow.tell("4")
    assert told == ["0", "1", "2", "3", "4"]


async def test_a_page_that_cannot_keep_up_is_closed_and_holds_nobody_back(transactional_db: None) -> None:
    told: list[str] = []
    closed: list[int] = []

    async def never(text: str) -> None:
        await asyncio.Event().wait()

    async def note(text: str) -> None:
        told.append(text)

    async def close(code: int) -> None:
        closed.append(code)

    slow, quick = Page(never, close), Page(note, close)
    rooms = hub()
    rooms._rooms["alpha"] |= {slow, quick}
    for number in range(300):
        rooms._tell("live:alpha", str(number))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert closed and set(closed) == {4408}
    assert told[:3] == ["0", "1", "2"] and len(told) >= 299
    rooms._rooms.clear()
    slow.leave(), quick.leave()
