"""How long credits last: by table, and over thirty days of a made-up shop; and the ladder down."""

import math
import random
from datetime import date, timedelta
from statistics import fmean

import pytest

from billing import foresight, ladder, runway
from billing.foresight import Day
from billing.ladder import Step

TODAY = date(2026, 11, 23)  # a Monday
WEEKDAYS = (1.3, 1.2, 1.0, 1.1, 1.3, 0.9, 0.2)  # of a usual day, Monday first


def days(values: list[int], *, until: date = TODAY) -> dict[date, int]:
    """Each day's credits, the last of them yesterday."""
    return {until - timedelta(days=len(values) - number): value for number, value in enumerate(values)}


class TestRunway:
    def test_even_days_last_as_long_as_they_divide(self) -> None:
        found = runway.reckon(days([10] * 28), today=TODAY, available=105)
        assert found.days == pytest.approx(10.5) and found.is_sure
        assert found.ends_on == date(2026, 12, 3) and found.a_day == pytest.approx(10)

    def test_what_is_over_of_today_is_not_counted_again(self) -> None:
        found = runway.reckon(days([10] * 28), today=TODAY, available=105, gone=0.5)
        assert found.days == pytest.approx(10.5) and found.ends_on == date(2026, 12, 4)

    def test_a_closed_sunday_costs_nothing(self) -> None:
        week = [20, 20, 20, 20, 20, 20, 0]
        found = runway.reckon(days(week * 4), today=TODAY, available=121)
        assert found.days is not None and 7.0 <= found.days < 7.2  # the seventh day is free

    def test_the_same_credits_last_longer_before_quiet_days(self) -> None:
        week = [10, 10, 10, 10, 40, 40, 10]
        monday = runway.reckon(days(week * 4), today=TODAY, available=40).days
        friday = TODAY + timedelta(days=4)
        before = runway.reckon(days(week[4:] + week * 3 + week[:4], until=friday), today=friday, available=40)
        assert monday is not None and before.days is not None and monday > 3.5 > 1.2 > before.days

    def test_one_odd_day_changes_little_and_a_lasting_change_much(self) -> None:
        usual = runway.reckon(days([10] * 28), today=TODAY, available=100).days
        odd = runway.reckon(days([10] * 25 + [90] + [10] * 2), today=TODAY, available=100).days
        doubled = runway.reckon(days([10] * 21 + [20] * 7), today=TODAY, available=100).days
        assert usual and odd and doubled
        assert odd > 0.85 * usual and doubled < 0.7 * usual

    def test_few_days_are_a_guess(self) -> None:
        found = runway.reckon(days([10, 12, 8]), today=TODAY, available=100)
        assert found.days == pytest.approx(10, rel=0.1) and not found.is_sure and found.known == 3

    def test_the_first_day_counts_by_its_hours(self) -> None:
        found = runway.reckon({}, today=TODAY, available=90, gone=0.5, so_far=15)
        assert found.days == pytest.approx(3.0) and not found.is_sure and found.known == 0

    def test_scattered_days_are_a_guess(self) -> None:
        found = runway.reckon(
            days([0, 100, 0, 0, 300, 5, 0] * 2 + [400, 0, 0, 1, 0, 90, 0]), today=TODAY, available=50
        )
        assert found.days is not None and not found.is_sure

    @pytest.mark.parametrize("spent", [{}, days([0] * 20)])
    def test_without_use_nothing_is_said(self, spent: dict[date, int]) -> None:
        assert runway.reckon(spent, today=TODAY, available=100).days is None

    def test_beyond_a_year_nobody_looks(self) -> None:
        found = runway.reckon(days([1] * 28), today=TODAY, available=10_000)
        assert found.days is None and found.a_day == pytest.approx(1)

    @pytest.mark.parametrize("available", [0, -5])
    def test_nothing_lasts_no_time(self, available: int) -> None:
        assert runway.reckon(days([10] * 28), today=TODAY, available=available).days == 0

    def test_days_without_credits_say_nothing_of_what_was_asked_for(self) -> None:
        start = TODAY - timedelta(days=6)
        rows = {start + timedelta(days=n): Day(30, 500 - 30 * n) for n in range(3)}
        rows[start + timedelta(days=3)] = Day(12, 4)  # it ended at noon; then nothing for two days
        assert foresight.known(rows, today=TODAY) == {start + timedelta(days=n): 30 for n in range(3)}


class TestThirtyDays:
    """A shop with busy and quiet weekdays, noise, one day of a campaign and from then on more customers."""

    @staticmethod
    def _shop(seed: int, *, days: int) -> list[int]:
        chance, told = random.Random(seed), []
        for number in range(days):
            level = 200.0 * math.exp(chance.gauss(0, 0.15)) * WEEKDAYS[number % 7]
            level *= 1.25 if number >= 49 else 1.0  # from the fourteenth day that is looked at
            told.append(round(level * (3 if number == 40 else 1)))
        return told

    @staticmethod
    def _lasted(credits: int, spent: list[int]) -> float:
        """Days that these credits truly lasted, with a fraction."""
        for number, value in enumerate(spent):
            if credits < value:
                return number + credits / value
            credits -= value
        raise AssertionError("the made-up shop is too short")

    def _error(self, seed: int) -> float:
        """How far off the thirty forecasts were, on average, as a share of what came."""
        spent, first = self._shop(seed, days=100), TODAY - timedelta(days=35)
        errors = []
        for number in range(35, 65):
            today = first + timedelta(days=number)
            seen = {first + timedelta(days=day): spent[day] for day in range(number)}
            credits = 1500 + 100 * (number % 10)  # a week, more or less
            found = runway.reckon(seen, today=today, available=credits)
            assert found.days is not None
            truth = self._lasted(credits, spent[number:])
            errors.append(abs(found.days - truth) / truth)
        return fmean(errors)

    def test_are_foreseen_within_fifteen_percent(self) -> None:
        errors = [self._error(seed) for seed in range(20)]
        assert fmean(errors) < 0.12 and max(errors) < 0.15, errors


class TestLadder:
    @pytest.mark.parametrize(
        ("available", "quotable", "step"),
        [
            (1000, True, Step.USUAL),
            (50, True, Step.USUAL),
            (49, True, Step.SAVING),  # the owner's mark
            (17, True, Step.SAVING),
            (16, True, Step.QUOTING),  # not even the least answer can be paid
            (0, True, Step.QUOTING),
            (-30, True, Step.QUOTING),
            (16, False, Step.PERSON),
        ],
    )
    def test_leads_down_step_by_step(self, available: int, quotable: bool, step: Step) -> None:
        found = ladder.step(available=available, usual=40, least=17, saving_below=50, quotable=quotable)
        assert found is step

    def test_what_the_dearest_could_cost_is_saved_for_too(self) -> None:
        assert ladder.step(available=39, usual=40, least=17, saving_below=0) is Step.SAVING
