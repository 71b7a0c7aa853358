"""Chats, the list: filters, its order and its places, labels, several at once, and their ways back."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from conversations import filters, labels, listing
from conversations.models import Activity, Channel, Contact, Conversation, Label, Message, Tidying
from tenants.models import Tenant, User

NOW = timezone.now()


class Inbox:
    """A business with chats, and somebody of it at a browser."""

    def __init__(self, tenant: Tenant, user: User, browser: Any) -> None:
        self.tenant, self.user, self.browser = tenant, user, browser
        agent = Agent.objects.order_by("pk")[0]
        self.channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=agent)
        self.other = Channel.objects.create(kind="cloud", name="Cloud", agent=agent)
        self.tests = Channel.objects.create(kind="test", name="Test", agent=agent)

    def chat(self, name: str = "Ana", *, minutes: int = 0, **fields: Any) -> Conversation:
        """Its last message came so many minutes ago."""
        contact = Contact.objects.create(name=name)
        usual = {"channel": self.channel, "last_message_at": NOW - timedelta(minutes=minutes)}
        return Conversation.objects.create(
            contact=contact, address=f"{contact.pk}@c.us", **(usual | {"last_message_text": name} | fields)
        )

    def shown(self, query: str = "") -> list[int]:
        """The chats that the list shows for an address, in its order."""
        answer = self.browser.get(f"/chats/list{query}")
        assert answer.status_code == 200
        return [chat.pk for chat in answer.context["conversations"]]

    def tidy(self, do: str, *chats: Conversation, by: Any = None) -> Any:
        body = {"do": do, "chat": [chat.pk for chat in chats]}
        return (by or self.browser).post("/chats/tidy", body, headers={"HX-Request": "true"})

    def undo(self) -> Any:
        return self.browser.post(f"/chats/tidied/{Tidying.objects.latest('pk').pk}/undo")


@pytest.fixture
def inbox(in_alpha: Tenant, member_of: Any, client_for: Any) -> Inbox:
    user = member_of(in_alpha)
    return Inbox(in_alpha, user, client_for(in_alpha, user))


def test_filters_combine_and_stand_in_the_address(inbox: Inbox, member_of: Any) -> None:
    bea = member_of(inbox.tenant, "agent")
    late, vip = Label.objects.create(name="Late"), Label.objects.create(name="VIP")
    plain = inbox.chat("plain")
    angry = inbox.chat("angry", minutes=1, sentiment=-1, unread_count=2, handler="queue", priority=2)
    hers = inbox.chat("hers", minutes=2, handler="person", assigned_to=bea, sentiment=-1)
    given = inbox.chat("given", minutes=3, handler="queue", assigned_to=inbox.user, channel=inbox.other)
    filed = inbox.chat("filed", minutes=4, status="closed")
    test = inbox.chat("test", minutes=5, channel=inbox.tests)
    for chat, *put in ((angry, late, vip), (hers, late)):
        chat.labels.add(*put)
    expected = {
        "": [plain, angry, hers, given],
        "?filter=waiting": [angry, given],
        "?filter=mine": [given],
        "?filter=closed": [filed],
        "?filter=tests": [test],
        f"?channel={inbox.other.pk}": [given],
        f"?label={late.pk}": [angry, hers],
        f"?label={late.pk}&label={vip.pk}": [angry],
        "?mood=unhappy": [angry, hers],
        "?unread=1": [angry],
        f"?person={bea.pk}": [hers],
        "?priority=high": [angry],
        f"?mood=unhappy&person={bea.pk}&label={late.pk}": [hers],
        "?filter=waiting&priority=urgent&unread=1": [angry],
        "?filter=x&channel=x&label=x&mood=x&person=-1&priority=x&after=x~y&rows=x": [
            plain,
            angry,
            hers,
            given,
        ],
    }
    assert {query: inbox.shown(query) for query in expected} == {
        query: [chat.pk for chat in chats] for query, chats in expected.items()
    }
    page = inbox.browser.get(f"/chats/{plain.pk}/?mood=unhappy&label={late.pk}").content.decode()
    assert f'href="/chats/{hers.pk}/?label={late.pk}&amp;mood=unhappy"' in page  # kept while one reads
    assert "Take this filter off" in page and f'href="?label={late.pk}"' in page
    counts = inbox.browser.get("/chats/").context["counts"]
    assert counts == {"waiting": 2, "mine": 1, "unread": 1}
    labels.delete(late, user=inbox.user, now=NOW)
    assert inbox.shown(f"?label={late.pk}") == []


def test_the_queue_is_in_the_order_of_answering(inbox: Inbox) -> None:
    waits = {"handler": "queue"}
    late = inbox.chat("long", waiting_since=NOW - timedelta(hours=3), **waits)
    agreed = inbox.chat("agreed", waiting_since=NOW, sla_due_at=NOW + timedelta(hours=1), **waits)
    soon = inbox.chat("soon", waiting_since=NOW, sla_due_at=NOW + timedelta(minutes=5), **waits)
    urgent = inbox.chat("urgent", waiting_since=NOW, priority=2, **waits)
    short = inbox.chat("short", waiting_since=NOW - timedelta(hours=1), **waits)
    order = [urgent.pk, soon.pk, agreed.pk, late.pk, short.pk]
    assert inbox.shown("?filter=waiting") == order
    # Two at a time it is the same: no place between two rows is lost.
    wanted, place, found = filters.Filters(inbox.user.pk, kind="waiting"), "", []
    while True:
        page = listing.conversations(wanted, place, size=2)
        found += [chat.pk for chat in page.chats]
        if not (place := page.following):
            break
    assert found == order


def test_a_list_goes_on_where_it_was_whatever_comes_meanwhile(inbox: Inbox) -> None:
    silent = [inbox.chat(f"silent {n}", last_message_at=None) for n in range(2)]
    chats = [inbox.chat(f"c{n}", minutes=n // 3) for n in range(9)]  # three of each minute
    latest = sorted(chats, key=lambda chat: (chat.last_message_at, chat.pk), reverse=True)
    order = [chat.pk for chat in [*silent[::-1], *latest]]
    wanted, place, found = filters.Filters(inbox.user.pk), "", []
    for number in range(20):
        page = listing.conversations(wanted, place, size=2)
        found += [chat.pk for chat in page.chats]
        if not (place := page.following):
            break
        if number:  # the silent ones stand before all that is new
            inbox.chat(f"new {number}", minutes=-1 - number)
    assert found == order
    for number in range(60):
        inbox.chat(f"n{number}", minutes=100 + number)
    page = inbox.browser.get("/chats/")
    link = page.content.decode().partition("data-more")[2].partition('href="')[2].partition('"')[0]
    first, rest = [chat.pk for chat in page.context["conversations"]], inbox.shown(link.replace("&amp;", "&"))
    assert (
        len(first) == 50 and not set(first) & set(rest) and len(first + rest) == Conversation.objects.count()
    )
    assert len(inbox.shown("?rows=70")) == 70 and len(inbox.shown("?rows=9999")) <= listing.MOST


def test_a_page_takes_as_many_statements_for_many_chats(inbox: Inbox) -> None:
    label, counts = Label.objects.create(name="Late"), []
    for many in (3, 27):
        for number in range(many):
            chat = inbox.chat(f"Ana {number}", assigned_to=inbox.user, handler="person")
            chat.labels.add(label)
            Message.objects.create(
                conversation=chat,
                direction="in",
                author_kind="contact",
                body=f"gato {number}",
                status="received",
            )
        for path in ("/chats/list", "/chats/list?filter=waiting", "/chats/list?q=gato"):
            inbox.browser.get(path)
        with CaptureQueriesContext(connection) as queries:
            for path in ("/chats/", "/chats/list?filter=waiting", "/chats/list?q=gato"):
                assert inbox.browser.get(path).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_labels_are_made_put_on_renamed_and_come_back(inbox: Inbox, member_of: Any, client_for: Any) -> None:
    chat, answerer = inbox.chat(), client_for(inbox.tenant, member_of(inbox.tenant, "agent"))
    htmx = {"HX-Request": "true"}
    # Made beside a chat by who answers; the same name again is the same label.
    for name in ("  Fatura   atrasada ", "fatura ATRASADA"):
        part = answerer.post(f"/chats/{chat.pk}/label", {"name": name}, headers=htmx)
        assert part.status_code == 200 and "Fatura atrasada" in part.content.decode()
    label = Label.objects.get()
    assert list(chat.labels.all()) == [label]
    assert answerer.post(f"/chats/{chat.pk}/label", {"name": "x" * 41}, headers=htmx).status_code == 422
    answerer.post(f"/chats/{chat.pk}/label", {"label": label.pk, "on": "0"})
    answerer.post(f"/chats/{chat.pk}/label", {"label": label.pk, "on": "1"})
    kinds = list(Activity.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["labelled", "unlabelled", "labelled"]
    # Managed by who manages: another name and colour, deleted and back with all that it was on.
    assert answerer.get("/account/labels/").status_code == 403
    Label.objects.create(name="VIP")
    taken = inbox.browser.post(f"/account/labels/{label.pk}/change", {"name": "vip", "colour": "rose"})
    assert taken.status_code == 422 and 'value="vip"' in taken.content.decode()
    inbox.browser.post(f"/account/labels/{label.pk}/change", {"name": "Late", "colour": "rose"})
    assert inbox.browser.post("/account/labels/", {"name": "late"}).status_code == 422
    page = inbox.browser.post(f"/account/labels/{label.pk}/delete", follow=True).content.decode()
    assert f"/account/labels/{label.pk}/restore" in page and not chat.labels.exists()
    assert (
        "Late" not in inbox.browser.get(f"/chats/{chat.pk}/").content.decode().partition('id="chat-list"')[2]
    )
    inbox.browser.post(f"/account/labels/{label.pk}/restore")
    assert [(one.name, one.colour) for one in chat.labels.all()] == [("Late", "rose")]
    inbox.browser.post(f"/account/labels/{label.pk}/delete")
    inbox.browser.post("/account/labels/", {"name": "LATE"})
    refused = inbox.browser.post(f"/account/labels/{label.pk}/restore", follow=True).content.decode()
    assert "rename it first" in refused and Label.objects.filter(name="LATE").exists()


def test_several_chats_at_once_and_the_way_back(inbox: Inbox, member_of: Any, client_for: Any) -> None:
    bea, label = member_of(inbox.tenant, "agent"), Label.objects.create(name="Late")
    one, two = inbox.chat("one", unread_count=3), inbox.chat("two", handler="person", assigned_to=bea)
    one.labels.add(label)
    question = Message.objects.create(
        conversation=one, direction="in", author_kind="contact", body="Quanto?", status="received"
    )

    def state() -> list[Any]:
        fields = ("status", "handler", "assigned_to", "unread_count", "labels")
        return list(Conversation.objects.order_by("pk").values_list(*fields))

    before = state()
    for verb, changed in (
        (f"label:{label.pk}", [two]),
        (f"unlabel:{label.pk}", [one]),
        ("read", [one]),
        ("unread", [two]),
        (f"assign:{inbox.user.pk}", [one, two]),
        ("close", [one, two]),
    ):
        said = inbox.tidy(verb, one, two)
        assert said.status_code == 200 and "Undo" in said.content.decode(), verb
        assert Tidying.objects.latest("pk").record["chats"] == [chat.pk for chat in changed], verb
        assert state() != before, verb
        assert inbox.undo().status_code == 302
        assert state() == before, verb
    question.refresh_from_db()
    one.refresh_from_db()
    assert question.outcome == "" and one.reply_due_at is not None  # the assistant answers it after all
    # Only once, only who did it, and only what is still as it was left.
    stranger = client_for(inbox.tenant, bea)
    inbox.tidy("close", one)
    done = Tidying.objects.latest("pk")
    assert stranger.post(f"/chats/tidied/{done.pk}/undo").status_code == 404
    Conversation.objects.filter(pk=one.pk).update(status="open", unread_count=9)
    inbox.undo()
    one.refresh_from_db()
    assert one.unread_count == 9
    again = inbox.browser.post(f"/chats/tidied/{done.pk}/undo", follow=True)
    assert "too late" in again.content.decode()
    assert inbox.tidy("close").status_code == 204 and inbox.tidy("burn", one).status_code == 204
    viewer = client_for(inbox.tenant, member_of(inbox.tenant, "viewer"))
    assert inbox.tidy("close", one, by=viewer).status_code == 403
    assert 'name="chat"' not in viewer.get("/chats/").content.decode()
