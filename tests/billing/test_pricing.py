"""What an answer costs, by table."""

from dataclasses import dataclass

import pytest

from billing import pricing


@dataclass
class Rates:
    input_per_million: int = 1000
    output_per_million: int = 5000
    cache_read_per_million: int = 100
    cache_write_per_million: int = 1250
    minimum: int = 1


@dataclass
class Tokens:
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@pytest.mark.parametrize(
    ("tokens", "cost"),
    [
        (Tokens(), 1),
        (Tokens(input_tokens=1000), 1),
        (Tokens(input_tokens=1001), 2),
        (Tokens(output_tokens=1_000_000), 5000),
        (Tokens(input_tokens=400, output_tokens=120), 1),
        (Tokens(cache_read_tokens=10_000, cache_write_tokens=800), 2),
        (Tokens(1_000_000, 1_000_000, 1_000_000, 1_000_000), 7350),
    ],
)
def test_all_kinds_of_tokens_are_charged_and_rounded_up_once(tokens: Tokens, cost: int) -> None:
    assert pricing.cost(Rates(), tokens) == cost


def test_a_price_of_nothing_still_has_its_minimum() -> None:
    assert pricing.cost(Rates(0, 0, 0, 0, minimum=3), Tokens(input_tokens=10)) == 3


def test_the_estimate_covers_what_it_reads_and_the_longest_answer() -> None:
    estimate = pricing.estimate(Rates(), characters=12_000, max_tokens=700)
    assert estimate >= pricing.cost(Rates(), Tokens(cache_write_tokens=4000, output_tokens=700))
