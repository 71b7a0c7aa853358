"""L5 with tools: who writes without end, another machine, a tool that is called for ever."""

from collections.abc import Iterator
from typing import Any

import pytest

from agents.tools import Outcome
from billing.models import LedgerEntry
from conversations import tooling, turns
from conversations.models import Conversation, Message, Turn
from tests.conversations import door
from tests.conversations.tool_shop import Desk, desk, give


@pytest.fixture
def busy(shop: Any) -> Iterator[tuple[Any, Desk]]:
    """A model that wants a tool whenever it may."""
    with desk() as made:
        give(shop, "look_up", "book")
        shop.models.app.obeys = True
        yield shop, made


WISH = '[[call: look_up {{"day": "{n}"}}]]'


def test_two_machines_with_tools_are_parted_within_ten_answers(busy: tuple[Any, Desk]) -> None:
    shop, made = busy
    for number in range(30):
        shop.say(f"Frase {'abc' * number} nova e diferente {number * 7919}. {WISH.format(n=number)}")
        shop.work()
    assert Turn.objects.count() <= 10 and Conversation.objects.get().handler == "queue"
    charged = LedgerEntry.objects.filter(kind="turn").count()
    requests, ran = len(shop.models.requests), len(made.done)
    for number in range(30, 60):
        shop.say(f"Mais uma frase {number}. {WISH.format(n=number)}")
        shop.work()
    assert LedgerEntry.objects.filter(kind="turn").count() == charged <= 10
    assert (len(shop.models.requests), len(made.done)) == (requests, ran)
    assert requests <= 10 * (tooling.MOST_ROUNDS + 1)


def test_a_tool_whose_result_asks_for_it_again_ends(busy: tuple[Any, Desk]) -> None:
    shop, made = busy
    numbers = iter(range(1, 1000))
    made.answers["look_up"] = lambda: Outcome({"next": WISH.format(n=next(numbers))})
    shop.say(f"Oi. {WISH.format(n=0)}")
    shop.work()
    assert len(made.done) <= tooling.MOST_ROUNDS
    assert len(shop.models.requests) <= tooling.MOST_ROUNDS + 1
    assert Turn.objects.count() == 1 == LedgerEntry.objects.filter(kind="turn").count()


def test_a_flood_of_words_is_one_bounded_question(busy: tuple[Any, Desk]) -> None:
    """That 500 messages are few turns: tests/conversations/test_conduct.py."""
    shop, _made = busy
    shop.models.app.obeys = False
    for number in range(30):
        shop.knock(door.delivery(f"Mensagem {number}: " + "quero saber tudo sobre a limpeza. " * 100))
    shop.read()
    shop.work()
    assert Message.objects.filter(direction="in", outcome="answered").count() == 30
    assert Turn.objects.filter(status="done").count() <= 2  # the inbox reads so many at once
    longest = max(len(one["body"]["messages"][-1]["content"]) for one in shop.models.requests)
    assert longest < turns.QUESTION_CHARACTERS + 1000 < 15 * 3000
