"""Numbers: what is counted is what stands in the rows; every figure is its list; times are the business's."""

import csv
import io
import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent
from conversations import figure_periods, figure_words, figures, figures_sweep, merging, talks, themes
from conversations.figures import Part
from conversations.models import (
    Activity,
    Channel,
    Contact,
    Conversation,
    FigureState,
    Message,
    Rating,
    Talk,
    Theme,
    Turn,
    Unanswered,
)
from knowledge.embeddings import Vector
from tenants.models import AuditEntry

SAO_PAULO, NEW_YORK = ZoneInfo("America/Sao_Paulo"), ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class TestPeriods:
    """Pure."""

    @pytest.mark.parametrize(
        ("given", "first", "last", "kind"),
        [
            ({}, "2026-11-14", "2026-11-20", "week"),
            ({"by": "nonsense", "on": "2026-13-40"}, "2026-11-14", "2026-11-20", "week"),
            ({"by": "day", "on": "2026-02-28"}, "2026-02-28", "2026-02-28", "day"),
            ({"by": "month", "on": "2028-02-10"}, "2028-02-01", "2028-02-29", "month"),
            (
                {"by": "custom", "from": "2026-03-09", "to": "2026-03-02"},
                "2026-03-02",
                "2026-03-09",
                "custom",
            ),
            ({"by": "custom", "from": "2026-03-09"}, "2026-11-14", "2026-11-20", "week"),
            (
                {"by": "custom", "from": "2010-01-01", "to": "2026-01-01"},
                "2022-12-29",
                "2026-01-01",
                "custom",
            ),
        ],
    )
    def test_an_address_asks_for_days(self, given: Any, first: str, last: str, kind: str) -> None:
        period = figure_periods.read(given, now=NOW, zone=SAO_PAULO)
        assert (period.first.isoformat(), period.last.isoformat(), period.kind) == (first, last, kind)
        assert figure_periods.read(period.asked, now=NOW, zone=SAO_PAULO) == period

    def test_a_time_that_is_not_over_is_compared_with_as_much_of_the_one_before(self) -> None:
        month = figure_periods.read({"by": "month"}, now=NOW, zone=SAO_PAULO)
        assert month.before_start == datetime(2026, 10, 1, tzinfo=SAO_PAULO)
        assert month.before_end == datetime(2026, 10, 20, 12, 0, tzinfo=SAO_PAULO)
        past = figure_periods.read(month.earlier, now=NOW, zone=SAO_PAULO)
        assert (past.first, past.last) == (date(2026, 10, 1), date(2026, 10, 31))
        assert past.before_end == past.start
        assert past.later is not None and month.later is None
        assert figure_periods.read(past.later, now=NOW, zone=SAO_PAULO).first == month.first

    def test_a_day_has_the_hours_that_it_has(self) -> None:
        long = figure_periods.read({"by": "day", "on": "2026-11-01"}, now=NOW, zone=NEW_YORK)
        short = figure_periods.read({"by": "day", "on": "2026-03-08"}, now=NOW, zone=NEW_YORK)
        assert len(figure_periods.buckets(long, zone=NEW_YORK)) == 25
        assert len(figure_periods.buckets(short, zone=NEW_YORK)) == 23
        year = figure_periods.of_days(date(2025, 11, 5), date(2026, 11, 20), now=NOW, zone=SAO_PAULO)
        pieces = figure_periods.buckets(year, zone=SAO_PAULO)
        days = [figure_periods.bucket_days(year, one) for one in pieces]
        assert (days[0][0], days[-1][1]) == (year.first, year.last)
        assert all(one[1] + DAY == other[0] for one, other in pairwise(days))


# -- a business with a past


class Past:
    """Threads with all that can happen in them, by chance but always the same."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.version = Agent.objects.order_by("pk")[0].published
        agent = Agent.objects.order_by("pk")[0]
        kinds = (("waha", "Phone"), ("web", "Site"), ("test", "Test chat 2"))
        self.channels = [Channel.objects.create(kind=kind, name=name, agent=agent) for kind, name in kinds]

    def thread(self, number: int) -> Conversation:
        contact = Contact.objects.create(name=f"=Customer {number}")
        channel = self.channels[number % 3]
        return Conversation.objects.create(contact=contact, channel=channel, address=f"{number}@c.us")

    def fill(self, thread: Conversation, *, start: datetime, steps: int) -> None:
        """So many things happen one after another; after some of them nobody speaks for long."""
        at = start
        for _step in range(steps):
            at += timedelta(seconds=self.chance.choice([5, 60, 400, 3000, 40_000, 46_000, 90_000]))
            self.happens(thread, at)
        Conversation.objects.filter(pk=thread.pk).update(last_message_at=at)

    def happens(self, thread: Conversation, at: datetime) -> None:
        what = self.chance.choice(["in", "in", "answer", "answer", "person", "system", "close", "failed"])
        if what == "in":
            outcome = self.chance.choice(["answered", "answered", "handed_over", "ignored"])
            reason = "asked for a person" if outcome == "handed_over" else ""
            self.say(thread, at, "in", "contact", status="received", outcome=outcome, outcome_reason=reason)
        elif what == "answer":
            self.answer(thread, at)
        elif what == "close":
            Activity.objects.create(conversation=thread, kind="closed", at=at)
            if self.chance.random() < 0.5:
                score = self.chance.choice([None, 2, 5])
                Rating.objects.create(conversation=thread, asked_at=at, score=score, ended_at=at)
        else:
            status = "failed" if what == "failed" else "sent"
            author = "person" if what == "failed" else what
            self.say(thread, at, "out", author, status=status)

    def say(self, thread: Conversation, at: datetime, direction: str, author: str, **more: Any) -> Message:
        return Message.objects.create(
            conversation=thread, direction=direction, author_kind=author, body="…", created_at=at, **more
        )

    def answer(self, thread: Conversation, at: datetime) -> None:
        tier = self.chance.choice(["fast", "balanced", "premium"])
        cached = self.chance.random() < 0.2
        turn = Turn.objects.create(
            conversation=thread, status="done", agent_version=self.version, tier=tier, vendor="openai",
            credits=0 if cached else 3, cached=cached, started_at=at,
            provider_cost=self.chance.choice([None, 700]),
        )  # fmt: skip
        sign = self.chance.choice(["", "", "👍", "👎🏽"])
        reactions = {"contact": sign} if sign else {}
        sent = at + timedelta(seconds=2)
        self.say(thread, at, "out", "agent", status="read", turn=turn, sent_at=sent, reactions=reactions)
        if self.chance.random() < 0.2:
            Unanswered.objects.create(turn=turn, contact=thread.contact, question="?", created_at=at)


@pytest.fixture
def past(in_alpha: Any, settings: Any) -> Iterator[Past]:
    business = Past()
    with timezone.override(in_alpha.timezone):
        yield business


def by_hand() -> list[dict[str, Any]]:
    """The talks as one would count them with a pencil: the definition, in other words."""
    found = []
    for thread in Conversation.objects.exclude(channel__kind="test").order_by("pk"):
        for talk in parts(thread):
            found.append(counted(thread, *talk))
    return found


def parts(thread: Conversation) -> list[tuple[datetime, datetime, list[Message]]]:
    closings = [mark.at for mark in thread.activities.filter(kind="closed")]
    cuts: list[list[Message]] = []
    last = None
    for message in thread.messages.order_by("created_at", "pk"):
        closed = last is not None and any(last <= at < message.created_at for at in closings)
        if last is None or message.created_at - last >= timedelta(hours=12) or closed:
            cuts.append([])
        cuts[-1].append(message)
        last = message.created_at
    begun = []
    for cut in cuts:
        while cut and cut[0].direction == "out":
            cut.pop(0)
        if cut:
            begun.append(cut)
    ends = [cut[0].created_at for cut in begun[1:]] + [datetime.max.replace(tzinfo=UTC)]
    return [(cut[0].created_at, end, cut) for cut, end in zip(begun, ends, strict=True)]


def counted(thread: Conversation, start: datetime, end: datetime, said: list[Message]) -> dict[str, Any]:
    came = [one for one in said if one.direction == "in"]
    ours = [one for one in said if one.direction == "out"]
    left = [
        (one.sent_at or one.created_at)
        for one in ours
        if one.author_kind in ("agent", "person") and one.status != "failed"
    ]
    handed = [one for one in came if one.outcome == "handed_over"]
    turns = list(thread.turns.filter(started_at__gte=start, started_at__lt=end))
    asked = [turn for turn in turns if not turn.cached]
    scores = thread.ratings.filter(asked_at__gte=start, asked_at__lt=end).exclude(score=None)
    signs = [one.reactions.get("contact", "") for one in ours]
    return {
        "conversation_id": thread.pk,
        "first_message": came[0].pk,
        "started_at": start,
        "last_at": said[-1].created_at,
        "messages": len(came),
        "person_messages": sum(one.author_kind == "person" for one in ours),
        "answers": len(turns),
        "unknown": Unanswered.objects.filter(turn__in=turns).count(),
        "reply_seconds": round((min(left) - start).total_seconds()) if left else None,
        "resolve_seconds": round((max(left) - start).total_seconds()) if left else None,
        "handed_at": handed[0].created_at if handed else None,
        "credits": sum(turn.credits for turn in turns),
        "provider_cost": sum(turn.provider_cost or 0 for turn in turns),
        "unpriced": sum(turn.provider_cost is None for turn in turns),
        "unasked": len(turns) - len(asked),
        "premium": sum(turn.tier == "premium" for turn in asked),
        "score": scores.order_by("-asked_at").values_list("score", flat=True).first(),
        "liked": "👍" in signs,
        "disliked": "👎🏽" in signs,
    }


def rolled_up() -> list[dict[str, Any]]:
    keys = list(by_hand_keys())
    return list(Talk.objects.order_by("conversation", "started_at").values(*keys))


def by_hand_keys() -> list[str]:
    return [
        "conversation_id", "first_message", "started_at", "last_at", "messages", "person_messages", "answers",
        "unknown", "reply_seconds", "resolve_seconds", "handed_at", "credits", "provider_cost", "unpriced",
        "unasked", "premium", "score", "liked", "disliked",
    ]  # fmt: skip


class TestCounting:
    def test_what_is_counted_is_what_stands_in_the_rows(self, past: Past, monkeypatch: Any) -> None:
        """At once, after more was said, after what came late, and after everything was dropped."""
        monkeypatch.setattr(talks, "THREADS_A_ROUND", 5)
        threads = [past.thread(number) for number in range(12)]
        for thread in threads:
            past.fill(thread, start=NOW - 20 * DAY, steps=14)
        assert talks.refresh(now=NOW)
        expected = by_hand()
        assert len(expected) > 15 and rolled_up() == expected
        ids = dict(Talk.objects.values_list("first_message", "pk"))

        for thread in threads[::2]:
            past.fill(thread, start=NOW + timedelta(minutes=1), steps=6)
        talks.refresh(now=NOW + 8 * DAY)
        assert rolled_up() == by_hand() and len(by_hand()) > len(expected)
        known = dict(Talk.objects.filter(first_message__in=ids).values_list("first_message", "pk"))
        assert known == ids  # the same talk stays the same row

        late = Message.objects.filter(status="failed").order_by("pk").first()
        assert late is not None
        Message.objects.filter(pk=late.pk).update(status="sent", sent_at=late.created_at + DAY)
        talks.repair(now=NOW + 3 * DAY)
        assert rolled_up() == by_hand()
        first = rolled_up()
        talks.forget()
        talks.refresh(now=NOW + 8 * DAY)
        assert rolled_up() == first

    def test_what_is_not_all_counted_says_so_and_goes_on(self, past: Past, monkeypatch: Any) -> None:
        monkeypatch.setattr(talks, "THREADS_A_ROUND", 1)
        for number in (0, 3, 6):
            past.fill(past.thread(number), start=NOW - (10 - number) * DAY, steps=6)
        assert talks.refresh(now=NOW, within=0) is False
        assert Talk.objects.values("conversation").distinct().count() == 1
        assert talks.refresh(now=NOW) and rolled_up() == by_hand()
        assert FigureState.objects.get().counted_until == NOW

    def test_customers_that_are_joined_and_parted_are_counted_anew(self, past: Past) -> None:
        ours, theirs = past.thread(0), past.thread(3)
        past.fill(ours, start=NOW - 9 * DAY, steps=8)
        past.fill(theirs, start=NOW - 8 * DAY, steps=8)
        talks.refresh(now=NOW)
        apart = rolled_up()
        done = merging.merge(ours.contact_id, theirs.contact_id, by=None, now=NOW)
        assert rolled_up() == by_hand() != apart
        merging.unmerge(done.pk, by=None, now=NOW)
        assert rolled_up() == apart

    def test_only_businesses_with_something_to_count_are_visited(self, past: Past, beta: Any) -> None:
        talks.refresh(now=NOW)
        talks.repair(now=NOW)
        assert "alpha" not in dict(figures_sweep.due(now=NOW))
        past.fill(past.thread(0), start=NOW, steps=3)
        assert dict(figures_sweep.due(now=NOW)).get("alpha") is False
        talks.refresh(now=NOW + 2 * DAY)
        Talk.objects.update(themed_at=NOW)
        assert "alpha" not in dict(figures_sweep.due(now=NOW + 2 * DAY))


class TestThemes:
    def test_questions_of_one_meaning_are_one_topic(self, past: Past, monkeypatch: Any) -> None:
        """With vectors of three dimensions; the real ones are in bench.numbers."""
        near = {"Quanto custa a limpeza?": [1, 0, 0], "Qual o preço da limpeza, Ana Souza?": [0.9, 0.1, 0],
                "Onde vocês ficam?": [0, 1, 0], "Oi": None}  # fmt: skip
        asked = [text for text, vector in near.items() for _time in range(2 if vector else 1)]
        for number, text in enumerate(asked):
            thread = past.thread(3 * number)
            message = past.say(thread, NOW - DAY, "in", "contact", status="received")
            Message.objects.filter(pk=message.pk).update(body=text)
            Conversation.objects.filter(pk=thread.pk).update(last_message_at=NOW - DAY)
        monkeypatch.setattr(
            themes.embeddings,
            "question",
            lambda text: Vector("m", next(v for t, v in near.items() if text in t)),
        )
        talks.refresh(now=NOW)
        monkeypatch.setattr(themes.timezone, "now", lambda: NOW)
        themes.sort.run()
        period = figure_periods.read({}, now=NOW, zone=SAO_PAULO)
        told = [(one.name, one.conversations) for one in figures.themes(period, Part())]
        assert [count for _name, count in told] == [4, 2, 1]
        assert told[2][0] == "" and Talk.objects.filter(themed_at=None).count() == 0
        assert not Theme.objects.filter(name__contains="Souza").exists()
        talks.forget()


# -- the pages


@pytest.fixture
def office(past: Past, client_for: Any, member_of: Any, in_alpha: Any) -> Callable[..., Any]:
    """`office(path, role="manager")` opens a page of a business with a past of some days."""
    now = timezone.now()
    signed_in: dict[str, Any] = {}
    for number in range(18):
        past.fill(past.thread(number), start=now - 9 * DAY, steps=8)

    def opened(path: str, role: str = "manager", method: str = "get", **fields: Any) -> Any:
        if role not in signed_in:
            signed_in[role] = client_for(in_alpha, member_of(in_alpha, role))
        answer = getattr(signed_in[role], method)(path, fields)
        connection.set_tenant(in_alpha)
        return answer

    return opened


def clock() -> dict[str, Any]:
    return {"now": timezone.now(), "zone": SAO_PAULO}


def rows_of(answer: Any) -> list[list[str]]:
    """The lines of a file."""
    return list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))


class TestPages:
    def test_every_figure_is_its_list(self, office: Any) -> None:
        """The page's own numbers, each beside the list that it opens."""
        page = office("/numbers/?by=month")
        assert page.status_code == 200
        totals = page.context["totals"]
        assert totals["n_all"] > 10 and totals["n_resolved"] and totals["n_person"] and totals["n_rated"]
        for show in figures.SHOWS:
            listing = office(f"/numbers/list/?by=month&show={show}")
            assert listing.context["count"] == totals[f"n_{show}"], show
            assert len(listing.context["rows"]) == min(50, totals[f"n_{show}"]), show

    def test_every_row_of_a_table_is_its_list(self, office: Any) -> None:
        page = office("/numbers/?by=week").context
        asked = "by=week&show="
        for words, count in page["reasons"]:
            assert office(f"/numbers/list/?{asked}person", reason=words).context["count"] == count
        for group in [*page["channels_met"]]:
            assert (
                office(f"/numbers/list/?{asked}all&channel={group.key}").context["count"]
                == group.conversations
            )
        for group in page["themes"]:
            assert (
                office(f"/numbers/list/?{asked}all&theme={group.key}").context["count"] == group.conversations
            )
        for name, _words, count, _percent in page["tiers"]:
            listed = office(f"/numbers/list/?{asked}{name}").context["rows"]
            assert sum(getattr(talk, name) for talk in listed) == count
        cells = [(day, hour, n) for day, hours in page["heat"].rows for hour, n, _warm in hours if n]
        assert sum(n for _day, _hour, n in cells) == page["totals"]["n_all"]
        for day, hour, count in cells[:3]:
            assert office(f"/numbers/list/?{asked}all&weekday={day}&hour={hour}").context["count"] == count
        pieces = page["pieces"]
        assert sum(row["piece"].conversations for row in pieces) == page["totals"]["n_all"]
        for row in pieces[-2:]:
            assert office(f"/numbers/list/?{row['query']}").context["count"] == row["piece"].conversations

    def test_a_list_goes_on_without_a_gap(self, office: Any, monkeypatch: Any) -> None:
        from conversations import figure_views

        monkeypatch.setattr(figure_views, "PAGE", 4)
        seen: list[int] = []
        path = "/numbers/list/?by=month"
        while True:
            page = office(path).context
            seen += [talk.pk for talk in page["rows"]]
            if not page["following"]:
                break
            path = f"/numbers/list/?by=month&before={page['following']}"
        assert len(seen) == len(set(seen)) == page["count"]

    @pytest.mark.django_db(transaction=True)
    def test_files_are_harmless_and_names_are_for_managers(
        self, transactional_db: None, office: Any, in_alpha: Any
    ) -> None:
        lines = rows_of(office("/numbers/list/export.csv?by=month&show=resolved"))[1:]
        connection.set_tenant(in_alpha)
        found = figures.listed(figure_periods.read({"by": "month"}, **clock()), Part(show="resolved"))
        assert [line[0] for line in lines] == [str(talk.conversation_id) for talk in found] != []
        assert all(line[1].startswith("'=Customer") for line in lines)
        assert AuditEntry.objects.filter(action="numbers.export").count() == 1
        assert office("/numbers/list/export.csv", role="viewer").status_code == 403
        for what in ("totals", "series", "hours", "reasons", "topics", "channels", "assistants", "versions",
                     "tiers", "gaps", "nonsense"):  # fmt: skip
            told = rows_of(office(f"/numbers/export.csv?by=week&what={what}", role="viewer"))
            assert len({len(line) for line in told}) == 1, what

    def test_nonsense_in_an_address_is_left_out(self, office: Any) -> None:
        usual = office("/numbers/list/").context["count"]
        strange = "show=DROP&channel=x&agent=-1&version=9e9&theme=zz&weekday=8&hour=24&before=zz&on=31/12"
        assert office(f"/numbers/list/?{strange}").context["count"] == usual

    def test_statements_do_not_grow_with_the_conversations(self, office: Any, past: Past) -> None:
        office("/numbers/?by=month")  # counts
        before = self.statements(office)
        for number in range(30, 60):
            past.fill(past.thread(number), start=timezone.now() - 6 * DAY, steps=6)
        office("/numbers/?by=month")
        assert self.statements(office) == before

    @staticmethod
    def statements(office: Any) -> list[int]:
        counts = []
        for path in ("/numbers/?by=month", "/numbers/list/?by=month"):
            with CaptureQueriesContext(connection) as asked:
                office(path)
            counts.append(len(asked))
        return counts

    def test_a_topic_gets_a_name_of_ones_own(self, office: Any) -> None:
        theme = Theme.objects.create(name="quanto custa", vector=[1.0, 0.0], vector_model="m")
        office(f"/numbers/topics/{theme.pk}/name", method="post", name="  Prices \x00 ")
        theme.refresh_from_db()
        assert (theme.name, theme.named_by is not None) == ("Prices", True)
        assert office(f"/numbers/topics/{theme.pk}/name", method="post", name=" ").status_code == 422
        assert (
            office(f"/numbers/topics/{theme.pk}/name", role="viewer", method="post", name="x").status_code
            == 403
        )

    def test_a_new_business_is_told_what_will_stand_here(
        self, in_alpha: Any, client_for: Any, member_of: Any
    ) -> None:
        page = client_for(in_alpha, member_of(in_alpha, "viewer")).get("/numbers/")
        assert "No conversations in this time" in page.content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (12_000, "3 h 20 min"),
        (187_200, "2 d 4 h"),
    ],
)
def test_times_are_readable(seconds: float | None, words: str) -> None:
    from django.utils import translation

    with translation.override("en"):
        assert figure_words.duration(seconds) == words
