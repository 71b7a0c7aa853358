"""The message ledger: every id has its path and its end; the figures, the page, the file, the back office."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from conversations import accounting, outbox
from conversations.models import Conversation, Message, WebhookEvent
from tenants.models import AuditEntry, Tenant, User
from tests.conversations import door

ALPHA = "alpha"


@pytest.fixture
def manager(shop: Any, client_for: Any, member_of: Any) -> Any:
    tenant = Tenant.objects.get(slug=ALPHA)
    return client_for(tenant, member_of(tenant, "manager"))


def figures() -> accounting.Figures:
    return accounting.figures(now=timezone.now())


def back_in_time(**filters: Any) -> None:
    """Ten minutes ago is when these messages came."""
    past = timezone.now() - timedelta(minutes=10)
    Message.objects.filter(**filters).update(created_at=past)


class TestTraces:
    def test_tell_what_became_of_each_id_at_the_door(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="AAA1")
        shop.say("Que horas vocês abrem?", unique="AAA1")
        shop.knock(door.event("message.ack", {"id": "true_55@c.us_3EB0X", "fromMe": True, "ack": 3}))
        shop.read()
        told = [(t["key"].rpartition(":")[2], t["what"], t["outcome"])
                for event in WebhookEvent.objects.order_by("pk") for t in event.traces]  # fmt: skip
        assert told == [
            ("AAA1", "said", "received"),
            ("AAA1", "said", "ignored: repeated"),
            ("3EB0X", "receipt", "ignored: receipt changes nothing"),
        ]
        assert not WebhookEvent.objects.filter(read_at=None).exists()

    def test_are_found_by_the_vendors_id_in_any_wording(self, shop: Any) -> None:
        shop.say("Oi, tudo bem?", unique="AAA2")
        for words in ("AAA2", "false_5511988887777@c.us_AAA2", f"{shop.channel.pk.hex}:false:AAA2"):
            wanted = accounting.Wanted(provider_id=words)
            assert accounting.messages(wanted, now=timezone.now()).count() == 1
            assert accounting.deliveries(wanted, now=timezone.now()).count() == 1


class TestEnds:
    def test_an_answer_ends_what_it_answers_and_is_ended_by_its_receipts(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.work()
        came, went = Message.objects.order_by("pk")
        assert came.outcome == "answered" and came.terminal_at is not None
        assert [step.word for step in accounting.path(came)] == ["came", "turn", "answered"]
        full = f"true_5511988887777@c.us_{went.unique_id}"
        for level in (3, 2):
            shop.knock(door.event("message.ack", {"id": full, "fromMe": True, "ack": level}))
        shop.read()
        went.refresh_from_db()
        assert went.status == "read" and None not in (
            went.sent_at,
            went.delivered_at,
            went.read_at,
            went.terminal_at,
        )
        assert [step.word for step in accounting.path(went)] == ["queued", "sent", "delivered", "read"]

    def test_two_bubbles_of_one_answer_say_that_they_were_merged(self, shop: Any) -> None:
        shop.say("Oi")
        shop.say("Que horas vocês abrem?")
        shop.work()
        bubbles = list(Message.objects.filter(direction="in"))
        told = accounting.accounts(bubbles)
        assert {path[1].word for _message, path in told} == {"merged"}

    def test_a_failure_has_its_time_and_a_resend_takes_it_away(self, shop: Any) -> None:
        shop.gateway.fail_next("403")
        shop.say("Que horas vocês abrem?")
        shop.work()
        message = Message.objects.get(direction="out")
        assert message.status == "failed" and message.terminal_at is not None
        outbox.retry(message.pk, now=shop.now())
        message.refresh_from_db()
        assert message.terminal_at is None
        shop.work()
        assert shop.texts() and Message.objects.get(pk=message.pk).terminal_at is not None


class TestFigures:
    def test_are_nought_when_all_is_answered(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        assert (figures().waiting, figures().unexplained) == (1, 0)
        shop.work()
        assert (figures().waiting, figures().unexplained) == (0, 0)

    def test_what_nothing_will_end_is_unexplained(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.background.sent.clear()
        back_in_time()
        assert (figures().waiting, figures().unexplained) == (1, 0)  # its answer is due
        Conversation.objects.update(reply_due_at=None)
        assert (figures().waiting, figures().open_too_long) == (0, 1)

    def test_what_hangs_on_its_way_out_is_unexplained(self, shop: Any) -> None:
        shop.gateway.fail_next("hang")
        shop.say("Que horas vocês abrem?")
        shop.work()
        past = timezone.now() - timedelta(minutes=10)
        for status, clock in (("unknown", "claimed_at"), ("sending", "claimed_at"), ("queued", "send_after")):
            Message.objects.filter(direction="out").update(status=status, **{clock: past})
            assert figures().stuck == 1, status
        Message.objects.filter(direction="out").update(priority=Message.Priority.BULK)
        assert figures().stuck == 0  # bulk waits for its turn, however long

    def test_what_the_door_kept_and_nobody_has_is_unexplained(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="LOST")
        shop.work()
        Message.objects.filter(provider_key__endswith=":LOST").delete()
        assert figures().unseen == 1 and accounting.unseen()[0].endswith(":LOST")

    def test_a_delivery_that_was_given_up_is_unexplained_until_it_is_read(
        self, shop: Any, manager: Any
    ) -> None:
        shop.knock(door.delivery("Que horas vocês abrem?"))
        WebhookEvent.objects.update(status="parked", attempts=5)
        shop.background.sent.clear()
        assert figures().unread == 1
        parked = WebhookEvent.objects.get()
        assert "could not be read" in manager.get("/messages/?show=unexplained").content.decode()
        assert manager.post(f"/messages/deliveries/{parked.pk}/again").status_code == 302
        shop.work()
        assert figures().unexplained == 0 and len(shop.texts()) == 1


class TestPage:
    def test_today_begins_with_the_two_figures_and_leads_to_their_lists(
        self, shop: Any, manager: Any
    ) -> None:
        shop.say("Que horas vocês abrem?")
        today = manager.get("/").content.decode()
        assert "1 waiting" in today and "0 unexplained" in today
        listed = manager.get("/messages/?show=waiting").content.decode()
        assert "no end yet" in listed and "Ana" in listed

    def test_today_names_each_thread_with_a_failure_once_until_a_person_has_written(
        self, shop: Any, manager: Any
    ) -> None:
        shop.say("Que horas vocês abrem?")
        shop.work()
        thread = Conversation.objects.get()
        for status in ("failed", "unknown"):
            lost = outbox.post(thread, "Oi", now=timezone.now(), ring=False)
            Message.objects.filter(pk=lost.pk).update(status=status, error="The gateway failed (500).")

        def named() -> list[str]:
            decisions = manager.get("/").context["decisions"]
            return [one.title for one in decisions if one.kind == "failed"]

        assert named() == ["A message to Ana was perhaps sent"]
        written = outbox.post(thread, "Oi de novo", now=timezone.now(), author="person", ring=False)
        Message.objects.filter(pk=written.pk).update(status="sent")
        assert named() == []

    def test_tells_what_came_to_the_door_in_the_readers_language(self, shop: Any, manager: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="A1")
        shop.say("Que horas vocês abrem?", unique="A1")
        manager.cookies["django_language"] = "es"
        page = manager.get("/messages/?show=door").content.decode()
        assert "ignorado: repetido" in page and "said" not in page

    def test_is_turned_by_cursor(self, shop: Any, manager: Any) -> None:
        shop.say("Que horas vocês abrem?")
        thread = Conversation.objects.get()
        Message.objects.bulk_create(
            Message(conversation=thread, direction="in", author_kind="contact", status="received",
                    outcome="ignored", provider_key=f"{shop.channel.pk.hex}:false:N{n}") for n in range(120)
        )  # fmt: skip
        seen, address = 0, "/messages/?show=ignored"
        for _page in range(3):
            context = manager.get(address).context
            seen += len(context["accounts"])
            address = f"/messages/?show=ignored&before={context['following']}"
        assert seen == 120 and context["following"] == 0

    def test_an_id_that_became_no_message_is_found_where_it_came_in(self, shop: Any, manager: Any) -> None:
        group = door.delivery("Oi, grupo", chat="120363025@g.us", unique="GROUP1")
        shop.knock(group)
        shop.read()
        page = manager.get("/messages/?id=GROUP1").content.decode()
        assert "GROUP1" in page and "Nothing here" not in page and "ignored" in page

    @pytest.mark.parametrize(
        "query", ["show=x", "channel=x", "from=2026-99-99", "before=x", "id=%00", "before=9" * 9]
    )
    def test_senseless_wishes_change_nothing(self, shop: Any, manager: Any, query: str) -> None:
        assert manager.get(f"/messages/?{query}").status_code == 200


class TestFile:
    def test_has_every_id_with_its_end_and_nothing_that_calculates(self, shop: Any, manager: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="=1+1")
        shop.say("Que horas vocês abrem?", unique="=1+1")
        shop.work()
        answer = manager.get("/messages/export.csv")
        text = b"".join(answer.streaming_content).decode()
        rows = list(csv.DictReader(io.StringIO(text)))
        assert [(row["direction"], row["state"]) for row in rows] == [
            ("out", "sent"), ("in", "answered"), ("door", "ignored"),
        ]  # fmt: skip
        assert rows[1]["provider_id"] == "'=1+1" and rows[1]["ended_at"]
        assert rows[2]["reason"] == "ignored: repeated"
        assert AuditEntry.objects.filter(action="message.export").count() == 1

    def test_has_what_its_page_lists_and_nothing_else(self, shop: Any, manager: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="A1")
        shop.work()
        shop.say("Que horas vocês abrem?", unique="A1")  # once more
        Message.objects.filter(direction="out").update(status="failed", error="The gateway failed (500).")
        WebhookEvent.objects.filter(outcome__contains="repeated").update(status="parked")

        def told(show: str) -> list[tuple[str, str]]:
            answer = manager.get(f"/messages/export.csv?show={show}")
            text = b"".join(answer.streaming_content).decode()
            return [(row["direction"], row["state"]) for row in csv.DictReader(io.StringIO(text))]

        assert told("failed") == [("out", "failed")]
        assert told("in") == [("in", "answered")]
        assert told("door") == [("door", "ignored")] and told("unexplained") == [("door", "ignored")]
        Message.objects.filter(direction="in").delete()
        assert told("unexplained")[-1] == ("door", "missing")

    def test_is_for_managers(self, shop: Any, client_for: Any, member_of: Any) -> None:
        tenant = Tenant.objects.get(slug=ALPHA)
        for role in ("agent", "viewer", "finance"):
            assert client_for(tenant, member_of(tenant, role)).get("/messages/export.csv").status_code in (
                403,
                404,
            )


class TestPerhapsSent:
    def test_a_person_who_looked_settles_it(self, shop: Any, manager: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.work()
        message = Message.objects.get(direction="out")
        long_ago = timezone.now() - timedelta(minutes=10)
        Message.objects.filter(pk=message.pk).update(status="unknown", claimed_at=long_ago, attempts=8)
        assert figures().unexplained == 1
        assert "It arrived" in manager.get(f"/chats/{message.conversation_id}/").content.decode()
        assert manager.post(f"/messages/{message.pk}/arrived").status_code == 302
        message.refresh_from_db()
        assert (message.status, message.error) == ("sent", "") and figures().unexplained == 0
        assert manager.post(f"/messages/{message.pk}/arrived").status_code == 404
        assert len(shop.texts()) == 1


class TestBackOffice:
    def test_finds_a_message_and_its_deliveries_by_the_vendors_id(self, shop: Any, client_for: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="AAA3")
        shop.say("Que horas vocês abrem?", unique="AAA4")
        Message.objects.filter(provider_key__endswith="AAA3").update(outcome_reason="because of this")
        root = client_for(
            Tenant.objects.get(slug=ALPHA), User.objects.create_superuser("r@x.example", "pass word 1")
        )
        for table in ("message", "webhookevent"):
            page = root.get(f"/admin/conversations/{table}/?q=false_5511988887777@c.us_AAA3")
            assert page.context["cl"].result_count == 1, table
            assert table == "webhookevent" or "because of this" in page.content.decode()
            row = page.context["cl"].result_list[0]
            opened = root.get(f"/admin/conversations/{table}/{row.pk}/change/")
            assert opened.status_code == 200 and 'name="_save"' not in opened.content.decode()


class TestReasons:
    def test_are_words_for_people(self, shop: Any, manager: Any) -> None:
        shop.gateway.fail_next("403")
        shop.say("Que horas vocês abrem?")
        shop.work()
        page = manager.get(f"/chats/{Conversation.objects.get().pk}/").content.decode()
        assert "The gateway does not accept its key. Correct it under Account, Channels." in page
        assert "403" not in page.partition('id="thread"')[2].partition("</form>")[0]
