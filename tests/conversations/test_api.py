"""The API for programs: by key, with rights, once, in problem details, and blind to other businesses."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing.models import CreditAccount, LedgerEntry
from conversations.models import Channel, Contact, Conversation, Message, Session, Turn
from tenants import idempotency
from tenants.api import SCOPES
from tenants.models import ApiKey, IdempotentRequest, Tenant
from tests.background import Background


class Program:
    """A program of a business, with a key of its own."""

    def __init__(self, tenant: Tenant, scopes: list[str] | None = None, **headers: str) -> None:
        self.key, secret = ApiKey.issue(tenant=tenant, name="program", scopes=scopes)
        self.client = Client(
            headers={"host": "localhost", "authorization": f"Bearer {secret}"} | headers,
            raise_request_exception=False,
        )

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query)

    def post(self, path: str, body: Any = None, *, key: str = "", **headers: str) -> Any:
        named = {"idempotency-key": key} if key else {}
        return self.client.post(
            f"/api/v1/{path}", json.dumps(body or {}), "application/json", headers=named | headers
        )

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1/{path}")


@pytest.fixture(autouse=True)
def _nobody_called_before() -> None:
    cache.clear()


@pytest.fixture
def program(shop) -> Program:
    """A program of alpha that may do everything."""
    return Program(shop.tenant)


@pytest.fixture
def stranger(shop, beta) -> Program:
    """A program of beta that may do everything there."""
    return Program(beta)


@pytest.fixture
def said(shop) -> Conversation:
    """A conversation of alpha in which a customer asked and was answered."""
    shop.models.answer_with("Abrimos às 8h.")
    shop.say("Que horas abrem?")
    shop.work()
    return Conversation.objects.get()


@contextmanager
def working(background: Background) -> Iterator[None]:
    """Somebody runs what is sent, as a worker does, while the test waits for an answer."""
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.005):
            while background.sent:
                sent = background.sent.pop(0)
                sent.task.apply(kwargs=sent.kwargs, headers=sent.headers, throw=True)
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()


def at_once(count: int, call: Callable[[], Any]) -> list[Any]:
    """The results of the same call from many threads that start together."""
    gate, results = threading.Barrier(count), []

    def run() -> None:
        gate.wait()
        try:
            results.append(call())
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def is_problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert (told["status"], told["type"]) == (status, f"urn:frontdesk:problem:{kind}")
    assert told["title"] and told["detail"]
    return told


class TestReading:
    def test_a_conversation_and_what_was_said(self, program, said):
        (listed,) = program.get("conversations").json()["results"]
        assert listed == program.get(f"conversations/{said.pk}").json()
        assert (listed["channel"]["kind"], listed["handler"]) == ("waha", "agent")
        answer, question = program.get(f"conversations/{said.pk}/messages").json()["results"]
        assert (question["text"], question["outcome"]) == ("Que horas abrem?", "answered")
        assert (answer["author"], answer["status"], answer["turn_id"]) == (
            "agent",
            "sent",
            Turn.objects.get().pk,
        )
        assert program.get(f"messages/{answer['id']}").json() == answer

    def test_pages_are_walked_by_cursor(self, shop, program):
        for number in range(5):
            shop.say("Oi", chat=f"55119{number:08d}@c.us")
        found, page = [], program.get("conversations", limit=2).json()
        while True:
            found += [one["id"] for one in page["results"]]
            if page["next"] is None:
                break
            page = program.client.get(page["next"]).json()
        assert found == sorted(Conversation.objects.values_list("pk", flat=True), reverse=True)

    def test_only_known_filters_are_taken(self, program, said):
        assert program.get("conversations", handler="person").json()["results"] == []
        assert program.get("conversations", handler="agent", status="open").json()["results"]
        assert program.get("conversations", contact=said.contact_id).json()["results"]
        later = (timezone.now() + timedelta(days=1)).isoformat()
        assert program.get("conversations", updated_after=later).json()["results"] == []
        assert program.get(f"conversations/{said.pk}/messages", direction="in").json()["results"][0]["text"]

    @pytest.mark.parametrize(
        "query",
        [
            {"order_by": "contact__name"},
            {"tenant": "beta"},
            {"handler": "x"},
            {"limit": "0"},
            {"limit": "201"},
            {"limit": "ä"},
            {"cursor": "made up"},
            {"cursor": "cD1hYmM="},
            {"cursor": "cj0xJnA9MjAyNi0wMS0wMQ=="},
            {"channel": "7"},
            {"contact": "1e400"},
            {"contact": "NaN"},
            {"updated_after": "0001-01-01T00:00:00+14:00"},
            {"updated_after": "9999-12-31T23:59:59-14:00"},
        ],
        ids=str,
    )
    def test_what_cannot_be_asked_is_told_by_its_parameter(self, program, query):
        told = is_problem(program.get("conversations", **query), 400, "validation")
        assert {error["parameter"] for error in told["errors"]} == set(query)

    def test_the_test_chat_is_no_customer(self, shop, program, member_of):
        from conversations import trial

        trial.ask("Oi", user=member_of(shop.tenant), now=timezone.now())
        assert program.get("conversations").json()["results"] == []
        assert program.get(f"messages/{Message.objects.get().pk}").status_code == 404


class TestSending:
    def test_to_a_conversation(self, shop, program, said):
        answer = program.post("messages", {"conversation_id": said.pk, "text": "Seu pedido saiu."})
        assert (answer.status_code, answer.json()["status"]) == (201, "queued")
        assert answer.headers["Location"].endswith(f"/api/v1/messages/{answer.json()['id']}")
        shop.work()
        assert shop.texts()[-1] == "Seu pedido saiu."
        sent = program.get(f"messages/{answer.json()['id']}").json()
        assert (sent["status"], sent["author"]) == ("sent", "program")
        said.refresh_from_db()
        assert said.handler == "agent"  # a notice does not silence the assistant

    def test_to_a_known_and_to_a_new_address(self, shop, program, said):
        for address in (said.address, "5511977776666@c.us"):
            body = {"channel_id": str(shop.channel.pk), "address": address, "text": "Olá"}
            assert program.post("messages", body).status_code == 201
        assert Conversation.objects.count() == 2
        shop.work()
        assert [chat for chat, text in shop.gateway.sent if text == "Olá"] == [
            said.address,
            "5511977776666@c.us",
        ]

    def test_a_number_is_asked_of_the_gateway(self, shop, program):
        body = {"channel_id": str(shop.channel.pk), "address": "+55 (11) 98888-7700", "text": "Olá"}
        answer = program.post("messages", body)
        assert answer.status_code == 201, answer.content
        # The gateway knows the chat by its own id: never one that was built from the digits.
        assert Conversation.objects.get().address == "551188887700@c.us"

    @pytest.mark.parametrize("address", ["120363@g.us", "hello", "status@broadcast", "12"])
    def test_what_is_no_address_is_refused(self, shop, program, address):
        body = {"channel_id": str(shop.channel.pk), "address": address, "text": "Olá"}
        is_problem(program.post("messages", body), 422, "address")
        assert not Conversation.objects.exists()

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({}, "#/text"),
            ({"text": ""}, "#/text"),
            ({"text": "x" * 4001, "conversation_id": 1}, "#/text"),
            ({"text": "a\x00b", "conversation_id": 1}, "#/text"),
            ({"text": "x"}, "#"),
            ({"text": "x", "conversation_id": 1, "channel_id": str(uuid.uuid4()), "address": "1"}, "#"),
            ({"text": "x", "conversation_id": 10**30}, "#/conversation_id"),
            ({"text": "x", "conversation_id": 999}, "#/conversation_id"),
            ({"text": "x", "channel_id": str(uuid.uuid4()), "address": "1"}, "#/channel_id"),
            ([], "#"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_told_by_its_pointer(self, program, body, pointer):
        answer = program.client.post("/api/v1/messages", json.dumps(body), "application/json")
        told = is_problem(answer, 400, "validation")
        assert told["errors"][0]["pointer"] == pointer
        assert not Message.objects.exists()


class TestChanges:
    def test_hand_over_give_back_close(self, shop, program, said):
        assert program.post(f"conversations/{said.pk}/hand-over").json()["handler"] == "queue"
        shop.work()
        assert len(shop.texts()) == 2  # the customer was told
        assert program.post(f"conversations/{said.pk}/give-back").json()["handler"] == "agent"
        assert program.post(f"conversations/{said.pk}/close").json()["status"] == "closed"


class TestOrchestrate:
    def test_answers_with_sources_and_cost(self, shop, program, background):
        shop.models.answer_with("Abrimos às 8h.")
        with working(background):
            told = program.post("orchestrate", {"text": "Que horas abrem?", "language": "pt"})
        assert told.status_code == 200, told.content
        answer, turn = told.json(), Turn.objects.get()
        assert (answer["answer"], answer["finished"], answer["handed_over"]) == (
            "Abrimos às 8h.",
            True,
            False,
        )
        assert (answer["turn_id"], answer["model"], answer["language"]) == (turn.pk, "m", "pt")
        assert answer["cost"]["credits"] == turn.credits > 0
        assert answer["cost"]["output_tokens"] == turn.output_tokens > 0
        assert -LedgerEntry.objects.get(kind="turn").amount == turn.credits
        assert Session.objects.get().pk == uuid.UUID(answer["session_id"])

    def test_remembers_within_a_session(self, shop, program, background):
        shop.models.answer_with("Sou a Lia.", "Lia.")
        with working(background):
            first = program.post("orchestrate", {"text": "Quem é você?"}).json()
            body = {"text": "Como é seu nome?", "session_id": first["session_id"]}
            second = program.post("orchestrate", body).json()
        assert second["answer"] == "Lia." and second["session_id"] == first["session_id"]
        assert "Sou a Lia." in json.dumps(shop.models.requests[-1], ensure_ascii=False, default=str)

    def test_cites_the_document(self, shop, program, background, monkeypatch):
        from knowledge import retrieval

        found = retrieval.Found(
            7, 3, "House rules", ("House", "Breakfast"), 2, "From 7 to 10.", 0.9, 1.0, 1.3
        )
        known = retrieval.Retrieved((found,), 2.0, True)
        monkeypatch.setattr(retrieval, "search", lambda **_: known)
        shop.models.answer_with("Breakfast is from 7 to 10 [1].")
        with working(background):
            told = program.post("orchestrate", {"text": "When is breakfast?", "language": "en"}).json()
        (cited,) = told["citations"]
        assert (cited["document"], cited["document_id"], cited["page"]) == ("House rules", 3, 2)
        assert cited["heading"] == "House › Breakfast" and told["supported"] is True

    def test_safety_is_first_and_needs_no_credits(self, shop, program, background):
        shop.spend_everything()
        with working(background):
            told = program.post("orchestrate", {"text": "Estou com dor no peito e falta de ar"}).json()
        assert told["handed_over"] and "192" in told["answer"]
        assert told["cost"]["credits"] == 0 and not shop.models.requests

    def test_without_credits_a_person_is_called(self, shop, program, background):
        shop.spend_everything()
        with working(background):
            told = program.post("orchestrate", {"text": "Que horas abrem?"}).json()
        assert told["handed_over"] and told["answer"] and told["cost"]["credits"] == 0

    def test_in_time_or_to_be_asked_again(self, shop, program, background, settings):
        """Nobody works: 202. The same key again goes on with the same question, and pays once."""
        settings.API_ANSWER_SECONDS = 0.05
        first = program.post("orchestrate", {"text": "Que horas abrem?"}, key="q1")
        assert (first.status_code, first.json()["finished"]) == (202, False)
        settings.API_ANSWER_SECONDS = 20
        shop.models.answer_with("Abrimos às 8h.")
        with working(background):
            second = program.post("orchestrate", {"text": "Que horas abrem?"}, key="q1")
        assert (second.status_code, second.json()["answer"]) == (200, "Abrimos às 8h.")
        assert Message.objects.filter(direction="in").count() == 1 and Turn.objects.count() == 1
        assert program.post("orchestrate", {"text": "Que horas abrem?"}, key="q1").json() == second.json()
        assert LedgerEntry.objects.filter(kind="turn").count() == 1


class TestSessions:
    def test_from_start_to_end(self, shop, program, background):
        made = program.post(
            "sessions", {"contact": {"name": "Ana"}, "language": "pt", "metadata": {"cart": 7}}
        )
        assert made.status_code == 201
        session = made.json()
        assert (session["contact"]["name"], session["metadata"], session["ended_at"]) == (
            "Ana",
            {"cart": 7},
            None,
        )
        where = f"sessions/{session['id']}"
        assert made.headers["Location"].endswith(where)
        shop.models.answer_with("Olá, Ana.")
        with working(background):
            assert program.post(where, {"text": "Olá"}).json()["answer"] == "Olá, Ana."
        texts = [message["text"] for message in program.get(f"{where}/messages").json()["results"]]
        assert texts == ["Olá, Ana.", "Olá"]
        assert program.delete(where).status_code == 204
        assert program.get(where).json()["ended_at"]
        is_problem(program.post(where, {"text": "Ainda?"}), 409, "session-ended")
        assert [one["id"] for one in program.get("sessions").json()["results"]] == [session["id"]]
        assert program.get(f"{where}/messages").json()["results"]

    def test_a_known_contact_has_one(self, shop, program):
        contact = Contact.objects.create(name="Ana")
        first = program.post("sessions", {"contact": {"id": contact.pk}})
        program.delete(f"sessions/{first.json()['id']}")
        again = program.post("sessions", {"contact": {"id": contact.pk}, "metadata": {"a": [1]}})
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json()["id"] == first.json()["id"] and again.json()["ended_at"] is None

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"contact": {"id": 999}}, "#/contact/id"),
            ({"metadata": {"a": "x" * 5000}}, "#/metadata"),
            ({"metadata": {"a": "\x00"}}, "#/metadata"),
            ({"metadata": [1]}, "#/metadata"),
            ({"language": "tlh"}, "#/language"),
        ],
    )
    def test_what_is_wrong_is_told(self, program, body, pointer):
        told = is_problem(program.post("sessions", body), 400, "validation")
        assert told["errors"][0]["pointer"] == pointer
        assert not Session.objects.exists()


class TestOnce:
    def test_the_same_key_sends_once_and_answers_the_same(self, shop, program, said):
        body = {"conversation_id": said.pk, "text": "Uma vez"}
        first, second = (program.post("messages", body, key="once") for _ in range(2))
        assert first.json() == second.json() and first.status_code == second.status_code == 201
        assert second.headers["Idempotency-Replayed"] == "true"
        assert second.headers["Location"] == first.headers["Location"]
        shop.work()
        assert shop.texts().count("Uma vez") == 1

    def test_another_body_under_the_same_key_is_refused(self, program, said):
        program.post("messages", {"conversation_id": said.pk, "text": "A"}, key="k")
        told = program.post("messages", {"conversation_id": said.pk, "text": "B"}, key="k")
        is_problem(told, 409, "idempotency-key-reused")
        is_problem(program.post("sessions", key="k"), 409, "idempotency-key-reused")
        assert not Message.objects.filter(body="B").exists()

    def test_the_order_of_members_makes_no_other_request(self, program, said):
        program.post("messages", {"conversation_id": said.pk, "text": "A"}, key="k")
        again = program.post("messages", {"text": "A", "conversation_id": said.pk}, key="k")
        assert again.headers["Idempotency-Replayed"] == "true"

    def test_two_programs_may_choose_the_same_key(self, program, stranger, shop, said):
        other = Program(shop.tenant)
        for one in (program, other):
            assert one.post("messages", {"conversation_id": said.pk, "text": "A"}, key="k").status_code == 201
        assert Message.objects.filter(body="A").count() == 2
        assert stranger.post("sessions", key="k").status_code == 201

    def test_many_at_once_send_once(self, shop, program, said):
        body = {"conversation_id": said.pk, "text": "Uma vez"}
        answers = at_once(12, lambda: program.post("messages", body, key="race"))
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert any(answer.status_code == 201 for answer in answers)
        for answer in answers:
            if answer.status_code == 409:
                is_problem(answer, 409, "idempotency-in-progress")
                assert answer.headers["Retry-After"] == "1"
        assert Message.objects.filter(body="Uma vez").count() == 1

    def test_many_at_once_open_one_session(self, program):
        answers = at_once(8, lambda: program.post("sessions", {"metadata": {"a": 1}}, key="race"))
        assert any(answer.status_code == 201 for answer in answers)
        assert Session.objects.count() == Contact.objects.count() == 1

    def test_many_without_a_key_open_one_api_channel(self, program):
        answers = at_once(8, lambda: program.post("sessions"))
        assert {answer.status_code for answer in answers} == {201}
        assert Channel.objects.filter(kind="api").count() == 1 and Session.objects.count() == 8

    def test_a_death_between_the_effect_and_the_answer_doubles_nothing(self, program, said):
        """The row says that somebody works on it, long ago, and what they made."""
        body = {"conversation_id": said.pk, "text": "Uma vez"}
        first = program.post("messages", body, key="k").json()
        long_ago = timezone.now() - idempotency.DEAD * 2
        IdempotentRequest.objects.update(status=None, response="", claimed_at=long_ago)
        assert program.post("messages", body, key="k").json()["id"] == first["id"]
        assert Message.objects.filter(body="Uma vez").count() == 1
        made = program.post("sessions", key="s").json()
        IdempotentRequest.objects.filter(key="s").update(status=None, response="", claimed_at=long_ago)
        assert program.post("sessions", key="s").json()["id"] == made["id"]
        assert Session.objects.count() == 1

    def test_a_refusal_is_not_kept(self, program, said):
        assert program.post("messages", {"text": ""}, key="k").status_code == 400
        body = {"conversation_id": said.pk, "text": "Agora"}
        assert program.post("messages", body, key="k").status_code == 201

    def test_a_bug_leaves_the_key_to_another_try(self, program, said, monkeypatch):
        from conversations import programs

        body = {"conversation_id": said.pk, "text": "A"}
        with monkeypatch.context() as patch:
            patch.setattr(programs, "send_to_conversation", lambda *a, **k: 1 / 0)
            is_problem(program.post("messages", body, key="k"), 500, "server-error")
        assert program.post("messages", body, key="k").status_code == 201

    def test_a_day_later_it_is_another_request(self, program, said):
        body = {"conversation_id": said.pk, "text": "A"}
        program.post("messages", body, key="k")
        IdempotentRequest.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert "Idempotency-Replayed" not in program.post("messages", body, key="k").headers
        assert Message.objects.filter(body="A").count() == 2
        idempotency.forget(now=timezone.now() + timedelta(hours=25))
        assert not IdempotentRequest.objects.exists()

    def test_answers_are_not_kept_in_clear(self, program, said):
        program.post("messages", {"conversation_id": said.pk, "text": "segredo"}, key="k")
        with connection.cursor() as cursor:
            cursor.execute("SELECT response FROM public.tenants_idempotentrequest")
            (kept,) = cursor.fetchone()
        assert kept and "segredo" not in kept

    @pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
    def test_what_is_no_key_is_refused(self, program, key):
        is_problem(program.post("sessions", key=key), 400, "bad-request")


class TestRights:
    @pytest.mark.parametrize("scope", SCOPES)
    def test_a_key_does_what_it_is_for_and_nothing_else(self, shop, said, scope, settings):
        settings.API_ANSWER_SECONDS = 0
        session = Program(shop.tenant).post("sessions").json()["id"]
        needs = {
            ("get", "conversations"): "conversations:read",
            ("get", f"conversations/{said.pk}"): "conversations:read",
            ("get", f"conversations/{said.pk}/messages"): "conversations:read",
            ("get", f"messages/{said.messages.order_by('pk')[0].pk}"): "conversations:read",
            ("get", "sessions"): "conversations:read",
            ("get", f"sessions/{session}"): "conversations:read",
            ("get", f"sessions/{session}/messages"): "conversations:read",
            ("post", "sessions"): "conversations:write",
            ("post", f"conversations/{said.pk}/close"): "conversations:write",
            ("post", f"conversations/{said.pk}/hand-over"): "conversations:write",
            ("post", f"conversations/{said.pk}/give-back"): "conversations:write",
            ("post", "messages"): "messages:send",
            ("post", "orchestrate"): "orchestrate",
            ("post", f"sessions/{session}"): "orchestrate",
            ("delete", f"sessions/{session}"): "conversations:write",
            ("get", "knowledge/documents"): "knowledge:read",
            ("post", "knowledge/search"): "knowledge:read",
            ("post", "knowledge/documents"): "knowledge:write",
            ("delete", "knowledge/documents/1"): "knowledge:write",
            ("get", "knowledge/sources"): "knowledge:read",
            ("post", "knowledge/sources"): "knowledge:write",
            ("post", "knowledge/sources/1/refresh"): "knowledge:write",
            ("delete", "knowledge/sources/1"): "knowledge:write",
            ("post", "knowledge/texts"): "knowledge:write",
            ("post", "knowledge/pairs"): "knowledge:write",
        }
        one = Program(shop.tenant, [scope])
        assert one.get("health").status_code == 200
        for (method, path), needed in needs.items():
            answer = getattr(one, method)(path)
            if needed == scope:
                assert answer.status_code not in (401, 403), (path, answer.content)
            else:
                assert is_problem(answer, 403, "scope")["scope"] == needed

    def test_a_key_from_before_may_everything(self, program):
        told = program.get("health").json()
        assert told["key"]["scopes"] == list(SCOPES) and told["business"] == "Alpha Clinic"

    def test_no_key_and_a_revoked_one_open_nothing(self, shop, program, client_for):
        answer = client_for(shop.tenant).get("/api/v1/conversations")
        is_problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        ApiKey.objects.filter(pk=program.key.pk).update(revoked_at=timezone.now())
        told = is_problem(program.get("conversations"), 401, "unauthenticated")
        assert "taken back" in told["detail"]

    def test_members_by_role(self, shop, said, client_for, member_of):
        viewer = client_for(shop.tenant, member_of(shop.tenant, "viewer"))
        assert viewer.get("/api/v1/conversations").json()["results"]
        is_problem(viewer.post(f"/api/v1/conversations/{said.pk}/close"), 403, "forbidden")


class TestOtherBusinesses:
    def test_find_nothing(self, shop, program, stranger, said):
        """Ids in the path, in the query and in the body."""
        session = program.post("sessions").json()["id"]
        message = said.messages.order_by("pk")[0].pk
        for path in (f"conversations/{said.pk}", f"conversations/{said.pk}/messages", f"messages/{message}",
                     f"sessions/{session}", f"sessions/{session}/messages"):  # fmt: skip
            is_problem(stranger.get(path), 404, "not-found")
        for path in ("close", "hand-over", "give-back"):
            is_problem(stranger.post(f"conversations/{said.pk}/{path}"), 404, "not-found")
        is_problem(stranger.post(f"sessions/{session}", {"text": "Oi"}), 404, "not-found")
        is_problem(stranger.delete(f"sessions/{session}"), 404, "not-found")
        for body, pointer in (
            ({"text": "x", "conversation_id": said.pk}, "#/conversation_id"),
            ({"text": "x", "channel_id": str(shop.channel.pk), "address": said.address}, "#/channel_id"),
        ):
            told = is_problem(stranger.post("messages", body), 400, "validation")
            assert told["errors"][0]["pointer"] == pointer
        body = {"text": "Oi", "session_id": session}
        is_problem(stranger.post("orchestrate", body), 400, "validation")
        body = {"contact": {"id": said.contact_id}}
        is_problem(stranger.post("sessions", body), 400, "validation")
        for path in ("conversations", "sessions"):
            assert stranger.get(path).json()["results"] == []
        assert stranger.get("conversations", channel=str(shop.channel.pk)).json()["results"] == []
        connection.set_tenant(shop.tenant)
        said.refresh_from_db()
        assert (said.handler, said.status) == ("agent", "open")

    def test_a_tenant_in_the_body_is_not_asked(self, shop, program, beta):
        made = program.post("sessions", {"tenant": "beta", "schema": "beta", "tenant_id": beta.pk})
        connection.set_tenant(shop.tenant)
        assert Session.objects.get().pk == uuid.UUID(made.json()["id"])
        connection.set_tenant(beta)
        assert not Session.objects.exists()


class TestProblems:
    @pytest.mark.parametrize(
        ("method", "path", "status", "kind"),
        [
            ("get", "nothing-here", 404, "not-found"),
            ("get", "conversations/999999999999999999999999", 404, "not-found"),
            ("get", "sessions/not-a-uuid", 404, "not-found"),
            ("put", "conversations", 405, "method-not-allowed"),
            ("delete", "sessions", 405, "method-not-allowed"),
            ("patch", "orchestrate", 405, "method-not-allowed"),
        ],
    )
    def test_have_one_shape(self, program, method, path, status, kind):
        answer = getattr(program.client, method)(f"/api/v1/{path}")
        is_problem(answer, status, kind)
        assert status != 405 or answer.headers["Allow"]

    def test_of_the_media_type(self, program):
        answer = program.client.post("/api/v1/messages", b"text=x", "application/x-www-form-urlencoded")
        is_problem(answer, 415, "unsupported-media-type")
        is_problem(program.client.post("/api/v1/messages", b"{", "application/json"), 400, "bad-request")
        answer = program.client.get("/api/v1/conversations", headers={"accept": "text/html"})
        is_problem(answer, 406, "not-acceptable")

    def test_of_an_unknown_host_and_a_paused_business(self, shop, program):
        answer = Client(headers={"host": "nobody.localhost"}).get("/api/v1/conversations")
        is_problem(answer, 404, "not-found")
        Tenant.objects.filter(pk=shop.tenant.pk).update(status="suspended")
        is_problem(program.get("conversations"), 503, "unavailable")

    def test_too_large(self, program):
        is_problem(program.post("orchestrate", {"text": "x" * 70_000}), 413, "too-large")

    @pytest.mark.parametrize(
        ("headers", "status", "kind"),
        [
            ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 411, "length-required"),
            ({"CONTENT_LENGTH": "9" * 40}, 413, "too-large"),
            ({"CONTENT_LENGTH": "-1"}, 413, "too-large"),
        ],
    )
    def test_of_what_the_length_claims(self, program, headers, status, kind):
        answer = program.client.post("/api/v1/messages", b"{}", "application/json", **headers)
        is_problem(answer, status, kind)

    def test_deeply_nested_and_strange_json(self, program):
        for body in (
            b"[" * 20_000,
            b'{"a":' * 9_000,
            b'{"text": 1e999}',
            b"\xff\xfe",
            b'{"text": "\\ud800"}',
        ):
            answer = program.client.post("/api/v1/messages", body, "application/json")
            assert answer.status_code == 400, (body[:20], answer.status_code)
        assert not Message.objects.exists()


class TestRates:
    def test_a_key_is_stopped_and_told_when_to_come_back(self, program, shop, settings):
        settings.API_KEY_RATE = 3
        answers = [program.get("health") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert [answer.headers["RateLimit-Remaining"] for answer in answers[:3]] == ["2", "1", "0"]
        is_problem(answers[-1], 429, "too-many-requests")
        assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
        assert Program(shop.tenant).get("health").status_code == 200  # another key has its own

    def test_not_even_together(self, program, settings):
        settings.API_KEY_RATE = 10
        answers = at_once(30, lambda: program.get("health"))
        assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 20

    def test_an_address_without_a_key_too_whatever_it_claims(self, shop, settings, client_for):
        settings.API_ADDRESS_RATE = 4
        stranger = client_for(shop.tenant)
        statuses = [
            stranger.get(
                "/api/v1/conversations",
                headers={"x-forwarded-for": f"198.51.100.{n}"},
                REMOTE_ADDR="203.0.113.9",
            ).status_code
            for n in range(6)
        ]
        assert statuses == [401] * 4 + [429] * 2

    def test_the_description_too_which_is_one_whatever_is_asked(self, shop, settings, client_for):
        stranger = client_for(shop.tenant)
        asked = ["format=json", "format=json&version=a%0d%0ab&lang=%00"]
        plain, odd = (stranger.get(f"/api/v1/schema?{query}") for query in asked)
        assert plain.status_code == odd.status_code == 200 and plain.content == odd.content
        assert plain.json()["openapi"] == "3.1.0"
        page = stranger.get("/api/v1/docs").content.decode()
        assert "swagger-ui.css" in page and "<style" not in page  # the policy for pages forbids it
        cache.clear()
        settings.API_ADDRESS_RATE = 2
        statuses = [
            stranger.get(f"/api/v1/{page}").status_code for page in ("schema", "docs", "schema", "docs")
        ]
        assert statuses == [200, 200, 429, 429]

    def test_behind_one_proxy_its_word_counts(self, shop, settings, client_for):
        settings.API_ADDRESS_RATE, settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1, 1
        stranger = client_for(shop.tenant)
        claims = ["203.0.113.77", "10.9.9.9, 203.0.113.77", "203.0.113.78"]
        statuses = [
            stranger.get("/api/v1/conversations", headers={"x-forwarded-for": claim}).status_code
            for claim in claims
        ]
        assert statuses == [401, 429, 401]

    def test_answers_have_a_tighter_one(self, program, settings, shop):
        settings.API_ANSWER_RATE, settings.API_ANSWER_SECONDS = 1, 0
        assert program.post("orchestrate", {"text": "Oi"}).status_code == 202
        is_problem(program.post("orchestrate", {"text": "Oi"}), 429, "too-many-requests")
        assert program.get("health").status_code == 200

    def test_a_cache_that_is_away_stops_nobody(self, program, settings):
        settings.CACHES = {
            "default": {
                "BACKEND": "tenants.cache.Cache",
                "LOCATION": "redis://127.0.0.1:9/0",
                "KEY_FUNCTION": "tenants.cache.key",
            }
        }
        assert program.get("health").status_code == 200


def test_balance_is_whole_after_it_all(shop, program, background):
    shop.models.answer_with("Um.", "Dois.")
    with working(background):
        for text in ("Uma pergunta?", "Outra pergunta?"):
            program.post("orchestrate", {"text": text})
    account = CreditAccount.objects.get()
    assert account.held == 0
    assert account.balance == sum(LedgerEntry.objects.values_list("amount", flat=True))
