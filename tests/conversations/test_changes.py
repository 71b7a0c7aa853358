"""What happens to a message after it was said: edits, revokes, reactions, votes; and calls."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from billing.models import CreditAccount, LedgerEntry
from conversations import changes, handoff, inbox, outbox
from conversations.models import Channel, Conversation, Message, Turn, WebhookEvent
from tests.conversations import door

CHAT = "5511988887777@c.us"


def tell(shop: Any, event: str, *, ago: float = 0, **payload: Any) -> None:
    """One delivery of the gateway, read."""
    sent_at = int((timezone.now().timestamp() - ago) * 1000)
    assert shop.knock({**door.event(event, payload), "timestamp": sent_at}) == 200
    shop.read()


def edit(shop: Any, unique: str, text: str, *, from_me: bool = False, ago: float = 0) -> None:
    full = f"{'true' if from_me else 'false'}_{CHAT}_3AEDIT"
    changed = {"id": full, "fromMe": from_me, "body": text, "editedMessageId": unique}
    tell(shop, "message.edited", ago=ago, **changed)


def revoke(shop: Any, unique: str, *, from_me: bool = False) -> None:
    after = {"id": f"{'true' if from_me else 'false'}_{CHAT}_3AGONE", "fromMe": from_me}
    tell(shop, "message.revoked", revokedMessageId=unique, before=None, after=after)


def react(shop: Any, full: str, text: str, *, from_me: bool = False) -> None:
    reaction = {"text": text, "messageId": full}
    tell(shop, "message.reaction", fromMe=from_me, timestamp=timezone.now().timestamp(), reaction=reaction)


def asked(shop: Any, number: int = 0) -> str:
    """What the model was asked."""
    return str(shop.models.requests[number]["body"]["messages"][-1]["content"])


class TestEdits:
    def test_an_edit_before_the_answer_changes_what_is_answered(self, shop: Any) -> None:
        shop.say("Que horas abrem no sábado?", unique="3AOLD")
        edit(shop, "3AOLD", "Que horas abrem no domingo?")
        shop.work()
        assert "domingo" in asked(shop) and "sábado" not in asked(shop)
        assert len(shop.texts()) == len(shop.models.requests) == 1
        message = Message.objects.get(direction="in")
        assert [one["text"] for one in message.earlier] == ["Que horas abrem no sábado?"]
        assert message.edited_at and message.outcome == "answered"

    def test_an_edit_while_the_model_thinks_gives_the_draft_up(self, shop: Any) -> None:
        shop.models.answer_with("No sábado, às 8h.", "No domingo não abrimos.")
        shop.say("Que horas abrem no sábado?", unique="3AOLD")

        def meanwhile() -> None:
            shop.models.app.before_answer = None
            edit(shop, "3AOLD", "Que horas abrem no domingo?")
            connection.close()

        shop.models.app.before_answer = meanwhile
        shop.work()
        assert shop.texts() == ["No domingo não abrimos."]
        assert list(Turn.objects.order_by("pk").values_list("status", flat=True)) == ["merged", "done"]
        assert LedgerEntry.objects.filter(kind="turn").count() == 1
        assert CreditAccount.objects.get().held == 0

    def test_an_edit_after_the_answer_is_only_shown(self, shop: Any) -> None:
        shop.say("Que horas abrem?", unique="3AOLD")
        shop.work()
        edit(shop, "3AOLD", "Que horas fecham?")
        shop.work()
        assert len(shop.texts()) == 1
        assert Message.objects.get(direction="in").body == "Que horas fecham?"

    def test_told_twice_or_late_it_changes_nothing(self, shop: Any) -> None:
        shop.say("um", unique="3AOLD")
        edit(shop, "3AOLD", "dois")
        edit(shop, "3AOLD", "dois")
        edit(shop, "3AOLD", "um e meio", ago=60)
        message = Message.objects.get()
        assert (message.body, len(message.earlier)) == ("dois", 1)

    def test_one_that_overtakes_its_message_waits_for_it(self, shop: Any) -> None:
        edit(shop, "3AOLD", "Que horas abrem no domingo?")
        event = WebhookEvent.objects.get()
        assert (event.status, event.outcome) == ("new", changes.NOT_YET)
        shop.say("Que horas abrem no sábado?", unique="3AOLD")
        assert WebhookEvent.objects.filter(status="new").count() == 1  # its moment has not come
        WebhookEvent.objects.update(again_at=timezone.now())
        shop.read()
        shop.work()
        assert "domingo" in asked(shop) and WebhookEvent.objects.filter(status="new").count() == 0

    def test_one_whose_message_never_comes_is_put_aside(self, shop: Any) -> None:
        edit(shop, "3ANEVER", "?")
        WebhookEvent.objects.update(
            received_at=timezone.now() - inbox.PATIENCE, again_at=timezone.now() - timedelta(seconds=1)
        )
        shop.read()
        event = WebhookEvent.objects.get()
        assert (event.status, event.outcome) == ("done", changes.NOT_YET)

    def test_the_owners_edit_on_the_phone_is_kept(self, shop: Any) -> None:
        shop.say("Abrimos às 8", from_me=True, unique="3AMINE")
        edit(shop, "3AMINE", "Abrimos às 9", from_me=True)
        assert Message.objects.get().body == "Abrimos às 9"


class TestRevokes:
    def test_what_was_taken_back_is_not_answered(self, shop: Any) -> None:
        shop.say("Quero cancelar tudo o que pedi", unique="3AGONE")
        revoke(shop, "3AGONE")
        shop.work()
        shop.later()
        message = Message.objects.get()
        assert (message.outcome, message.outcome_reason) == ("ignored", changes.TAKEN_BACK)
        assert message.revoked_at and message.terminal_at
        assert shop.texts() == [] and shop.models.requests == []

    def test_what_else_was_said_is_answered_without_it(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.say("Me passa o telefone da Ana", unique="3AGONE")
        revoke(shop, "3AGONE")
        shop.work()
        assert "Ana" not in asked(shop) and len(shop.texts()) == 1

    def test_while_the_model_thinks_no_answer_goes_and_nothing_is_charged(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?", unique="3AGONE")
        before = CreditAccount.objects.get().balance

        def meanwhile() -> None:
            shop.models.app.before_answer = None
            revoke(shop, "3AGONE")
            connection.close()

        shop.models.app.before_answer = meanwhile
        shop.work()
        shop.later()
        assert shop.texts() == [] and Turn.objects.get().status == "silent"
        account = CreditAccount.objects.get()
        assert (account.balance, account.held) == (before, 0)

    def test_the_model_does_not_remember_it(self, shop: Any) -> None:
        shop.say("Meu segredo é abacaxi", unique="3AGONE")
        shop.work()
        revoke(shop, "3AGONE")
        shop.say("O que eu disse antes?")
        shop.work()
        assert "abacaxi" not in str(shop.models.requests[-1]["body"]["messages"][1:])

    def test_one_that_overtakes_its_message_stops_the_answer(self, shop: Any) -> None:
        revoke(shop, "3AGONE")
        shop.say("Que horas vocês abrem?", unique="3AGONE")
        WebhookEvent.objects.update(again_at=timezone.now())
        shop.read()
        shop.work()
        assert shop.texts() == [] and Message.objects.get().outcome == "ignored"


class TestReactions:
    def test_the_last_word_of_each_side_is_kept_and_known_to_the_turn(self, shop: Any) -> None:
        shop.models.answer_with("Posso reservar para as 10h?")
        shop.say("Quero cortar o cabelo", unique="3ASAID")
        shop.work()
        ours = Message.objects.get(direction="out")
        react(shop, f"true_{CHAT}_{ours.unique_id}", "❤")
        react(shop, f"true_{CHAT}_{ours.unique_id}", "👍")
        react(shop, f"false_{CHAT}_3ASAID", "🙏", from_me=True)
        ours.refresh_from_db()
        assert ours.reactions["contact"] == "👍"
        assert Message.objects.get(direction="in").reactions["us"] == "🙏"
        shop.say("Então?")
        shop.work()
        assert "[the customer reacted with 👍]" in str(shop.models.requests[1]["body"]["messages"])

    def test_one_can_be_taken_away(self, shop: Any) -> None:
        shop.say("Oi", unique="3ASAID")
        react(shop, f"false_{CHAT}_3ASAID", "🙏", from_me=True)
        react(shop, f"false_{CHAT}_3ASAID", "", from_me=True)
        assert Message.objects.get().reactions["us"] == "" and shop.texts() == []


class TestChoices:
    OFFER = {
        "choices": {
            "button": "Horários",
            "options": [
                {"id": "h10", "title": "Às dez", "description": "com a Bia"},
                {"id": "h11", "title": "Às onze"},
            ],
        }
    }

    def offer(self, shop: Any, content: dict[str, Any]) -> Message:
        shop.say("Quero um horário")
        conversation = Conversation.objects.get()
        handoff.take_over(conversation.pk, user=None, now=shop.now())  # type: ignore[arg-type]
        message = outbox.post(conversation, "Qual?", content=content, now=shop.now())
        shop.work()
        handoff.give_back(conversation.pk, user=None, now=shop.now())
        shop.gateway.app.sent.clear()
        return message

    def answered(self, shop: Any) -> Message:
        message = Message.objects.filter(direction="in").latest("pk")
        return message

    def test_the_number_and_the_row_mean_the_same(self, shop: Any) -> None:
        self.offer(shop, self.OFFER)
        shop.say("2")
        assert self.answered(shop).content["choice"] == {"id": "h11", "title": "Às onze"}
        row = {"listResponseMessage": {"singleSelectReply": {"selectedRowID": "h11"}}}
        shop.say("Às onze", _data={"Message": row})
        assert self.answered(shop).content["choice"] == {"id": "h11", "title": "Às onze"}
        shop.work()
        assert "(Às onze)" in asked(shop)

    def test_a_number_that_means_nothing_stays_a_number(self, shop: Any) -> None:
        self.offer(shop, self.OFFER)
        shop.say("7")
        assert self.answered(shop).content == {}

    def test_a_vote_is_shown_and_answered_once(self, shop: Any) -> None:
        poll = self.offer(shop, {"poll": {"name": "Que dia?", "options": ["sexta", "sábado"]}})
        vote = {
            "selectedOptions": ["sábado"],
            "timestamp": int(timezone.now().timestamp() * 1000),
            "fromMe": False,
        }
        full = f"true_{CHAT}_{Message.objects.get(pk=poll.pk).unique_id}"
        for _ in range(2):
            tell(shop, "poll.vote", vote=vote, poll={"id": full})
        shop.work()
        poll.refresh_from_db()
        assert poll.content["votes"] == ["sábado"]
        said = self.answered(shop)
        assert (said.body, said.reply_to_id, said.outcome) == ("sábado", poll.pk, "answered")
        assert len(shop.texts()) == 1


class TestCalls:
    def call(self, shop: Any, call_id: str = "CALL1", *, ago: float = 0) -> None:
        at = int(timezone.now().timestamp() - ago)
        tell(
            shop,
            "call.received",
            id=call_id,
            timestamp=at,
            isGroup=False,
            **{"from": "5511988887777@s.whatsapp.net"},
        )
        shop.work()

    def test_one_is_answered_with_the_owners_text_once(self, shop: Any) -> None:
        Channel.objects.update(call_reply="Não atendemos por aqui: escreva, por favor.")
        self.call(shop)
        self.call(shop)
        self.call(shop, "CALL2")  # dialled again
        assert shop.gateway.sent == [(CHAT, "Não atendemos por aqui: escreva, por favor.")]
        first, second = Message.objects.filter(direction="in").order_by("pk")
        assert (first.outcome, first.outcome_reason) == ("answered", changes.ANSWERED_CALL)
        assert (second.outcome, second.outcome_reason) == ("ignored", changes.CALLED)
        assert Turn.objects.count() == 0

    def test_without_a_text_it_is_only_noted(self, shop: Any) -> None:
        self.call(shop)
        assert shop.texts() == []
        assert (
            Message.objects.get().content == {"call": True} and Conversation.objects.get().unread_count == 1
        )

    def test_an_old_one_is_not_answered_any_more(self, shop: Any) -> None:
        Channel.objects.update(call_reply="Escreva, por favor.")
        self.call(shop, ago=7200)
        assert shop.texts() == [] and Message.objects.get().outcome == "ignored"
