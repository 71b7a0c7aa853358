"""WhatsApp Cloud API, from Meta's webhook to the customer's phone and back."""

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from billing.models import LedgerEntry
from conversations import outbox, turns
from conversations.models import Channel, Contact, Conversation, Message, WebhookEvent
from tests.conversations import door
from tests.conversations.cloud_shop import VERIFY, CloudShop
from tests.counterparts import cloud as meta

QUESTION = "Que horas vocês abrem?"


def answered(cloud: CloudShop) -> Message:
    cloud.say(QUESTION)
    cloud.work()
    return Message.objects.get(direction="out")


def tell(cloud: CloudShop, *statuses: dict[str, Any]) -> None:
    cloud.deliver(meta.change(statuses=statuses))


class TestVerification:
    def ask(self, cloud: CloudShop, **hub: str) -> tuple[int, bytes]:
        asked = {"mode": "subscribe", "verify_token": VERIFY, "challenge": "1158201444"} | hub
        query = urlencode({f"hub.{name}": value for name, value in asked.items()})
        return door.request(cloud.path, method="GET", headers={}, query=query)

    def test_gives_back_exactly_the_challenge(self, cloud: CloudShop) -> None:
        assert self.ask(cloud) == (200, b"1158201444")

    @pytest.mark.parametrize(
        "hub",
        [
            {"verify_token": "wrong"},
            {"verify_token": ""},
            {"mode": "unsubscribe"},
            {"challenge": ""},
            {"challenge": "x" * 201},
        ],
    )
    def test_refuses_whatever_else(self, cloud: CloudShop, hub: dict[str, str]) -> None:
        assert self.ask(cloud, **hub) == (403, b"")

    def test_a_door_without_a_token_is_not_asked(self, cloud: CloudShop) -> None:
        query = urlencode({"hub.mode": "subscribe", "hub.verify_token": "", "hub.challenge": "1"})
        path = f"/hooks/waha/{cloud.shop.channel.pk}"
        assert door.request(path, method="GET", headers={}, query=query) == (405, b"")


class TestDoor:
    def test_stores_one_row_a_delivery(self, cloud: CloudShop) -> None:
        batch = meta.change(messages=[meta.text_message("Oi"), meta.text_message("Tudo bem?")])
        assert cloud.knock(meta.delivery(batch)) == 200
        assert WebhookEvent.objects.get().status == "new"

    def test_refuses_what_the_app_did_not_sign(self, cloud: CloudShop) -> None:
        """S1: no signature, a wrong one, another hash, one over other bytes."""
        body = json.dumps(meta.delivery(meta.change(messages=[meta.text_message("Oi")]))).encode()
        right = meta.signed(body, cloud.cloud.SECRET)["x-hub-signature-256"]
        sha512 = hmac.new(cloud.cloud.SECRET.encode(), body, hashlib.sha512).hexdigest()
        assert cloud.knock(body, secret="another") == 401
        for wrong in ("", "sha256=", right.removeprefix("sha256="), f"sha256={sha512}", sha512):
            assert cloud.knock(body, **{"x-hub-signature-256": wrong}) == 401
        assert (
            cloud.knock(json.dumps(json.loads(body), indent=1).encode(), **{"x-hub-signature-256": right})
            == 401
        )
        assert WebhookEvent.objects.count() == 0

    def test_one_kinds_signature_opens_no_other_kinds_door(self, cloud: CloudShop) -> None:
        body = b"{}"
        waha = hmac.new(cloud.cloud.SECRET.encode(), body, hashlib.sha512).hexdigest()
        assert door.request(cloud.path, body, headers={"x-webhook-hmac": waha})[0] == 401
        path = f"/hooks/waha/{cloud.channel.pk}"
        assert door.request(path, body, headers=meta.signed(body, cloud.cloud.SECRET))[0] == 404

    def test_what_is_switched_off_or_of_no_known_kind_is_404(self, cloud: CloudShop) -> None:
        Channel.objects.filter(pk=cloud.channel.pk).update(is_active=False)
        assert cloud.knock(b"{}") == 404
        assert door.request(f"/hooks/other/{cloud.channel.pk}", b"{}", headers={})[0] == 404


class TestInbound:
    def test_a_message_is_answered_once_and_charged_once(self, cloud: CloudShop) -> None:
        cloud.shop.models.answer_with("Abrimos às 8h.")
        for _again in range(3):
            cloud.say(QUESTION, unique="wamid.ONE")
        cloud.work()
        assert cloud.cloud.texts == [("5511988887777", "Abrimos às 8h.")]
        assert Message.objects.get(direction="in").outcome == "answered"
        assert LedgerEntry.objects.filter(key__startswith="turn:").count() == 1
        assert Contact.objects.get().name == "Ana"

    def test_shows_that_it_read_and_writes_before_the_answer(self, cloud: CloudShop) -> None:
        cloud.say(QUESTION, unique="wamid.SEEN")
        cloud.shop.background.sent.clear()
        assert turns.begin(Conversation.objects.get().pk, now=timezone.now()) is not None
        cloud.work()
        seen = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.SEEN"}
        assert cloud.cloud.calls("111/messages") == [{**seen, "typing_indicator": {"type": "text"}}]

    def test_manners_that_fail_cost_nothing(self, cloud: CloudShop) -> None:
        cloud.cloud.number.token = "another"
        cloud.say(QUESTION)
        cloud.shop.background.sent.clear()
        turns.begin(Conversation.objects.get().pk, now=timezone.now())
        cloud.work()
        assert Message.objects.get().outcome == ""

    def test_a_batch_of_fifty_people_is_answered_fifty_times(self, cloud: CloudShop) -> None:
        people = [f"55119888{number:05d}" for number in range(50)]
        messages = [meta.text_message(QUESTION, sender=person) for person in people]
        cards = [meta.card(wa_id=person, name=f"P{person}") for person in people]
        change = meta.change(messages=messages, contacts=cards)
        cloud.deliver(change)
        cloud.deliver(change)
        cloud.shop.background.run(limit=1000)
        cloud.later()
        assert sorted(to for to, _text in cloud.cloud.texts) == people
        assert Message.objects.filter(direction="in", outcome="answered").count() == 50
        assert Contact.objects.get(identities__value=people[7]).name == f"P{people[7]}"

    def test_every_entry_change_and_message_is_read_in_order(self, cloud: CloudShop) -> None:
        first = meta.delivery(meta.change(messages=[meta.text_message("um"), meta.text_message("dois")]))
        second = meta.delivery(
            meta.change(messages=[meta.text_message("três")]),
            meta.change(messages=[meta.text_message("quatro")]),
        )
        first["entry"] += second["entry"]
        assert cloud.knock(first) == 200
        cloud.shop.read()
        assert [one.body for one in Message.objects.all()] == ["um", "dois", "três", "quatro"]

    def test_another_number_of_the_same_app_is_not_ours(self, cloud: CloudShop) -> None:
        cloud.deliver(meta.change(messages=[meta.text_message("Oi")], number="999"))
        assert Message.objects.count() == 0
        assert WebhookEvent.objects.get().outcome == "ignored: another number"

    def test_a_person_without_a_number_is_answered_by_user_id(self, cloud: CloudShop) -> None:
        user = meta.card(wa_id="", name="", user_id="BR.1502576394655843", username="@ana")
        said = meta.text_message(QUESTION, sender="", from_user_id="BR.1502576394655843")
        cloud.deliver(meta.change(messages=[said], contacts=[user]))
        cloud.work()
        assert cloud.cloud.sent[0].to == "BR.1502576394655843"
        assert "to" not in cloud.cloud.calls("111/messages")[-1]
        assert Contact.objects.get().name == "@ana"

    def test_who_hides_the_number_later_stays_the_same_customer(self, cloud: CloudShop) -> None:
        known = meta.card(user_id="BR.77")
        cloud.deliver(meta.change(messages=[meta.text_message(QUESTION)], contacts=[known]))
        hidden = meta.card(wa_id="", user_id="BR.77", username="@ana")
        said = meta.text_message("Alô?", sender="", from_user_id="BR.77")
        cloud.deliver(meta.change(messages=[said], contacts=[hidden]))
        cloud.work()
        assert Contact.objects.get().conversations.get().messages.filter(direction="in").count() == 2
        assert cloud.cloud.sent[0].to == "BR.77"

    def test_an_owner_who_answers_on_the_phone_silences_the_assistant(self, cloud: CloudShop) -> None:
        cloud.say(QUESTION)
        echo = meta.text_message("Já respondo!", sender="15550001111", to="5511988887777")
        cloud.deliver(meta.change(name="smb_message_echoes", message_echoes=[echo]))
        cloud.work()
        assert Conversation.objects.get().handler == "person"
        assert cloud.cloud.sent == []

    def test_a_reaction_is_shown_on_what_we_said(self, cloud: CloudShop) -> None:
        message = answered(cloud)
        liked = meta.message("reaction", {"message_id": message.unique_id, "emoji": "👍"})
        cloud.deliver(meta.change(messages=[liked]))
        message.refresh_from_db()
        assert message.reactions["contact"] == "👍"
        assert Message.objects.filter(direction="in").count() == 1

    def test_a_file_is_fetched_with_the_token_and_kept(self, cloud: CloudShop) -> None:
        media_id = cloud.cloud.app.offer(b"\x89PNG picture", "image/png")
        picture = {"id": media_id, "mime_type": "image/png", "caption": "Olhe"}
        cloud.deliver(meta.change(messages=[meta.message("image", picture)]))
        cloud.work()
        message = Message.objects.get(direction="in")
        assert (message.kind, message.body, message.media_source) == ("image", "Olhe", "")
        assert message.media.open().read() == b"\x89PNG picture"

    @pytest.mark.parametrize(
        "url",
        [
            "http://169.254.169.254/latest",
            "https://evil.example/f",
            "https://lookaside.fbsbx.com@evil.example/",
        ],
    )
    def test_the_token_goes_to_meta_only(self, cloud: CloudShop, url: str) -> None:
        media_id = cloud.cloud.app.offer(b"x", "image/png")
        cloud.cloud.app.options.media_url = url
        cloud.deliver(
            meta.change(messages=[meta.message("image", {"id": media_id, "mime_type": "image/png"})])
        )
        cloud.work()
        message = Message.objects.get(direction="in")
        assert not message.media and "not at WhatsApp" in message.error

    def test_a_place_is_answered_like_words(self, cloud: CloudShop) -> None:
        place = {"latitude": -23.5, "longitude": -46.6, "name": "Minha casa"}
        cloud.deliver(meta.change(messages=[meta.message("location", place)]))
        cloud.work()
        message = Message.objects.get(direction="in")
        assert (message.kind, message.outcome) == ("text", "answered")
        assert "Minha casa" in str(cloud.shop.models.requests[0]["body"]["messages"][-1])

    def test_a_choice_is_read_as_its_words(self, cloud: CloudShop) -> None:
        reply = {"type": "list_reply", "list_reply": {"id": "row-2", "title": "Corte e barba"}}
        cloud.deliver(meta.change(messages=[meta.message("interactive", reply)]))
        assert Message.objects.get().body == "Corte e barba"

    def test_what_whatsapp_does_not_pass_on_is_handed_to_a_person(self, cloud: CloudShop) -> None:
        errors = [{"code": 131051, "title": "Message type unknown"}]
        cloud.deliver(meta.change(messages=[meta.message("unsupported", None, errors=errors)]))
        cloud.work()
        message = Message.objects.get(direction="in")
        assert (message.kind, message.outcome) == ("other", "handed_over")


class TestOutbound:
    def test_the_row_bears_metas_id_and_meta_our_reference(self, cloud: CloudShop) -> None:
        message = answered(cloud)
        sent = cloud.cloud.sent[0]
        assert (message.status, message.unique_id) == ("sent", sent.id)
        assert sent.reference.startswith("3EB0")

    def test_statuses_move_it_forward_and_never_back(self, cloud: CloudShop) -> None:
        message = answered(cloud)
        for word, wanted in [("read", "read"), ("sent", "read"), ("delivered", "read"), ("failed", "read")]:
            tell(cloud, meta.status(message.unique_id, word, code=131026 if word == "failed" else 0))
            assert Message.objects.get(pk=message.pk).status == wanted

    def test_a_batch_of_statuses_in_any_order_ends_at_the_farthest(self, cloud: CloudShop) -> None:
        message = answered(cloud)
        words = ["delivered", "sent", "read", "sent", "delivered"] * 10
        tell(cloud, *(meta.status(message.unique_id, word) for word in words))
        message.refresh_from_db()
        assert message.status == "read"
        assert message.sent_at and message.delivered_at and message.read_at

    def test_a_failure_that_comes_later_is_shown_with_what_can_be_done(self, cloud: CloudShop) -> None:
        message = answered(cloud)
        tell(cloud, meta.status(message.unique_id, "failed", code=131047))
        message.refresh_from_db()
        assert message.status == "failed" and "send a template" in message.error

    @pytest.mark.parametrize("fault", ["after", "after_reset"])
    def test_a_lost_answer_is_settled_by_its_status_and_never_sent_twice(
        self, cloud: CloudShop, fault: str
    ) -> None:
        cloud.cloud.fail_next(fault)
        message = answered(cloud)
        assert message.status == "unknown"
        cloud.later()
        message.refresh_from_db()
        assert (message.status, len(cloud.cloud.sent)) == ("unknown", 1)
        sent = cloud.cloud.sent[0]
        tell(cloud, meta.status(sent.id, "delivered", reference=sent.reference))
        message.refresh_from_db()
        assert (message.status, message.unique_id) == ("delivered", sent.id)
        cloud.later()
        assert len(cloud.cloud.sent) == 1

    @pytest.mark.parametrize("fault", ["status", "reset"])
    def test_what_nobody_tells_of_stays_unknown_until_a_person_decides(
        self, cloud: CloudShop, fault: str
    ) -> None:
        cloud.cloud.fail_next(fault)
        message = answered(cloud)
        for _minute in range(12):
            cloud.later()
        message.refresh_from_db()
        assert (message.status, cloud.cloud.sent) == ("unknown", [])
        outbox.retry(message.pk, now=timezone.now())
        cloud.later()
        assert len(cloud.cloud.sent) == 1

    def test_a_status_that_is_quicker_than_the_answer_counts(self, cloud: CloudShop) -> None:
        message = answered(cloud)
        Message.objects.filter(pk=message.pk).update(
            status="sending", provider_key=f"{cloud.channel.pk.hex}:true:{cloud.cloud.sent[0].reference}"
        )
        tell(cloud, meta.status("wamid.FAST", "delivered", reference=cloud.cloud.sent[0].reference))
        outbox._mark_sent(message, "wamid.FAST", now=timezone.now())
        message.refresh_from_db()
        assert (message.status, message.unique_id) == ("delivered", "wamid.FAST")

    @pytest.mark.parametrize("fault", ["130429", "131056:7", "131016", "4:30"])
    def test_what_may_pass_is_sent_later(self, cloud: CloudShop, fault: str) -> None:
        cloud.cloud.fail_next(fault)
        message = answered(cloud)
        assert message.status == "queued" and message.send_after is not None
        if ":" in fault:
            wait = (message.send_after - timezone.now()).total_seconds()
            assert abs(wait - int(fault.partition(":")[2])) < 3
        cloud.later()
        message.refresh_from_db()
        assert (message.status, len(cloud.cloud.sent)) == ("sent", 1)

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("190", "access token"),
            ("131047", "send a template"),
            ("131026", "cannot be reached"),
            ("131042", "payment method"),
            ("999999", "refused"),
        ],
    )
    def test_what_will_not_pass_is_told_in_words(self, cloud: CloudShop, fault: str, words: str) -> None:
        cloud.cloud.fail_next(fault)
        message = answered(cloud)
        assert message.status == "failed" and words in message.error
        cloud.later()
        assert cloud.cloud.sent == []

    def test_after_a_day_nothing_but_a_template_leaves(self, cloud: CloudShop) -> None:
        answered(cloud)
        Message.objects.filter(direction="in").update(
            provider_at=timezone.now() - timedelta(hours=24, seconds=1)
        )
        conversation = Conversation.objects.get(channel=cloud.channel)
        late = outbox.post(conversation, "Ainda aí?", now=timezone.now())
        cloud.work()
        late.refresh_from_db()
        assert late.status == "failed" and "template" in late.error
        assert len(cloud.cloud.sent) == 1

    def test_a_quote_a_file_a_place_and_choices(self, cloud: CloudShop, tmp_path: Any, settings: Any) -> None:
        from django.core.files.base import ContentFile
        from django.core.files.storage import default_storage

        settings.MEDIA_ROOT = tmp_path
        cloud.say(QUESTION, unique="wamid.Q")
        conversation, quoted = Conversation.objects.get(), Message.objects.get()
        Conversation.objects.update(handler="person", reply_due_at=None)
        path = default_storage.save("note.ogg", ContentFile(b"OggS"))
        voice = outbox.Attached(
            path=path, kind="audio", mimetype="audio/ogg; codecs=opus", filename="note.ogg"
        )
        options = [{"id": str(n), "title": f"Opção {n}"} for n in range(1, 5)]
        now = timezone.now()
        outbox.post(conversation, "Sim", now=now, reply_to=quoted)
        outbox.post(conversation, "", now=now, attached=voice)
        outbox.post(conversation, "", now=now, content={"location": {"latitude": -23.5, "longitude": -46.6}})
        outbox.post(
            conversation, "Qual?", now=now, content={"choices": {"button": "Ver", "options": options}}
        )
        outbox.post(conversation, "Ou?", now=now, content={"choices": {"options": options[:2]}})
        for _wait in range(6):
            cloud.later()
        kinds = [(one.kind, one.content.get("type")) for one in cloud.cloud.sent]
        assert kinds == [
            ("text", None),
            ("audio", None),
            ("location", None),
            ("interactive", "list"),
            ("interactive", "button"),
        ]
        assert cloud.cloud.sent[0].reply_to == "wamid.Q"
        assert cloud.cloud.app.files[cloud.cloud.sent[1].content["id"]][0] == b"OggS"
        assert cloud.cloud.sent[1].content["voice"] is True
