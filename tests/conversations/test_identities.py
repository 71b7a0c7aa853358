"""One person, whatever the gateway calls them; two who turn out to be one are joined, and parted again."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent
from conversations import fallback, merging
from conversations.models import (
    Channel,
    Consent,
    Contact,
    ContactIdentity,
    ContactMerge,
    Conversation,
    Message,
    Turn,
)  # fmt: skip
from conversations.numbers import ninth_digit_twin
from tests.conversations.deliveries import many

NUMBER, LID = "5511988887777@c.us", "123456789@lid"
OLD, NEW = "551188887700@c.us", "5511988887700@c.us"


def told(number: str = NUMBER, lid: str = LID) -> dict[str, Any]:
    """What GOWS tells of a sender with a hidden id."""
    inside = number.replace("@c.us", ":7@s.whatsapp.net")
    return {"_data": {"Info": {"Chat": lid, "Sender": lid, "SenderAlt": inside, "PushName": "Ana"}}}


def names() -> set[str]:
    return set(ContactIdentity.objects.values_list("value", flat=True))


class TestOnePerson:
    def test_a_hidden_id_that_comes_with_its_number_is_the_same_person_at_once(self, shop: Any) -> None:
        shop.say("Oi, tudo bem?")
        shop.say("Que horas vocês abrem?", chat=LID, **told())
        shop.work()
        assert Contact.objects.count() == Conversation.objects.count() == 1 and names() == {NUMBER, LID}
        assert shop.gateway.sent[-1][0] == LID  # where the person wrote last
        shop.say("E no domingo?")
        shop.work()
        assert shop.gateway.sent[-1][0] == NUMBER

    def test_one_that_comes_alone_is_asked_for_and_the_threads_become_one(self, shop: Any) -> None:
        shop.say("Oi, meu nome é Ana", unique="3A1")
        shop.work()
        shop.gateway.app.lids[LID] = NUMBER
        shop.say("Que horas vocês abrem?", chat=LID, unique="3A2", name="Ana S.")
        assert Contact.objects.count() == 2
        shop.work()
        shop.work()
        assert Contact.objects.count() == Conversation.objects.count() == 1
        thread = Conversation.objects.get()
        said = thread.messages.filter(direction="in").values_list("body", flat=True)
        assert list(said) == ["Oi, meu nome é Ana", "Que horas vocês abrem?"]
        assert Message.objects.filter(direction="in", outcome="").count() == 0
        assert thread.address == LID and names() == {NUMBER, LID}
        merge = ContactMerge.objects.get()
        assert merge.due_at is None and merge.record["taken"]["fields"]["name"] == "Ana S."

    def test_asking_is_never_in_a_transaction_and_waits_for_a_gateway_that_is_away(self, shop: Any) -> None:
        shop.gateway.app.lids[LID] = NUMBER
        Channel.objects.update(base_url="http://127.0.0.1:9")
        shop.say("Oi", chat=LID)
        shop.work()
        identity = ContactIdentity.objects.get()
        assert (identity.resolve_attempts, identity.resolve_at is not None) == (1, True)
        Channel.objects.update(base_url=shop.gateway.url)
        ContactIdentity.objects.update(resolve_at=timezone.now() - timedelta(minutes=1))
        shop.later()  # no doorbell: the sweep finds the row
        assert names() == {NUMBER, LID} and ContactIdentity.objects.exclude(resolve_at=None).count() == 0

    def test_an_unknown_number_behind_a_hidden_id_changes_nothing(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?", chat=LID)
        shop.work()
        assert names() == {LID} and shop.gateway.sent[0][0] == LID
        assert ContactIdentity.objects.get().resolve_at is None

    def test_a_number_with_and_without_its_ninth_digit_is_one_when_the_gateway_says_so(
        self, shop: Any
    ) -> None:
        shop.gateway.app.twins |= {OLD[:12]: OLD, NEW[:13]: OLD}
        shop.say("Oi", chat=OLD)
        shop.say("Oi de novo", chat=NEW)
        shop.work()
        shop.work()
        assert Contact.objects.count() == Conversation.objects.count() == 1 and names() == {OLD, NEW}

    def test_two_numbers_that_only_look_alike_stay_two(self, shop: Any) -> None:
        shop.gateway.app.twins |= {OLD[:12]: OLD, NEW[:13]: NEW}
        shop.say("Oi", chat=OLD)
        shop.say("Oi", chat=NEW)
        shop.work()
        assert Contact.objects.count() == 2 and ContactMerge.objects.count() == 0

    def test_a_merge_waits_while_an_answer_is_made(self, shop: Any) -> None:
        shop.say("Oi")
        shop.say("Oi", chat=LID)
        turn = Turn.objects.create(conversation=Conversation.objects.earliest("pk"))
        one, other = Contact.objects.order_by("pk")
        merging.plan(one.pk, other.pk, now=shop.now())
        shop.work()
        planned = ContactMerge.objects.get()
        assert planned.due_at and planned.due_at > timezone.now() and Contact.objects.count() == 2
        turn.status = Turn.Status.DONE
        turn.save()
        ContactMerge.objects.update(due_at=timezone.now() - timedelta(minutes=1))
        shop.later()
        assert Contact.objects.count() == 1

    def test_the_doorbells_of_a_thread_that_is_gone_ring_for_nobody(self, shop: Any) -> None:
        shop.say("Que horas vocês abrem?")
        shop.say("Que horas vocês abrem?", chat=LID)
        one, other = Contact.objects.order_by("pk")
        gone = Conversation.objects.get(contact=other).pk
        merging.merge(one.pk, other.pk, by=None, now=shop.now())
        shop.ring(fallback.hold, conversation_id=gone)
        shop.work()  # with the doorbell that rang when it was said
        assert len(shop.texts()) == 1 and not Message.objects.filter(direction="in", outcome="").exists()

    def test_what_a_person_has_parted_is_not_joined_again(self, shop: Any) -> None:
        shop.gateway.app.lids[LID] = NUMBER
        shop.say("Oi")
        shop.say("Oi", chat=LID, **told("5521999990000@c.us"))
        one, other = Contact.objects.order_by("pk")
        done = merging.merge(one.pk, other.pk, by=None, now=shop.now())
        merging.unmerge(done.pk, by=None, now=shop.now())
        with pytest.raises(merging.CannotMerge):
            merging.unmerge(done.pk, by=None, now=shop.now())
        shop.say("Oi", chat=LID, **told())
        shop.work()
        assert Contact.objects.count() == 2

    @pytest.mark.parametrize(
        ("number", "twin"),
        [(OLD, NEW), (NEW, OLD), ("552133334444@c.us", ""), ("33612345678@c.us", ""), (LID, "")],
    )
    def test_only_a_brazilian_mobile_number_has_a_twin(self, number: str, twin: str) -> None:
        assert ninth_digit_twin(number) == twin


class TestMerging:
    def two(self, shop: Any) -> tuple[Contact, Contact]:
        shop.say("Oi", unique="3A1")
        shop.say("Oi, oi", chat=LID, unique="3A2", **told("5521999990000@c.us"))
        one, other = Contact.objects.order_by("pk")
        return one, other

    def test_who_wanted_no_messages_wants_none_under_any_name(self, shop: Any) -> None:
        one, other = self.two(shop)
        Contact.objects.filter(pk=other.pk).update(opted_out_at=shop.now())
        merging.merge(one.pk, other.pk, by=None, now=shop.now())
        assert Contact.objects.get().opted_out_at is not None

    def test_a_thread_with_a_person_stays_with_the_person(self, shop: Any) -> None:
        one, other = self.two(shop)
        Conversation.objects.filter(contact=other).update(handler="person", reply_due_at=None)
        merging.merge(one.pk, other.pk, by=None, now=shop.now())
        thread = Conversation.objects.get()
        assert thread.handler == "person" and thread.reply_due_at is None
        assert Message.objects.filter(outcome="").count() == 0

    def test_what_was_said_since_then_stays_where_it_was_said(self, shop: Any) -> None:
        one, other = self.two(shop)
        done = merging.merge(one.pk, other.pk, by=None, now=shop.now())
        shop.say("Depois", unique="3A3")
        merging.unmerge(done.pk, by=None, now=shop.now())
        first, second = (Conversation.objects.get(contact=contact) for contact in (one, other))
        assert list(first.messages.values_list("body", flat=True)) == ["Oi", "Depois"]
        assert list(second.messages.values_list("body", flat=True)) == ["Oi, oi"]
        assert first.last_message_text == "Depois"

    def test_the_later_merge_is_undone_first(self, shop: Any) -> None:
        one, other = self.two(shop)
        shop.say("Alô", chat="5521988880000@c.us")
        third = Contact.objects.latest("pk")
        first = merging.merge(one.pk, other.pk, by=None, now=shop.now())
        second = merging.merge(one.pk, third.pk, by=None, now=shop.now())
        with pytest.raises(merging.CannotMerge):
            merging.unmerge(first.pk, by=None, now=shop.now())
        merging.unmerge(second.pk, by=None, now=shop.now())
        merging.unmerge(first.pk, by=None, now=shop.now())
        assert set(Contact.objects.values_list("pk", flat=True)) == {one.pk, other.pk, third.pk}


# -- merge, then unmerge: as if nothing had happened

TEXTS = st.text("abç ?👍", min_size=1, max_size=12)
SAID = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["in", "out"]), TEXTS), max_size=8)
HANDLERS = st.sampled_from(["agent", "queue", "person"])
PERSON = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["", "Ana", "Ana S."]),
        "note": st.sampled_from(["", "alérgica"]),
        "language": st.sampled_from(["", "pt", "es"]),
        "opted_out": st.booleans(),
        "handler": HANDLERS,
        "unread": st.integers(0, 3),
        "second_channel": st.booleans(),
        "due": st.booleans(),
    }
)
# An answer that was due for nothing is not due any more.
DUE = ("reply_due_at",)
# What ends the open messages of a thread that goes to a person stays ended: a person has them.
ENDED = ("outcome", "outcome_reason", "terminal_at", *DUE)


STEPS = st.lists(
    st.tuples(st.sampled_from(["join", "join", "part", "say"]), st.integers(0, 5), st.integers(0, 5)),
    min_size=1, max_size=7,
)  # fmt: skip


class Story:
    """What was joined and parted, told without the code that does it: who should have which message."""

    def __init__(self, people: Iterable[int]) -> None:
        self.said = {pk: set(_said_by(pk)) for pk in people}
        self.joined: dict[int, tuple[int, int, set[int], list[int]]] = {}  # by merge: who, whom, what moved

    def join(self, keep: int, take: int) -> None:
        done = merging.merge(keep, take, by=None, now=timezone.now())
        carried = [merge for merge, (who, *_rest) in self.joined.items() if who == take]
        self._belong(carried, keep)
        self.joined[done.pk] = keep, take, set(self.said[take]), carried
        self.said[keep] |= self.said.pop(take)

    def part(self, merge: int) -> None:
        """The later one first: what was put upon it would hang in the air."""
        keep, take, moved, carried = self.joined[merge]
        if any(later > merge and who == keep for later, (who, *_rest) in self.joined.items()):
            with pytest.raises(merging.CannotMerge):
                merging.unmerge(merge, by=None, now=timezone.now())
            return
        merging.unmerge(merge, by=None, now=timezone.now())
        del self.joined[merge]
        self._belong(carried, take)
        self.said[keep] -= moved
        self.said[take] = moved

    def say(self, who: int, number: int) -> None:
        thread = Conversation.objects.filter(contact=who, channel__name="WhatsApp").get()
        _say(thread, "in", "Depois", number)
        self.said[who].add(thread.messages.latest("pk").pk)

    def _belong(self, merges: Iterable[int], who: int) -> None:
        for merge in merges:
            self.joined[merge] = (who, *self.joined[merge][1:])

    def check(self) -> None:
        assert set(Contact.objects.values_list("pk", flat=True)) == set(self.said)
        assert {pk: set(_said_by(pk)) for pk in self.said} == self.said
        threads = Conversation.objects.values_list("contact", "channel")
        assert len(threads) == len(set(threads))  # one thread a person and channel, at any time


def _said_by(contact_id: int) -> Iterable[int]:
    return Message.objects.filter(conversation__contact=contact_id).values_list("pk", flat=True)


@many(30)
@given(people=st.lists(PERSON, min_size=2, max_size=3), said=SAID, steps=STEPS)
def test_whatever_is_joined_and_parted_each_has_his_own_history_again(
    in_alpha: Any, people: list[dict[str, Any]], said: list[tuple[int, str, str]], steps: list[Any]
) -> None:
    start = transaction.savepoint()
    threads = [_person(values, number) for number, values in enumerate(people)]
    for number, (who, direction, text) in enumerate(said):
        _say(threads[who % len(threads)], direction, text, number)
    before, story = _everything(), Story(thread.contact_id for thread in threads)
    for number, (what, one, other) in enumerate(steps):
        living, done = sorted(story.said), sorted(story.joined)
        keep, take = living[one % len(living)], living[other % len(living)]
        if what == "join" and keep != take:
            story.join(keep, take)
        elif what == "part" and done:
            story.part(done[one % len(done)])
        elif what == "say":
            story.say(keep, 100 + number)
        story.check()
    for merge in sorted(story.joined, reverse=True):
        story.part(merge)
        story.check()
    assert story.joined == {} and len(story.said) == len(people)
    _is_as_before(before, mixed={person["handler"] for person in people} != {"agent"})
    transaction.savepoint_rollback(start)


def _is_as_before(before: dict[str, list[dict[str, Any]]], *, mixed: bool) -> None:
    """Every row of then, to the last field; but what was said since then has moved its thread on."""
    then, now = (_without(rows, ENDED if mixed else DUE) for rows in (before, _everything()))
    known = {row["id"] for row in then["Message"]}
    if later := [row for row in now["Message"] if row["id"] not in known]:
        moved = {row["conversation_id"] for row in later}
        now["Message"] = [row for row in now["Message"] if row["id"] in known]
        for rows in (then, now):
            rows["Conversation"] = [row for row in rows["Conversation"] if row["id"] not in moved]
            del rows["Turn"]  # some of what is said here comes with one
    assert now == then


def _person(values: dict[str, Any], number: int) -> Conversation:
    """A customer with two names, a thread, perhaps a second one elsewhere, and a wish."""
    contact = Contact.objects.create(
        name=values["name"], note=values["note"], language=values["language"],
        opted_out_at=timezone.now() if values["opted_out"] else None,
    )  # fmt: skip
    channels = [_channel("WhatsApp"), *([_channel("Outro")] if values["second_channel"] else [])]
    for channel in channels:
        for kind in ("c.us", "lid"):
            value = f"55{number}{len(kind)}@{kind}"
            ContactIdentity.objects.create(contact=contact, channel=channel, kind=kind, value=value)
    Consent.objects.create(contact=contact, given=not values["opted_out"], words="sair", text_version="1")
    threads = [
        Conversation.objects.create(
            contact=contact, channel=channel, address=f"55{number}@c.us", handler=values["handler"],
            unread_count=values["unread"], reply_due_at=timezone.now() if values["due"] else None,
        )
        for channel in channels
    ]  # fmt: skip
    return threads[0]


def _channel(name: str) -> Channel:
    agent = Agent.objects.order_by("pk")[0]
    return Channel.objects.get_or_create(name=name, kind=Channel.Kind.WAHA, defaults={"agent": agent})[0]


def _say(thread: Conversation, direction: str, text: str, number: int) -> None:
    turn = Turn.objects.create(conversation=thread, status=Turn.Status.DONE) if number % 3 == 0 else None
    quoted = thread.messages.order_by("pk").last() if number % 2 else None
    Message.objects.create(
        conversation=thread, direction=direction, author_kind="contact", body=text, status="received",
        provider_key=f"k:{number}", turn=turn, reply_to=quoted, outcome="" if number % 4 == 1 else "answered",
    )  # fmt: skip
    now = timezone.now()
    Conversation.objects.filter(pk=thread.pk).update(last_message_at=now, last_message_text=text)


def _everything() -> dict[str, list[dict[str, Any]]]:
    models = (Contact, ContactIdentity, Conversation, Message, Turn, Consent)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in models}


def _without(
    rows: dict[str, list[dict[str, Any]]], names: tuple[str, ...]
) -> dict[str, list[dict[str, Any]]]:
    return {
        model: [{key: value for key, value in row.items() if key not in names} for row in found]
        for model, found in rows.items()
    }
