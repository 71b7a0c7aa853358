"""Who speaks: the agent, a person, or nobody yet. One voice at a time."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from agents.lines import Line, say
from billing import credits
from billing.models import Hold
from conversations import (
    activities,
    desk_arrivals,
    desk_clocks,
    desk_ratings,
    desk_rules,
    handoff_reasons,
    hooks,
    outbox,
    rules,
)
from conversations.handoff_reasons import EMERGENCIES, REASONS
from conversations.models import Activity, Conversation, Message, Turn
from tenants import audit, live, written
from tenants.current import tenant
from tenants.models import User
from tenants.written import slot


def reason_of(conversation: Conversation) -> str:
    """Why it went to a person, in words; empty when it did not."""
    return handoff_reasons.words_of(conversation.handoff_reason)


@transaction.atomic(durable=True)
def request(conversation_id: int, *, reason: Line, now: datetime, text: str = "") -> Conversation:
    """Put the conversation in the queue for a person, and tell the customer once, perhaps in other words."""
    conversation = locked(conversation_id)
    queue(conversation, reason=reason, now=now, text=text)
    return conversation


def queue(
    conversation: Conversation, *, reason: Line, now: datetime, text: str = "", silent: bool = False
) -> None:
    """As `request`, for a caller that has the conversation locked; with another `text`, or silently."""
    if conversation.handler != Conversation.Handler.AGENT:
        return
    words = "" if silent else text or _words(conversation, reason, now=now)
    conversation.handler = Conversation.Handler.QUEUE
    conversation.handoff_reason = reason
    conversation.waiting_since = now
    conversation.priority = desk_arrivals.priority_of(conversation, is_emergency=reason in EMERGENCIES)
    conversation.reply_due_at = conversation.asked_back_at = None
    conversation.save()
    _free_draft(conversation, now=now)
    settle_open(conversation, Message.Outcome.HANDED_OVER, REASONS[reason])
    if words:
        outbox.post(conversation, words, author=Message.Author.SYSTEM, now=now)
    desk_arrivals.queued(conversation, reason=reason, now=now)
    hooks.conversation("conversation.handed_over", conversation, now=now)
    live.publish("conversation.waiting", id=conversation.pk, conversation=conversation.pk)


def _words(conversation: Conversation, reason: Line, *, now: datetime) -> str:
    """What the customer hears of it: the line, and out of hours when people are back."""
    if reason is Line.FAILED and _was_told_to_wait(conversation):
        return ""  # that line said already that a person would answer
    language = conversation.language or tenant().language
    line = say(reason, language)
    closed = None if reason in EMERGENCIES else rules.closed(rules.current(), now=now)
    if closed is None:
        return line
    conversation.closed_told_until = closed.told_until
    return f"{line} {closed.line(language)}".strip()


def _was_told_to_wait(conversation: Conversation) -> bool:
    """Whether a holding line went out for all that is open."""
    unheld = conversation.messages.filter(direction=Message.Direction.IN, outcome="")
    told = conversation.held_at
    return told is not None and not unheld.filter(created_at__gt=told).exists()


@transaction.atomic(durable=True)
def take_over(conversation_id: int, *, user: User, now: datetime, minutes: int | None = None) -> Conversation:
    """Give the conversation to this person; the agent is silent until it is given back, or time has passed.

    `minutes` after this person's last word; 0 is never, None is what the owner's rules say.
    """
    conversation = locked(conversation_id)
    is_theirs = conversation.handler == Conversation.Handler.PERSON and conversation.assigned_to == user
    if is_theirs and minutes is None:
        return conversation
    hold_for(conversation, user=user, now=now, minutes=minutes)
    audit.record("conversation.take_over", actor=user, target=conversation)
    return conversation


def hold_for(
    conversation: Conversation,
    *,
    user: User | None,
    now: datetime,
    minutes: int | None = None,
    marked: bool = True,
) -> None:
    """A person has it: for a caller that has the conversation locked, and marks it itself or not."""
    was_agents = conversation.handler == Conversation.Handler.AGENT
    wanted = desk_rules.current()
    set_time(conversation, wanted.give_back_minutes if minutes is None else minutes, now=now)
    conversation.handler = Conversation.Handler.PERSON
    conversation.assigned_to = user
    conversation.waiting_since = None
    conversation.reply_due_at = conversation.asked_back_at = None
    conversation.save()
    _free_draft(conversation, now=now)
    settle_open(conversation, Message.Outcome.HANDED_OVER, "a person has this conversation")
    desk_arrivals.taken(conversation, user=user, was_agents=was_agents, wanted=wanted, marked=marked, now=now)
    if was_agents:
        hooks.conversation("conversation.handed_over", conversation, now=now)
    changed(conversation)


def set_time(conversation: Conversation, minutes: int | None, *, now: datetime) -> None:
    """How long a person may be silent before the assistant answers again; the caller saves the row."""
    conversation.person_minutes = minutes or 0
    conversation.person_until = now + timedelta(minutes=minutes) if minutes else None


@transaction.atomic(durable=True)
def give_back(conversation_id: int, *, user: User | None, now: datetime) -> Conversation:
    """Let the agent answer from the next message on; what a person has dealt with is not re-answered."""
    conversation = locked(conversation_id)
    to_agent(conversation, Activity.Kind.GIVEN_BACK, user=user, now=now)
    audit.record("conversation.give_back", actor=user, target=conversation)
    return conversation


@transaction.atomic(durable=True)
def close(conversation_id: int, *, user: User | None, now: datetime) -> Conversation:
    """File the conversation; the customer's next message opens it again, with the agent.

    Where the owner wants it, the customer is asked how it was.
    """
    conversation = locked(conversation_id)
    if conversation.status == Conversation.Status.CLOSED:
        return conversation
    person = conversation.assigned_to or user
    had_person = conversation.handler == Conversation.Handler.PERSON
    conversation.status = Conversation.Status.CLOSED
    to_agent(conversation, Activity.Kind.CLOSED, user=user, now=now)
    desk_ratings.ask(conversation, person=person if had_person else None, now=now)
    hooks.conversation("conversation.closed", conversation, now=now)
    audit.record("conversation.close", actor=user, target=conversation)
    return conversation


@transaction.atomic(durable=True)
def reopen(conversation_id: int, *, user: User, now: datetime) -> Conversation:
    """Take a closed conversation out of the file again: who closed it by mistake, or has more to say."""
    conversation = locked(conversation_id)
    if conversation.status == Conversation.Status.CLOSED:
        conversation.status = Conversation.Status.OPEN
        conversation.save(update_fields=["status"])
        activities.mark(conversation, Activity.Kind.REOPENED, actor=user, now=now)
        changed(conversation)
    return conversation


def answered_by_phone(conversation: Conversation, *, now: datetime) -> None:
    """The owner typed on the phone itself: the agent must not talk over it. The caller has the lock."""
    if conversation.handler != Conversation.Handler.PERSON:
        hold_for(conversation, user=None, now=now)
    elif conversation.person_minutes:
        set_time(conversation, conversation.person_minutes, now=now)
        conversation.save(update_fields=["person_until"])
    desk_clocks.replied(conversation, user=conversation.assigned_to, now=now)


def to_agent(conversation: Conversation, kind: str, *, user: User | None, now: datetime) -> None:
    """The assistant has it again, for this reason (a kind of mark); the caller has the lock."""
    desk_arrivals.left(conversation, kind, user=user, now=now)
    conversation.handler = Conversation.Handler.AGENT
    conversation.assigned_to = None
    conversation.waiting_since = None
    conversation.handoff_reason = ""
    conversation.reply_due_at = conversation.asked_back_at = None
    conversation.person_minutes = conversation.person_until = None
    conversation.priority = Conversation.Priority.NORMAL
    conversation.save()
    settle_open(conversation, Message.Outcome.HANDED_OVER, "a person dealt with it")
    changed(conversation)


def changed(conversation: Conversation) -> None:
    """Tell the pages that this thread is another's now, or in another state."""
    live.publish("conversation.changed", id=conversation.pk, conversation=conversation.pk)


def _free_draft(conversation: Conversation, *, now: datetime) -> None:
    """Credits that wait for the agent's next turn: there is none now."""
    drafts = conversation.turns.filter(status=Turn.Status.MERGED)
    for hold in Hold.objects.filter(pk__in=drafts.values("hold")):
        credits.release(hold, now=now)


def settle_open(conversation: Conversation, outcome: str, reason: str) -> None:
    """Give every inbound message that is still open its terminal state."""
    conversation.messages.filter(direction=Message.Direction.IN, outcome="").update(
        outcome=outcome, outcome_reason=reason[:80], terminal_at=Now()
    )


def locked_if_there(conversation_id: int) -> Conversation | None:
    """None for a thread that has become part of another: its doorbells ring for nobody."""
    try:
        return locked(conversation_id)
    except Conversation.DoesNotExist:
        return None


def locked(conversation_id: int) -> Conversation:
    """The conversation with its channel and its contact, as nobody else changes it until the commit."""
    return _LOCKED.one(pk=conversation_id)


_LOCKED = written.Rows(
    lambda: (
        Conversation.objects.filter(pk=slot("pk"))
        .select_for_update(of=("self",))
        .select_related("channel__agent", "contact__profile")
        .defer("contact__profile__embedding")
    ),
    plan_kept=True,
)
