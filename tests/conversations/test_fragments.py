"""A fragment is the same words as that part of the full page: nothing appears twice in two ways."""

import re

import pytest
from django.utils import timezone

from agents.models import Agent
from conversations.models import Channel, Contact, Conversation, Message, Turn, TurnPassage

pytestmark = pytest.mark.django_db
TOKEN = re.compile(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>')


@pytest.fixture
def browser(alpha, member_of, client_for):
    return client_for(alpha, member_of(alpha))


@pytest.fixture
def chat(in_alpha):
    """A question, a cited answer, one that failed, and an answer in the making."""
    agent, now = Agent.objects.get(), timezone.now()
    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=agent)
    contact = Contact.objects.create(name="Ana <b>Souza</b>", note="Mornings")
    chat = Conversation.objects.create(
        contact=contact,
        channel=channel,
        address="1@c.us",
        last_message_at=now,
        last_message_text="Oi",
        unread_count=2,
    )
    turn = Turn.objects.create(conversation=chat, agent_version=agent.published, status="done", credits=3)
    TurnPassage.objects.create(
        turn=turn,
        document_title="Rules",
        page=3,
        text="Cats are welcome.",
        quote="Cats",
        score=0.9,
        rank=1,
        cited=True,
    )
    common = {"conversation": chat, "direction": "out", "author_kind": "agent"}
    Message.objects.create(
        conversation=chat, direction="in", author_kind="contact", body="Cats?", status="received"
    )
    Message.objects.create(**common, turn=turn, body="Yes.", source_line="Rules, page 3", status="read")
    Message.objects.create(**common, body="More.", status="failed", error="no such number")
    Turn.objects.create(conversation=chat, status="running")
    return chat


def words(response):
    """The markup without what is new at each request, and without differences of blank space."""
    assert response.status_code == 200
    return re.sub(r"\s+", " ", TOKEN.sub("", response.content.decode())).strip()


class TestFragments:
    @pytest.mark.parametrize("part", ["thread", "person"])
    def test_parts_of_a_chat(self, browser, chat, part):
        fragment = words(browser.get(f"/chats/{chat.pk}/{part}"))
        assert len(fragment) > 200
        assert fragment in words(browser.get(f"/chats/{chat.pk}/"))

    @pytest.mark.parametrize("kind", ["all", "waiting", "mine", "closed"])
    def test_the_list(self, browser, chat, kind):
        assert words(browser.get(f"/chats/list?filter={kind}")) in words(
            browser.get(f"/chats/?filter={kind}")
        )

    def test_the_list_beside_an_open_chat(self, browser, chat):
        page = words(browser.get(f"/chats/{chat.pk}/"))
        assert words(browser.get(f"/chats/list?filter=all&open={chat.pk}")) in page

    def test_the_test_chat(self, browser, in_alpha):
        fragment = words(browser.get("/assistant/try/thread"))
        assert fragment in words(browser.get("/assistant/try/"))
        assert fragment in words(browser.get("/welcome/"))

    def test_the_customer(self, browser, chat):
        about = words(browser.get(f"/customers/{chat.contact_id}/part?of=about"))
        assert "Mornings" in about
        for path in (f"/customers/{chat.contact_id}/", f"/chats/{chat.pk}/", f"/chats/{chat.pk}/person"):
            assert about in words(browser.get(path))

    def test_the_reason_for_an_answer(self, browser, chat):
        message = chat.messages.exclude(turn=None).get()
        page = words(browser.get(f"/messages/{message.pk}/why"))
        assert "Rules" in page and "page 3" in page and "Cats" in page

    def test_a_name_is_never_markup(self, browser, chat):
        for path in ("/chats/", f"/chats/{chat.pk}/", "/customers/", f"/customers/{chat.contact_id}/"):
            assert "<b>Souza" not in words(browser.get(path))
