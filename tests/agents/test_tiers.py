"""Where to go when a tier's model is down: the nearest tier of another provider."""

import pytest

from agents.models import AgentVersion
from agents.replies import tiers_to_try


@pytest.mark.parametrize(
    ("tiers", "order"),
    [
        ({}, ["balanced"]),
        ({"balanced": {"model": "a"}, "advanced": {"model": "b"}}, ["balanced"]),  # the same key
        ({"fast": {"provider": "x"}}, ["balanced", "fast"]),
        (
            {"balanced": {"provider": "x"}, "premium": {"provider": "y"}, "advanced": {"provider": "z"}},
            ["balanced", "advanced", "premium"],
        ),
        (
            {"balanced": {"provider": "x"}, "fast": {"provider": "x"}, "advanced": {"provider": "y"}},
            ["balanced", "advanced"],
        ),
    ],
)  # fmt: skip
def test_the_order(tiers: dict[str, dict[str, str]], order: list[str]) -> None:
    assert tiers_to_try(AgentVersion(tiers=tiers), "balanced") == order
