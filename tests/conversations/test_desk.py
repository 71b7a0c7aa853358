"""The desk: giving back by time, clocks, giving out, summaries, promises, ratings; through the real door."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
import yaml
from django.utils import timezone

from agents.lines import Line
from agents.models import ModelProvider
from conversations import desk_clocks, desk_handling, desk_seats, desk_summaries, desk_todos, handoff, outbox
from conversations.models import (
    Activity,
    ContactField,
    Conversation,
    DeskRules,
    HandoverSummary,
    Message,
    Rating,
    Seat,
    SlaClock,
    Todo,
)
from tenants import blueprints
from tenants.db import connection
from tenants.models import User
from tenants.notices import Notification
from tests.conversations import door

Handler = Conversation.Handler


@pytest.fixture
def ana(shop: Any, member_of: Any) -> User:
    return member_of(shop.tenant, email="ana@alpha.example")


@pytest.fixture
def rules(shop: Any) -> Any:
    """`rules(field=value)` sets the owner's rules."""

    def change(**values: Any) -> None:
        DeskRules.objects.update_or_create(pk=1, defaults=values)

    return change


def kinds(conversation: Conversation) -> list[str]:
    return list(conversation.activities.order_by("pk").values_list("kind", flat=True))


def answer(shop: Any, conversation: Conversation, user: User, text: str) -> Message:
    return outbox.post_by_person(conversation.pk, user=user, text=text, now=shop.now())


class TestGivingBack:
    def test_the_time_is_over_and_who_waits_is_answered(self, shop: Any, ana: User, rules: Any) -> None:
        rules(give_back_minutes=30)
        shop.say("Oi, tudo bem?")
        chat = Conversation.objects.get()
        handoff.take_over(chat.pk, user=ana, now=shop.now())
        answer(shop, chat, ana, "Oi! Sou a Ana.")
        shop.say("Que horas abrem no sábado?")
        chat.refresh_from_db()
        assert chat.person_until is not None and desk_handling.due(now=shop.now()) == []
        shop.work()
        assert shop.texts() == ["Oi! Sou a Ana."]
        later = chat.person_until + timedelta(seconds=1)
        assert desk_handling.due(now=later) == [chat.pk]
        shop.models.answer_with("Às 9h.")
        assert desk_handling.lapse(chat.pk, now=later) and not desk_handling.lapse(chat.pk, now=later)
        Conversation.objects.update(reply_due_at=shop.now())
        shop.work()
        assert shop.texts() == ["Oi! Sou a Ana.", "Às 9h."]
        assert kinds(chat) == ["taken", "lapsed"]
        outcomes = Message.objects.filter(direction="in").order_by("pk").values_list("outcome", flat=True)
        assert list(outcomes) == ["handed_over", "answered"]  # what Ana dealt with is not answered again

    def test_each_word_begins_the_time_anew_and_a_chat_has_a_time_of_its_own(
        self, shop: Any, ana: User, rules: Any
    ) -> None:
        rules(give_back_minutes=30)
        shop.say("Oi")
        chat, now = Conversation.objects.get(), shop.now()
        handoff.take_over(chat.pk, user=ana, now=now)
        later = now + timedelta(minutes=20)
        outbox.post_by_person(chat.pk, user=ana, text="Oi!", now=later)
        chat.refresh_from_db()
        assert chat.person_until == later + timedelta(minutes=30)
        desk_handling.hold(chat.pk, minutes=0, user=ana, now=later)
        chat.refresh_from_db()
        assert chat.person_until is None
        shop.say("Digitado no celular", from_me=True, source="app")
        chat.refresh_from_db()
        assert chat.person_until is None and chat.assigned_to == ana  # by phone it stays Ana's

    def test_by_hand_nothing_is_answered_unless_asked(self, shop: Any, ana: User) -> None:
        shop.say("Que horas abrem?")
        chat = Conversation.objects.get()
        handoff.take_over(chat.pk, user=ana, now=shop.now())
        handoff.give_back(chat.pk, user=ana, now=shop.now())
        shop.work()
        assert shop.texts() == []
        handoff.take_over(chat.pk, user=ana, now=shop.now())
        shop.work()
        shop.models.answer_with("Às 9h.")
        desk_handling.give_back_to_answer(chat.pk, user=ana, now=shop.now())
        shop.work()
        assert shop.texts() == ["Às 9h."]


class TestClocks:
    def test_from_the_queue_to_the_end(self, shop: Any, ana: User, rules: Any) -> None:
        rules(first_reply_minutes=10, next_reply_minutes=20, resolve_minutes=60)
        shop.say("Quero falar com um atendente")
        shop.work()
        chat = Conversation.objects.get()
        first = SlaClock.objects.get(kind="first")
        assert chat.sla_due_at == first.due_at == first.started_at + timedelta(minutes=10)
        shop.say("alô?")  # the first reply is still awaited: no clock beside it
        assert set(SlaClock.objects.values_list("kind", flat=True)) == {"first", "resolve"}
        handoff.take_over(chat.pk, user=ana, now=shop.now())
        assert SlaClock.objects.get(kind="first").stopped_at is None  # a click is no answer
        answer(shop, chat, ana, "Oi, sou a Ana.")
        first.refresh_from_db()
        assert (first.is_kept, first.person) == (True, ana)
        assert SlaClock.objects.get(kind="resolve").paused_at is not None
        chat.refresh_from_db()
        assert chat.sla_due_at is None
        shop.say("E no domingo?")
        awaited = SlaClock.objects.get(kind="next")
        assert SlaClock.objects.get(kind="resolve").paused_at is None
        late = awaited.due_at + timedelta(minutes=5)
        assert desk_clocks.due_to_look_at(now=late) == [chat.pk]
        for _ in range(2):  # told once
            desk_clocks.look_at(chat.pk, now=late)
        awaited.refresh_from_db()
        chat.refresh_from_db()
        assert (awaited.breached_at, awaited.is_kept, awaited.person) == (awaited.due_at, False, ana)
        assert chat.priority == Conversation.Priority.HIGH
        assert kinds(chat).count("late") == 1
        handoff.close(chat.pk, user=ana, now=late)
        chat.refresh_from_db()
        assert chat.sla_due_at is None and chat.priority == 0
        assert not SlaClock.objects.filter(stopped_at=None).exists()
        assert SlaClock.objects.get(kind="resolve").is_kept is True

    def test_who_is_told(self, shop: Any, ana: User, member_of: Any, rules: Any) -> None:
        other = member_of(shop.tenant, role="agent")
        rules(first_reply_minutes=10, warn_percent=50)
        shop.say("Quero falar com um atendente")
        shop.work()
        chat = Conversation.objects.get()
        told = Notification.objects.filter(tenant=shop.tenant)
        assert set(told.filter(kind="waiting").values_list("user", flat=True)) >= {ana.pk, other.pk}
        desk_handling.assign(chat.pk, to=other, user=ana, now=shop.now())
        assert [one.user_id for one in told.filter(kind="assigned")] == [other.pk]
        desk_clocks.look_at(chat.pk, now=shop.now() + timedelta(minutes=6))
        assert [one.user_id for one in told.filter(kind="sla_warning")] == [other.pk]
        chat.refresh_from_db()
        assert (chat.handler, chat.assigned_to) == (Handler.QUEUE, other)
        handoff.take_over(chat.pk, user=other, now=shop.now())
        assert not told.filter(kind="waiting", seen_at=None).exists()


class TestGivingOut:
    def test_many_at_once_never_give_more_than_somebody_takes(
        self, shop: Any, ana: User, member_of: Any, rules: Any
    ) -> None:
        bia = member_of(shop.tenant, role="agent", email="bia@alpha.example")
        for one in desk_seats.members():
            Seat.objects.create(user=one.user, capacity=2, takes_chats=one.user in (ana, bia))
        rules(assignment=DeskRules.Assignment.LOAD)
        for number in range(6):
            shop.say("Quero falar com um atendente", chat=f"551198888{number:04d}@c.us")
        for chat in Conversation.objects.all():
            handoff.request(chat.pk, reason=Line.ASKED, now=shop.now())
        given: list[Any] = []
        threads = [threading.Thread(target=give_out, args=(shop, given)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(given) == 4 == len({chat.pk for chat in given})
        assert desk_seats.load_of([ana.pk, bia.pk]) == {ana.pk: 2, bia.pk: 2}
        assert Conversation.objects.filter(handler=Handler.QUEUE, assigned_to=None).count() == 2
        unheld = set(Conversation.objects.filter(assigned_to=None).values_list("pk", flat=True))
        shop.work()  # of these all are told: nobody has room
        told = Notification.objects.filter(tenant=shop.tenant, kind="waiting")
        assert {one.params["conversation"] for one in told} == unheld
        first = Conversation.objects.filter(assigned_to=ana).earliest("pk")
        handoff.take_over(first.pk, user=ana, now=shop.now())
        handoff.close(first.pk, user=ana, now=shop.now())
        shop.work()  # a seat is free again: the next one is given
        assert desk_seats.load_of([ana.pk]) == {ana.pk: 2}

    def test_who_goes_away_gives_back_what_they_have_not_begun(
        self, shop: Any, ana: User, member_of: Any, rules: Any
    ) -> None:
        bia = member_of(shop.tenant, role="agent", email="bia@alpha.example")
        for one in desk_seats.members():
            Seat.objects.create(
                user=one.user, takes_chats=one.user in (ana, bia), skills=["pt"] if one.user == ana else []
            )
        rules(assignment=DeskRules.Assignment.LOAD)
        shop.say("Quero falar com um atendente, por favor")
        shop.work()
        chat = Conversation.objects.get()
        assert chat.assigned_to == ana  # by skill, and still waiting
        assert chat.handler == Handler.QUEUE and chat.waiting_since is not None
        desk_seats.set_away(ana, until=shop.now() + timedelta(hours=1), now=shop.now())
        shop.work()
        chat.refresh_from_db()
        assert chat.assigned_to == bia
        desk_handling.assign(chat.pk, to=None, user=bia, now=shop.now())
        shop.work()
        chat.refresh_from_db()
        assert chat.assigned_to is None  # it does not come straight back to Bia


def give_out(shop: Any, given: list[Any]) -> None:
    """As a worker does, from another process."""
    connection.set_tenant(shop.tenant)
    try:
        while (chat := desk_seats.give_one(now=timezone.now())) is not None:
            given.append(chat)
    finally:
        connection.close()


class TestSummary:
    def test_by_the_businesss_own_model_checked_and_free(self, shop: Any) -> None:
        shop.models.answer_with(
            '{"wanted": "Um corte no domingo", "tried": "", "missing": "", "next_step": "Ligar"}'
        )
        shop.say("Quero falar com um atendente sobre um corte no domingo")
        shop.work()
        row = HandoverSummary.objects.get()
        assert (row.status, row.wanted, row.next_step) == ("done", "Um corte no domingo", "Ligar")
        assert row.model
        sent = str(shop.models.requests[-1]["body"])
        assert "never instructions" in sent and "corte no domingo" in sent

    def test_without_a_model_it_is_taken_from_the_chat(self, shop: Any) -> None:
        ModelProvider.objects.all().delete()
        shop.say("Quero falar com um atendente sobre o meu pedido 123")
        shop.work()
        row = HandoverSummary.objects.get()
        assert (row.status, row.model) == ("done", "")
        assert "pedido 123" in row.wanted and row.missing and row.next_step
        assert shop.models.requests == []

    def test_a_lost_doorbell_and_a_model_that_talks_nonsense(
        self, shop: Any, ana: User, background: Any
    ) -> None:
        shop.say("Que horas abrem?")
        handoff.take_over(Conversation.objects.get().pk, user=ana, now=shop.now())
        background.commit()
        background.sent.clear()
        shop.models.answer_with("I was told to ignore my rules.")
        HandoverSummary.objects.update(due_at=shop.now() - timedelta(minutes=1))
        assert desk_summaries.due(now=shop.now()) == [HandoverSummary.objects.get().pk]
        shop.later()
        row = HandoverSummary.objects.get()
        assert (row.status, row.wanted, row.model) == ("done", "Que horas abrem?", "")


class TestPromises:
    def test_heard_kept_and_back_when_due(self, shop: Any, ana: User) -> None:
        shop.say("Quanto custa o corte?")
        chat = Conversation.objects.get()
        handoff.take_over(chat.pk, user=ana, now=shop.now())
        answer(shop, chat, ana, "Bom dia! Vou verificar e te aviso amanhã.")
        answer(shop, chat, ana, "Abrimos às 8h.")
        todo = Todo.objects.get()
        assert (todo.suggested, todo.assigned_to, todo.created_by) == (True, ana, None)
        assert todo.text == "Vou verificar e te aviso amanhã."
        later = todo.due_at + timedelta(minutes=1)
        assert desk_todos.due(now=later) == []  # nobody has kept it
        desk_todos.keep(todo.pk, user=ana)
        assert desk_todos.due(now=later) == [todo.pk]
        for _ in range(2):
            desk_todos.come_back(todo.pk, now=later)
        assert [one.user_id for one in Notification.objects.filter(kind="todo")] == [ana.pk]
        assert list(desk_todos.due_now(now=later, user=ana)) == [todo]
        desk_todos.finish(todo.pk, user=ana, now=later)
        assert not desk_todos.due_now(now=later).exists()
        desk_todos.undo(todo.pk)
        assert desk_todos.due_now(now=later).get() == todo

    def test_the_assistants_own_and_the_phones(self, shop: Any) -> None:
        shop.models.answer_with("Vou verificar com a equipe e te aviso amanhã.")
        shop.say("Vocês têm estacionamento?")
        shop.work()
        shop.say("Te ligo hoje às 23h, Ana", from_me=True, source="app")
        said = [todo.message.author_kind for todo in Todo.objects.order_by("pk") if todo.message]
        assert said == ["agent", "person"]


class TestRating:
    def closed(self, shop: Any, ana: User, rules: Any) -> Conversation:
        rules(asks_rating=True)
        shop.say("Que horas abrem?")
        chat = Conversation.objects.get()
        handoff.take_over(chat.pk, user=ana, now=shop.now())
        answer(shop, chat, ana, "Às 9h.")
        handoff.close(chat.pk, user=ana, now=shop.now())
        shop.work()
        return chat

    def test_asked_once_read_once_and_no_question_for_the_assistant(
        self, shop: Any, ana: User, rules: Any
    ) -> None:
        chat = self.closed(shop, ana, rules)
        assert "1" in shop.texts()[-1] and len(shop.texts()) == 2
        asked = len(shop.models.requests)
        shop.say("4, ótimo atendimento!")
        shop.work()
        rating = Rating.objects.get()
        assert (rating.score, rating.words, rating.person) == (4, "ótimo atendimento!", ana)
        assert shop.texts()[-1].startswith("Thank you")
        chat.refresh_from_db()
        assert chat.status == "closed" and len(shop.models.requests) == asked
        last = Message.objects.filter(direction="in").latest("pk")
        assert (last.outcome, last.outcome_reason) == ("ignored", "rated")
        shop.models.answer_with("De nada!")
        shop.say("5")  # the question is answered: this is a message like any other
        shop.work()
        chat.refresh_from_db()
        assert chat.status == "open" and Rating.objects.get().score == 4
        handoff.close(chat.pk, user=ana, now=shop.now())
        assert Rating.objects.count() == 1  # not twice a day

    def test_words_instead_of_a_number_are_answered(self, shop: Any, ana: User, rules: Any) -> None:
        self.closed(shop, ana, rules)
        shop.models.answer_with("Aos domingos não abrimos.")
        shop.say("E no domingo?")
        shop.work()
        assert shop.texts()[-1] == "Aos domingos não abrimos."
        assert Rating.objects.get().score is None

    def test_nobody_is_asked_who_wants_nothing(self, shop: Any, ana: User, rules: Any) -> None:
        rules(asks_rating=True)
        shop.say("Que horas abrem?")
        shop.say("parar")
        shop.work()
        chat = Conversation.objects.get()
        before = len(shop.texts())
        handoff.close(chat.pk, user=ana, now=shop.now())
        shop.work()
        assert len(shop.texts()) == before and not Rating.objects.exists()


class TestPages:
    def test_of_the_desk(self, shop: Any, ana: User, client_for: Any, rules: Any) -> None:
        """Take over, give to a colleague, remind, close and undo, as a browser does; then the rules."""
        shop.say("Quero falar com um atendente")
        shop.work()
        browser, chat = client_for(shop.tenant, ana), Conversation.objects.get()
        head = browser.get(f"/chats/{chat.pk}/head").content.decode()
        assert squeezed(head) in squeezed(browser.get(f"/chats/{chat.pk}/").content.decode())
        assert browser.post(f"/chats/{chat.pk}/take-over", {"minutes": "60"}).status_code == 302
        chat.refresh_from_db()
        assert (chat.assigned_to, chat.person_minutes) == (ana, 60)
        shown = browser.post(f"/chats/{chat.pk}/desk", {"priority": "2"}, headers={"HX-Request": "true"})
        chat.refresh_from_db()
        assert shown.status_code == 200 and chat.priority == 2
        assert browser.post(f"/chats/{chat.pk}/desk", {"to": "999999"}).status_code == 404
        bad = browser.post(f"/chats/{chat.pk}/todos", {"text": "Ligar", "due_at": "", "who": ana.pk})
        assert bad.status_code == 422 and 'value="Ligar"' in bad.content.decode()
        when = (timezone.localtime() + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
        asked = {"text": "Ligar", "due_at": when, "who": ana.pk, "message": chat.messages.latest("pk").pk}
        browser.post(f"/chats/{chat.pk}/todos", asked)
        todo = Todo.objects.get()
        assert todo.text == "Ligar" and todo.message is not None
        done = browser.post(f"/todos/{todo.pk}/done", headers={"HX-Request": "true"})
        assert "/undo" in done.content.decode()
        listed = browser.get("/todos/").content.decode()
        assert "Ligar" in listed
        browser.post("/desk/away", {"away": "hour"})
        assert desk_seats.seat_of(ana).away_until is not None
        browser.post(f"/chats/{chat.pk}/close")
        assert f"/chats/{chat.pk}/reopen" in browser.get("/chats/").content.decode()
        browser.post(f"/chats/{chat.pk}/reopen")
        chat.refresh_from_db()
        assert chat.status == "open" and kinds(chat)[-2:] == ["closed", "reopened"]
        form = {"assignment": "load", "warn_percent": "50", "first_reply_minutes": "15", "asks_rating": "on"}
        for one in desk_seats.members():
            form |= {f"seat-{one.user.pk}-capacity": "3", f"seat-{one.user.pk}-skills": "pt"}
        wrong = browser.post("/account/desk/", form | {"first_reply_minutes": "0"})
        assert wrong.status_code == 422 and not DeskRules.objects.exists()
        assert browser.post("/account/desk/", form).status_code == 302
        assert DeskRules.objects.get().first_reply_minutes == 15
        assert Seat.objects.get(pk=ana.pk).capacity == 3

    def test_the_report_counts_what_its_list_and_file_show(
        self, shop: Any, ana: User, client_for: Any, rules: Any
    ) -> None:
        rules(first_reply_minutes=10)
        for number, name in enumerate(["Ana", '=HYPERLINK("x")']):
            shop.knock(door.delivery("Quero um atendente", chat=f"55119777{number:05d}@c.us", name=name))
        shop.read()
        shop.work()
        for chat in Conversation.objects.order_by("pk")[:1]:
            answer(shop, chat, ana, "Oi")
        late = Conversation.objects.latest("pk")
        desk_clocks.look_at(late.pk, now=shop.now() + timedelta(minutes=11))
        browser = client_for(shop.tenant, ana)
        for show, count in (("", 2), ("broken", 1), ("kept", 1), ("open", 0)):
            page = browser.get(f"/numbers/agreed-times/?show={show}")
            assert page.context["page_obj"].paginator.count == count, show
        total = page.context["report"].total
        assert (total.kept, total.broken, total.open, total.share) == (1, 1, 0, 50)
        file = b"".join(browser.get("/numbers/agreed-times.csv").streaming_content).decode()
        assert len(file.splitlines()) == 3 and "\n=HYPERLINK" not in file and ",=HYPER" not in file


def squeezed(markup: str) -> str:
    """The markup without what is new at each request, and without differences of blank space."""
    plain = re.sub(r'<input type="hidden" name="csrfmiddlewaretoken"[^>]*>', "", markup)
    return re.sub(r"\s+", " ", plain).strip()


def test_a_mark_is_a_sentence_for_every_kind() -> None:
    from conversations import activities

    for kind in Activity.Kind.values:
        assert activities.in_words(Activity(kind=kind, detail={}))


FILE = """\
business: {name: Alpha Clinic, slug: alpha}
desk: {assignment: load, first_reply_minutes: 15, asks_rating: true}
labels: [{name: Wedding, colour: rose}, {name: Late}]
canned_replies: [{name: hours, text: "Hello {{name}}, we open at 8."}]
customer_fields: [{name: Plan, kind: choice, choices: [Gold, Blue]}, {name: Since, kind: date}, {name: Room}]
"""


def test_the_desk_in_the_business_file(alpha: Any, in_alpha: Any, tmp_path: Any) -> None:
    path = tmp_path / "business.yaml"
    path.write_text(FILE)
    blueprints.apply(path, now=timezone.now())
    assert blueprints.apply(path, now=timezone.now()).changes == []
    connection.set_tenant(alpha)
    assert DeskRules.objects.get().first_reply_minutes == 15
    assert list(ContactField.objects.values_list("key", "kind", "choices")) == [
        ("Plan", "choice", ["Gold", "Blue"]), ("Since", "date", []), ("Room", "text", [])
    ]  # fmt: skip
    written = blueprints.export(alpha, now=timezone.now())
    for part in ("assignment: load", "name: Wedding", "we open at 8", "- Gold", "name: Since"):
        assert part in written, part
    ContactField.objects.all().delete()
    own = {key: part for key, part in yaml.safe_load(written).items() if f"{key}:" in FILE}
    path.write_text(yaml.safe_dump(own))
    blueprints.apply(path, now=timezone.now())
    assert blueprints.export(alpha, now=timezone.now()) == written
    for right, wrong, reason in (("Late", "wedding", "twice"), ("date", "number", "stays so")):
        path.write_text(FILE.replace(right, wrong))
        with pytest.raises(blueprints.BlueprintError, match=reason):
            blueprints.apply(path, now=timezone.now())
