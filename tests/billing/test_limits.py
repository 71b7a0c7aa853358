"""How much may be spent in a day: asked with the balance, never exceeded, over at the business's midnight."""

import threading
import zoneinfo
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from agents.models import Agent
from billing import credits, usage
from billing.models import CreditAccount, Hold, LedgerEntry, SpendLimit
from providers import llm
from tenants.models import AuditEntry, Tenant
from tests.billing.test_credits import balanced, start_with

ZONE = "America/Sao_Paulo"
NOON = datetime(2026, 11, 10, 12, tzinfo=zoneinfo.ZoneInfo(ZONE))


def limit(amount: int, agent_id: int | None = None) -> None:
    SpendLimit.objects.update_or_create(agent_id=agent_id, defaults={"credits_a_day": amount})


def spend(
    key: str, *, amount: int, cost: int | None = None, agent: int | None = None, at: datetime = NOON
) -> Any:
    """Reserve, then settle what it cost."""
    held = credits.hold(key=key, amount=amount, agent_id=agent, now=at)
    return credits.settle(held, cost=amount if cost is None else cost, key=key, reason="answer", now=at)


def spent(agent: int | None = None, *, at: datetime = NOON) -> int:
    return credits.spent_on(CreditAccount.objects.get(), credits.day_of(at), agent_id=agent)


class TestTheDay:
    def test_what_is_reserved_counts_and_what_comes_back_does_not(self, in_alpha: Tenant) -> None:
        start_with(1000)
        limit(30)
        first = credits.hold(key="turn:1", amount=20, agent_id=7, now=NOON)
        with pytest.raises(credits.LimitReached) as refused:
            credits.hold(key="turn:2", amount=11, agent_id=7, now=NOON)
        assert refused.value.limit.credits_a_day == 30 and not Hold.objects.filter(key="turn:2").exists()
        credits.settle(first, cost=5, key="turn:1", reason="answer", now=NOON)
        assert (spent(), spent(7), spent(8)) == (5, 5, 0)
        credits.release(credits.hold(key="turn:3", amount=25, agent_id=7, now=NOON), now=NOON)
        assert (spent(), spent(7)) == (5, 5) and balanced()

    def test_each_assistant_has_a_limit_of_its_own(self, in_alpha: Tenant) -> None:
        start_with(1000)
        limit(10, agent_id=7)
        limit(25)
        spend("turn:1", amount=10, agent=7)
        with pytest.raises(credits.LimitReached) as refused:
            credits.hold(key="turn:2", amount=1, agent_id=7, now=NOON)
        assert refused.value.limit.agent_id == 7
        spend("turn:3", amount=10, agent=8)
        with pytest.raises(credits.LimitReached) as refused:
            credits.hold(key="turn:4", amount=6, agent_id=8, now=NOON)
        assert refused.value.limit.agent_id is None
        spend("turn:5", amount=5)

    def test_without_credits_it_is_the_credits_that_are_missing(self, in_alpha: Tenant) -> None:
        start_with(5)
        limit(3)
        with pytest.raises(credits.InsufficientCredits) as refused:
            credits.hold(key="turn:1", amount=6, now=NOON)
        assert not isinstance(refused.value, credits.LimitReached)

    def test_what_is_taken_without_a_hold_counts_too(self, in_alpha: Tenant) -> None:
        start_with(1000)
        limit(10)
        assert credits.spend(kind="reading", amount=8, key="reading:1", reason="r", now=NOON)
        for attempt in (credits.spend, _check):
            with pytest.raises(credits.LimitReached):
                attempt(kind="reading", amount=3, key="reading:2", reason="r", now=NOON)
        assert credits.spend(kind="template", amount=3, key="template:1", reason="r", now=NOON, partly=True)
        assert spent() == 11 and balanced()  # it was sent already

    def test_a_charge_that_is_given_back_today_makes_room_again(self, in_alpha: Tenant) -> None:
        start_with(1000)
        limit(10, agent_id=7)
        entry = spend("turn:1", amount=10, agent=7)
        price = credits.price_for("m", at=NOON)
        usage.of_tokens(
            key="turn:1", model="m", tokens=llm.Usage(), cost=10, price=price, whose=usage.Whose(7), now=NOON
        )
        for _twice in range(2):
            credits.give_back(entry, reason="not delivered", actor=None, now=NOON)
        assert (spent(), spent(7)) == (0, 0) and balanced()
        later = NOON + timedelta(days=1)
        spend("turn:2", amount=4, agent=7, at=later)
        yesterdays = LedgerEntry.objects.get(key="turn:1")
        assert credits.give_back(yesterdays, reason="again", actor=None, now=later).key == f"back:{entry.pk}"
        assert spent(7, at=later) == 4


def _check(**wanted: Any) -> None:
    credits.check(amount=wanted["amount"], now=wanted["now"])


class TestMidnight:
    @pytest.fixture(autouse=True)
    def in_brazil(self, in_alpha: Tenant) -> None:
        in_alpha.timezone = ZONE

    def test_the_day_is_the_businesss_own(self, in_alpha: Tenant) -> None:
        """23:59 in São Paulo is the next day in UTC, and still today here."""
        start_with(1000)
        limit(10)
        late = NOON.replace(hour=23, minute=59)
        spend("turn:1", amount=10, at=NOON)
        with pytest.raises(credits.LimitReached):
            credits.hold(key="turn:2", amount=1, now=late)
        assert spend("turn:2", amount=10, at=late + timedelta(minutes=1)).amount == -10

    def test_what_was_reserved_before_counts_where_it_is_taken(self, in_alpha: Tenant) -> None:
        start_with(1000)
        limit(10)
        late = NOON.replace(hour=23, minute=59)
        held = credits.hold(key="turn:1", amount=10, agent_id=7, now=late)
        credits.keep(held, now=late + timedelta(minutes=1))
        credits.settle(held, cost=6, key="turn:1", reason="answer", now=late + timedelta(minutes=2))
        tomorrow = late + timedelta(hours=1)
        assert (spent(at=tomorrow), spent(7, at=tomorrow)) == (6, 6)
        other = credits.hold(key="turn:2", amount=4, agent_id=7, now=tomorrow)
        # A clock that is a little behind does not bring yesterday back.
        with pytest.raises(credits.LimitReached):
            credits.hold(key="turn:3", amount=1, now=late)
        credits.release(other, now=late)
        assert spent(at=tomorrow) == 6 and balanced()

    def test_a_hold_of_yesterday_frees_nothing_of_today(self, in_alpha: Tenant) -> None:
        start_with(1000)
        held = credits.hold(key="turn:1", amount=10, now=NOON)
        tomorrow = NOON + timedelta(days=1)
        spend("turn:2", amount=3, at=tomorrow)
        credits.release(held, now=tomorrow)
        assert spent(at=tomorrow) == 3 and balanced()


def test_two_hundred_at_once_never_exceed_it(transactional_db: None) -> None:
    tenant = Tenant.objects.get(slug="alpha")
    connection.set_tenant(tenant)
    start_with(10_000)
    limit(60)
    limit(40, agent_id=7)
    outcomes: list[str] = []
    together = threading.Barrier(20)

    def work(worker: int) -> None:
        connection.set_tenant(tenant)
        together.wait()
        for turn in range(10):
            outcomes.append(_one(f"turn:{worker}:{turn}", agent=7 if turn % 2 else 8, keeps=turn % 5 > 0))
        connection.close()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection.set_tenant(tenant)
    taken = -sum(LedgerEntry.objects.filter(kind="turn").values_list("amount", flat=True))
    now = timezone.now()
    assert len(outcomes) == 200 and "refused" in outcomes and balanced()
    assert taken == outcomes.count("spent") == spent(at=now) <= 60
    assert spent(7, at=now) <= 40 and spent(7, at=now) + spent(8, at=now) == taken
    # What was free at the end is free: the limit is used to the last credit.
    for number in range(60 - taken):
        spend(f"turn:rest:{number}", amount=1, at=now)
    with pytest.raises(credits.LimitReached):
        credits.hold(key="turn:more", amount=1, now=now)


def _one(key: str, *, agent: int, keeps: bool) -> str:
    """Reserve two, take one; or give it all back."""
    now = timezone.now()
    try:
        with transaction.atomic():
            hold = credits.hold(key=key, amount=2, agent_id=agent, now=now)
    except credits.LimitReached:
        return "refused"
    with transaction.atomic():
        if not keeps:
            credits.release(hold, now=now)
            return "released"
        credits.settle(hold, cost=1, key=key, reason="answer", now=now)
    return "spent"


class TestThePage:
    def test_an_owner_sets_and_takes_away_limits(self, alpha: Any, client_for: Any, member_of: Any) -> None:
        browser = client_for(alpha, member_of(alpha))
        connection.set_tenant(alpha)
        agent = Agent.objects.order_by("pk")[0]
        sent = {"all": "1.500", str(agent.pk): "200"}
        assert browser.post("/account/limits", sent).status_code == 302
        connection.set_tenant(alpha)
        kept = dict(SpendLimit.objects.values_list("agent_id", "credits_a_day"))
        assert kept == {None: 1500, agent.pk: 200}
        page = browser.get("/account/").content.decode()
        assert 'value="1,500"' in page and agent.name in page
        assert browser.post("/account/limits", {"all": "", str(agent.pk): "200"}).status_code == 302
        connection.set_tenant(alpha)
        assert set(SpendLimit.objects.values_list("agent_id", flat=True)) == {agent.pk}
        told = AuditEntry.objects.filter(action="limit.set", tenant=alpha, target="all").order_by("pk")
        assert [one.detail["after"] for one in told] == [1500, None]

    def test_nonsense_is_refused_beside_its_field_and_stays_there(
        self, alpha: Any, client_for: Any, member_of: Any
    ) -> None:
        browser = client_for(alpha, member_of(alpha))
        for wrong in ("many", "-5", "0", "1e3", "٣", "9" * 20):
            page = browser.post("/account/limits", {"all": wrong})
            assert page.status_code == 422, wrong
            text = page.content.decode()
            assert "whole number" in text or "at most 20 characters" in text
            assert f'value="{wrong}"' in text
        connection.set_tenant(alpha)
        assert not SpendLimit.objects.exists()

    def test_only_who_sees_to_the_money_sets_them(self, alpha: Any, client_for: Any, member_of: Any) -> None:
        for role, status in (("finance", 302), ("manager", 403), ("agent", 403), ("viewer", 403)):
            browser = client_for(alpha, member_of(alpha, role))
            assert browser.post("/account/limits", {"all": "5"}).status_code == status, role
