"""Who speaks: the agent, a person, or nobody yet. One voice at a time."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from agents.lines import Line, say
from billing import credits
from billing.models import Hold
from conversations import hooks, outbox, rules
from conversations.models import Conversation, Message, Turn
from tenants import audit, live
from tenants.current import tenant
from tenants.models import User

REASONS = {
    Line.ASKED: gettext_noop("asked for a person"),
    Line.CALLED: gettext_noop("the assistant called a person"),
    Line.NO_CREDITS: gettext_noop("no credits"),
    Line.FAILED: gettext_noop("could not answer"),
    Line.MEDIA: gettext_noop("sent something to look at"),
    Line.MEDICAL: gettext_noop("emergency"),
    Line.SELF_HARM: gettext_noop("emergency"),
    Line.VIOLENCE: gettext_noop("emergency"),
    Line.FIRE: gettext_noop("emergency"),
    Line.LOOP: gettext_noop("looks like another bot"),
    Line.TOO_MANY: gettext_noop("had all answers of a day"),
    Line.OPTED_OUT: gettext_noop("opted out: only a person may answer"),
    Line.OUT_OF_HOURS: gettext_noop("wrote out of hours"),
    Line.OWNERS_CASE: gettext_noop("your assistant leaves this to a person"),
}
EMERGENCIES = (Line.MEDICAL, Line.SELF_HARM, Line.VIOLENCE, Line.FIRE)


def reason_of(conversation: Conversation) -> str:
    """Why it went to a person, in words; empty when it did not."""
    known = {line.value: words for line, words in REASONS.items()}
    return known.get(conversation.handoff_reason, "")


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
    conversation.reply_due_at = conversation.asked_back_at = None
    conversation.save()
    _free_draft(conversation, now=now)
    settle_open(conversation, Message.Outcome.HANDED_OVER, REASONS[reason])
    if words:
        outbox.post(conversation, words, author=Message.Author.SYSTEM, now=now)
    hooks.conversation("conversation.handed_over", conversation, now=now)
    live.publish("conversation.waiting", id=conversation.pk)


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
def take_over(conversation_id: int, *, user: User, now: datetime) -> Conversation:
    """Give the conversation to this person; the agent is silent until it is given back."""
    conversation = locked(conversation_id)
    hold_for(conversation, user=user, now=now)
    audit.record("conversation.take_over", actor=user, target=conversation)
    return conversation


def hold_for(conversation: Conversation, *, user: User | None, now: datetime) -> None:
    """A person has it: for a caller that has the conversation locked."""
    was_agents = conversation.handler == Conversation.Handler.AGENT
    conversation.handler = Conversation.Handler.PERSON
    conversation.assigned_to = user
    conversation.waiting_since = None
    conversation.reply_due_at = conversation.asked_back_at = None
    conversation.save()
    _free_draft(conversation, now=now)
    settle_open(conversation, Message.Outcome.HANDED_OVER, "a person has this conversation")
    if was_agents:
        hooks.conversation("conversation.handed_over", conversation, now=now)
    live.publish("conversation.changed", id=conversation.pk)


@transaction.atomic(durable=True)
def give_back(conversation_id: int, *, user: User | None, now: datetime) -> Conversation:
    """Let the agent answer from the next message on; what a person has dealt with is not re-answered."""
    conversation = locked(conversation_id)
    _to_agent(conversation)
    audit.record("conversation.give_back", actor=user, target=conversation)
    return conversation


@transaction.atomic(durable=True)
def close(conversation_id: int, *, user: User | None, now: datetime) -> Conversation:
    """File the conversation; the customer's next message opens it again, with the agent."""
    conversation = locked(conversation_id)
    conversation.status = Conversation.Status.CLOSED
    _to_agent(conversation)
    hooks.conversation("conversation.closed", conversation, now=now)
    audit.record("conversation.close", actor=user, target=conversation)
    return conversation


def answered_by_phone(conversation: Conversation, *, now: datetime) -> None:
    """The owner typed on the phone itself: the agent must not talk over it. The caller has the lock."""
    hold_for(conversation, user=None, now=now)


def _to_agent(conversation: Conversation) -> None:
    conversation.handler = Conversation.Handler.AGENT
    conversation.assigned_to = None
    conversation.waiting_since = None
    conversation.handoff_reason = ""
    conversation.reply_due_at = conversation.asked_back_at = None
    conversation.save()
    settle_open(conversation, Message.Outcome.HANDED_OVER, "a person dealt with it")
    live.publish("conversation.changed", id=conversation.pk)


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
    conversations = Conversation.objects.select_for_update(of=("self",))
    conversations = conversations.select_related("channel__agent", "contact__profile")
    return conversations.defer("contact__profile__embedding").get(pk=conversation_id)
