"""Deliveries of every engine are read; what is not for us is named, and nonsense is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from conversations.events import Receipt, Said, SessionStatus, Skipped, Unreadable, kind_of
from conversations.waha_events import read, split_id


def delivery(payload: dict[str, Any], event: str = "message.any", **envelope: Any) -> bytes:
    body = {"id": "evt_1", "timestamp": 1795230000485, "event": event, "session": "demo", "payload": payload}
    return json.dumps({**body, **envelope}).encode()


def message(**changes: Any) -> dict[str, Any]:
    return {
        "id": "false_5511988887777@c.us_3AB0C7A9D1E2",
        "timestamp": 1795230000,
        "from": "5511988887777@c.us",
        "fromMe": False,
        "source": "app",
        "body": "Oi",
        "hasMedia": False,
        **changes,
    }


@pytest.mark.parametrize(
    "data",
    [{"Info": {"PushName": "Ana"}}, {"pushName": "Ana"}, {"notifyName": "Ana"}],
    ids=["GOWS", "NOWEB", "WEBJS"],
)
def test_each_engine_keeps_the_name_elsewhere(data: dict[str, Any]) -> None:
    said = read(delivery(message(_data=data))).content
    assert isinstance(said, Said)
    assert (said.name, said.chat, said.unique_id, said.text) == (
        "Ana",
        "5511988887777@c.us",
        "3AB0C7A9D1E2",
        "Oi",
    )
    assert said.at == datetime.fromtimestamp(1795230000, UTC)


def test_the_chat_comes_from_the_id_since_from_differs_by_engine() -> None:
    sent = message(id="true_77@lid_3EB0AA", **{"from": "5511000000000@c.us"}, fromMe=True, source="app")
    said = read(delivery(sent)).content
    assert isinstance(said, Said) and said.chat == "77@lid" and said.from_me and said.source == "app"


@pytest.mark.parametrize(
    ("chat", "reason"),
    [("1203@g.us", "group"), ("x@newsletter", "newsletter"), ("status@broadcast", "status or broadcast")],
)
def test_what_is_not_a_person_is_skipped_with_a_reason(chat: str, reason: str) -> None:
    assert read(delivery(message(id=f"false_{chat}_AA_55@c.us"))).content == Skipped(reason=reason)


def test_null_fields_are_taken() -> None:
    said = read(delivery(message(body=None, media=None, _data=None, timestamp=None))).content
    assert isinstance(said, Said) and said.text == ""
    assert said.at == datetime.fromtimestamp(1795230000.485, UTC)


def test_poison_characters_are_cleaned() -> None:
    said = read(delivery(message(body="a\x00b\ud800c"))).content
    assert isinstance(said, Said) and said.text == "ab?c"


@pytest.mark.parametrize(
    ("media", "has", "kind"),
    [
        ({"url": "http://localhost:3000/a", "mimetype": "image/jpeg"}, True, "image"),
        ({"url": "http://localhost:3000/a", "mimetype": "audio/ogg; codecs=opus"}, True, "audio"),
        ({"url": "http://localhost:3000/a", "mimetype": "application/pdf"}, True, "document"),
        (None, True, "other"),
        ({"url": "http://x", "error": "gone"}, True, "other"),
        (None, False, "text"),
    ],
)
def test_the_kind_is_by_media_type(media: Any, has: bool, kind: str) -> None:
    said = read(delivery(message(media=media, hasMedia=has))).content
    assert isinstance(said, Said) and kind_of(said) == kind


def test_receipts_and_status_are_read() -> None:
    ack = read(delivery({"id": "true_55@c.us_3EB0", "ack": 3, "ackName": "READ"}, "message.ack")).content
    assert ack == Receipt(unique_id="3EB0", level=3)
    assert read(delivery({"status": "WORKING"}, "session.status")).content == SessionStatus("WORKING")
    assert read(delivery({}, "poll.vote")).content == Skipped("poll.vote")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff\xfe", b'{"event":"message.any","payload":{"id":"x"}}', b"[" * 100_000],
)
def test_nonsense_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


def test_a_group_id_has_a_fourth_part() -> None:
    assert split_id("false_12@g.us_3A_55@c.us") == (False, "12@g.us", "3A")
