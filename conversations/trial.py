"""The test chat: a member asks as a customer would, through the same inbox and the same turns.

A member has a thread with each side (draft, published) of each assistant. A question goes to one side, or to
both at once. Asked again or in other words, what followed it is set aside: moved to a thread of its own, from
where it can be brought back. Nobody pays, tools only rehearse, and a business asks so much a day.
"""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from agents.models import Agent
from conversations import handoff, inbox
from conversations.events import Said
from conversations.models import (
    Channel,
    Contact,
    ContactIdentity,
    Conversation,
    Message,
    ToolRun,
    Trial,
    Turn,
)
from tenants import live
from tenants.models import User

Side = Trial.Side
SET_ASIDE = "set aside in the test chat"
_KEY = re.compile(r"[0-9a-f]{32}")


class LimitReached(Exception):
    """The business has asked as many test questions as are free in a day."""


class Busy(Exception):
    """An answer is being made in this thread: in a moment it will do."""


class Gone(Exception):
    """What is to be asked again or brought back has no place in the thread any more."""


@transaction.atomic(durable=True)
def ask(
    text: str,
    *,
    user: User,
    now: datetime,
    midnight: datetime | None = None,
    agent: Agent | None = None,
    sides: Sequence[str] = (Side.PUBLISHED,),
    key: str = "",
    instead_of: int | None = None,
) -> Conversation:
    """Put a question into this member's test chat with these sides; an answer becomes due at once.

    `midnight` is the start of the business's day, for the limit; `instead_of` is the id of an earlier
    question: it and what followed are set aside. The same `key` again asks nothing. Returns the first side's
    thread; raises LimitReached, Busy and Gone.
    """
    channel = _channel()
    agent = agent or channel.agent
    pair = _pair(key)
    if (asked := _asked(channel, pair, sides[0])) is not None:
        return asked
    if midnight is not None and left(since=midnight) < len(sides):
        raise LimitReached
    if instead_of is not None:
        _put_aside(instead_of, user=user, agent=agent, sides=sides, now=now)
    threads = [_ask(channel, text, user=user, agent=agent, side=side, pair=pair, now=now) for side in sides]
    return threads[0]


def left(*, since: datetime) -> int:
    """How many questions are still free today."""
    tests = Conversation.objects.filter(channel__kind=Channel.Kind.TEST).values("pk")
    asked = Message.objects.filter(
        conversation__in=tests, direction=Message.Direction.IN, created_at__gte=since
    )
    return max(0, settings.TRIAL_QUESTIONS_A_DAY - asked.count())


def conversation_of(
    user: User, agent: Agent | None = None, side: str = Side.PUBLISHED
) -> Conversation | None:
    """This member's test chat with one side of an assistant, if there is one."""
    channel = Channel.objects.select_related("agent").filter(kind=Channel.Kind.TEST).first()
    if channel is None:
        return None
    address = _address(user, agent or channel.agent, side, channel)
    mine = Conversation.objects.filter(channel=channel, contact__identities__value=address)
    return mine.select_related("channel__agent").first()


def create_channel(agent: Agent, *, name: str, now: datetime) -> Channel:
    """The test channel that every business starts with; inside the caller's transaction."""
    return Channel.objects.create(kind=Channel.Kind.TEST, name=name, agent=agent, created_at=now)


def pair_of(message: Message) -> str:
    """What the two messages of one question to both sides have in common."""
    return message.unique_id.partition("-")[0]


def _channel() -> Channel:
    return Channel.objects.select_related("agent").get(kind=Channel.Kind.TEST)


def _address(user: User, agent: Agent, side: str, channel: Channel) -> str:
    if side == Side.PUBLISHED and agent.pk == channel.agent_id:
        return f"member-{user.pk}@test"
    return f"member-{user.pk}-{agent.pk}-{side}@test"


def _pair(key: str) -> str:
    plain = key.replace("-", "").lower()
    return plain if _KEY.fullmatch(plain) else uuid.uuid4().hex


def _asked(channel: Channel, pair: str, side: str) -> Conversation | None:
    """Where this very request was heard before."""
    key = inbox.provider_key(channel, from_me=False, unique_id=f"{pair}-{side}")
    return Conversation.objects.filter(messages__provider_key=key).first()


def _ask(
    channel: Channel, text: str, *, user: User, agent: Agent, side: str, pair: str, now: datetime
) -> Conversation:
    address = _address(user, agent, side, channel)
    said = Said(
        unique_id=f"{pair}-{side}",
        chat=address,
        from_me=False,
        source="app",
        text=text,
        at=now,
        name=str(user),
    )
    inbox.receive(channel, said, now=now)
    conversation = Conversation.objects.get(channel=channel, contact__identities__value=address)
    Trial.objects.get_or_create(conversation=conversation, defaults={"agent": agent, "side": side})
    return conversation


# -- setting aside, and bringing back


@transaction.atomic(durable=True)
def restart(*, user: User, agent: Agent, sides: Sequence[str], now: datetime) -> None:
    """Begin anew with these sides: all that was said is set aside. Raises Busy."""
    for side in sides:
        thread = _locked(user, agent, side)
        if thread is not None:
            _move_tail(thread, since=0, now=now)


@transaction.atomic(durable=True)
def go_on(*, user: User, agent: Agent, sides: Sequence[str]) -> None:
    """Let the assistant answer again where it had stepped aside for a person. Raises Busy."""
    for side in sides:
        thread = _locked(user, agent, side)
        if thread is not None:
            _to_assistant(thread)


@transaction.atomic(durable=True)
def bring_back(take_id: int, *, user: User, now: datetime) -> Trial:
    """Put a take back where it was; what stands there now is set aside instead. Raises Gone and Busy."""
    take = Trial.objects.select_related("conversation", "agent").filter(pk=take_id, of__isnull=False).first()
    thread = _locked(user, take.agent, take.side) if take else None
    if take is None or thread is None or take.of_id != thread.pk or not has_place(thread, take):
        raise Gone
    _move_tail(thread, since=take.after + 1, now=now)
    _move(take.conversation, thread, since=0)
    _to_assistant(thread)
    take.conversation.contact.delete()  # with the thread and the take, which are empty
    return take


def takes(thread: Conversation) -> list[Trial]:
    """What was set aside of this thread, the latest first."""
    return list(thread.takes.select_related("conversation").order_by("-set_aside_at", "-pk"))


def has_place(thread: Conversation, take: Trial) -> bool:
    """Whether the message after which it went on still stands in the thread."""
    return not take.after or thread.messages.filter(pk=take.after).exists()


def _put_aside(question_id: int, *, user: User, agent: Agent, sides: Sequence[str], now: datetime) -> None:
    """Set aside a question and what followed it, on every one of these sides to which it was put."""
    threads = {side: _locked(user, agent, side) for side in sides}
    ours = [thread.pk for thread in threads.values() if thread]
    asked = Message.objects.filter(pk=question_id, conversation__in=ours, direction=Message.Direction.IN)
    question = asked.first()
    if question is None:
        raise Gone
    for side, thread in threads.items():
        twin = _twin(thread, question, side) if thread else None
        if thread is not None and twin is not None:
            _move_tail(thread, since=twin, now=now)


def _twin(thread: Conversation, question: Message, side: str) -> int | None:
    """The id of the same question on this side."""
    if question.conversation_id == thread.pk:
        return question.pk
    key = inbox.provider_key(thread.channel, from_me=False, unique_id=f"{pair_of(question)}-{side}")
    return thread.messages.filter(provider_key=key).values_list("pk", flat=True).first()


def _locked(user: User, agent: Agent, side: str) -> Conversation | None:
    """The thread with this side, in which nothing is being thought of."""
    found = conversation_of(user, agent, side)
    if found is None:
        return None
    thread = handoff.locked(found.pk)
    if thread.turns.filter(status=Turn.Status.RUNNING).exists():
        raise Busy
    return thread


def _move_tail(thread: Conversation, *, since: int, now: datetime) -> None:
    """Move what was said from this message on to a thread of its own, as it is."""
    tail = thread.messages.filter(pk__gte=since)
    if tail.exists():
        before = thread.messages.filter(pk__lt=since).order_by("-pk").values_list("pk", flat=True).first()
        take = _new_take(thread, after=before or 0, now=now)
        handoff.settle_open(thread, Message.Outcome.IGNORED, SET_ASIDE)
        _move(thread, take.conversation, since=since)
    _to_assistant(thread)


def _new_take(thread: Conversation, *, after: int, now: datetime) -> Trial:
    """A closed thread: a contact of its own, since a contact has one thread on a channel."""
    address = f"take-{uuid.uuid4().hex}@test"
    contact = Contact.objects.create(name=str(thread.contact), created_at=now)
    ContactIdentity.objects.create(contact=contact, channel=thread.channel, kind="test", value=address)
    aside = Conversation.objects.create(
        channel=thread.channel,
        contact=contact,
        address=address,
        status=Conversation.Status.CLOSED,
        language=thread.language,
        last_message_at=thread.last_message_at,
        last_message_text=thread.last_message_text,
        created_at=now,
    )
    mine = Trial.objects.filter(conversation=thread).first()
    agent_id, side = (mine.agent_id, mine.side) if mine else (thread.channel.agent_id, Side.PUBLISHED)
    return Trial.objects.create(
        conversation=aside, agent_id=agent_id, side=side, of=thread, after=after, set_aside_at=now
    )


def _move(source: Conversation, target: Conversation, *, since: int) -> None:
    """Messages from this one on, with the turns and receipts of that time."""
    moved = source.messages.filter(pk__gte=since).order_by("pk")
    first = moved.first()
    if first is None:
        return
    Turn.objects.filter(conversation=source, started_at__gte=first.created_at).update(conversation=target)
    ToolRun.objects.filter(conversation=source, started_at__gte=first.created_at).update(conversation=target)
    moved.update(conversation=target)


def _to_assistant(thread: Conversation) -> None:
    """The assistant answers what is asked next, and remembers what stands in the thread."""
    Contact.objects.filter(pk=thread.contact_id).update(opted_out_at=None)
    last = thread.messages.order_by("-pk").first()
    Conversation.objects.filter(pk=thread.pk).update(
        handler=Conversation.Handler.AGENT,
        status=Conversation.Status.OPEN,
        assigned_to=None,
        handoff_reason="",
        waiting_since=None,
        reply_due_at=None,
        asked_back_at=None,
        held_at=None,
        last_message_text=last.body[:160] if last else "",
    )
    handoff.settle_open(thread, Message.Outcome.IGNORED, SET_ASIDE)
    live.publish("conversation.changed", id=thread.pk, conversation=thread.pk)
