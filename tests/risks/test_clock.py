"""M8: a clock that is wrong on one machine, clocks that change, and the day that most years lack."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.utils import timezone

from billing.models import CreditAccount, Hold, LedgerEntry
from conversations import hours, turns
from conversations.models import Conversation, Message, Turn
from tests.conversations import door

PARIS, NEW_YORK, LORD_HOWE = map(ZoneInfo, ("Europe/Paris", "America/New_York", "Australia/Lord_Howe"))
QUESTION = "Que horas vocês abrem no sábado?"
SKEWS = [timedelta(minutes=10), timedelta(minutes=-10)]


@contextmanager
def clock(skew: timedelta) -> Iterator[None]:
    """This worker's clock is wrong by so much."""
    right = timezone.now
    with mock.patch("django.utils.timezone.now", lambda: right() + skew):
        yield


def calm(shop: Any) -> None:
    """The skew has passed by: what waits for its time is due."""
    for _ in range(3):
        connection.set_tenant(shop.tenant)
        past = timezone.now() - timedelta(minutes=5)
        Turn.objects.filter(status="running").update(started_at=past)
        shop.later()


class TestM8Skew:
    def test_one_worker_ten_minutes_off_loses_and_doubles_nothing(self, shop: Any) -> None:
        """It reads, it answers, it sends, it sweeps: each with the others' clocks right."""
        chats = []
        for number, (skew, part) in enumerate((s, p) for s in SKEWS for p in ("read", "answer", "sweep")):
            chat = f"55119{number:08d}@c.us"
            chats.append(chat)
            assert shop.knock(door.delivery(QUESTION, chat=chat, unique=f"3ASKEW{number}")) == 200
            with clock(skew if part == "read" else timedelta()):
                shop.read()
            with clock(skew if part == "answer" else timedelta()):
                shop.work()
            with clock(skew if part == "sweep" else timedelta()):
                shop.later()
            calm(shop)
        sent = [to for to, _text in shop.gateway.sent]
        assert sorted(sent) == sorted(chats)
        assert set(Message.objects.filter(direction="in").values_list("outcome", flat=True)) == {"answered"}
        assert LedgerEntry.objects.filter(kind="turn").count() == len(chats)
        assert CreditAccount.objects.get().held == 0 and not Hold.objects.filter(status="held").exists()

    def test_a_sweeper_that_is_ahead_takes_a_living_worker_for_dead_and_nothing_is_said_twice(
        self, shop: Any
    ) -> None:
        """While the model thinks, another machine's sweep is ten minutes ahead and gives the turn up."""
        done: list[bool] = []

        def sweep_ahead() -> None:
            if not done:
                done.append(True)
                connection.set_tenant(shop.tenant)
                with clock(timedelta(minutes=10)):
                    for pk in Turn.objects.filter(status="running").values_list("pk", flat=True):
                        turns.abandon(pk, reason="the worker died or hung", again=True, now=timezone.now())
                connection.close()

        shop.models.app.before_answer = sweep_ahead
        shop.say(QUESTION)
        shop.work()
        shop.models.app.before_answer = None
        Conversation.objects.update(reply_due_at=timezone.now() - timedelta(seconds=1))
        calm(shop)
        assert done and len(shop.texts()) == 1
        assert LedgerEntry.objects.filter(kind="turn").count() == 1
        assert not Hold.objects.filter(status="held").exists()

    @pytest.mark.parametrize("skew", SKEWS)
    def test_the_order_is_the_providers(self, shop: Any, skew: timedelta) -> None:
        """Two bubbles, the later one delivered first, one of them read by a worker whose clock is wrong."""
        said = int(timezone.now().timestamp())
        shop.knock(door.delivery("no sábado?", timestamp=said + 2))
        with clock(skew):
            shop.read()
        shop.knock(door.delivery("Que horas vocês abrem", timestamp=said))
        shop.read()
        connection.set_tenant(shop.tenant)
        Conversation.objects.update(reply_due_at=timezone.now() - timedelta(seconds=1))
        shop.work()
        asked = shop.models.requests[0]["body"]["messages"][-1]["content"]
        assert "Que horas vocês abrem\nno sábado?" in asked and len(shop.texts()) == 1


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class TestM8Calendar:
    @pytest.mark.parametrize(
        ("zone", "now", "until"),
        [
            # Paris, 22:00-08:00, on the night that is an hour short, and on the one that is an hour long
            (PARIS, "2026-03-28 20:59", None),
            (PARIS, "2026-03-28 21:00", "2026-03-29 06:00"),  # 08:00 is one hour earlier in UTC
            (PARIS, "2026-03-29 05:59", "2026-03-29 06:00"),
            (PARIS, "2026-03-29 06:00", None),
            (PARIS, "2026-10-24 20:00", "2026-10-25 07:00"),
            (PARIS, "2026-10-25 00:30", "2026-10-25 07:00"),  # 02:30 for the first time
            (PARIS, "2026-10-25 01:30", "2026-10-25 07:00"),  # 02:30 for the second
            (PARIS, "2026-10-25 06:59", "2026-10-25 07:00"),
            (PARIS, "2026-10-25 07:00", None),
            (NEW_YORK, "2026-03-08 03:00", "2026-03-08 12:00"),
            (LORD_HOWE, "2026-04-04 11:30", "2026-04-04 21:30"),  # a change of half an hour
        ],
    )
    def test_quiet_hours_over_a_night_in_which_clocks_change(
        self, zone: ZoneInfo, now: str, until: str | None
    ) -> None:
        found = hours.quiet_until(time(22), time(8), zone=zone, now=utc(now))
        assert found == (utc(until) if until else None)

    @pytest.mark.parametrize(
        ("now", "is_open", "opens"),
        [
            ("2028-02-28 17:59", True, "2028-02-28 17:59"),
            ("2028-02-28 18:00", False, "2028-02-29 08:00"),  # Tuesday the 29th
            ("2028-02-29 12:00", True, "2028-02-29 12:00"),
            ("2028-02-29 18:00", False, "2028-03-01 08:00"),
            ("2027-02-28 23:00", False, "2027-03-01 08:00"),  # a Sunday of a year without one
        ],
    )
    def test_business_hours_on_a_leap_day(self, now: str, is_open: bool, opens: str) -> None:
        week = {day: ["09:00-19:00"] for day in hours.DAYS[:6]}
        shop = hours.parse(week=week, exceptions=[], zone=PARIS)
        assert hours.is_open(shop, utc(now)) is is_open
        assert hours.opens_at(shop, utc(now)) == utc(opens)

    def test_a_leap_day_can_be_a_holiday_and_quiet_hours_go_into_and_out_of_it(self) -> None:
        shut = hours.parse(week={}, exceptions=[{"date": "2028-02-29"}], zone=PARIS)
        assert hours.opens_at(shut, utc("2028-02-29 10:00")) == utc("2028-02-29 23:00")
        assert date(2028, 2, 29) in shut.exceptions
        for now, until in (
            ("2028-02-28 22:00", "2028-02-29 07:00"),
            ("2028-02-29 22:00", "2028-03-01 07:00"),
        ):
            assert hours.quiet_until(time(22), time(8), zone=PARIS, now=utc(now)) == utc(until)
