"""Outgoing events: with their cause, signed, once by id, never at another's cost, never into the house."""

import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations import handoff, health, hooks
from conversations.models import Conversation, HookDelivery, HookEndpoint, Message
from providers import hooks as provider
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.receiver import Receiver
from tests.counterparts.serving import Request

EVERYTHING = [kind.name for kind in hooks.kinds()]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def endpoint(shop, receiver) -> HookEndpoint:
    """alpha's CRM, which is told everything."""
    return hooks.add(name="CRM", url=receiver.url, events=EVERYTHING, actor=None, now=timezone.now())


def signed(secret: str, request: Request) -> bool:
    """Whether one of the signatures is right, computed as docs/api.md tells a receiver to."""
    wanted = f"sha256={hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()}"
    return wanted in request.headers["x-frontdesk-signature"].split(",")


def due_now(**of: Any) -> None:
    """The time of the next try has come."""
    past = timezone.now() - timedelta(seconds=10)
    HookDelivery.objects.filter(status="pending", **of).update(next_try_at=past)
    HookEndpoint.objects.update(paused_until=None)


class TestWhatIsTold:
    def test_a_message_its_answer_and_the_turn(self, shop, receiver, endpoint):
        shop.models.answer_with("Abrimos às 8h.")
        shop.say("Que horas abrem?")
        shop.work()
        told = {event["type"]: event for event in receiver.events}
        assert set(told) == {"message.received", "turn.finished", "message.sent"}
        assert len(receiver.events) == 3
        received = told["message.received"]
        assert set(received) == {"id", "type", "created_at", "tenant", "data"}
        assert received["tenant"] == "alpha" and received["id"].startswith("evt_")
        data = received["data"]
        assert (data["message"]["text"], data["message"]["direction"]) == ("Que horas abrem?", "in")
        assert data["conversation"]["address"] == "5511988887777@c.us" and data["contact"]["name"] == "Ana"
        assert data["channel"] == {"id": str(shop.channel.pk), "name": "WhatsApp", "kind": "waha"}
        assert told["message.sent"]["data"]["message"]["text"] == "Abrimos às 8h."
        assert told["turn.finished"]["data"]["turn"]["credits"] > 0

    def test_signature_covers_the_raw_body(self, shop, receiver, endpoint):
        shop.say("Olá")
        shop.work()
        for request in receiver.app.requests:
            assert request.headers["x-frontdesk-signature"].count("sha256=") == 1
            assert signed(endpoint.secret, request) and not signed("another", request)
            event = request.json()
            assert request.headers["idempotency-key"] == event["id"]
            assert request.headers["x-frontdesk-event"] == event["type"]
            assert request.headers["content-type"] == "application/json"

    def test_takeover_closing_and_a_channel(self, shop, receiver, endpoint, member_of):
        shop.say("Quero falar com uma pessoa")
        shop.work()
        conversation = Conversation.objects.get()
        handoff.give_back(conversation.pk, user=None, now=timezone.now())
        handoff.take_over(conversation.pk, user=member_of(shop.tenant), now=timezone.now())
        handoff.close(conversation.pk, user=None, now=timezone.now())
        shop.work()
        types = [event["type"] for event in receiver.events]
        assert types.count("conversation.handed_over") == 2 and types.count("conversation.closed") == 1
        first = next(event for event in receiver.events if event["type"] == "conversation.handed_over")
        assert first["data"]["conversation"]["handler"] == "queue"
        assert first["data"]["conversation"]["handoff_reason"] == "asked"

    def test_a_channel_that_turns_red(self, shop, receiver, endpoint):
        with transaction.atomic():
            verdict = health.Verdict(health.Health.RED, health.Reason.UNREACHABLE)
            health._change(shop.channel, verdict, now=timezone.now())
        shop.work()
        (event,) = receiver.events
        assert event["type"] == "channel.health"
        assert (event["data"]["channel"]["health"], event["data"]["channel"]["reason"]) == (
            "red",
            "unreachable",
        )

    def test_only_what_was_asked_for(self, shop, receiver, endpoint):
        hooks.change(endpoint, name="CRM", url=receiver.url, events=["message.sent"], actor=None)
        shop.say("Olá")
        shop.work()
        assert [event["type"] for event in receiver.events] == ["message.sent"]

    def test_the_test_chat_is_nobodys_business(self, shop, receiver, endpoint, member_of):
        from conversations import trial

        trial.ask("Oi", user=member_of(shop.tenant), now=timezone.now())
        shop.work()
        assert receiver.events == [] and not HookDelivery.objects.exists()

    def test_nothing_without_its_cause(self, shop, endpoint):
        shop.say("Olá")
        HookDelivery.objects.all().delete()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            hooks.message("message.sent", Message.objects.get(), now=timezone.now())
            1 / 0  # noqa: B018
        assert not HookDelivery.objects.exists()

    def test_the_same_cause_is_told_once(self, shop, endpoint):
        shop.say("Olá")
        for _time in range(2):
            with transaction.atomic():
                hooks.message("message.received", Message.objects.get(), now=timezone.now())
        assert HookDelivery.objects.filter(kind="message.received").count() == 1

    def test_another_business_hears_nothing(self, shop, beta, receiver, endpoint):
        with schema_context(beta.schema_name), Receiver() as theirs:
            hooks.add(name="x", url=theirs.url, events=EVERYTHING, actor=None, now=timezone.now())
            connection.set_tenant(shop.tenant)
            shop.say("Olá")
            shop.work()
            assert receiver.events and theirs.events == []
        connection.set_tenant(beta)
        assert not HookDelivery.objects.exists()

    def test_a_lost_doorbell_is_forgiven(self, shop, receiver, endpoint):
        shop.say("Olá")
        shop.background.sent.clear()
        due_now()
        shop.later()
        assert "message.received" in [event["type"] for event in receiver.events]


class TestFailures:
    def test_is_tried_again_byte_for_byte(self, shop, receiver, endpoint):
        receiver.fail_next("500")
        shop.say("Olá")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        failed = HookDelivery.objects.get(kind="message.received")
        assert (failed.status, failed.attempts, failed.response_status) == ("pending", 1, 500)
        assert (
            failed.next_try_at > timezone.now() + timedelta(seconds=5) and failed.error == "It answered 500."
        )
        due_now()
        shop.work()
        failed.refresh_from_db()
        assert (failed.status, failed.attempts, failed.error) == ("done", 2, "")
        first, second = (r for r in receiver.app.requests if r.json()["type"] == "message.received")
        assert first.body == second.body
        endpoint.refresh_from_db()
        assert (endpoint.failures, endpoint.failing_since) == (0, None)

    def test_a_refused_event_does_not_hold_up_the_next(self, shop, receiver, endpoint):
        receiver.fail_next("400")
        shop.say("Um", unique="A1")
        shop.say("Dois", unique="A2")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        assert [event["data"]["message"]["text"] for event in receiver.events] == ["Um", "Dois"]

    @pytest.mark.parametrize(
        ("fault", "words"), [("redirect", "redirect"), ("reset", "failed"), ("503:40", "503")]
    )
    def test_says_what_went_wrong(self, shop, receiver, endpoint, fault, words):
        receiver.fail_next(fault)
        shop.say("Olá")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        failed = HookDelivery.objects.order_by("pk")[0]
        assert failed.status == "pending" and words in failed.error
        assert "/canary" not in [request.path for request in receiver.app.requests]
        if ":" in fault:
            assert failed.next_try_at > failed.tried_at + timedelta(seconds=35)

    def test_waits_grow_and_end_after_a_day(self, shop, receiver, endpoint):
        waits = [hooks.backoff(attempt) for attempt in range(1, 13)]
        assert 12 <= waits[0] <= 18 and max(waits) <= 4 * 3600 * 1.2
        assert len({hooks.backoff(3) for _time in range(20)}) > 10  # not in step
        receiver.app.always = "500"
        shop.say("Olá")
        HookDelivery.objects.update(give_up_at=timezone.now() - timedelta(seconds=1))
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        assert HookDelivery.objects.get(kind="message.received").status == "parked"

    def test_who_does_not_answer_is_left_alone_for_a_while(self, shop, receiver, endpoint, monkeypatch):
        monkeypatch.setattr(provider, "TOTAL_SECONDS", 0.3)
        monkeypatch.setattr(provider.post, "__kwdefaults__", {**provider.post.__kwdefaults__, "seconds": 0.3})
        receiver.fail_next("hang")
        shop.say("Um", unique="A1")
        shop.say("Dois", unique="A2")
        for _time in range(3):
            shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        assert len(receiver.events) == 1
        endpoint.refresh_from_db()
        assert endpoint.paused_until > timezone.now() and endpoint.claimed_at is None

    def test_one_at_a_time_an_address(self, shop, receiver, endpoint):
        for number in range(4):
            shop.say("Oi", unique=f"A{number}")
        gate = threading.Barrier(4)

        def run() -> None:
            gate.wait()
            hooks.deliver.apply(kwargs={"endpoint_id": endpoint.pk}, headers={"schema": "alpha"}, throw=True)

        threads = [threading.Thread(target=run) for _time in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert len(receiver.events) == HookDelivery.objects.filter(status="done").count() == 4

    def test_a_slow_address_delays_no_other(self, shop, receiver, endpoint):
        """One hangs; the other is told meanwhile."""
        receiver.app.always, receiver.app.wait = "hang", 3
        with Receiver() as quick:
            other = hooks.add(name="B", url=quick.url, events=EVERYTHING, actor=None, now=timezone.now())
            shop.say("Olá")
            kwargs = {"endpoint_id": endpoint.pk}
            run = lambda: hooks.deliver.apply(kwargs=kwargs, headers={"schema": "alpha"})  # noqa: E731
            slow = threading.Thread(target=run)
            slow.start()
            while not receiver.events:
                time.sleep(0.01)
            shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=other.pk)
            assert len(quick.events) == 1 and slow.is_alive()
            slow.join()

    def test_days_of_failures_switch_it_off_and_tell_the_owner(
        self, shop, receiver, endpoint, member_of, beta
    ):
        member_of(shop.tenant), member_of(beta), member_of(shop.tenant, "agent")
        receiver.app.always = "500"
        HookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=3, minutes=1), failures=90)
        shop.say("Olá")
        shop.work()
        endpoint.refresh_from_db()
        assert not endpoint.is_active and endpoint.told_at
        assert set(HookDelivery.objects.values_list("status", flat=True)) == {"parked"}
        (letter,) = mail.outbox
        assert letter.to == ["owner@alpha.example"] and f"/account/integrations/{endpoint.pk}/" in letter.body
        assert endpoint.secret not in letter.body
        shop.say("Ainda?")
        assert HookDelivery.objects.filter(status="pending").count() == 0

    def test_an_address_that_is_removed_while_it_is_called(self, shop, receiver, endpoint, monkeypatch):
        shop.say("Olá")
        call = provider.post

        def remove_and_fail(*args: Any, **kwargs: Any) -> provider.Answer:
            hooks.remove(endpoint, actor=None)
            receiver.app.always = "500"
            return call(*args, **kwargs)

        monkeypatch.setattr(provider, "post", remove_and_fail)
        hooks.deliver.apply(
            kwargs={"endpoint_id": HookEndpoint.objects.get().pk}, headers={"schema": "alpha"}, throw=True
        )
        assert len(receiver.events) == 1 and not HookDelivery.objects.exists()

    def test_a_letter_that_was_lost_is_written_by_the_sweep(self, shop, endpoint, member_of):
        member_of(shop.tenant)
        past = timezone.now() - timedelta(minutes=1)
        HookEndpoint.objects.update(is_active=False, disabled_at=past)
        shop.later()
        shop.later()
        assert len(mail.outbox) == 1


class TestTheCall:
    def test_ends_in_time_whatever_drips(self, receiver):
        receiver.app.always = "drip"
        started = time.monotonic()
        with pytest.raises(ProviderError, match="in time"):
            provider.post(receiver.url, body=b"{}", headers={}, allow_private=True, seconds=0.5)
        assert time.monotonic() - started < 2

    def test_reads_only_the_beginning(self, receiver):
        receiver.app.always = "flood"
        answer = provider.post(receiver.url, body=b"{}", headers={}, allow_private=True)
        assert answer.taken and len(answer.text) == provider.EXCERPT

    def test_nobody_there(self):
        with pytest.raises(ProviderError, match="reached"):
            provider.post("http://127.0.0.1:9/", body=b"{}", headers={}, allow_private=True)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "shop.localhost"])
    def test_never_into_the_house(self, receiver, host):
        """Looked at when it connects: a name that was good when it was typed may lead here by now."""
        url = re.sub(r"//[^:/]+", f"//{host}", receiver.url)
        with pytest.raises(ProviderRejected):
            provider.post(url, body=b"{}", headers={}, allow_private=False)
        assert receiver.events == []

    def test_a_delivery_into_the_house_is_not_made(self, shop, receiver, endpoint, settings):
        settings.HOOK_PRIVATE_HOSTS = [""]
        shop.say("Olá")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        assert receiver.events == []
        assert "private network" in HookDelivery.objects.order_by("pk")[0].error


class TestSecrets:
    def test_are_rotated_with_overlap(self, shop, receiver, endpoint):
        old = endpoint.secret
        new = hooks.rotate(endpoint, actor=None, now=timezone.now())
        shop.say("Olá")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        (request,) = receiver.app.requests
        assert signed(old, request) and signed(new, request) and new != old
        HookEndpoint.objects.update(previous_until=timezone.now())
        shop.work()
        assert not signed(old, receiver.app.requests[-1]) and signed(new, receiver.app.requests[-1])

    def test_twice_in_a_day_and_the_other_side_still_knows_who_it_is(self, shop, receiver, endpoint):
        first = endpoint.secret
        second, third = (hooks.rotate(endpoint, actor=None, now=timezone.now()) for _time in range(2))
        shop.say("Olá")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        assert all(signed(secret, receiver.app.requests[0]) for secret in (first, second, third))
        hooks.rotate(endpoint, actor=None, now=timezone.now() + hooks.OVERLAP)
        assert endpoint.previous_secret == third

    def test_are_not_stored_in_clear(self, shop, endpoint):
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM conversations_hookendpoint")
            assert endpoint.secret not in cursor.fetchone()[0]


class TestPages:
    """By a manager in a browser; the two-tenant test has the strangers."""

    @pytest.fixture
    def browser(self, shop, client_for, member_of):
        return client_for(shop.tenant, member_of(shop.tenant, "manager"))

    def form(self, receiver: Receiver, **other: Any) -> dict[str, Any]:
        return {"name": "n8n", "url": receiver.url, "events": ["message.received"], **other}

    def test_an_address_from_its_start_to_its_end(self, shop, receiver, browser):
        assert "Nothing is told yet" in browser.get("/account/integrations/").content.decode()
        page = browser.post("/account/integrations/", self.form(receiver)).content.decode()
        secret = re.search(r"fds_[\w-]{40,}", page)[0]
        connection.set_tenant(shop.tenant)
        endpoint = HookEndpoint.objects.get()
        assert endpoint.secret == secret
        here = f"/account/integrations/{endpoint.pk}/"
        assert secret not in browser.get(here).content.decode()
        browser.post(here + "test")
        shop.work()
        assert receiver.events[0]["type"] == "test" and signed(secret, receiver.app.requests[0])
        page = browser.get(here).content.decode()
        assert "delivered" in page and "This is a test." in page
        browser.post(here, self.form(receiver, name="Tabela", events=["message.sent"]))
        page = browser.post(here + "rotate").content.decode()
        connection.set_tenant(shop.tenant)
        endpoint.refresh_from_db()
        assert endpoint.secret in page and secret not in page and endpoint.previous_secret == secret
        for link in re.findall(r'href="([^"]*\?status=\w*)"', page):
            assert browser.get(link).status_code == 200 and link.startswith(here)
        assert (endpoint.name, endpoint.events) == ("Tabela", ["message.sent"])
        browser.post(here + "switch")
        connection.set_tenant(shop.tenant)
        assert not HookEndpoint.objects.get().is_active
        browser.post(here + "switch", {"on": "1"})
        browser.post(here + "remove")
        connection.set_tenant(shop.tenant)
        assert not HookEndpoint.objects.exists()

    def test_one_that_waits_need_not_wait_for_its_time(self, shop, receiver, endpoint, browser):
        receiver.fail_next("500")
        shop.say("Olá")
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        (waiting,) = HookDelivery.objects.all()
        again = f"/account/integrations/events/{waiting.pk}/replay"
        assert again in browser.get(f"/account/integrations/{endpoint.pk}/").content.decode()
        browser.post(again)
        shop.work()
        waiting.refresh_from_db()
        assert waiting.status == "done" and len({event["id"] for event in receiver.events[:2]}) == 1

    def test_a_parked_event_is_sent_again(self, shop, receiver, endpoint, browser):
        receiver.app.always = "500"
        shop.say("Olá")
        HookDelivery.objects.update(give_up_at=timezone.now())
        shop.background.run_one(hooks.deliver, schema="alpha", endpoint_id=endpoint.pk)
        parked = HookDelivery.objects.get(kind="message.received")
        assert (
            "Send again"
            in browser.get(f"/account/integrations/{endpoint.pk}/?status=parked").content.decode()
        )
        receiver.app.always = ""
        browser.post(f"/account/integrations/events/{parked.pk}/replay")
        shop.work()
        ids = [e["id"] for e in receiver.events if e["type"] == "message.received"]
        assert ids == [parked.event_id] * 2
        parked.refresh_from_db()
        assert parked.status == "done"

    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/x",
            "http://localhost:8000/",
            "http://[::1]/",
            "http://user:pass@127.0.0.1/",
            "ftp://x.example/",
            "javascript:alert(1)",
        ],
    )
    def test_an_address_in_the_house_is_refused(self, shop, receiver, browser, settings, url):
        settings.HOOK_PRIVATE_HOSTS = [""]
        answer = browser.post("/account/integrations/", self.form(receiver, url=url))
        assert answer.status_code == 422
        connection.set_tenant(shop.tenant)
        assert not HookEndpoint.objects.exists()

    @pytest.mark.parametrize("role", ["agent", "finance", "viewer"])
    def test_others_do_not_see_it(self, shop, endpoint, client_for, member_of, role):
        browser = client_for(shop.tenant, member_of(shop.tenant, role))
        for path in ("", f"{endpoint.pk}/", f"{endpoint.pk}/log"):
            assert browser.get(f"/account/integrations/{path}").status_code == 403
        assert browser.post(f"/account/integrations/{endpoint.pk}/rotate").status_code == 403

    def test_hostile_content_is_text(self, shop, receiver, endpoint, browser):
        shop.say("<script>alert(1)</script>")
        page = browser.get(f"/account/integrations/{endpoint.pk}/").content.decode()
        assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_business_file(shop, receiver, tmp_path, monkeypatch):
    """Applied, changed and written back; the secret is a reference."""
    from tenants import blueprints

    monkeypatch.setenv("CRM_SECRET", "a secret of ours")
    path = tmp_path / "business.yaml"
    text = (
        "business: {name: Alpha Clinic, slug: alpha}\n"
        f"hooks:\n  - name: CRM\n    url: {receiver.url}\n"
        "    events: [message.received, turn.finished]\n    secret: env:CRM_SECRET\n"
    )
    path.write_text(text)
    connection.set_schema_to_public()
    blueprints.apply(path, now=timezone.now())
    assert blueprints.apply(path, now=timezone.now()).changes == []
    connection.set_tenant(shop.tenant)
    endpoint = HookEndpoint.objects.get()
    assert (endpoint.secret, endpoint.events) == ("a secret of ours", ["message.received", "turn.finished"])
    connection.set_schema_to_public()
    shop.tenant.refresh_from_db()
    exported = blueprints.export(shop.tenant, now=timezone.now())
    assert "env:CRM_SECRET" in exported and "a secret of ours" not in exported
    monkeypatch.setenv("CRM_SECRET", "a newer secret")
    blueprints.apply(path, now=timezone.now())
    connection.set_tenant(shop.tenant)
    endpoint.refresh_from_db()
    assert (endpoint.secret, endpoint.previous_secret) == ("a newer secret", "a secret of ours")
    assert hooks.signature(endpoint, b"{}", now=timezone.now()).count("sha256=") == 2
    shop.say("Olá")
    path.write_text(text + "    active: false\n")
    connection.set_schema_to_public()
    blueprints.apply(path, now=timezone.now())
    connection.set_tenant(shop.tenant)
    assert not HookEndpoint.objects.get().is_active and HookDelivery.objects.get().status == "parked"
    connection.set_schema_to_public()
    path.write_text(text.replace("turn.finished", "turn.finnished"))
    with pytest.raises(blueprints.BlueprintError, match=r"hooks\[0\]\.events\[1\]: is no event"):
        blueprints.apply(path, now=timezone.now())


def test_body_is_small_json(shop, endpoint):
    shop.say("Olá")
    body = HookDelivery.objects.get(kind="message.received").body
    assert json.loads(body)["data"]["message"]["text"] == "Olá" and ": " not in body
