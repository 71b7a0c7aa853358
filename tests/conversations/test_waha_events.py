"""Deliveries of every engine are read; what is not for us is named, and nonsense is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from conversations.events import (
    Called,
    Edited,
    Identity,
    Reacted,
    Receipt,
    Revoked,
    Said,
    SessionStatus,
    Skipped,
    Typing,
    Unreadable,
    Voted,
    kind_of,
)  # fmt: skip
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
    assert read(delivery(message(id=f"false_{chat}_AA_55@c.us"))).content == Skipped(reason, "AA")


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
    assert read(delivery({}, "label.upsert")).content == Skipped("label.upsert")


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff\xfe", b'{"event":"message.any","payload":{"id":"x"}}', b"[" * 100_000],
)
def test_nonsense_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


def test_a_group_id_has_a_fourth_part() -> None:
    assert split_id("false_12@g.us_3A_55@c.us") == (False, "12@g.us", "3A")


AT = datetime.fromtimestamp(1795230000.485, UTC)
NUMBER, LID = "5511988887777@c.us", "123456789@lid"


def said(**payload: Any) -> Said:
    found = read(delivery(message(**payload), me={"id": "5511900000000@c.us", "lid": "999999@lid"})).content
    assert isinstance(found, Said)
    return found


@pytest.mark.parametrize(
    "data",
    [
        {"Info": {"Chat": LID, "Sender": "123456789:4@lid", "SenderAlt": "5511988887777:4@s.whatsapp.net"}},
        {"key": {"remoteJid": LID, "remoteJidAlt": "5511988887777@s.whatsapp.net"}},
        {"key": {"remoteJid": LID, "senderPn": "5511988887777@s.whatsapp.net"}},
        {"id": {"remote": {"server": "lid", "user": "123456789", "_serialized": LID}}, "from": NUMBER},
    ],
    ids=["GOWS", "NOWEB", "NOWEB before", "WEBJS"],
)
def test_a_hidden_id_comes_with_its_number(data: dict[str, Any]) -> None:
    found = said(id=f"false_{LID}_3A01", _data=data, **{"from": LID})
    assert (found.chat, found.also) == (LID, (Identity("c.us", NUMBER),))


def test_our_own_ids_are_not_the_customers() -> None:
    data = {"Info": {"Chat": LID, "Sender": "5511900000000:3@s.whatsapp.net", "RecipientAlt": NUMBER}}
    found = said(id=f"true_{LID}_3A01", fromMe=True, to=LID, _data=data, **{"from": "5511900000000@c.us"})
    assert found.also == (Identity("c.us", NUMBER),)


def test_an_inner_address_is_made_one_that_can_be_written_to() -> None:
    found = said(id="false_5511988887777:12@s.whatsapp.net_3A01", **{"from": "5511988887777@s.whatsapp.net"})
    assert (found.chat, found.also) == (NUMBER, ())


@pytest.mark.parametrize(
    ("data", "row"),
    [
        ({"Message": {"listResponseMessage": {"singleSelectReply": {"selectedRowID": "b"}}}}, "b"),
        ({"message": {"listResponseMessage": {"singleSelectReply": {"selectedRowId": "b"}}}}, "b"),
        ({"type": "list_response", "listResponse": {"singleSelectReply": {"selectedRowId": "b"}}}, "b"),
        ({"message": {"buttonsResponseMessage": {"selectedButtonId": "b"}}}, "b"),
        ({"Message": {"templateButtonReplyMessage": {"selectedID": "b"}}}, "b"),
        ({"type": "buttons_response", "selectedButtonId": "b"}, "b"),
        ({"Info": {}}, ""),
    ],
)
def test_the_chosen_row_is_in_the_engines_own_words(data: dict[str, Any], row: str) -> None:
    assert said(_data=data).choice == row


@pytest.mark.parametrize(
    ("data", "mimetype", "voice"),
    [
        ({"Info": {"MediaType": "ptt"}}, "audio/mpeg", True),
        ({"message": {"audioMessage": {"ptt": True}}}, "audio/mp4", True),
        ({"type": "ptt"}, "audio/mp4", True),
        ({}, "audio/ogg; codecs=opus", True),
        ({"type": "audio"}, "audio/mpeg", False),
    ],
)
def test_a_voice_note_is_told_from_music(data: dict[str, Any], mimetype: str, voice: bool) -> None:
    found = said(hasMedia=True, media={"url": "http://x/a", "mimetype": mimetype}, _data=data)
    assert found.media and found.media.voice is voice and kind_of(found) == "audio"


def test_a_file_that_was_not_downloaded_can_be_found_again_by_its_message() -> None:
    inner = {"documentMessage": {"mimetype": "application/pdf", "fileName": "preços.pdf"}}
    found = said(hasMedia=True, media=None, _data={"message": inner})
    assert found.media and found.media.url == "#false_5511988887777@c.us_3AB0C7A9D1E2"
    assert (found.media.mimetype, found.media.filename) == ("application/pdf", "preços.pdf")
    wrapped = said(hasMedia=True, _data={"message": {"documentWithCaptionMessage": {"message": inner}}})
    assert wrapped.media == found.media


@pytest.mark.parametrize(
    "data", [{"Info": {"MediaType": "sticker"}}, {"type": "sticker"}, {"message": {"stickerMessage": {}}}]
)
def test_a_sticker_is_a_picture_that_asks_nothing(data: dict[str, Any]) -> None:
    found = said(hasMedia=True, media={"url": "http://x/a", "mimetype": "image/webp"}, body="", _data=data)
    assert found.content == {"sticker": True} and kind_of(found) == "image"


def test_a_place_is_kept_and_said_in_words_whatever_stands_in_the_body() -> None:
    place = {"latitude": "-23.5505", "longitude": "-46.6333", "name": "Padaria Sol", "address": "Rua A, 1"}
    found = said(location=place, body="/9j/4AAQSkZJRgABAQ")
    assert found.content["location"] == {
        "latitude": -23.5505, "longitude": -46.6333, "title": "Padaria Sol, Rua A, 1",
    }  # fmt: skip
    assert found.text == "📍 Padaria Sol, Rua A, 1 (-23.550500, -46.633300)"
    assert said(location={"latitude": "north"}, body="Oi").content == {}


def test_a_contact_card_is_kept_and_said_in_words() -> None:
    card = (
        "BEGIN:VCARD\nVERSION:3.0\nFN:João Silva\nitem1.TEL;waid=5511977776666:+55 11 97777-6666\nEND:VCARD"
    )
    found = said(vCards=[card], body=card)
    assert found.text == "👤 João Silva: +55 11 97777-6666" and found.content == {"cards": [card]}


def test_a_poll_is_said_in_words() -> None:
    made = {"name": "Que dia?", "options": [{"optionName": "sexta"}, {"optionName": "sábado"}]}
    for data in ({"message": {"pollCreationMessageV3": made}}, {"Message": {"pollCreationMessage": made}}):
        found = said(body="", _data=data)
        assert found.text == "Que dia?\n- sexta\n- sábado"
        assert found.content == {"poll": {"name": "Que dia?", "options": ["sexta", "sábado"]}}


def test_what_it_answers_is_known_by_its_unique_part() -> None:
    assert said(replyTo={"id": "3EB0AA", "body": "?"}).reply_to == "3EB0AA"
    assert said(replyTo={"id": f"true_{NUMBER}_3EB0AA"}).reply_to == "3EB0AA"


def test_nothing_that_can_be_shown_is_never_silently_nothing() -> None:
    assert kind_of(said(body="", _data={"Message": {"eventMessage": {}}})) == "other"


@pytest.mark.parametrize("part", ["protocolMessage", "reactionMessage", "pollUpdateMessage", "albumMessage"])
def test_what_another_event_tells_is_no_utterance(part: str) -> None:
    assert isinstance(read(delivery(message(_data={"Message": {part: {"a": 1}}}))).content, Skipped)


def test_what_happens_to_messages_is_read() -> None:
    reaction = {
        "fromMe": False,
        "timestamp": 1795230000.5,
        "reaction": {"text": "👍", "messageId": f"true_{NUMBER}_3EB0"},
    }
    at = datetime.fromtimestamp(1795230000.5, UTC)
    assert read(delivery(reaction, "message.reaction")).content == Reacted("3EB0", False, "👍", at)
    edited = {**message(body="Oi, tudo bem?"), "id": f"false_{NUMBER}_3AFF", "editedMessageId": "3AB0"}
    assert read(delivery(edited, "message.edited")).content == Edited("3AB0", False, "Oi, tudo bem?", AT)
    revoked = {"revokedMessageId": "3AB0", "before": None, "after": {**message(), "fromMe": False}}
    assert read(delivery(revoked, "message.revoked")).content == Revoked("3AB0", False, AT)
    assert isinstance(read(delivery({"before": None}, "message.revoked")).content, Skipped)
    for moment in (1795230000, 1795230000000):
        vote = {
            "vote": {"selectedOptions": ["sexta"], "timestamp": moment},
            "poll": {"id": f"true_{NUMBER}_3EB0"},
        }
        at = datetime.fromtimestamp(1795230000, UTC)
        assert read(delivery(vote, "poll.vote")).content == Voted("3EB0", NUMBER, ("sexta",), at)


def test_calls_and_writing_are_read() -> None:
    call = {
        "id": "CALL1",
        "from": "5511988887777:3@s.whatsapp.net",
        "timestamp": 1795230000,
        "isGroup": False,
    }
    at = datetime.fromtimestamp(1795230000, UTC)
    assert read(delivery(call, "call.received")).content == Called("CALL1", NUMBER, at)
    assert read(delivery({**call, "isGroup": True}, "call.received")).content == Skipped("group")
    presence = {"id": NUMBER, "presences": [{"participant": NUMBER, "lastKnownPresence": "typing"}]}
    assert read(delivery(presence, "presence.update")).content == Typing(NUMBER, AT)
    presence["presences"] = [{"participant": NUMBER, "lastKnownPresence": "offline"}]
    assert read(delivery(presence, "presence.update")).content == Skipped("presence")


@pytest.mark.parametrize("status", ["PASSKEY_REQUIRED", "PASSKEY_CONFIRMATION_REQUIRED", "WORKING"])
def test_a_session_tells_of_restrictions_beside_its_state(status: str) -> None:
    me = {
        "id": "5511900000000@c.us",
        "reachoutTimelock": {"isActive": True},
        "messageCapping": {"usedQuota": 5},
    }
    told = read(delivery({"status": status, "data": None}, "session.status", me=me)).content
    assert told == SessionStatus(
        status, {"me": "5511900000000@c.us", "timelock": {"isActive": True}, "capping": {"usedQuota": 5}}
    )
