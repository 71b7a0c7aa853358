"""Files and voice notes of a visitor, through the web chat's door: checked, kept, read or heard."""

import uuid
from typing import Any

import pytest
from django.core.files.storage import default_storage

from agents.models import ModelProvider
from conversations import web_files
from conversations.models import Channel, Conversation, Message, Transcript
from tenants.models import Tenant
from tests.conversations.web_visitor import Page, fetch, make_channel, message, new_token, request

PNG, OGG, WEBM = b"\x89PNG\r\n\x1a\n picture", b"OggS voice", b"\x1a\x45\xdf\xa3 voice"


@pytest.fixture(autouse=True)
def _storage(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


async def send(
    channel: Channel, token: str, content: bytes, kind: str = "image/png", name: str = "x.png", **more: Any
) -> tuple[int, dict[str, Any], dict[str, str]]:
    unique = more.pop("unique", "") or str(uuid.uuid4())
    action = f"files?id={unique}&name={name}"
    return await request(channel, action, token=token, body=content, method="POST", content_type=kind, **more)


def files() -> list[str]:
    try:
        return sorted(default_storage.listdir("alpha/messages")[1])
    except FileNotFoundError:
        return []


def inbound() -> list[tuple[str, str, str, str]]:
    kept = Message.objects.filter(direction="in").order_by("pk")
    return list(kept.values_list("kind", "media_type", "media_name", "outcome"))


class TestSent:
    async def test_a_picture_is_shown_to_the_model_and_to_its_visitor(self, shop, web, inside, work):
        await inside(lambda: ModelProvider.objects.update(reads_images=True))
        token = await new_token(web)
        page = await Page(web).open(token)
        unique = str(uuid.uuid4())
        status, said, _headers = await send(web, token, PNG, unique=unique, name="meu%20cachorro.png")
        assert (status, said) == (200, {"said": unique})
        await page.send(type="sync")
        await work()
        await page.until_shown(f"image/png {len(PNG)} bytes")
        assert await inside(inbound) == [("image", "image/png", "meu cachorro.png", "answered")]
        shown = page.messages[unique]["file"]
        assert shown["name"] == "meu cachorro.png"
        status, headers, content = await fetch(web, shown["url"].split("/", 3)[3])
        assert (status, headers["content-type"], content) == (200, "image/png", PNG)
        await page.leave()

    @pytest.mark.parametrize(
        ("content", "kind", "stored"),
        [(OGG, "audio/ogg", "audio/ogg"), (WEBM, "audio/webm;codecs=opus", "audio/webm")],
    )
    async def test_a_voice_note_is_heard(self, shop, web, inside, work, content, kind, stored):
        await inside(lambda: ModelProvider.objects.update(speech_model="whisper-1"))
        shop.models.hear("When do you open?")
        shop.models.answer_with("At eight.")
        token = await new_token(web)
        await send(web, token, content, kind, "voice.webm")
        await work()
        assert await inside(lambda: Transcript.objects.get().text) == "When do you open?"
        assert await inside(inbound) == [("audio", stored, "voice.webm", "answered")]
        told = (await request(web, "messages", token=token))[1]["messages"]
        assert told[-1]["text"] == "At eight."

    async def test_a_picture_and_the_words_to_it_get_one_answer(self, shop, web, inside, work):
        await inside(lambda: ModelProvider.objects.update(reads_images=True))
        token = await new_token(web)
        await send(web, token, PNG)
        await request(web, "messages", message("How much for him?"), token=token)
        await work()
        answers = await inside(lambda: Message.objects.filter(direction="out").count())
        asked = shop.models.requests[-1]["body"]["messages"][-1]["content"]
        assert answers == 1 and "How much for him?" in str(asked) and "image_url" in str(asked)

    async def test_what_only_calls_itself_a_picture_is_only_ever_saved(self, web, inside, work):
        token = await new_token(web)
        await send(web, token, b"<script>alert(1)</script>", "image/png", "..%2F..%2Fx.png")
        await work()
        [(kind, stored, name, outcome)] = await inside(inbound)
        assert (kind, stored, name) == ("document", "application/octet-stream", "x.png")
        assert outcome == "handed_over"
        assert (await inside(lambda: Conversation.objects.get().handoff_reason)) == "media"
        [told] = [
            one for one in (await request(web, "messages", token=token))[1]["messages"] if "file" in one
        ]
        _status, headers, _content = await fetch(web, told["file"]["url"].split("/", 3)[3])
        assert headers["content-disposition"].startswith("attachment")
        assert "sandbox" in headers["content-security-policy"]

    async def test_said_again_it_stands_once_and_is_kept_once(self, web, inside):
        token, unique = await new_token(web), str(uuid.uuid4())
        for _number in range(3):
            assert (await send(web, token, PNG, unique=unique))[0] == 200
        assert len(await inside(inbound)) == len(await inside(files)) == 1


class TestRefused:
    async def test_whose_it_is_is_asked_before_a_byte_is_kept(self, web, inside):
        other = await inside(lambda: make_channel(Tenant.objects.get(slug="beta")))
        stranger = await new_token(other)
        for token in ("", "forged", stranger):
            assert (await send(web, token, PNG))[0] == 401
        good = await new_token(web)
        assert (await send(web, good, PNG, origin="https://elsewhere.example"))[0] == 403
        assert (await send(web, good, PNG, unique="no id!"))[0] == 400
        assert await inside(files) == [] == await inside(inbound)

    async def test_too_large_whatever_its_length_claims(self, web, inside, monkeypatch):
        monkeypatch.setattr(web_files, "LARGEST", len(PNG) - 1)
        token = await new_token(web)
        for claimed in ({"content_length": str(len(PNG))}, {"content_length": "1"}, {}):
            status, said, _headers = await send(web, token, PNG, **claimed)
            assert (status, said) == (413, {"error": "too_long"})
        assert await inside(files) == []

    async def test_an_empty_one(self, web, inside):
        assert (await send(web, await new_token(web), b""))[0] == 400
        assert await inside(inbound) == []

    async def test_where_the_owner_takes_none(self, shop, inside):
        channel = await inside(lambda: make_channel(shop.tenant, accepts_files=False))
        status, said, _headers = await send(channel, await new_token(channel), PNG)
        assert (status, said) == (403, {"error": "no_files"})
        assert (await request(channel))[1]["accepts_files"] is False

    async def test_too_many_from_one_address(self, web, inside, settings):
        settings.WEB_CHAT_FILES_AN_HOUR = 2
        token = await new_token(web)
        statuses = [(await send(web, token, PNG))[0] for _number in range(4)]
        assert statuses == [200, 200, 429, 429]
        assert len(await inside(files)) == 2


@pytest.mark.parametrize(
    ("head", "declared", "mimetype"),
    [
        (b"GIF89a", "image/gif", "image/gif"),
        (b"RIFF\0\0\0\0WEBP", "image/webp", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", "audio/wav", "audio/wav"),
        (b"RIFF\0\0\0\0AVI ", "video/avi", "application/octet-stream"),
        (b"\0\0\0\x1cftypiso5", "audio/mp4", "audio/mp4"),
        (b"\0\0\0\x1cftypiso5", "video/mp4", "video/mp4"),
        (WEBM, "video/webm", "video/webm"),
        (b"%PDF-1.7", "image/png", "application/pdf"),
        (b"<svg", "image/svg+xml", "application/octet-stream"),
        (b"", "", "application/octet-stream"),
    ],
)
def test_a_type_is_what_the_first_bytes_say(head: bytes, declared: str, mimetype: str) -> None:
    assert web_files.look(head, "x.png", declared=declared) == mimetype
