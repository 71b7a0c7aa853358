"""M3 to M7: Redis away, PostgreSQL away, receipts in any order, and poison. What is accepted is never lost.

M1 is `make chaos` (tests/chaos), M2 is test_kill_windows.py beside this file, M5 is in tests/conversations:
test_outbox.py and test_health.py.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import permutations
from typing import Any
from unittest import mock

import psycopg
import pytest
from asgiref.sync import async_to_sync
from celery import Task
from django.conf import settings as configured
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from psycopg import sql

from billing.models import LedgerEntry
from conversations import identities, outbox, webhooks
from conversations.models import Conversation, Message, Turn, WebhookEvent
from tests.conversations import door, web_visitor
from tests.counterparts import cloud as meta

QUESTION = "Que horas vocês abrem no sábado?"
DEAD = "redis://127.0.0.1:9/0"  # nobody listens there


class TestM3:
    def test_with_redis_away_as_a_whole_nothing_is_lost_on_any_channel(
        self, shop: Any, cloud: Any, settings: Any
    ) -> None:
        """No broker, no live pages, no cache: every door takes what comes, and it is answered, once."""
        web = web_visitor.make_channel(shop.tenant)
        with redis_away(settings):
            with mock.patch.object(Task, "apply_async", side_effect=Task.OperationalError("away")):
                assert shop.knock(door.delivery(QUESTION)) == 200
                assert cloud.knock(meta.delivery(meta.change(messages=[meta.text_message(QUESTION)]))) == 200
                token = async_to_sync(web_visitor.new_token)(web)
                said = web_visitor.message(QUESTION)
                assert async_to_sync(web_visitor.request)(web, "messages", said, token=token)[0] == 200
                shop.read()
            assert shop.background.names() == []  # every doorbell is lost
            for _ in range(3):
                shop.later()  # who stands in for the broker rings again: tests/chaos/test_broker.py
        connection.set_tenant(shop.tenant)
        incoming = Message.objects.filter(direction="in")
        assert list(incoming.values_list("outcome", flat=True)) == ["answered"] * 3
        assert (len(shop.texts()), len(cloud.cloud.texts)) == (1, 1)
        assert LedgerEntry.objects.filter(kind="turn").count() == 3
        _status, told, _headers = async_to_sync(web_visitor.request)(web, "messages", token=token)
        assert len(told["messages"]) == 2


@contextmanager
def redis_away(settings: Any) -> Iterator[None]:
    known = settings.REDIS_URL, settings.CACHES
    settings.REDIS_URL = DEAD
    settings.CACHES = {"default": {**known[1]["default"], "LOCATION": DEAD}}
    cache.set("anything", 1)
    assert cache.get("anything") is None
    yield
    settings.REDIS_URL, settings.CACHES = known


class TestM4:
    def test_the_door_says_503_while_the_database_is_away_and_the_gateways_next_try_is_stored(
        self, shop: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        impatient(monkeypatch)
        delivery = door.delivery(QUESTION, unique="3AM4")
        with database_away():
            assert shop_knock(shop, delivery) == 503
            assert shop_knock(shop, delivery) == 503
        connection.set_tenant(shop.tenant)
        assert not WebhookEvent.objects.exists()
        assert shop.knock(delivery) == 200
        shop.read()
        shop.work()
        assert len(shop.texts()) == Message.objects.filter(direction="in").count() == 1

    @pytest.mark.parametrize("moment", ["model", "gateway"])
    def test_a_restart_while_somebody_outside_is_asked_loses_and_doubles_nothing(
        self, shop: Any, moment: str
    ) -> None:
        """Every connection is cut while the model thinks, or while the gateway sends."""
        cut: list[int] = []

        def cut_once(*args: Any, **kwargs: Any) -> Any:
            if not cut:
                cut.append(cut_all())
            return None

        if moment == "model":
            shop.models.app.before_answer = cut_once
        known = shop.gateway.app._deliver_to_phone

        def send(*args: Any, **kwargs: Any) -> Any:
            if moment == "gateway":
                cut_once()
            return known(*args, **kwargs)

        with mock.patch.object(shop.gateway.app, "_deliver_to_phone", send):
            shop.say(QUESTION)
            stubbornly(shop.work)
        shop.models.app.before_answer = None
        stubbornly(lambda: minutes_pass(shop))
        for _ in range(3):
            stubbornly(shop.later)
        connection.set_tenant(shop.tenant)
        assert cut and len(shop.texts()) == 1
        assert LedgerEntry.objects.filter(kind="turn").count() == 1
        assert Message.objects.get(direction="out").status == "sent"


def minutes_pass(shop: Any) -> None:
    past = timezone.now() - timedelta(minutes=5)
    connection.set_tenant(shop.tenant)
    Turn.objects.filter(status="running").update(started_at=past)
    Message.objects.filter(status="sending").update(claimed_at=past)


def stubbornly(call: Any) -> None:
    """A task that meets a connection that was cut fails, and gives it back; the next one gets another."""
    for _ in range(25):
        try:
            return call()
        except OperationalError:
            connection.close()
    raise AssertionError("no connection is whole")


def shop_knock(shop: Any, delivery: dict[str, Any]) -> int:
    """As `shop.knock`, which would ask the database first."""
    return door.knock(shop.channel.pk, delivery, secret="webhook secret")


def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pools wait for a connection for half a second instead of ten."""
    make = webhooks._new_pool

    def quick() -> Any:
        pool = make()
        pool.timeout = 0.5
        return pool

    monkeypatch.setattr(webhooks, "_new_pool", quick)
    pool = connection.settings_dict["OPTIONS"]["pool"]
    monkeypatch.setitem(pool, "timeout", 0.5)


@contextmanager
def database_away() -> Iterator[None]:
    """PostgreSQL lets nobody in, and everybody who is in is thrown out: as while it restarts."""
    connection.close()
    connection.close_pool()
    name = sql.Identifier(configured.DATABASE_NAME)
    with psycopg.connect(configured.SERVER_URL, autocommit=True) as server:
        server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        try:
            cut_all()
            yield
        finally:
            server.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
            connection.close()
            connection.close_pool()


def cut_all() -> int:
    """Throw everybody out of this run's database; how many."""
    statement = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = %s"
    with psycopg.connect(configured.SERVER_URL, autocommit=True) as server:
        row = server.execute(statement, [configured.DATABASE_NAME]).fetchone()
    return int(row[0]) if row else 0


LEVEL = {"failed": -1, "sent": 1, "delivered": 2, "read": 3}
RANK = {"sending": 0, "queued": 0, "unknown": 0, "failed": 1, "sent": 2, "delivered": 3, "read": 4}


class TestM6:
    def test_waha_in_every_order_and_twice_it_never_goes_back(self, shop: Any) -> None:
        shop.say(QUESTION)
        for order in permutations(("failed", "delivered", "read")):
            message = sent(shop, Conversation.objects.get())
            before = RANK[message.status]
            for word in (*order, order[0]):
                full = f"true_{message.conversation.address}_{message.unique_id}"
                receipt = {"id": full, "fromMe": True, "ack": LEVEL[word]}
                assert shop.knock(door.event("message.ack", receipt)) == 200
                shop.read()
                message.refresh_from_db()
                # What was only sent can still turn out to have failed; what arrived cannot.
                assert RANK[message.status] >= before or (before, message.status) == (2, "failed"), order
                before = RANK[message.status]
            assert message.status == "read", order
        unknown = {"id": "true_5511@c.us_3EB0NOBODYS", "fromMe": True, "ack": 3}
        assert shop.knock(door.event("message.ack", unknown)) == 200
        shop.read()
        kept = WebhookEvent.objects.latest("pk")
        assert (kept.status, kept.outcome) == ("done", "ignored: receipt changes nothing")
        assert b"3EB0NOBODYS" in bytes(kept.body)

    def test_cloud_in_every_order_in_one_batch(self, shop: Any, cloud: Any) -> None:
        cloud.say(QUESTION)
        shop.background.sent.clear()
        thread = Conversation.objects.get()
        statuses = []
        for order in permutations(("sent", "delivered", "read", "failed")):
            key = sent(shop, thread).unique_id
            statuses += [meta.status(key, word, code=131026 if word == "failed" else 0) for word in order]
        cloud.deliver(meta.change(statuses=[*statuses, meta.status("wamid.NOBODYS", "read")]))
        assert set(Message.objects.filter(direction="out").values_list("status", flat=True)) == {"read"}


def sent(shop: Any, thread: Conversation) -> Message:
    """A message of ours that has left."""
    connection.set_tenant(shop.tenant)
    with transaction.atomic():
        message = outbox.post(thread, "Abrimos às 8h.", now=timezone.now(), ring=False)
    outbox.deliver_here(message)
    connection.set_tenant(shop.tenant)
    message.refresh_from_db()
    assert message.status == "sent"
    return message


NESTED = b'{"event":"message.any","payload":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
CLOUD_NESTED = b'{"entry":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
STRANGE = {
    "NUL": "Oi\x00 tudo\x00",
    "half a character": "Oi \ud800\udc00 \ud83d",
    "right to left": "\u202eabrem\u202c \u200b\u200d\u2066x\u2069\ufeff",
    "nothing but blanks": " \u200b\u2060 ",
    "a megabyte": "Que horas? " * 95_000,
    "a tower of marks": "Z" + "\u0301" * 5_000,
    "markup": "<script>alert(1)</script>{{7*7}}${7*7}'; DROP TABLE x;--",
}


class TestM7:
    """Each poison, then an ordinary question: the poison is kept with a reason, and the question answered."""

    def test_waha(self, shop: Any) -> None:
        odd: dict[str, Any] = {
            **{what: door.delivery(text, unique=f"3AS{n}") for n, (what, text) in enumerate(STRANGE.items())},
            "no JSON": b"not json",
            "no object": b"[]",
            "nothing": b"",
            "bytes": bytes(range(256)),
            "nested": NESTED,
            "a number without end": b'{"event":"message.any","payload":{"timestamp":' + b"9" * 5_000 + b"}}",
            "an unknown event": door.event("engine.event", {"x": 1}),
            "an unknown kind": door.delivery(None, unique="3AKIND", _data={"Message": {"newThing": {}}}),
            "an id that is none": door.delivery("Oi") | {"payload": {"id": "x", "body": "Oi"}},
            "an id of another shape": door.delivery("Oi") | {"payload": {"id": {"x": 1}, "body": ["Oi"]}},
            "an edit of nobody's": door.event("message.edited", {"id": "false_1@c.us_3AZ", "body": "x"}),
            "a revoke of nobody's": door.event("message.revoked", {"before": {"id": "false_1@c.us_3AY"}}),
            "a vote of nobody's": door.event("poll.vote", {"vote": {"id": "x"}, "poll": {"id": "y"}}),
            "a group": door.delivery("Oi", chat="120363@g.us"),
            "a status": door.delivery("Oi", chat="status@broadcast"),
            "a newsletter": door.delivery("Oi", chat="99@newsletter"),
            "a hidden id": door.delivery("Oi", chat="123456789@lid"),
            "another session": door.delivery("Oi", session="another"),
            "another century": door.delivery("Oi", timestamp=-1e18),
        }
        for what, body in odd.items():
            assert shop.knock(body) == 200, what
        assert shop.knock(door.delivery(QUESTION, chat="5511977776666@c.us")) == 200
        time_passes(shop)
        shop.work()
        assert [to for to, _text in shop.gateway.sent].count("5511977776666@c.us") == 1
        assert_all_ended(len(odd) + 1)
        assert max(map(len, Message.objects.values_list("body", flat=True))) <= 65_536

    def test_cloud(self, shop: Any, cloud: Any) -> None:
        message, change = meta.text_message, meta.change
        odd: dict[str, Any] = {
            **{what: meta.delivery(change(messages=[message(text)])) for what, text in STRANGE.items()},
            "no JSON": b"not json",
            "no object": b"[]",
            "nested": CLOUD_NESTED,
            "an unknown field": meta.delivery(change(name="new_thing")),
            "an unknown kind": meta.delivery(change(messages=[meta.message("hologram", {"x": 1})])),
            "an unsupported one": meta.delivery(change(messages=[meta.message("unsupported", {})])),
            "no message at all": meta.delivery(change(messages=["x", None, 7]))
            if False
            else b'{"entry":[null,7]}',
            "a reaction to nobody's": meta.delivery(
                change(messages=[meta.message("reaction", {"message_id": "wamid.Z", "emoji": "x"})])
            ),
            "an edit of nobody's": meta.delivery(
                change(messages=[meta.message("edit", {"original_message_id": "z"})])
            ),
            "a revoke of nobody's": meta.delivery(
                change(messages=[meta.message("revoke", {"original_message_id": "z"})])
            ),
            "a group": meta.delivery(change(messages=[message("Oi", group_id="120363")])),
            "another number": meta.delivery(change(messages=[message("Oi")], number="999")),
            "a time that is none": meta.delivery(change(messages=[message("Oi") | {"timestamp": "soon"}])),
            "a status of nobody's": meta.delivery(change(statuses=[meta.status("wamid.Q", "melted")])),
        }
        for what, body in odd.items():
            assert cloud.knock(body) == 200, what
        cloud.knock(
            meta.delivery(
                change(
                    messages=[message(QUESTION, sender="5511977776666")],
                    contacts=[{"wa_id": "5511977776666", "profile": {"name": "B"}}],
                )
            )
        )
        time_passes(shop)
        shop.work()
        assert [to for to, _text in cloud.cloud.texts].count("5511977776666") == 1
        assert_all_ended(len(odd) + 1)

    def test_web_chat(self, shop: Any) -> None:
        """A page is told at once what is wrong; what is only strange is a message like others."""
        web = web_visitor.make_channel(shop.tenant)
        request = async_to_sync(web_visitor.request)
        token = async_to_sync(web_visitor.new_token)(web)
        for what, text in STRANGE.items():
            said = web_visitor.message(text)
            status, told, _headers = request(web, "messages", said, token=token)
            wanted = {"a megabyte": 413, "nothing but blanks": 400, "a tower of marks": 413}.get(what, 200)
            assert status in (wanted, 200, 400), (what, status, told)
        for body in (
            b"x",
            b"[]",
            b"[" * 8_000,
            json.dumps({"id": 7, "text": {}}).encode(),
            b"\xff\xfe",
            b"{" * 8_000,
        ):
            status, told, _headers = request(web, "messages", token=token, body=body, method="POST")
            assert (status, told) == (400, {"error": "bad_request"}), body[:20]
        assert request(web, "messages", web_visitor.message(QUESTION), token=token)[0] == 200
        shop.work()
        assert not Message.objects.filter(direction="in", outcome="").exists()
        assert Message.objects.filter(direction="out").exists()

    def test_what_always_fails_is_parked_and_a_person_has_it_read_again(
        self, shop: Any, client_for: Any, member_of: Any
    ) -> None:
        """A bug that only one message meets: it is tried, parked with its reason, and the others flow."""
        manager = client_for(shop.tenant, member_of(shop.tenant, role="manager"))
        thread_of = identities.thread_of

        def trip(channel: Any, said: Any, **more: Any) -> Any:
            if said.text == "poison":
                raise ValueError("a bug of ours")
            return thread_of(channel, said, **more)

        with mock.patch.object(identities, "thread_of", trip):
            shop.knock(door.delivery("poison", chat="5511900000001@c.us"))
            shop.knock(door.delivery(QUESTION, chat="5511900000002@c.us"))
            for _ in range(6):
                shop.read()
            shop.work()
        parked = WebhookEvent.objects.get(status="parked")
        assert (parked.outcome, parked.attempts) == ("ValueError", 5)
        assert [to for to, _text in shop.gateway.sent] == ["5511900000002@c.us"]
        connection.set_tenant(shop.tenant)
        url = reverse("delivery_again", args=[parked.pk], urlconf="config.urls")
        assert [manager.post(url).status_code for _ in range(2)] == [302, 404]
        shop.work()
        assert [to for to, _text in shop.gateway.sent] == ["5511900000002@c.us", "5511900000001@c.us"]


def time_passes(shop: Any) -> None:
    """The inbox reads; half a minute later it reads again what waited for something that never came."""
    shop.read()
    past = timezone.now() - timedelta(minutes=2)
    WebhookEvent.objects.filter(status="new").update(received_at=past, again_at=past)
    shop.read()


def assert_all_ended(count: int) -> None:
    """Each delivery is done, with words for what became of it; each message came to an end."""
    events = WebhookEvent.objects.order_by("pk")
    assert [event.status for event in events] == ["done"] * count
    assert all(event.outcome for event in events), [event.outcome for event in events]
    open_ones = Message.objects.filter(direction="in", outcome="")
    assert not open_ones.exists(), list(open_ones.values_list("body", flat=True))
    assert not Conversation.objects.filter(reply_due_at__isnull=False).exists()
