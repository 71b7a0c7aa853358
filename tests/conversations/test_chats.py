"""The inbox's pages, through HTTP: who may do what, and how many statements a page takes."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.models import Agent
from conversations import outbox
from conversations.models import Channel, Contact, ContactIdentity, Conversation, Message
from tenants.models import Tenant


@pytest.fixture
def shop(in_alpha: Tenant) -> Channel:
    return Channel.objects.create(
        kind="waha",
        name="WhatsApp",
        agent=Agent.objects.order_by("pk")[0],
        session="demo",
        base_url="http://127.0.0.1:9",
    )


def thread(channel: Channel, name: str = "Ana", **fields: Any) -> Conversation:
    contact = Contact.objects.create(name=name)
    ContactIdentity.objects.create(contact=contact, channel=channel, kind="c.us", value=f"{contact.pk}@c.us")
    return Conversation.objects.create(
        channel=channel, contact=contact, address=f"{contact.pk}@c.us", **fields
    )


def test_a_reply_takes_the_chat_over_and_is_queued(shop: Channel, client_for: Any, member_of: Any) -> None:
    conversation, agent = thread(shop), member_of(Tenant.objects.get(slug="alpha"), "agent")
    client = client_for(Tenant.objects.get(slug="alpha"), agent)
    answer = client.post(
        f"/chats/{conversation.pk}/send", {"text": "Bom dia, Ana"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200 and "Bom dia, Ana" in answer.content.decode()
    conversation.refresh_from_db()
    assert (conversation.handler, conversation.assigned_to) == ("person", agent)
    message = Message.objects.get()
    assert (message.status, message.author_kind, message.author) == ("queued", "person", agent)


@pytest.mark.parametrize("text", ["", "   ", "x" * 4001])
def test_a_reply_of_nothing_or_too_much_is_said_to_be(
    shop: Channel, client_for: Any, member_of: Any, text: str
) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    conversation = thread(shop)
    answer = client_for(alpha, member_of(alpha)).post(f"/chats/{conversation.pk}/send", {"text": text})
    assert answer.status_code == 422 and Message.objects.count() == 0


def test_a_viewer_reads_and_does_not_act(shop: Channel, client_for: Any, member_of: Any) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    conversation = thread(shop, unread_count=3)
    client = client_for(alpha, member_of(alpha, "viewer"))
    assert client.get(f"/chats/{conversation.pk}/").status_code == 200
    for action in ("send", "take-over", "give-back", "close"):
        assert client.post(f"/chats/{conversation.pk}/{action}", {"text": "x"}).status_code == 403
    conversation.refresh_from_db()
    assert (conversation.handler, conversation.unread_count) == ("agent", 3)


def test_a_failed_message_is_sent_again_by_a_persons_word(
    shop: Channel, client_for: Any, member_of: Any, background: Any
) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    from django.utils import timezone

    message = outbox.post(thread(shop), "Olá", now=timezone.now())
    Message.objects.update(status="failed", error="The gateway refused (401).")
    client = client_for(alpha, member_of(alpha))
    page = client.get(f"/chats/{message.conversation_id}/").content.decode()
    assert "does not accept its key" in page and f"/messages/{message.pk}/retry" in page
    assert client.post(f"/messages/{message.pk}/retry").status_code == 302
    assert Message.objects.get().status == "queued"
    assert client.post(f"/messages/{message.pk}/retry").status_code == 404  # it is on its way already


def test_the_list_takes_as_many_statements_for_thirty_chats_as_for_three(
    shop: Channel, client_for: Any, member_of: Any
) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    client = client_for(alpha, member_of(alpha))
    counts = []
    for many in (3, 27):
        for number in range(many):
            thread(shop, name=f"Ana {number}")
        client.get("/chats/list")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/chats/list").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_file_that_a_browser_could_run_is_only_offered_to_save(
    shop: Channel, client_for: Any, member_of: Any
) -> None:
    from django.core.files.base import ContentFile
    from django.core.files.storage import default_storage

    alpha = Tenant.objects.get(slug="alpha")
    name = default_storage.save("alpha/messages/x", ContentFile(b"<svg onload=alert(1)>"))
    message = Message.objects.create(
        conversation=thread(shop), direction="in", author_kind="contact", status="received", kind="image",
        media=name, media_type="image/svg+xml",
    )  # fmt: skip
    answer = client_for(alpha, member_of(alpha)).get(f"/media/messages/{message.pk}")
    assert answer["Content-Disposition"].startswith("attachment")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == (
        "application/octet-stream",
        "nosniff",
    )
    beta = Tenant.objects.get(slug="beta")
    assert client_for(beta, member_of(beta)).get(f"/media/messages/{message.pk}").status_code == 404
