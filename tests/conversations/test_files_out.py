"""Files and quotes from the composer: kept in the business's own store, queued once, refused in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import given
from hypothesis import strategies as st

from conversations import attachments
from conversations.channels.waha import WahaTransport
from conversations.models import Conversation, Message
from tenants.models import Tenant

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
PDF = b"%PDF-1.7\n" + b"x" * 40
MP4 = b"\0\0\0\x20ftypisom" + b"\0" * 40
ALL = frozenset({"image", "audio", "video", "document"})


@pytest.fixture
def thread(shop: Any, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    """A conversation on a number that carries files; small ones, so that a test need not make large ones."""
    limits = replace(WahaTransport.limits, media=ALL, file=2000, files={"image": 1000, "document": 4000})
    monkeypatch.setattr(WahaTransport, "limits", limits)
    shop.say("Vocês têm um cardápio?")
    shop.background.sent.clear()
    return Conversation.objects.get()


@pytest.fixture
def person(shop: Any, client_for: Any, member_of: Any) -> Any:
    tenant = Tenant.objects.get(slug="alpha")
    return client_for(tenant, member_of(tenant, "agent"))


def send(person: Any, thread: Conversation, **fields: Any) -> Any:
    return person.post(f"/chats/{thread.pk}/send", fields, headers={"HX-Request": "true"})


def stored(shop: Any) -> list[str]:
    try:
        return default_storage.listdir(f"{shop.tenant.schema_name}/messages")[1]
    except FileNotFoundError:
        return []


@pytest.mark.parametrize(
    ("head", "name", "mimetype", "kind"),
    [
        (PNG, "a.png", "image/png", "image"),
        (b"\xff\xd8\xff\xe0", "a.jpeg", "image/jpeg", "image"),
        (b"OggS\0", "voice.ogg", "audio/ogg", "audio"),
        (b"ID3\x04", "song.mp3", "audio/mpeg", "audio"),
        (b"\0\0\0\x20ftypM4A ", "a.m4a", "audio/mp4", "audio"),
        (MP4, "film.mp4", "video/mp4", "video"),
        (b"\0\0\0\x20ftypqt  ", "film.mov", "application/octet-stream", "document"),
        (PDF, "menu.pdf", "application/pdf", "document"),
        (b"a;b\n", "list.csv", "text/csv", "document"),
        (b"<svg onload=x>", "a.svg", "application/octet-stream", "document"),
        (b"MZ", "photo.png", "application/octet-stream", "document"),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head: bytes, name: str, mimetype: str, kind: str) -> None:
    assert attachments.look(head, name) == attachments.Look(mimetype, kind)


@given(st.binary(max_size=40), st.text(max_size=40))
def test_any_bytes_under_any_name_are_something(head: bytes, name: str) -> None:
    assert attachments.look(head, name).kind in ALL


def test_a_file_with_a_caption_is_kept_queued_and_takes_the_chat_over(
    shop: Any, person: Any, thread: Conversation
) -> None:
    answer = send(person, thread, text="Aqui está", file=SimpleUploadedFile("../menu.pdf", PDF))
    assert answer.status_code == 200 and "menu.pdf" in answer.content.decode()
    message = Message.objects.get(direction="out")
    assert (message.kind, message.media_type, message.media_name) == (
        "document",
        "application/pdf",
        "menu.pdf",
    )
    assert (message.body, message.status, message.author_kind) == ("Aqui está", "queued", "person")
    assert str(message.media.name).startswith(f"{shop.tenant.schema_name}/messages/")
    assert message.media.read() == PDF
    thread.refresh_from_db()
    assert thread.handler == "person"
    got = person.get(message.media_url)
    assert b"".join(got.streaming_content) == PDF and "attachment" in got.headers["Content-Disposition"]


def test_the_same_wish_twice_is_one_message_and_one_file(
    shop: Any, person: Any, thread: Conversation
) -> None:
    before = len(stored(shop))
    for _try in range(2):
        assert send(person, thread, key="k1", file=SimpleUploadedFile("a.png", PNG)).status_code == 200
        assert send(person, thread, key="k2", text="Oi").status_code == 200
    assert Message.objects.filter(direction="out").count() == 2
    assert len(stored(shop)) == before + 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("big.pdf", PDF + b"x" * 4000, "too large"),
        ("empty.pdf", b"", "empty"),
    ],
)
def test_what_cannot_go_is_said_in_words_and_not_kept(
    shop: Any, person: Any, thread: Conversation, name: str, content: bytes, words: str
) -> None:
    before = stored(shop)
    answer = send(person, thread, file=SimpleUploadedFile(name, content))
    assert answer.status_code == 422 and words in answer.content.decode()
    assert stored(shop) == before and not Message.objects.filter(direction="out").exists()


def test_a_picture_too_large_for_a_picture_goes_as_a_document(person: Any, thread: Conversation) -> None:
    send(person, thread, file=SimpleUploadedFile("a.png", PNG + b"\0" * 1500))
    assert Message.objects.get(direction="out").kind == "document"


def test_a_channel_without_files_offers_none_and_refuses_them(
    shop: Any, person: Any, thread: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WahaTransport, "limits", replace(WahaTransport.limits, media=frozenset()))
    assert 'type="file"' not in person.get(f"/chats/{thread.pk}/").content.decode()
    answer = send(person, thread, file=SimpleUploadedFile("a.png", PNG))
    assert answer.status_code == 422 and "carries no files" in answer.content.decode()


def test_it_reaches_the_customer_with_its_caption_and_its_quote(
    shop: Any, person: Any, thread: Conversation
) -> None:
    asked = Message.objects.get(direction="in")
    file = SimpleUploadedFile("menu of the day.pdf", PDF)
    send(person, thread, text="Aqui está", file=file, reply_to=asked.pk)
    shop.work()
    (call,) = [body for path, body in shop.gateway.app.calls if path == "/api/sendFile"]
    assert call["caption"] == "Aqui está" and call["file"]["filename"] == "menu of the day.pdf"
    assert asked.unique_id in call["reply_to"]
    assert Message.objects.get(direction="out").status == "sent"


def test_a_file_of_unknown_fate_is_not_sent_twice(shop: Any, person: Any, thread: Conversation) -> None:
    shop.gateway.app.next_faults["sendFile"].append("after_reset")
    send(person, thread, file=SimpleUploadedFile("menu.pdf", PDF))
    shop.work()
    shop.later()
    calls = [path for path, _body in shop.gateway.app.calls if path == "/api/sendFile"]
    assert len(calls) == 1 and Message.objects.get(direction="out").status == "sent"


def test_a_quote_is_of_this_thread_only(shop: Any, person: Any, thread: Conversation) -> None:
    asked = Message.objects.get(direction="in")
    answer = send(person, thread, text="Temos sim", reply_to=asked.pk).content.decode()
    assert 'class="quoted"' in answer
    assert Message.objects.get(body="Temos sim").reply_to == asked
    shop.say("Oi", chat="5511977776666@c.us")
    stranger = Message.objects.get(conversation__address="5511977776666@c.us", direction="in")
    for number in (stranger.pk, 10**17, "x"):
        assert send(person, thread, text="?", reply_to=number).status_code == 200
    assert not Message.objects.filter(body="?").exclude(reply_to=None).exists()


def test_nothing_of_the_store_is_named_by_the_sender(shop: Any, person: Any, thread: Conversation) -> None:
    send(person, thread, file=SimpleUploadedFile("..\\..\\evil\x00.html", b"<script>alert(1)</script>"))
    message = Message.objects.get(direction="out")
    assert Path(str(message.media.name)).name.isalnum() and "/" not in message.media_name
    got = person.get(message.media_url)
    assert got.headers["Content-Type"] == "application/octet-stream"
