"""The writing box: sent once, never over a colleague, with notes, canned replies and words for later."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from conversations import canned, follow_ups, notes, sweep, voice_ogg
from conversations.models import CannedReply, Contact, Conversation, FollowUp, Message, Note
from tenants.models import User
from tests.conversations import webm


class Person:
    """A member in their browser, with one chat open."""

    def __init__(self, shop: Any, browser: Any, user: User, chat: Conversation) -> None:
        self.shop, self.browser, self.user, self.chat = shop, browser, user, chat

    def post(self, path: str, **fields: Any) -> Any:
        path = path if path.startswith("/") else f"/chats/{self.chat.pk}/{path}"
        answer = self.browser.post(path, fields, headers={"HX-Request": "true"})
        connection.set_tenant(self.shop.tenant)
        return answer

    def get(self, path: str) -> str:
        path = path if path.startswith("/") else f"/chats/{self.chat.pk}/{path}"
        answer = self.browser.get(path)
        connection.set_tenant(self.shop.tenant)
        assert answer.status_code == 200
        return str(answer.content.decode())


@pytest.fixture
def people(shop: Any, client_for: Any, member_of: Any) -> tuple[Person, Person]:
    """Ana and Rui, who have the same chat open."""
    shop.say("Vocês abrem sábado?")
    shop.background.sent.clear()
    chat = Conversation.objects.get()
    found = []
    for name in ("Ana Souza", "Rui"):
        user = member_of(shop.tenant, "agent", f"{name.split()[0].lower()}@alpha.example")
        user.name = name
        user.save()
        found.append(Person(shop, client_for(shop.tenant, user), user, chat))
    return found[0], found[1]


def ours() -> list[str]:
    return list(Message.objects.filter(direction="out").order_by("pk").values_list("body", flat=True))


def test_the_same_key_is_one_message_also_after_it_has_left(people: Any, shop: Any) -> None:
    ana, _rui = people
    assert ana.post("send", text="Sim!", key="k1").status_code == 200
    shop.work()
    # A vendor gives a message an id of its own once it has left.
    Message.objects.filter(direction="out").update(provider_key="another id")
    assert ana.post("send", text="Sim!", key="k1").status_code == 200
    shop.work()
    assert ours() == ["Sim!"] and shop.texts() == ["Sim!"]
    assert '"sent": true' in ana.get("sent?key=k1") and '"sent": false' in ana.get("sent?key=k2")


def test_nobody_answers_over_a_colleague_without_knowing(people: Any) -> None:
    ana, rui = people
    seen = Message.objects.latest("pk").pk
    assert rui.post("send", text="Abrimos, sim.", key="r1", seen=str(seen)).status_code == 200
    held = ana.post("send", text="Não abrimos.", key="a1", seen=str(seen))
    assert held.status_code == 409 and "Rui has answered since: “Abrimos, sim.”" in held.content.decode()
    assert ours() == ["Abrimos, sim."]
    assert ana.post("send", text="Das 9 às 12.", key="a1", seen=str(seen), anyway="1").status_code == 200
    # What has arrived has arrived, whoever wrote since; and one's own words hold nobody back.
    assert rui.post("send", text="Abrimos, sim.", key="r1", seen=str(seen)).status_code == 200
    newest = Message.objects.latest("pk").pk
    assert ana.post("send", text="Até lá!", key="a2", seen=str(newest)).status_code == 200
    assert ours() == ["Abrimos, sim.", "Das 9 às 12.", "Até lá!"]


def test_a_note_calls_whom_it_names_and_goes_to_nobody_else(people: Any, shop: Any, models: Any) -> None:
    from tenants.notices import Notification

    ana, rui = people
    page = ana.post("notes", text="@rui olha <b>isto</b>? rui@x.example", key="n1").content.decode()
    assert ana.post("notes", text="twice", key="n1").status_code == 200
    note = Note.objects.get()
    assert list(note.mentions.all()) == [rui.user] and "&lt;b&gt;isto" in page
    assert 'class="mention"' in page
    told = Notification.objects.get(kind="mention")
    assert (told.user_id, told.url) == (rui.user.pk, f"/chats/{ana.chat.pk}/#note-{note.pk}")
    assert rui.post(f"/notes/{note.pk}/edit", text="mine").status_code == 403
    assert rui.post(f"/notes/{note.pk}/remove").status_code == 403
    assert ana.post(f"/notes/{note.pk}/edit", text="@Rui e @Ana Souza").status_code == 200
    assert Notification.objects.filter(kind="mention").count() == 1  # told once, and not of oneself
    gone = ana.post(f"/notes/{note.pk}/remove").content.decode()
    word = gone.partition('name="word" value="')[2].partition('"')[0]
    assert not Note.objects.exists() and word
    for _twice in range(2):
        assert ana.post("notes/back", word=word).status_code == 200
    assert Note.objects.get().text == "@Rui e @Ana Souza" and ours() == []
    assert ana.post("notes/back", word="other").status_code == 422
    shop.work()
    assert not any("Rui" in str(request["body"]) for request in models.requests)


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("@Ana", ["Ana"]),
        ("@ana souza!", ["Ana Souza"]),
        ("@Ana Souza e @Ana", ["Ana Souza", "Ana"]),
        ("ana@x.example", []),
        ("@Anabela", ["Ana"]),
        ("", []),
    ],
)
def test_who_is_called(text: str, called: list[str]) -> None:
    people = [User(name="Ana"), User(name="Ana Souza")]
    assert [str(user) for user in notes.named(text, people)] == called
    assert "".join(piece.text for piece in notes.pieces(text, people)) == text


def test_canned_replies_are_kept_called_and_filled(people: Any) -> None:
    ana, _rui = people
    Contact.objects.update(name="Maria Silva")
    page = "/account/replies/"
    assert ana.post(page, shortcut="/hours", text="Olá {{first_name}}, {{ me }} aqui!").status_code == 302
    assert ana.post(page, shortcut="HOURS", text="x").status_code == 422
    refused = ana.post(page, shortcut="b", text="{{phone}}")
    assert refused.status_code == 422 and "Nothing fills {{phone}}" in refused.content.decode()
    reply = CannedReply.objects.get()
    found = ana.get("pick?what=canned&q=ho")
    assert 'data-words="Olá Maria, Ana aqui!"' in found and f'data-canned="{reply.pk}"' in found
    assert "No canned reply fits" in ana.get("pick?what=canned&q=zzz")
    assert "Rui" in ana.get("pick?what=people&q=ru")
    ana.post("send", text="Olá Maria, Ana aqui!", canned=str(reply.pk))
    reply.refresh_from_db()
    assert reply.used_count == 1
    word = canned.remove(reply)
    assert not CannedReply.objects.exists()
    ana.post(f"/account/replies/back?word={word}")
    assert CannedReply.objects.get().used_count == 1
    Contact.objects.update(name="")
    chat = Conversation.objects.select_related("contact").get()
    assert canned.filled("Olá {{name}}, tudo bem?", chat, user=ana.user) == "Olá, tudo bem?"


class TestSendLater:
    def plan(self, person: Person, *, text: str = "Bom dia!", hours: float = 3, **more: Any) -> Any:
        zone = ZoneInfo(person.shop.tenant.timezone)
        at = (timezone.now() + timedelta(hours=hours)).astimezone(zone)
        return person.post("later", text=text, due_at=f"{at:%Y-%m-%dT%H:%M}", **more)

    def falls_due(self, shop: Any) -> None:
        FollowUp.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        sweep.sweep.apply(throw=True)
        shop.work()

    def test_goes_at_its_moment_and_once(self, people: Any, shop: Any) -> None:
        ana, rui = people
        for _twice in range(2):
            assert "Bom dia!" in self.plan(ana, key="l1").content.decode()
        row = FollowUp.objects.get()
        changed = {"text": "Bom dia, Maria!", "due_at": "2999-01-01T09:00"}
        assert rui.post(f"/follow-ups/{row.pk}/edit", **changed).status_code == 422
        changed["due_at"] = f"{timezone.localtime(row.due_at) + timedelta(hours=1):%Y-%m-%dT%H:%M}"
        assert rui.post(f"/follow-ups/{row.pk}/edit", **changed).status_code == 200
        shop.say("Oi?")  # what a person chose to send goes all the same
        shop.background.sent.clear()
        Conversation.objects.update(handler="person")
        for _twice in range(2):
            self.falls_due(shop)
        assert shop.texts() == ["Bom dia, Maria!"]
        sent = Message.objects.get(direction="out")
        assert (sent.author_kind, sent.author_id) == ("person", ana.user.pk)
        assert rui.post(f"/follow-ups/{row.pk}/stop").status_code == 422

    def test_is_stopped_goes_on_and_is_sent_now(self, people: Any, shop: Any) -> None:
        ana, rui = people
        self.plan(ana)
        row = FollowUp.objects.get()
        assert "It is not sent." in rui.post(f"/follow-ups/{row.pk}/stop").content.decode()
        assert "Bom dia!" not in ana.get("thread")
        assert rui.post(f"/follow-ups/{row.pk}/go-on").status_code == 200
        assert "Bom dia!" in ana.get("thread") and "Bom dia!" in ana.get("/chats/later/")
        assert rui.post(f"/follow-ups/{row.pk}/now").status_code == 200
        shop.work()
        assert shop.texts() == ["Bom dia!"]
        assert rui.post(f"/follow-ups/{row.pk}/now").status_code == 422

    def test_is_dropped_for_who_wrote_or_wants_nothing(self, people: Any, shop: Any) -> None:
        ana, _rui = people
        self.plan(ana, if_silent="1")
        shop.say("Já decidi, obrigado")
        shop.background.sent.clear()
        self.falls_due(shop)
        assert FollowUp.objects.get().reason == follow_ups.WROTE
        assert "the customer wrote" in ana.get("later")
        self.plan(ana, text="Oi!")
        Contact.objects.update(opted_out_at=timezone.now())
        self.falls_due(shop)
        assert set(FollowUp.objects.values_list("reason", flat=True)) == {follow_ups.WROTE, follow_ups.OUT}
        assert shop.texts() == [] and self.plan(ana, text="x").status_code == 422

    def test_what_cannot_go_then_is_said_at_once(self, people: Any) -> None:
        ana, _rui = people
        for hours, text, words in ((-1, "x", "has passed"), (24 * 91, "x", "90 days"), (3, " ", "4,000")):
            refused = self.plan(ana, hours=hours, text=text)
            assert refused.status_code == 422 and words in refused.content.decode()
        assert ana.post("later", text="x", due_at="tomorrow").status_code == 422


def test_a_recording_of_the_browser_goes_as_a_voice_note(people: Any, shop: Any) -> None:
    ana, _rui = people
    packets = [bytes([0x78, n % 256]) + bytes(n % 300) for n in range(120)]
    recorded = SimpleUploadedFile("voice.webm", webm.recording(packets))
    assert ana.post("send", text="", key="v1", spoken="1", file=recorded).status_code == 200
    message = Message.objects.get(direction="out")
    assert (message.kind, message.media_type, message.media_name) == ("audio", "audio/ogg", "voice.ogg")
    with message.media.open() as file:
        assert webm.packets_of_ogg(file.read())[2:] == packets
    shop.work()
    [body] = [body for path, body in shop.gateway.app.calls if path.endswith("sendVoice")]
    assert body["file"]["mimetype"] == "audio/ogg; codecs=opus" and body["convert"] is False
    # What is none goes as the file that it is.
    assert (
        ana.post(
            "send", key="v2", spoken="1", file=SimpleUploadedFile("a.webm", b"\x1a\x45\xdf\xa3x")
        ).status_code
        == 200
    )
    assert Message.objects.latest("pk").kind == "document"
    for broken in (b"", b"RIFF", webm.recording([]), webm.recording(packets)[:40]):
        with pytest.raises(voice_ogg.NoVoice):
            voice_ogg.to_ogg(broken)
