"""What went wrong and waits for staff: failed jobs, stuck messages, parked deliveries; masked, retried."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tenants.utils import schema_context

from conversations import masking, rollup, trouble
from conversations.models import Channel, ChannelStatus, Conversation, Message, WebhookEvent
from tenants import failures
from tenants.background import task
from tenants.models import AuditEntry, TaskFailure, Tenant, TenantState
from tests.conversations import door
from tests.tenants import staff

pytestmark = pytest.mark.django_db
BROKEN = {"is": True}
SAID = "Meu nome é Ana Souza, CPF 123.456.789-09"


@task()
def fragile(conversation_id: int) -> None:
    """Fails as long as it is broken."""
    if BROKEN["is"]:
        raise ValueError(f"the words of a customer: {SAID}")


def fails(background: Any, schema: str) -> None:
    with pytest.raises(ValueError, match="the words"):
        background.run_one(fragile, schema=schema, conversation_id=7)


def state(tenant: Tenant) -> TenantState:
    rollup.refresh_all(now=timezone.now())
    return TenantState.objects.get(tenant=tenant)


class TestFailedJobs:
    def test_are_one_row_without_a_customers_word_and_over_when_a_retry_goes_well(
        self, client_for: Any, alpha: Tenant, background: Any
    ) -> None:
        BROKEN["is"] = True
        for _time in range(2):
            fails(background, "alpha")
        row = TaskFailure.objects.get()
        assert (row.schema, row.ids, row.error, row.count) == (
            "alpha",
            {"conversation_id": 7},
            "ValueError",
            2,
        )
        assert row.place.startswith("tests/conversations/test_trouble.py:") and SAID not in str(vars(row))
        assert state(alpha).failed_tasks == 1
        operator = client_for(None, staff.make("operator"))
        change = f"/admin/tenants/taskfailure/{row.pk}/again/"
        assert operator.get(change).status_code == 200 and not background.names()  # a link changes nothing
        with pytest.raises(ValueError, match="the words"):
            operator.post(change)
            background.run()
        row.refresh_from_db()
        assert row.count == 3 and row.retried_at and row.resolved_at is None
        BROKEN["is"] = False
        support = client_for(alpha, staff.make("support", supports=alpha))
        page = support.get("/admin/trouble/?kind=tasks").content.decode()
        assert "fragile" in page and SAID not in page
        assert support.post("/admin/trouble/tasks/again/", {"pk": row.pk}).status_code == 302
        background.run()
        row.refresh_from_db()
        assert row.resolved_at is not None
        assert AuditEntry.objects.filter(action="trouble.tasks").count() == 2
        assert not failures.retry(row, now=timezone.now())

    def test_of_another_business_are_not_there(
        self, client_for: Any, alpha: Tenant, beta: Tenant, background: Any
    ) -> None:
        BROKEN["is"] = True
        fails(background, "beta")
        row = TaskFailure.objects.get()
        browser = client_for(alpha, staff.make("support", supports=alpha))
        assert "fragile" not in browser.get("/admin/trouble/?kind=tasks").content.decode()
        browser.post("/admin/trouble/tasks/again/", {"pk": row.pk})
        assert not background.names()


class TestDeliveries:
    def test_read_again_do_nothing_twice_and_tell_of_no_moment(self, shop: Any, client_for: Any) -> None:
        shop.say("Que horas abrem?", unique="AAA1")
        shop.knock(door.event("session.status", {"name": shop.gateway.session, "status": "FAILED"}))
        shop.read()
        Channel.objects.update(status="WORKING", last_event_at=None)
        before = (Message.objects.count(), ChannelStatus.objects.count())
        events = list(WebhookEvent.objects.order_by("pk"))
        alpha = Tenant.objects.get(slug="alpha")
        browser = client_for(alpha, staff.make("support", supports=alpha))
        for event in events:
            path = f"/admin/conversations/webhookevent/{event.pk}/replay/"
            assert browser.get(path).status_code == 200
            assert browser.post(path).status_code == 302
        connection.set_tenant(alpha)
        assert WebhookEvent.objects.filter(status="new").count() == len(events)
        shop.read()
        assert WebhookEvent.objects.filter(status="done").count() == len(events)
        assert "repeated" in WebhookEvent.objects.get(pk=events[0].pk).outcome
        assert (Message.objects.count(), ChannelStatus.objects.count()) == before
        assert Channel.objects.values_list("status", "last_event_at").get(kind="waha") == ("WORKING", None)

    def test_are_shown_without_words_and_numbers(self, shop: Any, client_for: Any) -> None:
        shop.say(SAID, unique="AAA1")
        event = WebhookEvent.objects.get()
        alpha = Tenant.objects.get(slug="alpha")
        browser = client_for(alpha, staff.make("support", supports=alpha))
        page = browser.get(f"/admin/conversations/webhookevent/{event.pk}/change/").content.decode()
        assert "&quot;event&quot;: &quot;message" in page and "•••" in page
        assert not [word for word in ("Ana", "Souza", "123.456", "5511") if word in page]


def test_masking_keeps_the_shape_only() -> None:
    body = {
        "event": "message", "timestamp": 1700000000, "payload": {
            "id": "false_5511999990000@c.us_3EB0AB12", "from": "5511999990000@c.us", "body": SAID,
            "hasMedia": False,
            "5511999990000": {"type": SAID},
            "list": [SAID, 5511999990000, 3, None], "type": "chat",
        },
    }  # fmt: skip
    shown = masking.masked(json.dumps(body).encode())
    inner = json.loads(shown)["payload"]
    assert json.loads(shown)["timestamp"] == 1700000000
    assert inner["id"].endswith("AB12") and inner["type"] == "chat" and inner["hasMedia"] is False
    assert inner["list"][2:] == [3, None] and "5511999" not in shown and "Ana" not in shown
    assert "no JSON" in masking.masked(b"\xff\x00") and masking.masked(b"[" * 100_000).startswith("(")


class TestStuckMessages:
    def test_are_counted_listed_and_sent_again_by_who_may(
        self, shop: Any, client_for: Any, beta: Tenant
    ) -> None:
        shop.say("Oi")
        chat = Conversation.objects.get()
        for status in ("failed", "unknown"):
            Message.objects.create(
                conversation=chat, direction="out", author_kind="agent", body="Até logo", status=status
            )
        Conversation.objects.update(handler="queue", waiting_since=timezone.now(), priority=2)
        alpha = Tenant.objects.get(slug="alpha")
        with schema_context("public"):
            found = state(alpha)
        assert (found.failed_messages, found.unknown_messages, found.waiting, found.urgent) == (1, 1, 1, 1)
        assert found.errors == 2 and found.last_in_at is not None
        assert TenantState.objects.get(tenant=beta).errors == 0
        message = Message.objects.get(status="failed")
        operator = client_for(None, staff.make("operator"))
        assert "alpha" in operator.get("/admin/trouble/all/").content.decode().lower()
        support = staff.make("support", supports=alpha)
        queue = client_for(None, support).get("/admin/queue/").content.decode()
        assert "/admin/enter/alpha/?to=inbox" in queue and "/admin/enter/beta/" not in queue
        finance = client_for(alpha, staff.make("finance", supports=alpha))
        again = "/admin/trouble/failed/again/"
        assert finance.post(again, {"pk": message.pk}).status_code == 403
        assert client_for(alpha, support).post(again, {"pk": [message.pk, "x", 10**30]}).status_code == 302
        connection.set_tenant(alpha)
        message.refresh_from_db()
        assert message.status == "queued"
        assert TenantState.objects.get(tenant=alpha).failed_messages == 0  # counted anew at once
        assert AuditEntry.objects.get(action="trouble.failed").actor == support


def test_every_business_is_counted_in_a_few_statements(alpha: Tenant, beta: Tenant) -> None:
    """Two businesses, or one: the same statements."""

    def statements(schemas: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert rollup.refresh_all(now=timezone.now()) == schemas
        return len(captured)

    both = statements(Tenant.objects.exclude(status="provisioning").count())
    Tenant.objects.filter(pk=beta.pk).update(status="provisioning")
    assert statements(Tenant.objects.exclude(status="provisioning").count()) == both
    assert set(trouble.KINDS) == {"unknown", "failed", "events", "hooks", "documents", "tasks"}
