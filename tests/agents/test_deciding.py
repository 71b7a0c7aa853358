"""Which tier answers: by what is wanted, how hard it is, the customer's value, budgets, what is set up."""

from typing import Any

import pytest

from agents.routing import Asked, Policy, Reading, complexity, decide, reachable

ALL = ("fast", "balanced", "advanced", "premium")
HARD = "Explique a diferença entre os planos e compare os preços"
GREETING, BOOKING = Reading("greeting", 0.9, 0.0), Reading("booking", 0.9, 0.0)
REFUND, UNSURE = Reading("refund", 0.9, 0.0), Reading("refund", 0.3, 0.1)
OUTSIDE = Reading("out_of_scope", 0.95, 0.95)
JOKE = "conta uma piada de papagaio"
BOUND = {"budgets": {"balanced": 9}}


@pytest.mark.parametrize(
    ("asked", "policy", "tiers", "spent", "tier", "codes"),
    [
        (Asked("oi", GREETING), {}, ALL, {}, "fast", ["intent"]),
        (Asked("marcar", BOOKING), {}, ALL, {}, "balanced", ["intent"]),
        (Asked("devolver", REFUND), {}, ALL, {}, "advanced", ["intent"]),
        (Asked("devolver", UNSURE), {}, ALL, {}, "balanced", ["unsure"]),
        (Asked("devolver", UNSURE), {"sure_from": 20}, ALL, {}, "advanced", ["intent"]),
        (Asked("oi"), {}, ALL, {}, "balanced", ["usual"]),
        (Asked("oi"), {"usual": "fast"}, ALL, {}, "fast", ["usual"]),
        (Asked("oi", GREETING), {"intents": {"greeting": "usual"}}, ALL, {}, "balanced", ["intent"]),
        (Asked("marcar", BOOKING), {"intents": {"booking": "premium"}}, ALL, {}, "premium", ["intent"]),
        (Asked(HARD, BOOKING), {}, ALL, {}, "advanced", ["intent", "hard"]),
        (Asked(HARD, BOOKING), {"hard_from": 101, "hardest_from": 101}, ALL, {}, "balanced", ["intent"]),
        (Asked(HARD * 4, BOOKING), {}, ALL, {}, "premium", ["intent", "hard"]),
        (Asked("marcar", BOOKING, value=80), {}, ALL, {}, "advanced", ["intent", "value"]),
        (Asked("marcar", BOOKING, value=20), {}, ALL, {}, "balanced", ["intent"]),
        (Asked("oi", GREETING, value=99), {}, ALL, {}, "fast", ["intent"]),
        (Asked("marcar", BOOKING), {}, ("fast", "premium"), {}, "fast", ["intent", "not_set_up"]),
        (Asked("marcar", BOOKING), {}, (), {}, "balanced", ["intent"]),
        (Asked("vaga", BOOKING), BOUND, ALL, {"balanced": 8}, "balanced", ["intent"]),
        (Asked("vaga", BOOKING), BOUND, ALL, {"balanced": 9}, "fast", ["intent", "budget"]),
        (
            Asked("devolver", REFUND), {"budgets": {"advanced": 5, "balanced": 5}}, ALL,
            {"advanced": 5, "balanced": 7}, "fast", ["intent", "budget", "budget"],
        ),
        (Asked("oi", GREETING), {"budgets": {"fast": 0}}, ALL, {}, "fast", ["intent", "all_spent"]),
    ],
)  # fmt: skip
def test_the_tier_and_why(
    asked: Asked, policy: dict[str, Any], tiers: Any, spent: Any, tier: str, codes: list[str]
) -> None:
    decision = decide(asked, policy=Policy.of(policy), tiers=tiers, spent=spent)
    assert (decision.tier, [reason.code for reason in decision.reasons]) == (tier, codes)
    assert decision.tier == decision.reasons[-1].tier


@pytest.mark.parametrize(
    ("asked", "policy", "refused"),
    [
        (Asked(JOKE, OUTSIDE), {}, True),
        (Asked(JOKE, OUTSIDE, supported=True), {}, False),  # the documents speak of it
        (Asked(JOKE, OUTSIDE, answers_us=True), {}, False),  # we had asked something
        (Asked(JOKE, OUTSIDE, files=True), {}, False),
        (Asked("Maria da Silva", OUTSIDE), {}, False),  # too short to say
        (Asked(JOKE, OUTSIDE), {"refuses": False}, False),
        (Asked(JOKE, OUTSIDE), {"refuses_from": 97}, False),
        (Asked(JOKE), {}, False),  # nobody could read it
    ],
)
def test_what_is_none_of_the_business_is_refused(asked: Asked, policy: dict[str, Any], refused: bool) -> None:
    assert decide(asked, policy=Policy.of(policy)).refused is refused


def test_what_is_reserved_does_for_every_tier_that_may_answer() -> None:
    assert reachable(Asked("oi"), policy=Policy(), tiers=ALL) == ["fast", "balanced", "advanced"]
    assert reachable(Asked("oi", value=90), policy=Policy(), tiers=ALL)[-1] == "premium"
    assert reachable(Asked(HARD), policy=Policy(), tiers=["fast"]) == ["fast"]


def test_a_policy_keeps_only_what_is_said_otherwise() -> None:
    assert Policy().said() == {}
    said = {"intents": {"buying": "premium"}, "hard_from": 101, "budgets": {"premium": 50}}
    assert Policy.of(said).said() == said
    assert Policy.of(said).intents["greeting"] == "fast"
    assert Policy.of({"of another day": 1}) == Policy()


def test_complexity_grows_with_what_is_asked() -> None:
    assert complexity("") == 0
    assert complexity("Que horas abrem?") < complexity("Que horas abrem? E onde fica? E quanto custa?")
    assert complexity("Que horas abrem?") < complexity(HARD) < complexity(HARD * 20) == 100


def test_a_turn_keeps_all_of_it() -> None:
    kept = decide(Asked("marcar", BOOKING, value=80), policy=Policy(), tiers=ALL).as_json()
    assert kept["intent"] == "booking" and kept["value"] == 80 and kept["confidence"] == 0.9
    assert kept["reasons"][1] == {"code": "value", "tier": "advanced", "number": 80}
