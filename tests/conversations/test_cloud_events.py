"""Reading what Meta delivers; what is made at random and spoilt is in test_deliveries."""

import json
from typing import Any

import pytest

from conversations import cloud_events
from conversations.events import (
    Called,
    Edited,
    Event,
    Identity,
    Reacted,
    Receipt,
    Revoked,
    Said,
    Skipped,
    TemplateChanged,
    Unreadable,
)
from tests.counterparts import cloud as meta

AT = 1_795_230_000


def read(*changes: dict[str, Any]) -> list[Event]:
    body = json.dumps(meta.delivery(*changes)).encode()
    return cloud_events.read(body, phone_number_id="111", waba_id="222")


def said(kind: str, content: Any, **more: Any) -> Any:
    """What one message of this kind is read as."""
    contacts = more.pop("contacts", None)
    one = meta.message(kind, content, unique="wamid.1", at=AT, **more)
    return read(meta.change(messages=[one], contacts=contacts))[0]


class TestMessages:
    def test_text_with_what_it_quotes(self) -> None:
        found = said("text", {"body": "Oi"}, context={"id": "wamid.0", "from": "1555"})
        assert (found.text, found.chat, found.name, found.reply_to) == (
            "Oi",
            "5511988887777",
            "Ana",
            "wamid.0",
        )
        assert found.at.timestamp() == AT and not found.from_me

    def test_a_voice_note(self) -> None:
        file = {"id": "4321", "mime_type": "audio/ogg; codecs=opus", "voice": True}
        found = said("audio", file)
        assert (found.media.url, found.media.voice, found.media.mimetype) == ("4321", True, file["mime_type"])

    def test_a_document_and_its_caption(self) -> None:
        file = {"id": "5", "mime_type": "application/pdf", "filename": "a.pdf", "caption": "Veja"}
        found = said("document", file)
        assert (found.media.filename, found.text, found.has_media) == ("a.pdf", "Veja", True)

    def test_a_sticker(self) -> None:
        found = said("sticker", {"id": "6", "mime_type": "image/webp", "animated": False})
        assert found.content == {"sticker": True} and found.media.mimetype == "image/webp"

    def test_a_place(self) -> None:
        found = said("location", {"latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Rua 1"})
        place = {"latitude": -23.5, "longitude": -46.6, "title": "Loja, Rua 1"}
        assert (found.other, found.content) == ("location", {"location": place})
        assert found.text == "📍 Loja, Rua 1 (-23.500000, -46.600000)"  # a model reads it too

    @pytest.mark.parametrize("place", [{"latitude": "x"}, {"latitude": 1e999, "longitude": 0}, {}, None, []])
    def test_a_place_that_is_none(self, place: Any) -> None:
        found = said("location", place)
        assert (found.other, found.content) == ("location", {})

    def test_contact_cards(self) -> None:
        person = {"name": {"formatted_name": "Rui\nTEL:1"}, "phones": [{"phone": "+55 11 9"}], "emails": [{}]}
        found = said("contacts", [person, "odd"])
        card = "BEGIN:VCARD\nVERSION:3.0\nFN:Rui TEL:1\nTEL:+55 11 9\nEND:VCARD"
        assert (found.other, found.content) == ("contact card", {"cards": [card]})
        assert found.text == "👤 Rui TEL:1: +55 11 9"

    @pytest.mark.parametrize(
        ("content", "text", "choice"),
        [
            ({"type": "list_reply", "list_reply": {"id": "r1", "title": "Corte"}}, "Corte", "r1"),
            ({"type": "button_reply", "button_reply": {"id": "b1", "title": "Sim"}}, "Sim", "b1"),
            ({"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent"}}, "Sent", "flow"),
        ],
    )
    def test_choices(self, content: Any, text: str, choice: str) -> None:
        found = said("interactive", content)
        assert (found.text, found.choice) == (text, choice)

    def test_the_button_of_a_template(self) -> None:
        found = said("button", {"text": "Confirmar", "payload": "yes"})
        assert (found.text, found.choice) == ("Confirmar", "yes")

    def test_reaction_edit_and_taking_back(self) -> None:
        assert said("reaction", {"message_id": "wamid.S", "emoji": "👍"}) == Reacted(
            unique_id="wamid.S", from_me=False, text="👍", at=cloud_events._moment(AT)
        )
        assert said("reaction", {"message_id": "wamid.S"}).text == ""
        edit = {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "Olá"}}}
        assert isinstance(said("edit", edit), Edited)
        assert isinstance(said("revoke", {"original_message_id": "wamid.0"}), Revoked)

    def test_what_is_no_utterance(self) -> None:
        found = said("system", {"type": "user_changed_number", "wa_id": "55"})
        assert found == Skipped(reason="system user_changed_number", unique_id="wamid.1")

    @pytest.mark.parametrize("kind", ["unsupported", "something_new"])
    def test_what_whatsapp_does_not_pass_on_is_kept_all_the_same(self, kind: str) -> None:
        assert said(kind, None).other == "unsupported"

    def test_an_owner_who_answers_on_the_phone(self) -> None:
        echo = {
            "from": "1555",
            "to": "5511988887777",
            "id": "wamid.E",
            "type": "text",
            "text": {"body": "Já vou"},
        }
        found = read(meta.change(name="smb_message_echoes", message_echoes=[echo]))[0]
        assert isinstance(found, Said)
        assert (found.from_me, found.source, found.chat, found.text) == (
            True,
            "app",
            "5511988887777",
            "Já vou",
        )

    def test_a_call(self) -> None:
        call = {"id": "wacid.1", "from": "5511988887777", "event": "connect", "timestamp": str(AT)}
        found = read(
            meta.change(name="calls", calls=[call, {**call, "event": "terminate"}], contacts=[meta.card()])
        )
        assert isinstance(found[0], Called) and isinstance(found[1], Skipped)


class TestPeople:
    def test_a_number_and_a_user_id_are_one_person(self) -> None:
        contacts = [meta.card(user_id="BR.1"), meta.card(wa_id="5599", name="Bia", user_id="BR.2")]
        found = said("text", {"body": "Oi"}, contacts=contacts)
        assert (found.chat, found.also, found.name) == (
            "5511988887777",
            (Identity("user_id", "BR.1"),),
            "Ana",
        )

    def test_without_a_number_the_user_id_is_where_replies_go(self) -> None:
        contacts = [meta.card(wa_id="", name="", user_id="BR.1", username="@ana")]
        for more in ({"from_user_id": "BR.1"}, {}):
            found = said("text", {"body": "Oi"}, sender="", contacts=contacts, **more)
            assert (found.chat, found.also, found.name) == ("BR.1", (), "@ana")

    def test_somebody_elses_name_is_not_taken(self) -> None:
        found = said("text", {"body": "Oi"}, contacts=[meta.card(wa_id="5599", name="Bia")])
        assert (found.chat, found.name) == ("5511988887777", "")

    def test_nobody_at_all(self) -> None:
        assert isinstance(said("text", {"body": "Oi"}, sender="", contacts=[]), Skipped)


class TestStatuses:
    @pytest.mark.parametrize(
        ("word", "level"), [("sent", 1), ("delivered", 2), ("read", 3), ("played", 4), ("failed", -1)]
    )
    def test_each_word_is_a_level(self, word: str, level: int) -> None:
        found = read(meta.change(statuses=[meta.status("wamid.S", word, reference="3EB0A")]))
        assert found == [Receipt(unique_id="wamid.S", level=level, own_id="3EB0A")]

    def test_a_failure_says_what_can_be_done(self) -> None:
        found = read(meta.change(statuses=[meta.status("wamid.S", "failed", code=131026)]))[0]
        assert isinstance(found, Receipt) and "cannot be reached" in found.error

    def test_others_mean_nothing(self) -> None:
        assert isinstance(read(meta.change(statuses=[meta.status("wamid.S", "warning")]))[0], Skipped)


class TestWhose:
    def test_another_number_or_none_is_not_ours(self) -> None:
        other = meta.change(messages=[meta.text_message("Oi")], number="999")
        none = meta.change(messages=[meta.text_message("Oi")])
        del none["value"]["metadata"]
        assert read(other, none) == [Skipped(reason="another number")] * 2

    def test_a_template_is_its_accounts(self) -> None:
        value = {
            "event": "REJECTED",
            "message_template_name": "sale",
            "message_template_language": "en",
            "reason": "SCAM",
        }
        change = {"field": "message_template_status_update", "value": value}
        assert read(change) == [TemplateChanged("sale", "en", "REJECTED", "SCAM")]
        body = json.dumps(meta.delivery(change, waba="999")).encode()
        assert cloud_events.read(body, phone_number_id="111", waba_id="222") == [
            Skipped(reason="another account")
        ]

    @pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'"x"', b"[" * 100_000, b'{"entry": 1}'])
    def test_what_is_no_delivery_is_unreadable(self, body: bytes) -> None:
        with pytest.raises(Unreadable):
            cloud_events.read(body, phone_number_id="111", waba_id="222")
