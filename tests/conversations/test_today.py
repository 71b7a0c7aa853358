"""Today's decisions are finished where they stand, and taken back; its numbers open what they count."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents.models import Agent
from conversations import outbox
from conversations.models import Channel, Contact, Conversation, Message, Todo, Turn, Unanswered
from knowledge.models import Gap, PinnedAnswer
from tenants.models import User

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner(in_alpha: Any, member_of: Any) -> User:
    user = member_of(in_alpha)
    User.objects.filter(pk=user.pk).update(language="en")
    return user


@pytest.fixture
def page(in_alpha: Any, owner: User, client_for: Any) -> Client:
    return client_for(in_alpha, owner)


@pytest.fixture
def chat(in_alpha: Any) -> Conversation:
    """Ana waits for a person since ten minutes."""
    channel = Channel.objects.create(kind="waha", name="WhatsApp", agent=Agent.objects.get())
    contact = Contact.objects.create(name="Ana Souza", language="en")
    return Conversation.objects.create(
        contact=contact, channel=channel, address="1@c.us", handler="queue", language="en",
        waiting_since=timezone.now() - timedelta(minutes=10), handoff_reason="asked",
        last_message_text="Is anybody there?",
    )  # fmt: skip


@pytest.fixture
def gap(chat: Conversation) -> Gap:
    now = timezone.now()
    turn = Turn.objects.create(conversation=chat, agent_version=chat.channel.agent.published, status="done")
    gap = Gap.objects.create(
        question="Do you take cats?", language="en", draft="Yes, on Mondays.", drafted_at=now,
        created_at=now, asked_at=now,
    )  # fmt: skip
    Unanswered.objects.create(turn=turn, contact=chat.contact, question=gap.question, gap=gap)
    return gap


def undo_of(html: str) -> str:
    found = re.search(r'action="(/today/undo\?word=[^"]+)"', html)
    assert found, "nothing to take back"
    return found[1]


class TestAGap:
    def test_is_approved_in_other_words_and_taken_back(self, page: Client, gap: Gap) -> None:
        shown = page.get("/").content.decode()
        assert "Do you take cats?" in shown and "Yes, on Mondays." in shown
        given = {"text": "Yes, every day.", "language": "en"}
        done = page.post(f"/today/gaps/{gap.pk}/approve", given, headers=HTMX).content.decode()
        assert PinnedAnswer.objects.get().text == "Yes, every day."
        assert f'id="decision-gap-{gap.pk}"' not in done
        back = page.post(undo_of(done), headers=HTMX).content.decode()
        assert "Taken back." in back and f'id="decision-gap-{gap.pk}"' in back
        assert not PinnedAnswer.objects.exists() and Gap.objects.get().status == "open"
        again = page.post(undo_of(done), headers=HTMX).content.decode()
        assert "cannot be taken back" in again

    def test_of_a_question_that_was_settled_gets_its_former_words_back(self, page: Client, gap: Gap) -> None:
        given = {"text": "First.", "language": "en"}
        page.post(f"/today/gaps/{gap.pk}/approve", given, headers=HTMX)
        Gap.objects.update(status="open")
        done = page.post(f"/today/gaps/{gap.pk}/approve", given | {"text": "Second."}, headers=HTMX)
        assert PinnedAnswer.objects.get().text == "Second."
        page.post(undo_of(done.content.decode()), headers=HTMX)
        assert PinnedAnswer.objects.get().text == "First." and Gap.objects.get().status == "open"

    def test_empty_words_are_refused_beside_the_box_and_nothing_is_lost(self, page: Client, gap: Gap) -> None:
        answer = page.post(f"/today/gaps/{gap.pk}/approve", {"text": "x" * 4001, "language": "en"})
        words = answer.content.decode()
        assert answer.status_code == 422 and "at most 4,000 characters" in words and "x" * 4001 in words
        assert not PinnedAnswer.objects.exists()

    def test_is_dismissed_and_comes_back(self, page: Client, gap: Gap) -> None:
        done = page.post(f"/today/gaps/{gap.pk}/dismiss", follow=True).content.decode()  # without script
        assert Gap.objects.get().status == "dismissed"
        page.post(undo_of(done))
        assert Gap.objects.get().status == "open"

    def test_an_agent_neither_sees_nor_settles_it(
        self, in_alpha: Any, gap: Gap, member_of: Any, client_for: Any
    ) -> None:
        agent = client_for(in_alpha, member_of(in_alpha, "agent"))
        assert "Do you take cats?" not in agent.get("/").content.decode()
        assert agent.post(f"/today/gaps/{gap.pk}/approve", {"text": "No."}).status_code == 403


class TestWhoWaits:
    def test_is_answered_in_place_once_a_form(self, page: Client, chat: Conversation, owner: User) -> None:
        shown = page.get("/").content.decode()
        assert "Ana Souza is waiting for a person" in shown and "Is anybody there?" in shown
        form = {"text": "Here I am.", "key": "k1"}
        for _twice in range(2):
            said = page.post(f"/today/chats/{chat.pk}/reply", form, headers=HTMX).content.decode()
        assert "Sent to Ana Souza" in said and f'id="decision-waiting-{chat.pk}"' not in said
        assert [one.body for one in Message.objects.filter(direction="out")] == ["Here I am."]
        chat.refresh_from_db()
        assert (chat.handler, chat.assigned_to_id) == ("person", owner.pk)

    def test_is_taken_over_and_put_back_where_they_stood(self, page: Client, chat: Conversation) -> None:
        done = page.post(f"/today/chats/{chat.pk}/take", headers=HTMX).content.decode()
        assert Conversation.objects.get().handler == "person"
        page.post(undo_of(done), headers=HTMX)
        after = Conversation.objects.get()
        assert (after.handler, after.assigned_to, after.waiting_since) == ("queue", None, chat.waiting_since)
        assert after.handoff_reason == "asked"

    def test_what_was_answered_meanwhile_is_not_put_back(self, page: Client, chat: Conversation) -> None:
        done = page.post(f"/today/chats/{chat.pk}/take", headers=HTMX).content.decode()
        outbox.post(Conversation.objects.get(), "Hello", now=timezone.now(), author="person", ring=False)
        assert "cannot be taken back" in page.post(undo_of(done), headers=HTMX).content.decode()
        assert Conversation.objects.get().handler == "person"

    def test_a_colleague_was_faster_and_the_words_are_kept(
        self, page: Client, chat: Conversation, in_alpha: Any, member_of: Any
    ) -> None:
        other = member_of(in_alpha, "agent")
        Conversation.objects.update(handler="person", assigned_to=other, waiting_since=None)
        answer = page.post(f"/today/chats/{chat.pk}/reply", {"text": "Let me see", "key": "k"}, headers=HTMX)
        words = answer.content.decode()
        assert answer.status_code == 422 and "has this chat already" in words and "Let me see" in words
        assert not Message.objects.filter(direction="out").exists()


class TestTheRest:
    def test_a_lost_message_is_sent_again_or_counts_as_sent(
        self, page: Client, chat: Conversation, background: Any
    ) -> None:
        Conversation.objects.update(handler="agent", waiting_since=None)
        lost = outbox.post(chat, "Your table is booked", now=timezone.now(), ring=False)
        Message.objects.filter(pk=lost.pk).update(status="unknown", error="The gateway failed (500).")
        assert "was perhaps sent" in page.get("/").content.decode()
        done = page.post(f"/today/messages/{lost.pk}/arrived", headers=HTMX).content.decode()
        assert Message.objects.get(pk=lost.pk).status == "sent"
        page.post(undo_of(done), headers=HTMX)
        assert Message.objects.get(pk=lost.pk).status == "unknown"
        said = page.post(f"/today/messages/{lost.pk}/again", headers=HTMX).content.decode()
        assert "on its way again" in said and Message.objects.get(pk=lost.pk).status == "queued"
        assert page.post(f"/today/messages/{lost.pk}/again").status_code == 404

    def test_a_promise_that_is_due_is_done_and_open_again(
        self, page: Client, chat: Conversation, owner: User
    ) -> None:
        Conversation.objects.update(handler="agent", waiting_since=None)
        past = timezone.now() - timedelta(hours=1)
        todo = Todo.objects.create(conversation=chat, text="Call Ana back", due_at=past, assigned_to=owner)
        assert "Call Ana back" in page.get("/").content.decode()
        done = page.post(f"/today/todos/{todo.pk}/done", headers=HTMX).content.decode()
        assert Todo.objects.get().done_at
        assert "Call Ana back" in page.post(undo_of(done), headers=HTMX).content.decode()
        assert Todo.objects.get().done_at is None

    def test_each_channel_says_who_waits_longest_and_the_numbers_open_their_lists(
        self, page: Client, chat: Conversation
    ) -> None:
        context = page.get("/").context
        [row] = [row for row in context["channels"] if row.channel.pk == chat.channel_id]
        assert (row.waiting, row.oldest, row.unexplained) == (1, chat.waiting_since, 0)
        Message.objects.create(
            conversation=chat, direction="in", author_kind="contact", body="?", status="received",
            created_at=timezone.now() - timedelta(hours=1),
        )  # fmt: skip
        [row] = [one for one in page.get("/").context["channels"] if one.channel.pk == chat.channel_id]
        assert row.unexplained == 1
        for number in context["yesterday"]:
            assert page.get(number.url).status_code == 200

    def test_a_new_business_is_led_through_its_first_steps(self, page: Client, in_alpha: Any) -> None:
        first = page.get("/").context["steps"]
        assert [step.is_done for step in first][1:3] == [False, False]
        Channel.objects.create(
            kind="web", name="Site", agent=Agent.objects.get(), last_answered_at=timezone.now()
        )
        assert page.get("/").context["steps"] == []


def test_the_pages_of_account_say_who_works_on_data_and_keep_what_is_said(
    page: Client, chat: Conversation, in_alpha: Any, member_of: Any, client_for: Any
) -> None:
    words = page.get("/account/privacy/").content.decode()
    assert "WhatsApp" in words and "being remembered from one talk to the next" in words.lower()
    page.post("/account/privacy/", {"privacy_name": "Rita", "privacy_email": "rita@x.example"})
    wrong = page.post("/account/business/", {"name": "Alpha", "language": "fr", "timezone": "Moon/Base"})
    assert wrong.status_code == 422 and 'value="Moon/Base"' in wrong.content.decode()
    page.post("/account/business/", {"name": "Alpha", "language": "fr", "timezone": "Europe/Lisbon"})
    in_alpha.refresh_from_db()
    assert (in_alpha.privacy_name, in_alpha.language, in_alpha.timezone) == ("Rita", "fr", "Europe/Lisbon")
    viewer = client_for(in_alpha, member_of(in_alpha, "viewer"))
    assert "Rita" in viewer.get("/account/privacy/").content.decode()
    assert viewer.post("/account/privacy/", {"privacy_name": "Eve"}).status_code == 403
    assert viewer.get("/account/business/").status_code == 403
    assert "/account/business/" not in viewer.get("/account/privacy/").content.decode()
