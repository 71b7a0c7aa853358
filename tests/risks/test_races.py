"""M10 to M12: a person and the assistant at one moment, late duplicates, pages that missed something."""

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone
from django_tenants.utils import schema_context

from billing.models import Hold, LedgerEntry
from conversations import handoff, sweep, turns
from conversations.models import Contact, Conversation, Message, Turn, WebhookEvent
from tests.conversations import door, web_visitor
from tests.counterparts import cloud as meta
from tests.tenants import test_live as pages

ROUNDS = 12


class TestM10:
    def test_a_person_takes_over_at_the_very_moment_of_the_answer(self, shop: Any, member_of: Any) -> None:
        """Both commit under the same lock: either the answer was first and stands, or it is never said."""
        person = member_of(shop.tenant, role="agent")
        ended: list[str] = []
        for number in range(ROUNDS):
            chat = f"55119{number:08d}@c.us"
            shop.say("Que horas vocês abrem?", chat=chat)
            conversation = Conversation.objects.get(address=chat)
            begun = turns.begin(conversation.pk, now=timezone.now())
            assert begun is not None
            reply = turns.answer(begun, started=time.monotonic())
            shop.background.sent.clear()
            together(
                lambda turn=begun.turn, reply=reply: turns.finish(turn, reply, now=timezone.now()),
                lambda pk=conversation.pk: handoff.take_over(pk, user=person, now=timezone.now()),
            )
            connection.set_tenant(shop.tenant)
            shop.later()
            conversation.refresh_from_db()
            status = Turn.objects.get(pk=begun.turn.pk).status
            ended.append(status)
            said = [text for to, text in shop.gateway.sent if to == chat]
            assert conversation.handler == "person" and status in ("done", "silent")
            assert len(said) == (status == "done")
            shop.say("E no domingo?", chat=chat)  # from now on the person answers, and nobody else
            shop.later()
            assert [text for to, text in shop.gateway.sent if to == chat] == said
        assert LedgerEntry.objects.filter(kind="turn").count() == ROUNDS  # the tokens were used either way
        assert not Hold.objects.filter(status="held").exists()


class TestM11:
    @pytest.mark.parametrize("days", [7, 40])
    def test_the_same_message_long_after_is_ignored(self, shop: Any, cloud: Any, days: int) -> None:
        """After 40 days the deliveries themselves are forgotten, and the message is still known."""
        waha = door.delivery("Que horas vocês abrem?", unique="3ALATE")
        hidden = door.delivery("Que horas vocês abrem?", unique="3ALATE", chat="123456@lid")
        graph = meta.delivery(meta.change(messages=[meta.text_message("Oi, abrem hoje?", unique="wamid.L")]))
        assert (shop.knock(waha), cloud.knock(graph)) == (200, 200)
        shop.read()
        shop.work()
        long_ago = timezone.now() - timedelta(days=days)
        Message.objects.update(created_at=long_ago, provider_at=long_ago)
        WebhookEvent.objects.update(received_at=long_ago)
        Conversation.objects.update(status="closed")
        sweep.sweep_tenant(now=timezone.now())
        before = state(shop)
        for _ in range(3):
            assert [shop.knock(waha), shop.knock(hidden), cloud.knock(graph)] == [200] * 3
        shop.read()
        shop.work()
        shop.later()
        assert state(shop) == before
        late = WebhookEvent.objects.filter(received_at__gt=timezone.now() - timedelta(hours=1))
        assert set(late.values_list("outcome", flat=True)) == {"ignored: repeated"}

    async def test_a_web_visitors_page_too(self, shop: Any) -> None:
        channel = await sync_to_async(web_visitor.make_channel)(shop.tenant)
        token = await web_visitor.new_token(channel)
        said = web_visitor.message("When do you open?")
        assert (await web_visitor.request(channel, "messages", said, token=token))[0] == 200

        def pass_by() -> None:
            with schema_context("alpha"):
                Message.objects.update(created_at=timezone.now() - timedelta(days=7))
            connection.close()

        await sync_to_async(pass_by)()
        assert (await web_visitor.request(channel, "messages", said, token=token))[0] == 200
        _status, told, _headers = await web_visitor.request(channel, "messages", token=token)
        assert [one["text"] for one in told["messages"]] == ["When do you open?"]


class TestM12:
    async def test_three_hundred_pages_come_back_at_once_and_none_is_refused(
        self, transactional_db: None
    ) -> None:
        """More than a Redis client's hundred connections; `python -m bench.fanout` does it with 1,000.

        Meanwhile 200 events passed. A page asks for its whole state on return: none of them is kept for it.
        """
        cookie = await sync_to_async(pages.member)("alpha", "a@alpha.example")
        await (await pages.opened("alpha", cookie)).disconnect()
        for number in range(200):
            await sync_to_async(pages.publish)("alpha", "message.received", id=number)
        sockets = [pages.page("alpha", cookie) for _ in range(300)]
        answers = await asyncio.gather(*(socket.connect(timeout=60) for socket in sockets))
        assert [accepted for accepted, _code in answers] == [True] * 300
        probe = await pages.opened("alpha", cookie)  # when this one hears, the process listens
        await sync_to_async(pages.publish)("alpha", "message.received", id=777)
        for socket in (*sockets, probe):
            told = await pages.heard(socket)
            while told.get("id") != 777:
                assert told["event"] in ("probe", "hello"), told  # nothing of what was missed
                told = await pages.heard(socket)
        await asyncio.gather(*(socket.disconnect() for socket in (*sockets, probe)))

    def test_what_a_page_fetches_on_return_is_what_a_fresh_one_shows(
        self, shop: Any, cloud: Any, client_for: Any, member_of: Any
    ) -> None:
        """200 messages of 20 people come while nobody is connected."""
        browser = client_for(shop.tenant, member_of(shop.tenant))
        browser.get("/chats/")
        for batch in range(4):
            numbers = range(batch * 50, batch * 50 + 50)
            cloud.deliver(
                meta.change(
                    messages=[
                        meta.text_message(f"Pergunta {n}.", sender=f"55119{n % 20:08d}") for n in numbers
                    ],
                    contacts=[{"wa_id": f"55119{n:08d}", "profile": {"name": f"N{n}"}} for n in range(20)],
                )
            )
        fresh = browser.get("/chats/").content.decode()
        part = browser.get(
            "/chats/", headers={"hx-request": "true", "hx-target": "chat-list"}
        ).content.decode()
        assert Message.objects.filter(direction="in").count() == 200
        assert Contact.objects.exclude(name="").count() == 20
        for number in range(20):
            assert f"Pergunta {180 + number}." in fresh and f"Pergunta {180 + number}." in part


def state(shop: Any) -> tuple[Any, ...]:
    connection.set_tenant(shop.tenant)
    rows = list(Message.objects.order_by("pk").values_list("pk", "body", "status", "outcome"))
    threads = list(Conversation.objects.order_by("pk").values_list("pk", "status", "unread_count"))
    return rows, threads, Contact.objects.count(), Turn.objects.count(), shop.texts()


def together(*calls: Callable[[], Any]) -> None:
    """All of them in threads that start together."""
    gate, failed = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        try:
            with schema_context("alpha"):
                gate.wait()
                call()
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
