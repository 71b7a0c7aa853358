"""A message is answered by the tier that its meaning takes; what was decided is kept, shown and corrected."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import publishing
from agents.lines import Line, say
from agents.models import Agent, AgentVersion, IntentExample, ModelProvider
from billing.models import CreditAccount, Hold, Price
from conversations import routes
from conversations.models import Message, Turn

MODELS = {"fast": "small", "balanced": "middle", "advanced": "large"}
PAGE = "/assistant/models/routing/"


@pytest.fixture
def house(shop: Any, settings: Any, embedding: str, monkeypatch: Any) -> Any:
    """The shop with three tiers, and the installation's real embedding."""
    settings.EMBEDDING_URL = embedding
    monkeypatch.setitem(routes._away, "until", 0.0)
    publish(shop)
    return shop


def publish(shop: Any, **routing: Any) -> None:
    connection.set_tenant(shop.tenant)
    tiers = {tier: {"provider": "vendor", "model": model} for tier, model in MODELS.items()}
    content = {"tiers": tiers, "routing": routing}
    publishing.publish_at_once(Agent.objects.get(), content=content, user=None, now=timezone.now())


def ask(shop: Any, text: str) -> Turn:
    shop.say(text)
    shop.work()
    return Turn.objects.latest("pk")


def asked_models(shop: Any) -> list[str]:
    return [one["body"]["model"] for one in shop.models.requests]


class TestTier:
    def test_follows_from_what_the_customer_wants(self, house: Any) -> None:
        greeting = ask(house, "oi, bom dia!")
        assert (greeting.intent, greeting.tier, greeting.model) == ("greeting", "fast", "small")
        refund = ask(house, "quero devolver o produto e receber meu dinheiro de volta")
        assert (refund.intent, refund.tier) == ("refund", "advanced")
        assert asked_models(house) == ["small", "large"]
        assert refund.route["reasons"][0]["code"] == "intent" and refund.route["fallbacks"] == []
        assert refund.steps[1]["kind"] == "route"

    def test_what_is_reserved_does_for_the_dearest(self, house: Any) -> None:
        dear = dict.fromkeys(("input_per_million", "output_per_million", "cache_read_per_million"), 10**7)
        Price.objects.create(
            model="large", effective_from=timezone.now(), minimum=1, cache_write_per_million=0, **dear
        )
        CreditAccount.objects.update(balance=1_000_000)
        ask(house, "oi, bom dia!")
        assert Hold.objects.get().amount > 10_000

    def test_a_spent_budget_takes_the_next_cheaper(self, house: Any) -> None:
        publish(house, budgets={"advanced": 0})
        turn = ask(house, "quero devolver o produto e receber meu dinheiro de volta")
        assert turn.tier == "balanced" and turn.route["reasons"][-1]["code"] == "budget"

    def test_without_the_embedding_the_words_decide(self, house: Any, settings: Any) -> None:
        settings.EMBEDDING_URL = "http://127.0.0.1:9"
        turn = ask(house, "oi, bom dia!")
        assert (turn.status, turn.tier, turn.intent) == ("done", "balanced", "")
        assert routes._away["until"] > 0

    def test_what_has_nothing_to_do_with_the_business_is_refused_for_nothing(self, house: Any) -> None:
        before = CreditAccount.objects.get().balance
        turn = ask(house, "me conta uma piada sobre um papagaio")
        assert (turn.intent, turn.vendor, turn.credits) == ("out_of_scope", "refused", 0)
        assert house.texts()[-1] == say(Line.OUT_OF_SCOPE, "pt") and house.models.requests == []
        account = CreditAccount.objects.get()
        assert (account.balance, account.held) == (before, 0)
        publish(house, refuses=False)
        assert ask(house, "me conta uma piada sobre um elefante").vendor == "openai"

    @pytest.mark.parametrize("fault", ["500", "404", "empty", "malformed"])
    def test_who_was_asked_in_vain_is_kept(self, house: Any, fault: str) -> None:
        ModelProvider.objects.create(
            name="second", vendor="anthropic", base_url=house.models.url, api_key="other", model="c"
        )
        tiers = {"balanced": {"provider": "vendor"}, "advanced": {"provider": "second"}}
        publishing.publish_at_once(
            Agent.objects.get(), content={"tiers": tiers, "routing": {"usual": "balanced"}}, user=None,
            now=timezone.now(),
        )  # fmt: skip
        house.models.fail_next(fault)
        turn = ask(house, "vocês têm vaga para marcar uma consulta amanhã?")
        assert (turn.status, turn.vendor, turn.tier) == ("done", "anthropic", "advanced")
        assert [one["tier"] for one in turn.route["fallbacks"]] == ["balanced"] and turn.route[
            "tier"
        ] == "balanced"

    def test_a_failed_turn_keeps_it_too(self, house: Any) -> None:
        house.models.fail_next("500", times=6)
        house.say("quero marcar uma consulta para amanhã")
        house.work()
        failed = Turn.objects.order_by("pk").first()
        assert failed is not None and failed.status == "failed" and failed.intent == "booking"
        assert failed.route["fallbacks"][0]["model"] == "middle"


class TestPages:
    @pytest.fixture
    def browser(self, house: Any, client_for: Callable[..., Any], member_of: Callable[..., Any]) -> Any:
        return client_for(house.tenant, member_of(house.tenant))

    def test_share_and_cost_by_tier(self, house: Any, browser: Any) -> None:
        ask(house, "oi, bom dia!")
        ask(house, "quero devolver o produto e receber meu dinheiro de volta")
        page = browser.get(PAGE, {"days": "7"}).content.decode()
        assert "50 %" in page and "A greeting" in page

    def test_rules_go_into_the_draft(self, house: Any, browser: Any) -> None:
        shown = browser.get(PAGE).context["form"]
        typed = {name: shown[name].value() for name in shown.fields}
        typed = {name: value for name, value in typed.items() if value not in (None, False)}
        typed |= {"intent_buying": "premium", "budget_premium": "90", "hard_from": "", "hardest_from": ""}
        assert browser.post(PAGE, typed | {"sure_from": "0"}).status_code == 422
        assert browser.post(PAGE, typed).status_code == 302
        connection.set_tenant(house.tenant)
        draft = AgentVersion.objects.get(status="draft")
        assert draft.routing == {
            "intents": {"buying": "premium"}, "budgets": {"premium": 90},
            "hard_from": 101, "hardest_from": 101,
        }  # fmt: skip
        assert draft.tiers["fast"] == {"provider": "vendor", "model": "small"}

    def test_a_corrected_message_is_read_so_from_then_on(self, house: Any, browser: Any) -> None:
        words = "preciso do laudo do equipamento 4411 2233 99"
        first = ask(house, words)
        read = first.intent
        assert read != "technical_problem"
        message = Message.objects.get(turn=first, direction="out")
        why = browser.get(f"/messages/{message.pk}/why").content.decode()
        assert "Why this model" in why and f"/messages/{message.pk}/intent" in why
        answer = browser.post(f"/messages/{message.pk}/intent", {"intent": "technical_problem"})
        assert answer.status_code == 302
        connection.set_tenant(house.tenant)
        example = IntentExample.objects.get()
        assert (example.intent, example.text) == ("technical_problem", "preciso do laudo do equipamento …")
        first.refresh_from_db()
        assert first.intent == "technical_problem" and first.route["corrected"] == "technical_problem"
        assert ask(house, words).intent == "technical_problem"
        assert browser.post(f"/messages/{message.pk}/intent", {"intent": "nonsense"}).status_code == 422
        listed = browser.get("/assistant/models/corrections/").content.decode()
        assert "preciso do laudo do equipamento …" in listed
        address = f"/assistant/models/corrections/{example.pk}"
        assert browser.post(address, {"intent": "nonsense"}).status_code == 422
        assert browser.post(address, {"intent": "refund"}).status_code == 302
        connection.set_tenant(house.tenant)
        assert ask(house, words).intent == "refund" != read
        assert browser.post(address, {"intent": ""}).status_code == 302
        connection.set_tenant(house.tenant)
        reading = routes.read(words, known={})  # a fourth time the thread itself would go to a person
        assert not IntentExample.objects.exists() and reading is not None and reading.intent == read
