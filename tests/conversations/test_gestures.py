"""What Chats shows beside words, and what staff does with a message: from the door to the page and back."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from conversations import beyond_words
from conversations.models import Conversation, Message
from tests.conversations import door
from tests.conversations.test_changes import edit, react, revoke, tell

CHAT = "5511988887777@c.us"


@pytest.fixture
def seller(shop: Any, client_for: Any, member_of: Any) -> Client:
    return client_for(shop.tenant, member_of(shop.tenant, role="agent"))


def thread(shop: Any, seller: Client) -> str:
    """What the page shows of the only chat, without the markup."""
    page = seller.get(f"/chats/{Conversation.objects.get().pk}/thread").content.decode()
    connection.set_tenant(shop.tenant)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def ours(shop: Any) -> Message:
    """A message of a person of the team, sent in a person's chat."""
    shop.say("Oi", unique="3AFIRST")
    Conversation.objects.update(handler="person", reply_due_at=None)
    chat = Conversation.objects.get()
    from conversations import outbox

    message = outbox.post(chat, "Abrimos às 8h", author=Message.Author.PERSON, now=shop.now())
    shop.work()
    message.refresh_from_db()
    return message


def do(shop: Any, client: Client, message: Message, verb: str, **form: str) -> int:
    answer = client.post(f"/messages/{message.pk}/{verb}", form, headers={"HX-Request": "true"})
    connection.set_tenant(shop.tenant)
    message.refresh_from_db()
    return int(answer.status_code)


class TestShown:
    def test_an_edit_with_what_it_said_before(self, shop: Any, seller: Client) -> None:
        shop.say("sábado?", unique="3AOLD")
        edit(shop, "3AOLD", "domingo?")
        shown = thread(shop, seller)
        assert "domingo?" in shown and "edited" in shown and "sábado?" in shown

    def test_what_was_taken_back(self, shop: Any, seller: Client) -> None:
        shop.say("esqueça", unique="3AGONE")
        assert "taken back" not in thread(shop, seller)
        revoke(shop, "3AGONE")
        assert "taken back by the customer" in thread(shop, seller)

    def test_a_reaction_and_its_end(self, shop: Any, seller: Client) -> None:
        message = ours(shop)
        full = f"true_{CHAT}_{message.unique_id}"
        react(shop, full, "🎉")
        assert "🎉" in thread(shop, seller)
        react(shop, full, "")
        assert "🎉" not in thread(shop, seller)

    def test_a_call(self, shop: Any, seller: Client) -> None:
        tell(shop, "call.received", id="CALL1", timestamp=int(timezone.now().timestamp()), **{"from": CHAT})
        shown = thread(shop, seller)
        assert "The customer called" in shown and "calls are not taken here" in shown

    def test_a_place_leads_to_a_map(self, shop: Any, seller: Client) -> None:
        shop.say("", location={"latitude": -23.5, "longitude": -46.6, "name": "Minha casa"})
        page = seller.get(f"/chats/{Conversation.objects.get().pk}/").content.decode()
        assert "mlat=-23.500000&amp;mlon=-46.600000" in page
        assert 'rel="noopener noreferrer"' in page and "Minha casa" in page

    def test_a_contact_card(self, shop: Any, seller: Client) -> None:
        card = "BEGIN:VCARD\nFN:Bia <b>Lima</b>\nTEL;waid=55:+55 11 97777-6666\nEND:VCARD"
        shop.say("", vCards=[card])
        page = seller.get(f"/chats/{Conversation.objects.get().pk}/").content.decode()
        assert "Bia &lt;b&gt;Lima&lt;/b&gt;: +55 11 97777-6666" in page

    def test_a_file_that_could_not_be_had(self, shop: Any, seller: Client) -> None:
        gone = {"url": "http://localhost:3000/api/files/demo/gone.jpg", "mimetype": "image/jpeg"}
        shop.say("", hasMedia=True, media=gone)
        shop.work()
        assert "The file could not be fetched." in thread(shop, seller)


class TestGestures:
    def test_a_reaction_reaches_the_phone_and_is_shown(self, shop: Any, seller: Client) -> None:
        ours(shop)
        message = Message.objects.get(direction="in")
        assert do(shop, seller, message, "react", reaction="👍") == 200
        body = {"session": "demo", "messageId": f"false_{CHAT}_3AFIRST", "reaction": "👍"}
        assert ("/api/reaction", body) in shop.gateway.app.calls
        assert message.reacted == ["👍"] and "👍" in thread(shop, seller)
        assert do(shop, seller, message, "react", reaction="") == 200
        assert message.reacted == []
        assert do(shop, seller, message, "react", reaction="<b>") == 422

    def test_a_correction_and_its_echo_are_one(self, shop: Any, seller: Client) -> None:
        message = ours(shop)
        Message.objects.filter(pk=message.pk).update(source_line="Fonte: Horários")
        assert do(shop, seller, message, "edit", text="Abrimos às 9h") == 200
        whole = "Abrimos às 9h\n\nFonte: Horários"
        call = {"id": f"true_{CHAT}_{message.unique_id}", "text": whole, "linkPreview": False}
        assert ("PUT message", call) in shop.gateway.app.calls
        edit(shop, message.unique_id, whole, from_me=True)
        message.refresh_from_db()
        assert (message.body, len(message.earlier)) == ("Abrimos às 9h", 1)

    def test_what_is_taken_back_is_gone_on_the_phone_too(self, shop: Any, seller: Client) -> None:
        message = ours(shop)
        assert do(shop, seller, message, "take-back") == 200
        assert ("DELETE message", {"id": f"true_{CHAT}_{message.unique_id}"}) in shop.gateway.app.calls
        assert message.revoked_at and "taken back" in thread(shop, seller)
        calls = len(shop.gateway.app.calls)
        assert do(shop, seller, message, "take-back") == 422
        assert len(shop.gateway.app.calls) == calls

    def test_not_when_it_is_too_late_or_not_ours(self, shop: Any, seller: Client) -> None:
        message = ours(shop)
        Message.objects.filter(pk=message.pk).update(sent_at=timezone.now() - timedelta(minutes=16))
        calls = len(shop.gateway.app.calls)
        assert do(shop, seller, message, "edit", text="outro") == 422
        assert do(shop, seller, Message.objects.get(direction="in"), "take-back") == 422
        assert len(shop.gateway.app.calls) == calls

    def test_a_gateway_that_fails_changes_nothing(self, shop: Any, seller: Client) -> None:
        message = ours(shop)
        shop.gateway.app.configure("demo", api_key="another")
        assert do(shop, seller, message, "take-back") == 422
        shop.gateway.app.configure("demo", api_key=shop.gateway.api_key)
        assert message.revoked_at is None

    def test_only_who_may_answer_may_do_this(self, shop: Any, client_for: Any, member_of: Any) -> None:
        message = ours(shop)
        viewer = client_for(shop.tenant, member_of(shop.tenant, role="viewer"))
        for verb in ("react", "edit", "take-back"):
            assert do(shop, viewer, message, verb, text="x") == 403
        assert viewer.get(f"/messages/{message.pk}/more").status_code == 403

    def test_the_sheet_offers_what_the_channel_can(self, shop: Any, seller: Client) -> None:
        message = ours(shop)
        sheet = seller.get(f"/messages/{message.pk}/more").content.decode()
        assert all(f"/messages/{message.pk}/{verb}" in sheet for verb in ("react", "edit", "take-back"))
        connection.set_tenant(shop.tenant)
        theirs = Message.objects.get(direction="in")
        sheet = seller.get(f"/messages/{theirs.pk}/more").content.decode()
        assert f"/messages/{theirs.pk}/react" in sheet and "take-back" not in sheet


class TestSendingMore:
    def send(self, shop: Any, seller: Client, **form: str) -> int:
        shop.say("Oi")
        Conversation.objects.update(reply_due_at=None)
        path = f"/chats/{Conversation.objects.get().pk}/more"
        answer = seller.post(path, form | {"key": "k1"}, headers={"HX-Request": "true"})
        again = seller.post(path, form | {"key": "k1"}, headers={"HX-Request": "true"})
        assert answer.status_code == again.status_code
        shop.work()
        return int(answer.status_code)

    def body_of(self, shop: Any, call: str) -> dict[str, Any]:
        (body,) = [body for path, body in shop.gateway.app.calls if path == f"/api/{call}"]
        return dict(body)

    def test_a_place(self, shop: Any, seller: Client) -> None:
        link = "https://www.google.com/maps/place/X/@-23.55052,-46.633308,17z"
        assert self.send(shop, seller, kind="place", title="Loja", where=link) == 200
        sent = self.body_of(shop, "sendLocation")
        assert (sent["latitude"], sent["longitude"], sent["title"]) == (-23.55052, -46.633308, "Loja")
        assert Conversation.objects.get().handler == "person"

    def test_choices_and_what_the_customer_chose(self, shop: Any, seller: Client) -> None:
        form = {"kind": "choices", "question": "Qual?", "options": "Corte\nBarba\n\nCorte"}
        assert self.send(shop, seller, **form) == 200
        rows = self.body_of(shop, "sendList")["message"]["sections"][0]["rows"]
        assert [row["title"] for row in rows] == ["Corte", "Barba"]
        shop.say("2")
        assert Message.objects.latest("pk").choice == "(Barba)"
        assert "Barba" in thread(shop, seller)

    def test_a_poll_and_its_vote(self, shop: Any, seller: Client) -> None:
        assert self.send(shop, seller, kind="poll", question="Qual dia?", options="Sábado\nDomingo") == 200
        assert self.body_of(shop, "sendPoll")["poll"]["options"] == ["Sábado", "Domingo"]
        poll = Message.objects.get(direction="out")
        vote = {"selectedOptions": ["Domingo"], "fromMe": False, "timestamp": timezone.now().timestamp()}
        tell(shop, "poll.vote", vote=vote, poll={"id": f"true_{CHAT}_{poll.unique_id}", "fromMe": True})
        assert re.search(r"Domingo\s+chosen", thread(shop, seller))

    @pytest.mark.parametrize(
        "form",
        [
            {"kind": "place", "where": "somewhere nice"},
            {"kind": "choices", "question": "?", "options": "one"},
            {"kind": "choices", "question": "", "options": "a\nb"},
            {"kind": "choices", "question": "?", "options": "a\n" + "b" * 25},
            {"kind": "parcel"},
        ],
    )
    def test_what_cannot_be_sent_is_said(self, shop: Any, seller: Client, form: dict[str, str]) -> None:
        assert self.send(shop, seller, **form) == 422
        assert not Message.objects.filter(direction="out").exists()
        assert Conversation.objects.get().handler == "agent"


class TestTyping:
    def test_after_an_answer_the_gateway_tells_who_types(
        self, shop: Any, monkeypatch: Any, settings: Any
    ) -> None:
        settings.WAHA_TYPING_SECONDS = 1
        told: list[str] = []
        monkeypatch.setattr("tenants.live._send", lambda _channel, body: told.append(body))
        shop.gateway.app.pair_of("demo").watched.clear()
        shop.say("Oi")
        shop.work()
        assert shop.gateway.app.pair_of("demo").watched == {CHAT}
        presences = [{"participant": CHAT, "lastKnownPresence": "typing"}]
        shop.knock(door.event("presence.update", {"id": CHAT, "presences": presences}))
        shop.read()
        assert any("contact.typing" in one and str(Conversation.objects.get().pk) in one for one in told)

    def test_the_page_has_a_place_for_the_sign(self, shop: Any, seller: Client) -> None:
        shop.say("Oi")
        chat = Conversation.objects.get().pk
        page = seller.get(f"/chats/{chat}/").content.decode()
        assert page.count(f'data-typing="{chat}"') == 2  # in the list and under the thread


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("-23.5505, -46.6333", (-23.5505, -46.6333)),
        ("https://maps.google.com/?q=-23.5,-46.6", (-23.5, -46.6)),
        ("https://www.openstreetmap.org/?mlat=38.7&mlon=-9.1#map=17/1.0/2.0", (38.7, -9.1)),
        ("https://www.openstreetmap.org/#map=17/38.70/-9.10", (38.7, -9.1)),
        ("https://www.google.com/maps/place/X/@1.0,2.0,17z/data=!3d-23.51!4d-46.61", (-23.51, -46.61)),
        ("geo:38.7,-9.1", (38.7, -9.1)),
        ("91.0, 10.0", None),
        ("Rua das Flores, 10", None),
        ("", None),
    ],
)
def test_a_place_in_what_was_pasted(text: str, place: Any) -> None:
    assert beyond_words.place_in(text) == place
