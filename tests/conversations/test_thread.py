"""A thread page by page: nothing is shown twice or left out, however one comes to a message."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from conversations import media_pages, presence, thread
from conversations.models import Activity, Channel, Contact, Conversation, Message, Note
from tenants.models import Tenant

TOKEN = re.compile(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>')
PARTS = re.compile(r'id="((?:message|note|mark)-\d+)"')


@pytest.fixture
def chat(in_alpha: Tenant, member_of: Any) -> Conversation:
    """150 messages, a minute apart; after every tenth a note, after every fifteenth a mark."""
    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=Agent.objects.order_by("pk")[0])
    chat = Conversation.objects.create(
        channel=channel, contact=Contact.objects.create(name="Ana"), address="1@c.us", language="pt"
    )
    began, ana = timezone.now() - timedelta(hours=3), member_of(in_alpha)
    at = [began + timedelta(minutes=n) for n in range(150)]
    Message.objects.bulk_create(
        Message(
            conversation=chat, direction="in", author_kind="contact", body=f"Word {n}", status="received",
            created_at=at[n],
        )
        for n in range(150)
    )  # fmt: skip
    half = timedelta(seconds=30)
    Note.objects.bulk_create(
        Note(conversation=chat, author=ana, text=f"Note {n}", created_at=at[n] + half)
        for n in range(0, 150, 10)
    )
    Activity.objects.bulk_create(
        Activity(conversation=chat, kind="taken", actor=ana, at=at[n] + half) for n in range(0, 150, 15)
    )
    return chat


def words(response: Any) -> str:
    assert response.status_code == 200
    return re.sub(r"\s+", " ", TOKEN.sub("", response.content.decode())).strip()


def address(html: str, attribute: str, part: str) -> str:
    """The address that the page itself would fetch for this part."""
    found = re.search(rf'{attribute}="([^"]*{part}[^"]*)"', html)
    assert found is not None, part
    return found[1].replace("&amp;", "&")


def test_the_whole_thread_is_read_from_its_end_to_its_beginning(
    chat: Conversation, client_for: Any, member_of: Any
) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    browser = client_for(alpha, member_of(alpha))
    page = words(browser.get(f"/chats/{chat.pk}/"))
    live_end = words(browser.get(address(page, "hx-get", "/thread")))
    assert live_end in page and "Word 149" in live_end and "Word 100 " not in live_end
    seen, html, steps = PARTS.findall(live_end), page, 0
    while f"chats/{chat.pk}/older" in html:
        with CaptureQueriesContext(connection) as queries:
            html = words(browser.get(address(html, "hx-get", "/older")))
        assert len(queries) < 30
        seen, steps = PARTS.findall(html) + seen, steps + 1
    assert steps == 3 and len(seen) == len(set(seen)) == 150 + 15 + 10
    messages = [part for part in seen if part.startswith("message")]
    assert messages == [f"message-{pk}" for pk in chat.messages.order_by("pk").values_list("pk", flat=True)]
    for note in chat.notes.all():
        before = chat.messages.filter(created_at__lt=note.created_at).latest("pk")
        assert seen.index(f"note-{note.pk}") > seen.index(f"message-{before.pk}")


def test_a_message_is_found_wherever_it_stands(chat: Conversation, client_for: Any, member_of: Any) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    browser, pks = (
        client_for(alpha, member_of(alpha)),
        list(chat.messages.order_by("pk").values_list("pk", flat=True)),
    )
    far = words(browser.get(f"/chats/{chat.pk}/?at={pks[30]}"))
    shown = [part for part in PARTS.findall(far) if part.startswith("message")]
    assert shown == [f"message-{pk}" for pk in pks[10:51]]
    assert (
        words(browser.get(address(far, "hx-get", "/thread"))) in far
    )  # what it fetches anew is the same stretch
    later = words(browser.get(address(far, "hx-get", "/newer")))
    assert f"message-{pks[51]}" in later and f"message-{pks[50]}" not in later
    near = words(browser.get(f"/chats/{chat.pk}/?at={pks[120]}"))
    assert f"message-{pks[149]}" in near and "/newer" not in near  # the live end of the thread, from there on
    assert words(browser.get(address(near, "hx-get", "/thread"))) in near
    assert words(browser.get(f"/chats/{chat.pk}/?at=999999999"))  # of another thread, or gone: the end


def test_what_comes_keeps_what_was_shown_until_it_is_too_much(chat: Conversation) -> None:
    pks = list(chat.messages.order_by("pk").values_list("pk", flat=True))
    assert len(thread.tail(chat, since=pks[40]).messages) == 110
    cut = thread.shown(chat, since=pks[10])
    assert len(cut["part"].messages) == thread.PAGE and cut["was_cut"]
    assert not thread.shown(chat, since=pks[40])["was_cut"]


def test_colleagues_see_who_looks_and_who_writes(chat: Conversation, client_for: Any, member_of: Any) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    ana, rui = member_of(alpha, "agent", "ana@alpha.example"), member_of(alpha, "agent", "rui@alpha.example")
    here = f"/chats/{chat.pk}/here"
    assert "looking" not in words(client_for(alpha, ana).post(here))
    assert "ana@alpha.example is looking" in words(client_for(alpha, rui).post(here))
    assert client_for(alpha, ana).post(f"/chats/{chat.pk}/typing").status_code == 204
    assert "ana@alpha.example is writing" in words(client_for(alpha, rui).get(f"/chats/{chat.pk}/presence"))
    later = timezone.now() + timedelta(seconds=presence.WRITING + 1)
    connection.set_tenant(alpha)
    assert not presence.others(chat.pk, user=rui, now=later)[0].writes
    assert client_for(alpha, ana).post(here, {"left": "1"}).status_code == 204
    assert client_for(alpha, rui).get(f"/chats/{chat.pk}/presence").content.strip() == b""
    client_for(alpha, rui).post(here, {"left": "1"})


def test_a_viewer_reads_and_is_told_so(chat: Conversation, client_for: Any, member_of: Any) -> None:
    alpha = Tenant.objects.get(slug="alpha")
    page = words(client_for(alpha, member_of(alpha, "viewer")).get(f"/chats/{chat.pk}/"))
    assert "Your role reads chats" in page and "data-sends" not in page and "data-here" not in page


def test_the_part_of_a_file_that_a_player_asks_for() -> None:
    whole = media_pages.MOST * 3
    for asked, part in (
        ("bytes=0-1", (0, 1)),
        ("bytes=0-", (0, media_pages.MOST - 1)),
        ("bytes=-10", (whole - 10, whole - 1)),
        (f"bytes={whole - 5}-{whole + 5}", (whole - 5, whole - 1)),
        (f"bytes={whole}-", None),
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=0-1,4-5", None),
        ("", None),
    ):
        assert media_pages.span(asked, whole) == part, asked
    assert media_pages.span("bytes=0-", 0) is None
