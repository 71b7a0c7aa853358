"""What a person does with a chat beside answering: gives it to a colleague, sets who goes first, and for how
long the assistant is silent; and what happens when that time is over.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max

from conversations import activities, desk_clocks, desk_rules, desk_seats, handoff, turns
from conversations.models import Activity, Conversation, Message, SlaClock
from tenants import audit
from tenants.models import User

Handler = Conversation.Handler
ANSWERS = (Message.Author.AGENT, Message.Author.PERSON, Message.Author.PROGRAM)
STILL_WAITS = timedelta(days=1)  # who asked longer ago is not surprised with an answer
LONGEST = 7 * 24 * 60  # minutes that the assistant may be told to be silent
AT_ONCE = 200


# -- whose it is


@transaction.atomic(durable=True)
def assign(conversation_id: int, *, to: User | None, user: User, now: datetime) -> Conversation:
    """Give the chat to a member who answers, or put it back into the queue (None).

    What waits in the queue waits on, as theirs; what a person or the assistant has, they have from now on.
    """
    conversation = handoff.locked(conversation_id)
    if to == user and conversation.assigned_to_id != user.pk:
        handoff.hold_for(conversation, user=user, now=now)
    elif to is not None and conversation.assigned_to_id != to.pk:
        _hand_to(conversation, to, user=user, now=now)
    elif to is None and conversation.handler != Handler.AGENT:
        _put_back(conversation, user=user, now=now)
    audit.record("conversation.assign", actor=user, target=conversation, to=to.pk if to else None)
    return conversation


def _hand_to(conversation: Conversation, to: User, *, user: User, now: datetime) -> None:
    if conversation.handler == Handler.QUEUE:
        conversation.assigned_to = to
        conversation.save(update_fields=["assigned_to"])
    else:
        was_agents = conversation.handler == Handler.AGENT
        minutes = conversation.person_minutes if not was_agents else None
        handoff.hold_for(conversation, user=to, now=now, minutes=minutes, marked=False)
    mark = activities.mark(
        conversation, Activity.Kind.ASSIGNED, actor=user, now=now, to=to.pk, name=str(to), by="person"
    )
    desk_seats.tell_assigned(conversation, to.pk, key=mark.pk, now=now)
    handoff.changed(conversation)


def _put_back(conversation: Conversation, *, user: User, now: datetime) -> None:
    """It waits for anybody; by rule it does not come straight back to whom it was taken from."""
    left = conversation.assigned_to_id
    conversation.handler, conversation.assigned_to = Handler.QUEUE, None
    conversation.waiting_since = conversation.waiting_since or now
    conversation.person_minutes = conversation.person_until = None
    conversation.save()
    activities.mark(conversation, Activity.Kind.ASSIGNED, actor=user, now=now, **{"from": left})
    wanted = desk_rules.current()
    desk_clocks.start(conversation, SlaClock.Kind.RESOLVE, now=now, wanted=wanted)
    if desk_rules.assigns(wanted):
        desk_seats.fill_soon()
    handoff.changed(conversation)


@transaction.atomic(durable=True)
def set_priority(conversation_id: int, priority: int, *, user: User, now: datetime) -> Conversation:
    """Who waits ahead of whom; `priority` is one of Conversation.Priority."""
    conversation = handoff.locked(conversation_id)
    if conversation.priority != priority:
        conversation.priority = Conversation.Priority(priority)
        conversation.save(update_fields=["priority"])
        activities.mark(conversation, Activity.Kind.PRIORITY, actor=user, now=now, level=int(priority))
        handoff.changed(conversation)
    return conversation


# -- for how long


@transaction.atomic(durable=True)
def hold(conversation_id: int, *, minutes: int, user: User, now: datetime) -> Conversation:
    """For this chat: after so many silent minutes of a person the assistant answers again; 0 is never."""
    conversation = handoff.locked(conversation_id)
    if conversation.handler == Handler.PERSON:
        handoff.set_time(conversation, max(0, min(minutes, LONGEST)), now=now)
        conversation.save(update_fields=["person_minutes", "person_until"])
        audit.record("conversation.hold", actor=user, target=conversation, minutes=minutes)
        handoff.changed(conversation)
    return conversation


def due(*, now: datetime) -> Sequence[int]:
    """The chats in which the time of a person is over."""
    over = Conversation.objects.filter(person_until__lte=now, handler=Handler.PERSON)
    return list(over.order_by("person_until").values_list("pk", flat=True)[:AT_ONCE])


@transaction.atomic(durable=True)
def lapse(conversation_id: int, *, now: datetime) -> bool:
    """Give it back because the time is over; who waits is answered, what a person dealt with is not."""
    conversation = handoff.locked_if_there(conversation_id)
    if conversation is None or conversation.handler != Handler.PERSON:
        return False
    if conversation.person_until is None or conversation.person_until > now:
        return False
    handoff.to_agent(conversation, Activity.Kind.LAPSED, user=None, now=now)
    _answer_who_waits(conversation, now=now)
    return True


@transaction.atomic(durable=True)
def give_back_to_answer(conversation_id: int, *, user: User, now: datetime) -> Conversation:
    """As `handoff.give_back`, and what nobody has answered is the assistant's now."""
    conversation = handoff.locked(conversation_id)
    handoff.to_agent(conversation, Activity.Kind.GIVEN_BACK, user=user, now=now)
    _answer_who_waits(conversation, now=now)
    audit.record("conversation.give_back", actor=user, target=conversation, answers=True)
    return conversation


def _answer_who_waits(conversation: Conversation, *, now: datetime) -> None:
    """What the customer said since anybody last answered is open again, and an answer is due."""
    if conversation.status != Conversation.Status.OPEN:
        return
    ours = conversation.messages.filter(direction=Message.Direction.OUT, author_kind__in=ANSWERS)
    answered = ours.aggregate(last=Max("pk"))["last"] or 0
    unanswered = conversation.messages.filter(
        direction=Message.Direction.IN,
        outcome=Message.Outcome.HANDED_OVER,
        pk__gt=answered,
        created_at__gt=now - STILL_WAITS,
        revoked_at=None,
    )
    if not unanswered.update(outcome="", outcome_reason="", terminal_at=None, turn=None):
        return
    conversation.reply_due_at = now
    conversation.held_at = now  # they have waited: another line that says so would only annoy
    conversation.save(update_fields=["reply_due_at", "held_at"])
    turns.ring_at(conversation, now, now=now)
