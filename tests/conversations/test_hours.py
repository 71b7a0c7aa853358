"""When it is open and when it is quiet: tables, days on which clocks change, and laws that always hold."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.lines import when_back
from conversations import hours

BAHIA = ZoneInfo("America/Sao_Paulo")
PARIS = ZoneInfo("Europe/Paris")
SHOP = hours.parse(
    week={day: ["09:00-12:00", "13:30-18:00"] for day in ("mon", "tue", "wed", "thu", "fri")}
    | {"sat": ["18:00-02:00"]},
    exceptions=[{"date": "2026-12-25", "name": "Natal"}, {"date": "2026-12-24", "spans": ["09:00-12:00"]}],
    zone=BAHIA,
)


def local(text: str, zone: ZoneInfo = BAHIA) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "is_open", "opens"),
    [
        ("2026-11-23 08:59", False, "2026-11-23 09:00"),
        ("2026-11-23 09:00", True, "2026-11-23 09:00"),
        ("2026-11-23 12:00", False, "2026-11-23 13:30"),  # lunch
        ("2026-11-23 18:00", False, "2026-11-24 09:00"),
        ("2026-11-27 18:00", False, "2026-11-28 18:00"),
        ("2026-11-28 23:59", True, "2026-11-28 23:59"),
        ("2026-11-29 01:59", True, "2026-11-29 01:59"),  # Saturday's evening, on Sunday
        ("2026-11-29 02:00", False, "2026-11-30 09:00"),
        ("2026-12-24 12:00", False, "2026-12-26 18:00"),  # Christmas, a Friday
        ("2026-12-25 10:00", False, "2026-12-26 18:00"),
    ],
)
def test_a_shop_with_lunch_a_late_evening_and_holidays(moment: str, is_open: bool, opens: str) -> None:
    now = local(moment)
    assert hours.is_open(SHOP, now) is is_open
    assert hours.opens_at(SHOP, now) == local(opens)


def test_without_hours_it_is_always_open_except_on_the_days_named() -> None:
    always = hours.parse(week={}, exceptions=[{"date": "2026-12-25"}], zone=BAHIA)
    assert hours.is_open(always, local("2026-11-29 03:00"))
    assert not hours.is_open(always, local("2026-12-25 10:00"))
    assert hours.opens_at(always, local("2026-12-25 10:00")) == local("2026-12-26 00:00")


def test_a_business_that_never_opens_has_no_next_opening() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(900)]
    shut = hours.Hours(zone=BAHIA, exceptions=dict.fromkeys(days, ()))
    assert hours.opens_at(shut, local("2026-01-02 10:00")) is None


@pytest.mark.parametrize(
    ("moment_utc", "is_open"),
    [
        ("2026-03-29 00:59", False),  # 01:59 in Paris; the clock then goes to 03:00
        ("2026-03-29 01:00", True),  # 03:00
        ("2026-03-29 05:59", True),  # 07:59
        ("2026-03-29 06:00", False),  # 08:00
        ("2026-10-25 00:59", False),  # 02:59 for the first time
        ("2026-10-25 02:00", True),  # 03:00, two hours after 02:00
    ],
)
def test_clocks_that_change(moment_utc: str, is_open: bool) -> None:
    baker = hours.parse(week={"sun": ["03:00-08:00"]}, exceptions=[], zone=PARIS)
    now = datetime.fromisoformat(moment_utc).replace(tzinfo=UTC)
    assert hours.is_open(baker, now) is is_open


@pytest.mark.parametrize(
    "spans",
    [["9-12"], ["09:00"], ["25:00-26:00"], ["09:60-10:00"], ["09:00-12:00", "11:00-13:00"], ["24:00-25:00"]],
)
def test_what_is_no_span_is_refused(spans: list[str]) -> None:
    with pytest.raises(hours.BadHours):
        hours.parse_spans(spans)


@pytest.mark.parametrize(
    ("moment", "until"),
    [
        ("2026-11-23 21:59", None),
        ("2026-11-23 22:00", "2026-11-24 08:00"),
        ("2026-11-24 07:59", "2026-11-24 08:00"),
        ("2026-11-24 08:00", None),
    ],
)
def test_quiet_hours_go_over_midnight(moment: str, until: str | None) -> None:
    found = hours.quiet_until(time(22), time(8), zone=BAHIA, now=local(moment))
    assert found == (local(until) if until else None)


def test_no_quiet_hours_when_one_end_is_missing() -> None:
    assert hours.quiet_until(time(22), None, zone=BAHIA, now=local("2026-11-23 23:00")) is None


@pytest.mark.parametrize(
    ("opens", "language", "words"),
    [
        ("2026-11-23 13:30", "pt-br", "hoje às 13:30"),
        ("2026-11-24 09:00", "pt", "amanhã às 09:00"),
        ("2026-11-28 18:00", "es", "el sábado a las 18:00"),
        ("2026-12-26 18:00", "fr", "le 26/12 à 18:00"),
        ("2026-11-25 09:00", "en", "on Wednesday at 09:00"),
        ("2026-11-24 09:00", "de", "tomorrow at 09:00"),
    ],
)
def test_when_people_are_back_in_words(opens: str, language: str, words: str) -> None:
    assert when_back(local(opens), local("2026-11-23 12:10"), language) == words


# -- laws

ZONES = st.sampled_from(["America/Sao_Paulo", "Europe/Paris", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
INSTANTS = st.floats(0, 4 * 366 * 86_400).map(
    lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)


@st.composite
def spans(draw: Any) -> list[str]:
    edges = sorted(draw(st.sets(st.integers(0, 1440 // 5), min_size=0, max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [hours.written((a * 5, b * 5)) for a, b in pairs if a < 288]


@st.composite
def businesses(draw: Any) -> hours.Hours:
    week = {day: draw(spans()) for day in hours.DAYS}
    closed = draw(st.lists(st.dates(date(2024, 1, 1), date(2028, 1, 1)), max_size=5, unique=True))
    exceptions = [{"date": day.isoformat(), "spans": draw(spans())} for day in closed]
    return hours.parse(week=week, exceptions=exceptions, zone=ZoneInfo(draw(ZONES)))


@given(businesses(), INSTANTS)
def test_the_next_opening_is_open_and_nothing_before_it_is(business: hours.Hours, now: datetime) -> None:
    opens = hours.opens_at(business, now)
    if opens is None:
        assert not hours.is_open(business, now)
        return
    assert opens >= now and hours.is_open(business, opens)
    if opens > now:
        gap = (opens - now) / 7
        assert not any(hours.is_open(business, now + gap * n) for n in range(7))
        assert not hours.is_open(business, opens - timedelta(microseconds=1))


@given(spans())
def test_spans_are_read_as_they_are_written(texts: list[str]) -> None:
    assert [hours.written(span) for span in hours.parse_spans(texts)] == texts


@given(st.times(), st.times(), ZONES, INSTANTS)
def test_quiet_hours_end_within_a_day_and_are_then_over(
    since: time, until: time, zone: str, now: datetime
) -> None:
    end = hours.quiet_until(since, until, zone=ZoneInfo(zone), now=now)
    if end is not None:
        assert now < end <= now + timedelta(hours=26)
        assert hours.quiet_until(since, until, zone=ZoneInfo(zone), now=end) is None
