"""A Cloud API number on the dashboard: added, its templates, and the 24-hour window in the chats."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from conversations import message_templates, outbox
from conversations.models import Channel, Conversation, Message, MessageTemplate
from tenants.models import WebhookRoute
from tests.conversations.cloud_shop import CloudShop
from tests.counterparts import cloud as meta

FORM = {
    "name": "Loja",
    "phone_number_id": "333",
    "waba_id": "222",
    "token": "EAAB-secret-token-of-333",
    "app_secret": "secret of the app 333",
}
BLANKS = {"body_1": "Ana", "body_2": "amanhã às 10h"}
READS = "Lembrete\n\nOlá Ana, sua consulta é amanhã às 10h. Podemos confirmar?\n\nClínica Alfa"


@pytest.fixture
def owner(cloud: CloudShop, member_of: Callable[..., Any], client_for: Callable[..., Any]) -> Client:
    return client_for(cloud.shop.tenant, member_of(cloud.shop.tenant))


@pytest.fixture
def seller(cloud: CloudShop, member_of: Callable[..., Any], client_for: Callable[..., Any]) -> Client:
    return client_for(cloud.shop.tenant, member_of(cloud.shop.tenant, "agent"))


@pytest.fixture(autouse=True)
def second_number(cloud: CloudShop) -> meta.Number:
    number = meta.Number(id="333", token=FORM["token"], app_secret=FORM["app_secret"], waba_id="222")
    cloud.cloud.app.numbers["333"] = number
    return number


def inside(cloud: CloudShop) -> None:
    connection.set_tenant(cloud.shop.tenant)


def add(cloud: CloudShop, owner: Client, **changed: str) -> Any:
    inside(cloud)
    agent = str(cloud.channel.agent_id)
    response = owner.post("/account/channels/cloud/new", {**FORM, "agent": agent, **changed})
    inside(cloud)
    return response


class TestAdding:
    def test_checks_writes_and_reads_the_templates(self, cloud: CloudShop, owner: Client) -> None:
        response = add(cloud, owner)
        channel = Channel.objects.get(phone_number_id="333")
        assert response["Location"] == f"/account/channels/{channel.pk}/"
        assert (channel.status, channel.number) == ("WORKING", "+1 555-000-1111")
        assert (channel.api_key, channel.hmac_secret) == (FORM["token"], FORM["app_secret"])
        assert WebhookRoute.objects.get(pk=channel.pk).tenant == cloud.shop.tenant
        assert channel.templates.count() == 3

    def test_the_page_shows_where_to_deliver_and_no_secret(self, cloud: CloudShop, owner: Client) -> None:
        page = owner.get(add(cloud, owner)["Location"]).content.decode()
        channel = Channel.objects.get(phone_number_id="333")
        assert f"/hooks/cloud/{channel.pk}" in page and channel.verify_token in page
        assert "appointment_reminder" in page and "PROMOTIONAL" in page
        for secret in (FORM["token"], FORM["app_secret"]):
            assert secret not in page
        again = owner.get(f"/account/channels/{channel.pk}/access").content.decode()
        assert FORM["token"] not in again and FORM["app_secret"] not in again

    @pytest.mark.parametrize(
        ("changed", "field", "words"),
        [
            ({"token": "wrong"}, "token", "access token"),
            ({"phone_number_id": "444"}, "phone_number_id", "WhatsApp"),
            ({"waba_id": "555"}, "waba_id", "WhatsApp"),
            ({"phone_number_id": "111"}, "phone_number_id", "Another channel"),
            ({"phone_number_id": "../me"}, "phone_number_id", "valid"),
        ],
    )
    def test_what_whatsapp_does_not_know_is_told_at_its_field(
        self, cloud: CloudShop, owner: Client, changed: dict[str, str], field: str, words: str
    ) -> None:
        response = add(cloud, owner, **changed)
        assert response.status_code == 422
        assert words in str(response.context["form"].errors[field])
        assert Channel.objects.filter(kind="cloud").count() == 1

    def test_a_new_token_replaces_the_old_and_an_empty_one_keeps_it(
        self, cloud: CloudShop, owner: Client
    ) -> None:
        add(cloud, owner)
        channel = Channel.objects.get(phone_number_id="333")
        cloud.cloud.app.numbers["333"].token = "EAAB-rotated"
        path, ids = f"/account/channels/{channel.pk}/access", {"phone_number_id": "333", "waba_id": "222"}
        assert owner.post(path, {**ids, "token": "", "app_secret": ""}).status_code == 422
        assert owner.post(path, {**ids, "token": "EAAB-rotated", "app_secret": ""}).status_code == 302
        inside(cloud)
        channel.refresh_from_db()
        assert (channel.api_key, channel.hmac_secret) == ("EAAB-rotated", FORM["app_secret"])

    def test_whatsapp_verifies_the_address_before_it_delivers(self, cloud: CloudShop, owner: Client) -> None:
        """Nobody serves here, so it says no, and the page says what to do."""
        response = owner.post(f"/account/channels/{cloud.channel.pk}/deliveries", follow=True)
        assert "Enter the address at Meta by hand" in response.content.decode()
        asked = cloud.cloud.calls("111")[-1]["webhook_configuration"]
        assert asked["override_callback_uri"].endswith(cloud.path)


class TestTemplates:
    def test_are_read_over_all_pages_and_forgotten_when_they_are_gone(self, cloud: CloudShop) -> None:
        cloud.cloud.app.options.page = 2
        assert message_templates.read(cloud.channel, now=timezone.now()) == 3
        reminder = MessageTemplate.objects.get(name="appointment_reminder")
        assert (reminder.status, reminder.parameters_count, reminder.is_usable) == ("APPROVED", 2, True)
        del cloud.cloud.number.templates[0]
        assert message_templates.read(cloud.channel, now=timezone.now()) == 2
        assert not MessageTemplate.objects.filter(name="appointment_reminder").exists()

    def test_whatsapps_judgement_is_kept_at_once(self, cloud: CloudShop) -> None:
        message_templates.read(cloud.channel, now=timezone.now())
        value = {
            "event": "PAUSED",
            "message_template_name": "appointment_reminder",
            "message_template_language": "pt_BR",
            "reason": "NONE",
        }
        cloud.deliver({"field": "message_template_status_update", "value": value})
        assert MessageTemplate.objects.get(name="appointment_reminder").status == "PAUSED"

    def test_a_new_one_is_read_when_whatsapp_tells_of_it(self, cloud: CloudShop) -> None:
        value = {"event": "APPROVED", "message_template_name": "new", "message_template_language": "en"}
        cloud.deliver({"field": "message_template_status_update", "value": value})
        assert MessageTemplate.objects.count() == 0
        cloud.work()
        assert MessageTemplate.objects.count() == 3

    def test_the_round_reads_what_was_not_read_for_a_day(self, cloud: CloudShop) -> None:
        message_templates.sync_stale.apply(throw=True)
        inside(cloud)
        cloud.work()
        assert MessageTemplate.objects.count() == 3
        message_templates.sync_stale.apply(throw=True)
        assert cloud.shop.background.sent == []

    def test_a_refused_token_leaves_what_is_there(self, cloud: CloudShop, owner: Client) -> None:
        message_templates.read(cloud.channel, now=timezone.now())
        cloud.cloud.number.token = "another"
        response = owner.post(f"/account/channels/{cloud.channel.pk}/templates", follow=True)
        assert "access token" in response.content.decode()
        inside(cloud)
        assert MessageTemplate.objects.count() == 3


class TestWindow:
    @pytest.fixture
    def chat(self, cloud: CloudShop) -> Conversation:
        """A customer who wrote an hour ago; templates are there."""
        message_templates.read(cloud.channel, now=timezone.now())
        cloud.say("Oi, tudo bem?")
        cloud.work()
        cloud.cloud.app.sent.clear()
        chat = Conversation.objects.get(channel=cloud.channel)
        self.age(hours=1)
        return chat

    def age(self, **ago: int) -> None:
        Message.objects.filter(direction="in").update(provider_at=timezone.now() - timedelta(**ago))

    def test_the_time_that_is_left_is_shown(self, chat: Conversation, seller: Client) -> None:
        page = seller.get(f"/chats/{chat.pk}/").content.decode()
        assert re.search(r"22 h 59 min left|23 h 00 min left", page) and "data-composer" in page

    def test_a_fragment_is_the_same_as_on_the_page(self, chat: Conversation, seller: Client) -> None:
        page = seller.get(f"/chats/{chat.pk}/").content.decode()
        part = seller.get(f"/chats/{chat.pk}/window?open=1")
        assert part.content.decode().strip() in page and "HX-Refresh" not in part.headers

    def test_the_page_is_fetched_anew_when_it_opens_or_closes(
        self, chat: Conversation, seller: Client, cloud: CloudShop
    ) -> None:
        assert seller.get(f"/chats/{chat.pk}/window?open=0").headers["HX-Refresh"] == "true"
        inside(cloud)
        self.age(hours=25)
        assert seller.get(f"/chats/{chat.pk}/window?open=1").headers["HX-Refresh"] == "true"

    def test_closed_free_words_are_refused_by_the_server(
        self, chat: Conversation, seller: Client, cloud: CloudShop
    ) -> None:
        self.age(hours=24)
        page = seller.get(f"/chats/{chat.pk}/").content.decode()
        assert 'id="reply"' not in page and "appointment_reminder" in page and "big_sale" not in page
        response = seller.post(f"/chats/{chat.pk}/send", {"text": "Olá?"})
        inside(cloud)
        assert response.status_code == 422 and "template" in response.content.decode()
        assert Conversation.objects.get(pk=chat.pk).handler == "agent"
        assert not Message.objects.filter(body="Olá?").exists()

    def test_a_template_is_filled_in_seen_and_sent(
        self, chat: Conversation, seller: Client, cloud: CloudShop
    ) -> None:
        self.age(hours=30)
        template = MessageTemplate.objects.get(name="appointment_reminder")
        path, chosen = f"/chats/{chat.pk}/template", {"template": str(template.pk)}
        assert "{{2}}" in seller.get(path, {**chosen, "body_1": "Ana"}).content.decode()
        assert READS in seller.get(path, {**chosen, **BLANKS}).content.decode()
        for _twice in range(2):
            response = seller.post(path, {**chosen, **BLANKS, "key": "k1"}, headers={"HX-Request": "true"})
            assert response.status_code == 200 and READS in response.content.decode()
        inside(cloud)
        cloud.work()
        sent = cloud.cloud.sent[0]
        assert (len(cloud.cloud.sent), sent.kind, sent.to) == (1, "template", "5511988887777")
        assert sent.content["name"] == "appointment_reminder"
        assert [one["text"] for one in sent.content["components"][0]["parameters"]] == list(BLANKS.values())
        message = Message.objects.get(author_kind="person")
        assert (message.status, message.body) == ("sent", READS)
        assert Conversation.objects.get(pk=chat.pk).handler == "person"

    @pytest.mark.parametrize(
        ("values", "words"), [({"body_1": "Ana"}, "Fill in"), ({**BLANKS, "body_1": "x" * 1100}, "too long")]
    )
    def test_an_unfilled_one_is_refused(
        self, chat: Conversation, seller: Client, cloud: CloudShop, values: dict[str, str], words: str
    ) -> None:
        template = MessageTemplate.objects.get(name="appointment_reminder")
        response = seller.post(f"/chats/{chat.pk}/template", {"template": template.pk, **values})
        inside(cloud)
        assert response.status_code == 422 and words in response.content.decode()
        assert not Message.objects.filter(author_kind="person").exists()

    def test_what_is_not_approved_here_is_not_sent(
        self, chat: Conversation, seller: Client, cloud: CloudShop
    ) -> None:
        rejected = MessageTemplate.objects.get(name="big_sale")
        for wanted in (rejected.pk, 999_999, "x"):
            response = seller.post(f"/chats/{chat.pk}/template", {"template": wanted})
            assert response.status_code == 422
        inside(cloud)
        assert not Message.objects.filter(author_kind="person").exists()

    def test_a_late_answer_of_the_assistant_goes_in_the_owners_template(
        self, chat: Conversation, cloud: CloudShop, owner: Client
    ) -> None:
        late = {
            "name": "about_your_question", "language": "pt_BR", "category": "UTILITY", "status": "APPROVED",
            "components": [{"type": "BODY", "text": "Sobre a sua pergunta: {{1}}"}], "id": "9004",
        }  # fmt: skip
        cloud.cloud.number.templates.append(late)
        message_templates.read(cloud.channel, now=timezone.now())
        page = owner.get(f"/account/channels/{cloud.channel.pk}/").content.decode()
        assert 'value="about_your_question/pt_BR"' in page and 'value="appointment_reminder/' not in page
        path = f"/account/channels/{cloud.channel.pk}/late"
        for wanted in ("appointment_reminder/pt_BR", "about_your_question/pt_BR"):
            assert owner.post(path, {"late_template": wanted}).status_code == 302
        inside(cloud)
        assert Channel.objects.get(pk=cloud.channel.pk).late_template == "about_your_question/pt_BR"
        cloud.shop.models.answer_with("Abrimos às 8h.\nAté já!")
        cloud.say("Que horas abrem?")
        self.age(hours=25)
        cloud.work()
        (sent,) = cloud.cloud.sent
        assert sent.kind == "template" and sent.content["name"] == "about_your_question"
        assert sent.content["components"][0]["parameters"][0]["text"] == "Abrimos às 8h. Até já!"
        message = Message.objects.latest("pk")
        assert (message.status, message.body) == ("sent", "Abrimos às 8h.\nAté já!")
        assert "about_your_question" in owner.get(f"/chats/{chat.pk}/").content.decode()

    def test_what_does_not_fit_into_it_waits_for_a_person(self, chat: Conversation, cloud: CloudShop) -> None:
        late = {
            "name": "short", "language": "pt_BR", "category": "UTILITY", "status": "APPROVED",
            "components": [{"type": "BODY", "text": "Resposta: {{1}}"}], "id": "9005",
        }  # fmt: skip
        cloud.cloud.number.templates.append(late)
        message_templates.read(cloud.channel, now=timezone.now())
        Channel.objects.filter(pk=cloud.channel.pk).update(late_template="short/pt_BR")
        self.age(hours=25)
        letters = [
            outbox.post(chat, text, now=timezone.now()) for text in ("x" * 1100, "Seu laudo está pronto.")
        ]
        cloud.work()
        for letter in letters:
            letter.refresh_from_db()
        assert [one.status for one in letters] == ["failed", "sent"]
        assert "template" in letters[0].error and len(cloud.cloud.sent) == 1

    def test_staff_reacts_and_sends_a_place_and_buttons_while_it_is_open(
        self, chat: Conversation, seller: Client, cloud: CloudShop
    ) -> None:
        asked = Message.objects.get(direction="in")
        assert seller.post(f"/messages/{asked.pk}/react", {"reaction": "👍"}).status_code == 302
        path = f"/chats/{chat.pk}/more"
        seller.post(path, {"kind": "place", "title": "Loja", "where": "-23.5, -46.6"})
        seller.post(path, {"kind": "choices", "question": "Qual?", "options": "Corte\nBarba"})
        assert seller.post(path, {"kind": "poll", "question": "Qual?", "options": "a\nb"}).status_code == 422
        inside(cloud)
        cloud.work()
        reaction, place, buttons = cloud.cloud.sent
        assert (reaction.kind, reaction.content["message_id"]) == ("reaction", asked.unique_id)
        assert (place.kind, place.content["name"]) == ("location", "Loja")
        assert (buttons.kind, buttons.content["type"]) == ("interactive", "button")
        self.age(hours=25)
        late = seller.post(path, {"kind": "place", "title": "Loja", "where": "-23.5, -46.6"})
        assert late.status_code == 422 and "template" in late.content.decode()
        inside(cloud)

    def test_it_opens_again_when_the_customer_writes(self, chat: Conversation, cloud: CloudShop) -> None:
        self.age(hours=30)
        cloud.say("Voltei")
        late = outbox.post(chat, "Bem-vinda de volta", now=timezone.now())
        cloud.later()
        late.refresh_from_db()
        assert late.status == "sent"

    def test_another_channel_has_no_window(self, cloud: CloudShop, seller: Client) -> None:
        cloud.shop.say("Oi")
        chat = Conversation.objects.get(channel=cloud.shop.channel)
        assert seller.get(f"/chats/{chat.pk}/window").status_code == 204
        assert "WhatsApp window" not in seller.get(f"/chats/{chat.pk}/").content.decode()
