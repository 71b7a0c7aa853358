"""Whatever a gateway delivers: every part of it is an event or is skipped with a reason, and can be stored.

Random deliveries, whole and spoilt (tests/conversations/deliveries.py), first at the readers, then at the
real door. `make properties` tries many more.
"""

import dataclasses
import json
from datetime import timedelta
from typing import Any

from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st

from conversations import accounting, cloud_events, waha_events
from conversations.events import (
    MAX_BODY,
    Event,
    Said,
    SessionStatus,
    Skipped,
    TemplateChanged,
    Typing,
    Unreadable,
)
from conversations.models import Message, WebhookEvent
from tests.conversations import deliveries, door
from tests.conversations.deliveries import many, spoilt
from tests.counterparts import cloud as meta

LONGEST = {"unique_id": 120, "chat": 190, "value": 190, "text": MAX_BODY, "name": 512, "own_id": 120}


def texts(value: Any) -> list[str]:
    """Every text in an event, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for one in pair for text in texts(one)]
    return [text for one in value for text in texts(one)] if isinstance(value, list | tuple) else []


def check(event: Event) -> None:
    """It can be acted on, and PostgreSQL can keep it."""
    told = dataclasses.asdict(event)
    for text in texts(told):
        assert b"\x00" not in text.encode()  # and a lone surrogate fails here
    for name, longest in LONGEST.items():
        assert len(told.get(name, "")) <= longest
    match event:
        case Skipped():
            assert event.reason
        case SessionStatus():
            assert event.status
        case TemplateChanged():
            assert event.name and event.status
        case Typing():
            assert event.chat
        case _:
            assert event.unique_id, "acted on without an id"
    if isinstance(event, Said):
        assert event.chat and all(one.value and one.kind for one in event.also)
        json.dumps(event.content, allow_nan=False)


class TestWaha:
    @many(60)
    @given(deliveries.waha())
    def test_what_its_document_describes_is_read(self, body: dict[str, Any]) -> None:
        found = waha_events.read(json.dumps(body).encode())
        assert found.session == "demo" and found.event == body["event"]
        check(found.content)

    @many(150)
    @given(spoilt(deliveries.waha()))
    @example(json.dumps({"event": "a\x00b", "payload": {}}).encode())
    @example(json.dumps(door.delivery("Oi", replyTo={"id": "true_x"})).encode())
    @example(json.dumps(door.delivery("", vCards=["FN:a\x00b"])).encode())
    @example(json.dumps(door.delivery("", location={"latitude": 10**400, "longitude": 1})).encode())
    @example(json.dumps(door.delivery("Oi", unique=" ")).encode())
    def test_what_is_spoilt_is_read_or_is_no_delivery(self, body: bytes) -> None:
        try:
            found = waha_events.read(body)
        except Unreadable:
            return
        check(found.content)

    @many(100)
    @given(st.binary(max_size=300))
    def test_bytes(self, body: bytes) -> None:
        try:
            check(waha_events.read(body).content)
        except Unreadable:
            return


class TestCloud:
    def read(self, body: bytes) -> list[Event]:
        return cloud_events.read(body, phone_number_id="111", waba_id="222")

    @many(60)
    @given(st.lists(deliveries.cloud_changes(), max_size=4))
    def test_every_part_of_a_batch_is_an_event_in_its_order(self, changes: list[dict[str, Any]]) -> None:
        found = self.read(json.dumps(meta.delivery(*changes)).encode())
        for event in found:
            check(event)
        assert len(found) == sum(map(parts, changes))

    @many(50)
    @given(
        st.lists(deliveries.ODD, min_size=1, max_size=4), st.sampled_from(["messages", "statuses", "errors"])
    )
    def test_a_part_that_is_nonsense_is_skipped_and_the_next_is_read(
        self, junk: list[Any], where: str
    ) -> None:
        value = {"metadata": {"phone_number_id": "111"}, "messages": [], where: [*junk, *junk]}
        value["messages"] = [*value["messages"], meta.text_message("Oi")]
        found = self.read(json.dumps(meta.delivery({"field": "messages", "value": value})).encode())
        said = [event for event in found if isinstance(event, Said)]
        assert len(found) == 2 * len(junk) + 1 and [one.text for one in said] == ["Oi"]

    @many(150)
    @given(spoilt(deliveries.cloud()))
    def test_what_is_spoilt_is_read_or_is_no_delivery(self, body: bytes) -> None:
        try:
            found = self.read(body)
        except Unreadable:
            return
        for event in found:
            check(event)

    @many(50)
    @given(st.binary(max_size=300))
    def test_bytes(self, body: bytes) -> None:
        try:
            self.read(body)
        except Unreadable:
            return


def parts(change: dict[str, Any]) -> int:
    """How many things one change tells."""
    lists = [one for key, one in change["value"].items() if isinstance(one, list) and key != "contacts"]
    return sum(map(len, lists)) if "metadata" in change["value"] else 1


# -- through the door


def end(shop: Any) -> None:
    """Everything that was delivered has come to its end, and nothing stumbled over it."""
    shop.work()
    past = timezone.now() - timedelta(minutes=2)
    # What changes a message that never came has waited long enough.
    WebhookEvent.objects.filter(status="new").update(received_at=past, again_at=past)
    shop.read()
    shop.later()
    left = WebhookEvent.objects.exclude(status="done") | WebhookEvent.objects.filter(attempts__gt=0)
    assert list(left.values_list("outcome", "body")) == []
    assert not WebhookEvent.objects.filter(outcome="").exists()
    assert list(accounting.unended().values_list("body", "kind")) == []
    assert not Message.objects.filter(direction="out", status__in=["queued", "sending"]).exists()


def test_waha_through_the_door(shop: Any) -> None:
    """Stored and answered 200 whatever it says, read to its end, and the next customer has an answer."""
    count = iter(range(10_000))

    @many(12)
    @given(st.lists(spoilt(deliveries.waha()), min_size=2, max_size=5))
    @example([json.dumps({"event": "a\x00b", "session": "demo", "payload": {}}).encode()])
    @example([json.dumps(door.delivery("", vCards=["FN:a\x00b"])).encode()])
    def run(bodies: list[bytes]) -> None:
        for body in bodies:
            assert shop.knock(body) == 200
        chat = f"55219{next(count):08d}@c.us"
        assert shop.say("Que horas vocês abrem?", chat=chat) == 200
        end(shop)
        assert [to for to, _text in shop.gateway.sent].count(chat) == 1

    run()


def test_cloud_through_the_door(cloud: Any) -> None:
    count = iter(range(10_000))

    @many(12)
    @given(st.lists(spoilt(deliveries.cloud()), min_size=2, max_size=4))
    def run(bodies: list[bytes]) -> None:
        for body in bodies:
            assert cloud.knock(body) == 200
        sender = f"55219{next(count):08d}"
        cloud.say("Que horas vocês abrem?", sender=sender, contacts=None)
        end(cloud.shop)
        assert [sent.to for sent in cloud.cloud.app.sent].count(sender) == 1

    run()


def test_a_spoilt_delivery_with_a_wrong_signature_is_refused(shop: Any) -> None:
    @many(10)
    @given(spoilt(deliveries.waha()), st.text(max_size=70))
    def run(body: bytes, signature: str) -> None:
        given_ = {"x-webhook-hmac": signature.encode("ascii", "ignore").decode()}
        assert shop.knock(body, **given_) == 401

    run()
    assert not WebhookEvent.objects.exists()
