"""What leaves through a WAHA gateway: files, places, lists, quotes; what WhatsApp forbids; lost answers."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone

from conversations import health, media, outbox, restrictions
from conversations.models import Channel, Contact, ContactIdentity, Conversation, Message
from providers import waha
from tests.conversations import door
from tests.counterparts.exchange import content_of

CHAT = "5511988887777@c.us"
OPTIONS = [{"id": "a", "title": "Corte", "description": "R$ 50"}, {"id": "b", "title": "Barba"}]


@pytest.fixture(autouse=True)
def engine(shop: Any) -> Any:
    """GOWS again after each test, and no memory of what an engine cannot do."""
    yield
    shop.gateway.app.configure("demo", engine="GOWS", status="WORKING")


def thread(shop: Any) -> Conversation:
    """A person's thread that a person has, so that nothing else is sent in it."""
    shop.say("Oi", unique="3AFIRST")
    Conversation.objects.update(handler="person", reply_due_at=None)
    return Conversation.objects.select_related("channel").get(address=CHAT)


def stranger(shop: Any) -> Conversation:
    """Somebody who never wrote."""
    contact = Contact.objects.create(name="Bia")
    ContactIdentity.objects.create(
        contact=contact, channel=shop.channel, kind="c.us", value="5521977776666@c.us"
    )
    return Conversation.objects.create(
        contact=contact, channel=shop.channel, address="5521977776666@c.us", handler="person"
    )


def attached(kind: str, mimetype: str, name: str, content: bytes = b"content") -> outbox.Attached:
    path = default_storage.save(f"alpha/outgoing/{name}", ContentFile(content))
    return outbox.Attached(path=path, kind=kind, mimetype=mimetype, filename=name)


def post(shop: Any, conversation: Conversation, text: str = "", **what: Any) -> Message:
    message = outbox.post(conversation, text, author=Message.Author.PERSON, now=shop.now(), **what)
    shop.work()
    message.refresh_from_db()
    return message


def body_of(shop: Any, call: str) -> dict[str, Any]:
    return dict(next(body for path, body in shop.gateway.app.calls if path == f"/api/{call}"))


class TestFiles:
    @pytest.mark.parametrize("engine", ["GOWS", "NOWEB", "WEBJS"])
    @pytest.mark.parametrize(
        ("kind", "mimetype", "reached"),
        [
            ("image", "image/png", "image"),
            ("document", "application/pdf", "file"),
            ("video", "video/mp4", "video"),
            ("audio", "audio/ogg", "voice"),
        ],
    )
    def test_each_kind_goes_as_itself_and_takes_the_gateways_id(
        self, shop: Any, engine: str, kind: str, mimetype: str, reached: str
    ) -> None:
        shop.gateway.app.configure("demo", engine=engine)
        message = post(shop, thread(shop), "Veja", attached=attached(kind, mimetype, "um nome.bin", b"abc"))
        (sent,) = shop.gateway.got(reached)
        assert content_of(sent) == b"abc" and sent.media["filename"] == "um nome.bin"
        assert sent.text == ("" if kind == "audio" else "Veja")
        assert (message.status, message.unique_id) == ("sent", sent.unique)

    def test_what_is_no_opus_is_converted_to_a_voice_note(self, shop: Any) -> None:
        post(shop, thread(shop), attached=attached("audio", "audio/mpeg", "a.mp3"))
        assert body_of(shop, "sendVoice")["convert"] is True
        shop.gateway.app.calls.clear()
        post(shop, Conversation.objects.get(), attached=attached("audio", "audio/ogg", "a.ogg"))
        body = body_of(shop, "sendVoice")
        assert (body["convert"], body["file"]["mimetype"]) == (False, "audio/ogg; codecs=opus")

    @pytest.mark.parametrize("fault", ["after", "after_reset"])
    def test_one_whose_answer_was_lost_is_found_by_its_looks_and_not_sent_again(
        self, shop: Any, fault: str
    ) -> None:
        conversation = thread(shop)
        shop.gateway.app.next_faults["sendImage"].append(fault)
        message = post(shop, conversation, "Veja", attached=attached("image", "image/png", "a.png"))
        shop.later()
        message.refresh_from_db()
        (sent,) = shop.gateway.got("image")
        assert (message.status, message.unique_id) == ("sent", sent.unique)

    def test_one_that_never_left_is_sent_again(self, shop: Any) -> None:
        conversation = thread(shop)
        shop.gateway.app.next_faults["sendFile"].append("status")
        message = post(shop, conversation, attached=attached("document", "application/pdf", "a.pdf"))
        shop.later()
        message.refresh_from_db()
        assert message.status == "sent" and len(shop.gateway.got("file")) == 1

    def test_its_echo_may_tell_the_id_before_the_answer_does(self, shop: Any) -> None:
        conversation = thread(shop)
        shop.gateway.app.next_faults["sendImage"].append("after_reset")
        message = post(shop, conversation, "Veja", attached=attached("image", "image/png", "a.png"))
        Message.objects.filter(pk=message.pk).update(status="unknown")
        (sent,) = shop.gateway.got("image")
        echo = {"text": "Veja", "unique": sent.unique, "from_me": True, "source": "api", "hasMedia": True}
        shop.say(**echo)
        shop.knock(door.event("message.ack", {"id": f"true_{CHAT}_{sent.unique}", "fromMe": True, "ack": 3}))
        shop.read()
        message.refresh_from_db()
        assert (message.status, message.unique_id) == ("read", sent.unique)
        assert Message.objects.filter(direction="out").count() == 1


class TestOthers:
    def test_a_place_goes_as_a_place(self, shop: Any) -> None:
        place = {"latitude": -23.55, "longitude": -46.63, "title": "Padaria Sol"}
        message = post(shop, thread(shop), content={"location": place})
        body = body_of(shop, "sendLocation")
        assert {name: body[name] for name in place} == place and body["id"] == message.unique_id

    def test_a_poll_goes_as_a_poll(self, shop: Any) -> None:
        post(shop, thread(shop), content={"poll": {"name": "Que dia?", "options": ["sexta", "sábado"]}})
        assert body_of(shop, "sendPoll")["poll"] == {
            "name": "Que dia?", "options": ["sexta", "sábado"], "multipleAnswers": False,
        }  # fmt: skip

    def test_a_quote_names_the_message_by_its_full_id(self, shop: Any) -> None:
        conversation = thread(shop)
        first = Message.objects.get()
        ours = post(shop, conversation, "Resposta", reply_to=first)
        post(shop, conversation, "E mais", reply_to=ours)
        quotes = [sent.reply_to for sent in shop.gateway.app.sent]
        assert quotes == [f"false_{CHAT}_3AFIRST", f"true_{CHAT}_{ours.unique_id}"]

    def test_options_are_a_list_where_the_engine_has_them(self, shop: Any) -> None:
        post(shop, thread(shop), "O que deseja?", content={"choices": {"button": "Ver", "options": OPTIONS}})
        message = body_of(shop, "sendList")["message"]
        rows = [
            {"rowId": "a", "title": "Corte", "description": "R$ 50"},
            {"rowId": "b", "title": "Barba", "description": None},
        ]
        assert message["sections"][0]["rows"] == rows and message["button"] == "Ver"

    def test_elsewhere_they_are_numbers_and_the_engine_is_not_asked_again(self, shop: Any) -> None:
        shop.gateway.app.configure("demo", engine="WEBJS")
        choices = {"choices": {"button": "Ver", "options": OPTIONS}}
        conversation = thread(shop)
        for _ in range(2):
            post(shop, conversation, "O que deseja?", content=choices)
        assert shop.texts() == ["O que deseja?\n\n1. Corte: R$ 50\n2. Barba"] * 2
        assert shop.gateway.calls.count("/api/sendList") == 1


class TestRestrictions:
    def test_a_time_lock_is_kept_and_stops_first_messages_only(self, shop: Any) -> None:
        ends = timezone.now() + timedelta(hours=3)
        lock = {"isActive": True, "timeEnforcementEnds": ends.isoformat()}
        shop.gateway.app.restrictions["demo"] = {"timelock": lock}
        shop.gateway.fail_next("timelock")
        refused = post(shop, stranger(shop), "Olá, Bia!")
        assert refused.status == "failed" and "time lock" in refused.error
        channel = Channel.objects.get(pk=shop.channel.pk)
        assert (channel.restriction, channel.restricted_until) == ("timelock", ends)
        shop.gateway.app.calls.clear()
        again = post(shop, Conversation.objects.get(address="5521977776666@c.us"), "Bia?")
        assert again.status == "failed" and shop.gateway.calls == []  # not even tried
        assert post(shop, thread(shop), "Resposta").status == "sent"

    def test_what_a_session_tells_is_kept_until_it_tells_otherwise(self, shop: Any) -> None:
        ends = int((timezone.now() + timedelta(days=2)).timestamp())
        capped = {
            "capping_status": "CAPPED",
            "total_quota": 10,
            "used_quota": 10,
            "cycle_end_timestamp": ends,
        }
        status = door.event("session.status", {"status": "WORKING"})
        shop.knock({**status, "me": {"id": "55@c.us", "messageCapping": capped}})
        shop.read()
        refused = post(shop, stranger(shop), "Olá, Bia!")
        assert refused.error == restrictions.WORDS["capping"]
        assert Channel.objects.get(pk=shop.channel.pk).restricted_until.timestamp() == ends
        free = {
            **status,
            "me": {"id": "55@c.us", "messageCapping": {"capping_status": "NONE", "used_quota": 0}},
        }
        shop.knock(free)
        shop.read()
        assert Channel.objects.get(pk=shop.channel.pk).restriction == ""
        assert outbox.retry(refused.pk, now=shop.now()).status == "queued"
        shop.work()
        assert shop.texts() == ["Olá, Bia!"]

    def test_the_round_of_every_minute_notices_one_and_the_pages_show_it(
        self, shop: Any, client_for: Any, member_of: Any
    ) -> None:
        ends = int((timezone.now() + timedelta(days=2)).timestamp())
        capped = {"cappingStatus": "CAPPED", "cycleEndTimestamp": ends}
        shop.gateway.app.restrictions["demo"] = {"capping": capped}
        pair = shop.gateway.app.pair_of("demo")
        pair.number = "5511900000000"
        try:
            health.go_round(now=timezone.now())
        finally:
            pair.number = ""
        assert Channel.objects.get(pk=shop.channel.pk).restriction == "capping"
        chat = stranger(shop)
        owner = client_for(shop.tenant, member_of(shop.tenant))
        for page in ("/", "/account/channels/", f"/account/channels/{shop.channel.pk}/"):
            assert "WhatsApp restricts this number" in owner.get(page).content.decode()
        assert "no more new people" in owner.get(f"/chats/{chat.pk}/").content.decode()

    def test_one_that_is_over_forbids_nothing(self, shop: Any) -> None:
        Channel.objects.filter(pk=shop.channel.pk).update(
            restriction="timelock", restricted_until=timezone.now() - timedelta(minutes=1)
        )
        shop.channel.refresh_from_db()
        assert post(shop, stranger(shop), "Olá, Bia!").status == "sent"


class TestFilesIn:
    def say(self, shop: Any, media: dict[str, Any] | None, **payload: Any) -> Message:
        shop.say("", unique="3AFILE", hasMedia=True, media=media, **payload)
        shop.work()
        return Message.objects.get(provider_key__endswith="3AFILE")

    def keep(self, shop: Any, content: bytes) -> None:
        """The gateway still has the message, and can get its file again."""
        import base64

        media = {"data": base64.b64encode(content).decode(), "mimetype": "application/pdf"}
        shop.gateway.app.incoming["3AFILE"] = ({"id": f"false_{CHAT}_3AFILE"}, media)

    def test_an_expired_file_is_fetched_by_its_message(self, shop: Any) -> None:
        self.keep(shop, b"%PDF again")
        url = "http://localhost:3000/api/files/demo/expired.pdf"
        message = self.say(shop, {"url": url, "mimetype": "application/pdf", "filename": "a.pdf"})
        assert message.media.read() == b"%PDF again" and message.media_source == ""

    def test_one_that_was_not_downloaded_is_fetched_too(self, shop: Any) -> None:
        self.keep(shop, b"%PDF late")
        inner = {"documentMessage": {"mimetype": "application/pdf", "fileName": "a.pdf"}}
        message = self.say(shop, None, _data={"Message": inner})
        assert message.media.read() == b"%PDF late" and message.media_name == "a.pdf"

    def test_one_that_is_gone_for_good_says_so(self, shop: Any) -> None:
        url = "http://localhost:3000/api/files/demo/expired.pdf"
        message = self.say(shop, {"url": url, "mimetype": "application/pdf"})
        assert not message.media and message.error and message.outcome == "handed_over"

    @pytest.mark.parametrize(
        ("mimetype", "kind", "more"),
        [
            ("audio/ogg; codecs=opus", "audio", {}),
            ("image/jpeg", "image", {}),
            ("video/mp4", "video", {}),
            ("application/pdf", "document", {}),
            ("image/webp", "image", {"_data": {"Info": {"MediaType": "sticker"}}}),
        ],
    )
    def test_every_kind_is_fetched_from_the_gateway_whatever_host_is_named(
        self, shop: Any, mimetype: str, kind: str, more: dict[str, Any]
    ) -> None:
        path = urlsplit(shop.gateway.media(b"the file", mimetype)).path
        message = self.say(shop, {"url": f"http://169.254.169.254{path}", "mimetype": mimetype}, **more)
        assert (message.kind, message.media.read(), message.media_source) == (kind, b"the file", "")
        assert bool(message.content.get("sticker")) == bool(more)

    def test_one_that_is_too_large_or_too_slow_is_not_taken(self, shop: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(media, "MAX_BYTES", 4)
        url = shop.gateway.media(b"12345", "application/pdf")
        message = self.say(shop, {"url": url, "mimetype": "application/pdf"})
        assert (message.error, bool(message.media)) == ("The file is too large.", False)
        monkeypatch.setattr(media, "MAX_BYTES", 99)
        monkeypatch.setattr(waha, "FILE_SECONDS", -1.0)
        Message.objects.update(media_source=f"{url}#", error="", attempts=0, claimed_at=None)
        shop.background.run_one(media.fetch, schema=shop.tenant.schema_name, message_id=message.pk)
        shop.work()
        message.refresh_from_db()
        assert (message.error, bool(message.media)) == ("The file came too slowly.", False)

    def test_a_place_is_answered_like_words(self, shop: Any) -> None:
        shop.say("", location={"latitude": -23.5, "longitude": -46.6, "name": "Minha casa"})
        shop.work()
        message = Message.objects.get(direction="in")
        assert (message.kind, message.outcome) == ("text", "answered")
        assert "Minha casa" in str(shop.models.requests[0]["body"]["messages"][-1])

    def test_what_is_quoted_is_known(self, shop: Any) -> None:
        shop.say("Que horas abrem?")
        shop.work()
        ours = Message.objects.get(direction="out")
        shop.say("E no domingo?", replyTo={"id": ours.unique_id})
        assert Message.objects.latest("pk").reply_to == ours
