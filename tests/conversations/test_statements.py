"""What a message costs the database: each statement is about a millisecond of a core, and many add up.

Who must go over a bound here has added work to every message of every business: look first whether a
statement that is there already can carry it.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conversations import hooks
from conversations.models import Message, Unanswered
from tenants import current, flags
from tests.conversations import door
from tests.conversations.cloud_shop import CloudShop
from tests.conversations.conftest import Shop

READ, ANSWERED, ANSWERED_BY_CLOUD = 13, 44, 49
NOTED = 1  # that a question found no answer
SORTED = 2  # in the background, as far as it comes without vectors


@pytest.fixture(autouse=True)
def remembered(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However slow the machine: what is known for some seconds is looked up by the first message only."""
    monkeypatch.setattr(hooks, "QUIET_SECONDS", 3600.0)  # that no address listens
    monkeypatch.setattr(flags, "REMEMBER_SECONDS", 3600.0)
    monkeypatch.setattr(current, "_REMEMBER_SECONDS", 3600.0)
    monkeypatch.setattr(current, "_known", {})
    flags.forget()
    yield
    hooks.wake()
    flags.forget()


def test_a_message_through_the_gateway(shop: Shop, django_assert_max_num_queries: Callable[..., Any]) -> None:
    shop.say("Oi, bom dia")
    shop.work()
    with django_assert_max_num_queries(READ):
        shop.say("Uma consulta para amanhã.")
    with django_assert_max_num_queries(ANSWERED):
        shop.work()
    assert Message.objects.filter(direction="out", status="sent").count() == 2


def test_a_question_that_finds_no_answer(
    shop: Shop, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    shop.say("Oi, bom dia")
    shop.work()
    shop.say("Quanto custa a consulta?")
    with django_assert_max_num_queries(ANSWERED + NOTED + SORTED):
        shop.work()
    assert Unanswered.objects.get().question == "Quanto custa a consulta?"


def test_a_batch_is_read_together(shop: Shop, django_assert_max_num_queries: Callable[..., Any]) -> None:
    for number in range(10):
        shop.say("Oi", chat=f"551198888{number:04d}@c.us")
    shop.work()
    for number in range(10):
        shop.knock(door.delivery("Quanto custa?", chat=f"551198888{number:04d}@c.us"))
    with django_assert_max_num_queries(10 + 10 * 4):
        shop.read()
    assert Message.objects.filter(direction="in").count() == 20


def test_a_message_through_the_cloud_api(
    cloud: CloudShop, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    cloud.say("Oi, bom dia")
    cloud.work()
    with django_assert_max_num_queries(READ):
        cloud.say("Uma consulta para amanhã.")
    with django_assert_max_num_queries(ANSWERED_BY_CLOUD):
        cloud.work()
    assert Message.objects.filter(direction="out", status="sent").count() == 2
