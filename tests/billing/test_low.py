"""Who sees to the money is told of few credits: at the owner's marks, once until there are more."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tenants.utils import schema_context

from billing import credits, foresight_sweep, low, watching
from billing.models import CreditAccount, CreditWarnings, LedgerEntry
from tenants.models import AuditEntry, DailyTotal, Tenant, User
from tenants.notices import Notification

pytestmark = pytest.mark.django_db
NOW = timezone.now()


@pytest.fixture
def owner(in_alpha: Tenant, member_of: Any) -> User:
    return member_of(in_alpha)


def told(user: User) -> list[tuple[str, Any]]:
    rows = Notification.objects.filter(user=user).order_by("pk")
    return [(row.kind, row.params.get("credits", row.params.get("days"))) for row in rows]


def have(amount: int) -> None:
    """Exactly so many credits, all explained, with nothing told."""
    missing = amount - CreditAccount.objects.get().balance
    if missing:
        credits.grant(amount=missing, reason="x", key=f"have:{amount}:{missing}", actor=None, now=NOW)
    Notification.objects.all().delete()


def spend(amount: int, key: str) -> None:
    credits.spend(kind=LedgerEntry.Kind.TURN, amount=amount, key=key, reason="answer", now=NOW)


def choose(*marks: int, days: tuple[int, ...] = ()) -> None:
    low.choose(credits=marks, days=days)
    watching.set_mark(balance=CreditAccount.objects.get().balance)


class TestCredits:
    def test_each_mark_is_told_once(self, owner: User) -> None:
        choose(60, 30)
        have(100)
        for number in range(10):
            spend(10, f"x{number}")
        assert told(owner) == [("low_balance", 60), ("low_balance", 30), ("no_credits", None)]

    def test_several_at_once_are_one(self, owner: User) -> None:
        choose(60, 30)
        have(100)
        spend(75, "x")
        assert told(owner) == [("low_balance", 25)]

    def test_what_was_given_back_does_not_tell_it_again_and_what_was_added_does(self, owner: User) -> None:
        choose(60)
        have(61)
        spend(2, "x1")
        charge = LedgerEntry.objects.latest("pk")
        credits.give_back(charge, reason="not delivered", actor=None, now=NOW)
        spend(2, "x2")
        assert told(owner) == [("low_balance", 59)]
        credits.grant(amount=100, reason="gift", key="gift", actor=None, now=NOW)
        spend(100, "x3")
        assert told(owner)[1:] == [("low_balance", 59)]

    def test_an_answer_far_from_every_mark_looks_nothing_up(
        self, owner: User, django_assert_num_queries: Any
    ) -> None:
        choose(60)
        have(1000)
        hold = credits.hold(key="turn:1", amount=20, now=NOW)
        with django_assert_num_queries(1):
            credits.settle(hold, cost=5, key="turn:1", reason="answer", now=NOW)
        assert CreditAccount.objects.get().watch_at == 60

    def test_few_that_pay_for_nothing_are_the_end_and_told_once(self, owner: User) -> None:
        have(10)
        for _customer in range(3):
            low.ran_out(now=NOW)
        assert told(owner) == [("no_credits", None)]
        spend(10, "x")  # now there is truly nothing
        assert told(owner) == [("no_credits", None)]
        credits.grant(amount=10, reason="gift", key="gift", actor=None, now=NOW)
        low.ran_out(now=NOW + timedelta(hours=1))
        assert told(owner) == [("no_credits", None)] * 2


class TestDays:
    def use(self, tenant: Tenant, *, a_day: int, left: int) -> None:
        """Four even weeks until yesterday, as the platform has summed them, and so many credits left."""
        have(left)
        today = timezone.localdate(NOW)
        DailyTotal.objects.filter(tenant=tenant).delete()
        DailyTotal.objects.bulk_create(
            DailyTotal(
                tenant=tenant, day=today - timedelta(days=back), spent=-a_day, entries=1,
                closing=left + a_day * (back - 1), refreshed_at=NOW,
            )
            for back in range(1, 29)
        )  # fmt: skip

    def test_are_told_once_each_step_until_credits_are_added(self, owner: User, in_alpha: Tenant) -> None:
        choose(days=(7, 2))
        self.use(in_alpha, a_day=100, left=1200)
        assert not foresight_sweep.look_at(now=NOW)
        for left, news in ((650, True), (640, False), (190, True), (150, False)):
            self.use(in_alpha, a_day=100, left=left)
            assert foresight_sweep.look_at(now=NOW) is news, left
        credits.grant(amount=500, reason="gift", key="gift", actor=None, now=NOW)
        assert CreditWarnings.objects.get().told_days is None
        assert foresight_sweep.look_at(now=NOW)

    def test_those_near_the_end_are_found_by_the_daily_sums_alone(
        self, owner: User, in_alpha: Tenant, beta: Tenant, background: Any, django_assert_num_queries: Any
    ) -> None:
        choose(days=(7,))
        self.use(in_alpha, a_day=100, left=500)
        DailyTotal.objects.create(
            tenant=beta, day=timezone.localdate(NOW) - timedelta(days=1), spent=-1, closing=100_000
        )
        with schema_context("public"):
            assert Tenant.objects.exists()  # so that the connection stands there
            with django_assert_num_queries(1):
                assert foresight_sweep.near_the_end(now=NOW) == [in_alpha.schema_name]
        background.run_one(foresight_sweep.sweep)
        background.run()
        assert [kind for kind, _days in told(owner)] == ["low_days"]

    def test_of_two_days_nothing_is_concluded(self, owner: User, in_alpha: Tenant) -> None:
        choose(days=(7,))
        have(50)
        today = timezone.localdate(NOW)
        for back in (1, 2):
            DailyTotal.objects.create(
                tenant=in_alpha, day=today - timedelta(days=back), spent=-100, closing=50 + 100 * (back - 1)
            )
        assert not foresight_sweep.look_at(now=NOW)


class TestThePage:
    def test_marks_are_kept_and_hold_at_once(self, owner: User, in_alpha: Tenant, client_for: Any) -> None:
        browser = client_for(in_alpha, owner)
        have(500)
        form = {"days_left": "14, 3", "credits_left": "400,50", "saving_below": "90"}
        assert browser.post("/account/warnings", form).status_code == 302
        kept, account = CreditWarnings.objects.get(), CreditAccount.objects.get()
        assert (kept.days_left, kept.credits_left) == ([14, 3], [400, 50])
        assert (account.saving_below, account.watch_at) == (90, 400)
        assert AuditEntry.objects.filter(action="credits.warnings").exists()
        assert 'value="14, 3"' in browser.get("/account/").content.decode()

    @pytest.mark.parametrize(
        "wrong",
        [{"days_left": "soon"}, {"days_left": "31"}, {"credits_left": "9,8,7,6,5,4"}, {"saving_below": "-1"}],
    )
    def test_what_is_wrong_is_said_beside_it_and_nothing_is_lost(
        self, owner: User, in_alpha: Tenant, client_for: Any, wrong: dict[str, str]
    ) -> None:
        form = {"days_left": "14", "credits_left": "77", "saving_below": "5"} | wrong
        page = client_for(in_alpha, owner).post("/account/warnings", form)
        words = page.content.decode()
        assert page.status_code == 422 and "errorlist" in words
        assert all(f'value="{value}"' in words for value in form.values())
        assert not CreditWarnings.objects.exists()

    def test_who_does_not_see_to_the_money_may_not(
        self, in_alpha: Tenant, member_of: Any, client_for: Any
    ) -> None:
        agent = client_for(in_alpha, member_of(in_alpha, "agent"))
        assert agent.post("/account/warnings", {}).status_code == 403
