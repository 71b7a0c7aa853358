"""What is used: on record with its price and for whom, charged once, and free when it never arrived."""

from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from billing import credits, pricing, usage
from billing.models import CreditAccount, LedgerEntry, Price, Usage
from conversations import message_templates, outbox, template_parts
from conversations.models import Conversation, Message, MessageTemplate, Turn
from providers import registry
from tenants.models import Tenant, VendorPrice
from tests.billing.test_credits import balanced
from tests.conversations.cloud_shop import CloudShop
from tests.counterparts import cloud as meta

QUESTION = "Que horas vocês abrem?"


def price(model: str, **values: int) -> Price:
    """A price that holds from a minute ago on."""
    known = dict.fromkeys(("input_per_million", "output_per_million", "cache_read_per_million"), 0)
    begins = timezone.now() - timedelta(minutes=1)
    return Price.objects.create(
        model=model, **{**known, "cache_write_per_million": 0, "minimum": 0, **values}, effective_from=begins
    )


def answered(shop: Any) -> Message:
    shop.models.answer_with("Abrimos às 8h.")
    shop.say(QUESTION)
    shop.work()
    return Message.objects.get(direction="out")


class TestAnAnswer:
    def test_is_on_record_for_whom_it_was_with_the_price_of_its_moment(self, shop: Any) -> None:
        price("m", input_per_million=10_000, output_per_million=20_000)
        before = CreditAccount.objects.get().balance
        message = answered(shop)
        used, turn = Usage.objects.get(), Turn.objects.get()
        assert used.key == f"turn:{turn.pk}" and used.exact
        assert (used.agent_id, used.channel_id) == (shop.channel.agent_id, shop.channel.pk)
        assert used.conversation_id == message.conversation_id
        cost = -(-(used.input_tokens + 2 * used.output_tokens) // 100)
        assert used.credits == cost == before - _balance() and cost > 0
        assert used.price["output_per_million"] == 20_000 and used.vendor_cost is None
        # A new price is for what comes; what is written stays, to the letter.
        Price.objects.create(
            model="m", input_per_million=9, output_per_million=9, cache_read_per_million=9,
            cache_write_per_million=9, effective_from=timezone.now(),
        )  # fmt: skip
        kept = Usage.objects.get()
        assert (kept.price, kept.credits) == (used.price, used.credits)

    def test_says_what_its_vendor_took(self, shop: Any) -> None:
        VendorPrice.objects.create(
            price_list=_host(shop), model="m", source=VendorPrice.Source.OPERATOR,
            input_per_million=5_000_000, output_per_million=5_000_000,
            effective_from=timezone.now() - timedelta(days=1),
        )  # fmt: skip
        connection.set_tenant(shop.tenant)
        answered(shop)
        used, turn = Usage.objects.get(), Turn.objects.get()
        tokens = (used.input_tokens, used.output_tokens, used.cache_read_tokens, used.cache_write_tokens)
        assert used.vendor_cost == turn.provider_cost == 5 * sum(tokens) > 0

    def test_that_was_not_delivered_is_free_once_and_says_so(
        self, shop: Any, client_for: Any, member_of: Any
    ) -> None:
        before = _balance()
        shop.channel.api_key = "wrong"
        shop.channel.save()
        message = answered(shop)
        assert message.status == "failed" and _balance() == before and balanced()
        charge = LedgerEntry.objects.get(key=f"turn:{message.turn_id}")
        back = LedgerEntry.objects.get(key=f"back:{charge.pk}")
        assert back.amount == -charge.amount > 0 and back.reason
        turn = Turn.objects.get()
        assert (turn.credits, turn.free_because) == (0, "not_delivered")
        browser = client_for(shop.tenant, member_of(shop.tenant))
        assert "Free: not delivered" in browser.get("/").content.decode()
        assert "Free: not delivered" in browser.get(f"/messages/{message.pk}/why").content.decode()
        # Sent again by a person it arrives, and stays free; a late receipt of failure gives nothing twice.
        connection.set_tenant(shop.tenant)
        shop.channel.api_key = shop.gateway.api_key
        shop.channel.save()
        outbox.retry(message.pk, now=shop.now())
        shop.work()
        message.refresh_from_db()
        assert message.status == "sent" and _balance() == before
        assert LedgerEntry.objects.filter(key__startswith="back:").count() == 1

    def test_whose_receipt_says_failed_is_free_too(self, cloud: CloudShop) -> None:
        before = _balance()
        cloud.say(QUESTION)
        cloud.work()
        message = Message.objects.get(direction="out")
        assert message.status == "sent" and _balance() < before
        for _twice in range(2):
            told = meta.status(message.unique_id, "failed", code=131026)
            cloud.deliver(meta.change(statuses=[told]))
        message.refresh_from_db()
        assert message.status == "failed" and _balance() == before and balanced()


class TestATemplate:
    def sent(self, cloud: CloudShop, member_of: Any) -> Message:
        """A person sends the approved reminder."""
        cloud.say(QUESTION)
        Conversation.objects.update(handler="person", reply_due_at=None)
        message_templates.read(cloud.channel, now=timezone.now())
        template = MessageTemplate.objects.get(name="appointment_reminder")
        blanks = {"body:1": "Ana", "body:2": "amanhã"}
        message = message_templates.post_by_person(
            Conversation.objects.get().pk,
            template=template,
            values=_filled(template, blanks),
            user=member_of(cloud.shop.tenant),
            now=timezone.now(),
        )
        cloud.work()
        message.refresh_from_db()
        return message

    def test_is_charged_by_its_category_when_it_is_taken(self, cloud: CloudShop, member_of: Any) -> None:
        price("template:utility", per_message=9)
        before = _balance()
        message = self.sent(cloud, member_of)
        assert message.status == "sent" and before - _balance() == 9
        used = Usage.objects.get(key=f"template:{message.pk}")
        assert (used.messages, used.credits, used.model) == (1, 9, "template:utility")
        assert (used.channel_id, used.conversation_id) == (cloud.channel.pk, message.conversation_id)
        for word in ("delivered", "read"):
            cloud.deliver(meta.change(statuses=[meta.status(message.unique_id, word)]))
        assert before - _balance() == 9 and balanced()

    def test_that_fails_later_is_given_back(self, cloud: CloudShop, member_of: Any) -> None:
        price("template:utility", per_message=9)
        before = _balance()
        message = self.sent(cloud, member_of)
        cloud.deliver(meta.change(statuses=[meta.status(message.unique_id, "failed", code=131026)]))
        assert _balance() == before and balanced()
        assert LedgerEntry.objects.filter(key__startswith="back:").count() == 1

    def test_that_cannot_be_paid_does_not_leave(self, cloud: CloudShop, member_of: Any) -> None:
        price("template:utility", per_message=1_000_000)
        message = self.sent(cloud, member_of)
        assert message.status == "failed" and "credits" in message.error
        assert cloud.cloud.sent == [] and not Usage.objects.filter(key__startswith="template:").exists()

    def test_costs_nothing_where_nobody_set_a_price_and_is_counted(
        self, cloud: CloudShop, member_of: Any
    ) -> None:
        before = _balance()
        message = self.sent(cloud, member_of)
        assert message.status == "sent" and _balance() == before
        assert Usage.objects.get(key=f"template:{message.pk}").messages == 1


def test_what_is_spoken_is_priced_by_the_character(in_alpha: Tenant) -> None:
    now = timezone.now()
    every = credits.price_for("voice", at=now)
    assert pricing.spoken_cost(every, 1) == 1 and pricing.spoken_cost(every, 0) == 0
    cost = pricing.spoken_cost(every, 1000)
    VendorPrice.objects.create(
        price_list="acme", model="voice", spoken_per_million=15_000_001, effective_from=now
    )
    for number, prices, taken in ((1, "acme", 15_001), (2, "nobody's", None), (3, "", 0), (4, None, None)):
        usage.of_speaking(
            key=f"spoken:{number}", model="voice", characters=1000, cost=cost, price=every, now=now,
            price_list=prices,
        )  # fmt: skip
        row = Usage.objects.get(key=f"spoken:{number}")
        assert (row.characters, row.credits, row.price["spoken_per_million"]) == (1000, 20, 20_000)
        assert row.vendor_cost == taken


def _balance() -> int:
    return CreditAccount.objects.get().balance


def _host(shop: Any) -> str:
    return registry.price_list("openai", f"{shop.models.url}/v1")


def _filled(template: MessageTemplate, values: dict[str, str]) -> dict[str, str]:
    """The values under the names that the template's form has."""
    return dict(
        zip(
            (blank.field for blank in template_parts.blanks(template.components)),
            values.values(),
            strict=False,
        )
    )
