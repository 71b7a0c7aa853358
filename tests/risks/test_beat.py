"""M9: the clockwork was down for a day and more, or goes twice: what is due is done once.

Reminders come with appointments. What the clockwork does today: sweep the conversations (late deliveries,
answers, sends, files, events to programs, letters), look at the channels, at the invariants, at documents and
at sign-ups, and read templates.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask, PeriodicTasks
from django_celery_beat.schedulers import DatabaseScheduler
from django_tenants.utils import schema_context

from billing.models import CreditAccount, LedgerEntry
from config.celery import app
from conversations import alarms, breakers, health, hooks, invariants, media, sweep, turns
from conversations.models import (
    Breaker,
    Channel,
    Conversation,
    HookDelivery,
    HookEndpoint,
    Incident,
    Message,
    WebhookEvent,
)
from tests.conversations import door

A_DAY_AND_MORE = timedelta(hours=26)


def at_once(*calls: Callable[[], Any]) -> None:
    """All of them in threads that start together."""
    gate, failed = threading.Barrier(len(calls)), []

    def run(call: Callable[[], Any]) -> None:
        gate.wait()
        try:
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


def in_alpha(call: Callable[..., Any], **given: Any) -> Callable[[], Any]:
    def run() -> Any:
        with schema_context("alpha"):
            return call(**given)

    return run


def clockwork() -> DatabaseScheduler:
    """The product's, which writes nothing when the process ends: the test's database is gone by then."""
    beat = DatabaseScheduler(app=app)
    beat._finalize.cancel()
    return beat


class TestM9:
    def test_after_a_day_each_job_is_rung_once_and_not_as_often_as_it_was_missed(
        self, transactional_db: None, background: Any
    ) -> None:
        clockwork()  # writes the schedule down
        PeriodicTask.objects.update(last_run_at=timezone.now() - A_DAY_AND_MORE)
        PeriodicTasks.update_changed()
        beat = clockwork()
        with mock.patch.object(DatabaseScheduler, "producer", None):
            for _ in range(60):
                if beat.tick() > 0.5:
                    break
        rung = Counter(sent.name for sent in background.sent)
        ours = {entry["task"] for entry in app.conf.beat_schedule.values()}
        assert ours <= set(rung) and set(rung.values()) == {1}

    def test_what_a_day_left_behind_is_done_once_by_two_clockworks_at_once(
        self, shop: Any, member_of: Any
    ) -> None:
        member_of(shop.tenant)
        past = timezone.now() - A_DAY_AND_MORE
        self.leave_behind(shop, past)
        shop.background.sent.clear()
        for _ in range(3):
            at_once(
                lambda: sweep.sweep.apply(throw=True), lambda: sweep.sweep.apply(throw=True),
                lambda: invariants.watch.apply(throw=True), lambda: invariants.watch.apply(throw=True),
                in_alpha(alarms.tell_all, now=timezone.now()), in_alpha(alarms.tell_all, now=timezone.now()),
            )  # fmt: skip
            self.two_workers(shop)
        connection.set_tenant(shop.tenant)
        assert sorted(to for to, _text in shop.gateway.sent) == [
            "5511900000001@c.us", "5511900000002@c.us", "5511900000003@c.us"
        ]  # fmt: skip
        assert set(Message.objects.filter(direction="in").values_list("outcome", flat=True)) == {"answered"}
        assert LedgerEntry.objects.filter(kind="turn").count() == 3
        assert CreditAccount.objects.get().held == 0
        told = Counter(letter.subject for letter in mail.outbox)
        assert set(told.values()) == {1}, told
        assert len(told) >= 4  # the address, the channel, the vendor, the invariant
        assert Incident.objects.exclude(told_at=None).count() == Incident.objects.count() >= 1
        assert HookDelivery.objects.filter(status="pending").count() == 0

    def leave_behind(self, shop: Any, past: Any) -> None:
        """Unread, unanswered and unsent messages; an address, a channel, a vendor, a delivery to tell of."""
        endpoint = hooks.add(
            name="program", url="http://127.0.0.1:9/", events=["message.received"], actor=None, now=past
        )
        shop.say("Que horas vocês abrem?", chat="5511900000002@c.us")
        Conversation.objects.update(reply_due_at=past)
        shop.say("Que horas vocês abrem?", chat="5511900000003@c.us")
        with mock.patch("conversations.outbox.deliver_here"):
            pk = Conversation.objects.get(address="5511900000003@c.us").pk
            turns.take.apply(kwargs={"conversation_id": pk}, headers={"schema": "alpha"}, throw=True)
        connection.set_tenant(shop.tenant)
        Message.objects.filter(direction="out").update(created_at=past)
        assert shop.knock(door.delivery("Que horas vocês abrem?", chat="5511900000001@c.us")) == 200
        WebhookEvent.objects.filter(status="new").update(received_at=past)
        WebhookEvent.objects.create(
            channel_id=shop.channel.pk, body=b"{}", status="parked", outcome="x", received_at=past
        )
        hooks._disable(endpoint, now=past)
        Channel.objects.filter(pk=shop.channel.pk).update(
            health="red", health_reason=health.Reason.STATE, health_since=past
        )
        Breaker.objects.create(vendor="old", cause="failing", failures=9, opened_at=past, open_until=past)

    def two_workers(self, shop: Any) -> None:
        """Two workers share what was rung, and both beats rang all of it."""
        for _ in range(30):
            connection.set_tenant(shop.tenant)
            if not (rung := shop.background.sent[:]):
                return
            shop.background.sent.clear()
            half = rung[::2], rung[1::2]
            at_once(*(lambda part=part: [run(one) for one in part] for part in half))
        raise AssertionError("it does not come to rest")

    @pytest.mark.parametrize("kind", ["address", "channel", "vendor", "invariant"])
    def test_a_letter_is_written_once_by_eight_at_once(self, shop: Any, member_of: Any, kind: str) -> None:
        member_of(shop.tenant)
        now = timezone.now()
        calls: dict[str, Callable[[], Any]] = {
            "channel": in_alpha(alarms.tell_all, now=now),
            "vendor": in_alpha(breakers.tell.run),
            "invariant": in_alpha(invariants.check, now=now),
        }
        if kind == "address":
            endpoint = HookEndpoint.objects.create(
                name="p", url="http://127.0.0.1:9/", events=[], secret="s", is_active=False, disabled_at=now
            )
            calls["address"] = in_alpha(hooks.tell_owner.run, endpoint_id=endpoint.pk)
        Channel.objects.filter(pk=shop.channel.pk).update(
            health="red", health_reason=health.Reason.STATE, health_since=now
        )
        Breaker.objects.create(vendor="old", cause="account", failures=9, opened_at=now, open_until=now)
        WebhookEvent.objects.create(
            channel_id=shop.channel.pk, body=b"{}", status="parked", outcome="x",
            received_at=now - timedelta(hours=1),
        )  # fmt: skip
        at_once(*[calls[kind]] * 8)
        assert len(mail.outbox) == 1

    def test_a_file_is_fetched_once_by_eight_at_once(self, shop: Any, tmp_path: Any, settings: Any) -> None:
        settings.MEDIA_ROOT = tmp_path
        url = shop.gateway.media(b"\x89PNG picture", "image/png")
        shop.say(None, hasMedia=True, media={"url": url, "mimetype": "image/png", "filename": "a.png"})
        pk = Message.objects.get().pk
        at_once(*[in_alpha(media.fetch.run, message_id=pk)] * 8)
        connection.set_tenant(shop.tenant)
        assert Message.objects.get().media.read() == b"\x89PNG picture"
        assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def run(sent: Any) -> None:
    """One task as a worker runs it; a vendor that is away is no failure of ours."""
    sent.task.apply(kwargs=sent.kwargs, headers=sent.headers, throw=True)
