"""Two versions on live customers: each customer stays with one, and the figures say what can be said."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agents import publishing
from agents.models import Agent, AgentVersion, Experiment
from conversations import experiments
from conversations.models import Contact, Conversation, Message, Turn
from conversations.significance import Verdict
from tests.conversations.conftest import Shop

COMPARE = "/assistant/publish/compare/"


@pytest.fixture
def two(shop: Shop) -> tuple[AgentVersion, AgentVersion]:
    """The first published version, and the one that answers now."""
    agent = Agent.objects.order_by("pk")[0]
    first = agent.published
    assert first is not None
    second = publishing.publish_at_once(agent, content={"tone": "breve"}, user=None, now=timezone.now())
    return first, second


def begin(two: tuple[AgentVersion, AgentVersion], share: int = 50) -> Experiment:
    first, second = two
    agent = Agent.objects.get(pk=second.agent_id)
    return experiments.start(
        agent, other=first, share=share, user=None, now=timezone.now() - timedelta(hours=1)
    )


def test_a_customer_stays_where_they_were_drawn() -> None:
    drawn = Counter(experiments.side("salt", number, share=30) for number in range(4000))
    assert 1120 <= drawn["second"] <= 1280
    again = {number: experiments.side("salt", number, share=30) for number in range(50)}
    assert all(experiments.side("salt", number, share=30) == side for number, side in again.items())
    other = {number: experiments.side("pepper", number, share=30) for number in range(50)}
    assert again != other


def parting(contacts: Iterable[int]) -> str:
    """A salt by which not all of these customers fall to the same side, as they may by chance."""
    known = list(contacts)
    return next(
        salt
        for salt in map(str, range(100))
        if len({experiments.side(salt, contact, share=50) for contact in known}) == 2
    )


def test_customers_are_answered_by_the_version_that_is_theirs(
    shop: Shop, two: tuple[AgentVersion, AgentVersion]
) -> None:
    experiment = begin(two)
    for number in range(8):
        shop.say("Oi, bom dia", chat=f"55119{number:08d}@c.us")
        shop.say("Tudo bem?", chat=f"55119{number:08d}@c.us")
    experiment.salt = parting(Contact.objects.values_list("pk", flat=True))
    experiment.save()
    shop.work()
    ids = {"first": two[0].pk, "second": two[1].pk}
    told = Turn.objects.values_list("agent_version", "conversation__contact")
    assert {version for version, _contact in told} == set(ids.values())
    for version, contact in told:
        assert version == ids[experiments.side(experiment.salt, contact, share=50)]
    experiments.end(experiment, user=None, now=timezone.now())
    shop.say("Oi de novo")
    shop.work()
    assert Turn.objects.latest("pk").agent_version == two[1]


def test_another_publication_ends_it_for_customers(
    shop: Shop, two: tuple[AgentVersion, AgentVersion]
) -> None:
    begin(two, share=1)
    agent = Agent.objects.get(pk=two[1].agent_id)
    third = publishing.publish_at_once(agent, content={"tone": "longo"}, user=None, now=timezone.now())
    shop.say("Oi, bom dia")
    shop.work()
    assert Turn.objects.get().agent_version == third
    fourth = begin((two[0], third))  # the overtaken one is out of its way
    assert Experiment.objects.filter(ended_at=None).get() == fourth


@pytest.mark.parametrize("share", ["0", "100", "x", ""])
def test_what_cannot_be_compared_is_said(
    shop: Shop,
    two: tuple[AgentVersion, AgentVersion],
    share: str,
    client_for: Callable[..., Any],
    member_of: Any,
) -> None:
    browser = client_for(shop.tenant, member_of(shop.tenant))
    answer = browser.post(COMPARE, {"other": two[0].number, "share": share})
    assert answer.status_code == 422 and f'value="{share}"' in answer.content.decode()
    connection.set_tenant(shop.tenant)
    assert not Experiment.objects.exists()


def people(shop: Shop, experiment: Experiment, count: int) -> None:
    """Customers of the last hour: nine in ten of B are resolved, six in ten of A; A costs twice as much."""
    now, seen = timezone.now() - timedelta(minutes=5), Counter[str]()
    for contact in Contact.objects.bulk_create(Contact(name=f"{n}") for n in range(count)):
        side = experiments.side(experiment.salt, contact.pk, share=50)
        seen[side] += 1
        handed = seen[side] % 10 < (4 if side == "first" else 1)
        chat = Conversation.objects.create(contact=contact, channel=shop.channel, address=f"{contact.pk}")
        version = experiment.first if side == "first" else experiment.second
        turn = Turn.objects.create(
            conversation=chat, agent_version=version, status="done", supported=True,
            credits=4 if side == "first" else 2, started_at=now,
        )  # fmt: skip
        outcome = "handed_over" if handed else "answered"
        common: dict[str, Any] = {"conversation": chat, "created_at": now}
        Message.objects.create(
            direction="in", author_kind="contact", body="?", status="received", outcome=outcome,
            terminal_at=now, **common,
        )  # fmt: skip
        liked = {"contact": "👍🏽" if seen[side] % 2 else "👎"} if seen[side] <= 20 else {}
        Message.objects.create(
            direction="out",
            author_kind="agent",
            body="!",
            status="sent",
            turn=turn,
            reactions=liked,
            **common,
        )


def test_figures_and_what_they_tell(
    shop: Shop, two: tuple[AgentVersion, AgentVersion], client_for: Callable[..., Any], member_of: Any
) -> None:
    experiment = begin(two)
    people(shop, experiment, 20)
    few = experiments.results(experiment)
    assert few.resolved.verdict == few.credits.verdict == Verdict.TOO_FEW
    people(shop, experiment, 160)
    found = experiments.results(experiment)
    first, second = found.first, found.second
    assert first.customers + second.customers == 180
    assert first.resolved.count + first.handed_over.count == first.customers
    assert 0.55 < first.resolved.value < 0.65 and 0.85 < second.resolved.value < 0.95
    assert (first.credits_each, second.credits_each) == (4.0, 2.0)
    assert 20 < first.pleased.of < 40 and abs(2 * first.pleased.count - first.pleased.of) <= 2
    assert (
        found.resolved.verdict == Verdict.SECOND_HIGHER and found.handed_over.verdict == Verdict.FIRST_HIGHER
    )
    assert found.credits.verdict == Verdict.FIRST_HIGHER and found.pleased.verdict == Verdict.TOO_FEW
    browser = client_for(shop.tenant, member_of(shop.tenant))
    page = browser.get(COMPARE).content.decode()
    connection.set_tenant(shop.tenant)
    assert "B has more" in page and "Too few to say anything" in page
    assert f"{first.pleased.count} of {first.pleased.of}" in page
    ended = browser.post(f"{COMPARE}{experiment.pk}/end")
    connection.set_tenant(shop.tenant)
    assert ended.status_code == 302 and Experiment.objects.get().ended_at is not None
