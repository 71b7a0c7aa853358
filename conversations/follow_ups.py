"""Words for later: a row with a due time, said unless something has happened before.

What the assistant promised is dropped when the customer wrote since, when a person has the chat or the
customer opted out; it waits for the end of the owner's quiet hours. What a person chose to send then
(`conversations.send_later`) goes at its moment, whoever has the chat, and is dropped when the customer opted
out or, if the person wants that, wrote before. What the medium refuses is said on the message itself.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from conversations import consent, handoff, outbox, rules, window
from conversations.models import Channel, Conversation, FollowUp, Message
from tenants import live
from tenants.background import enqueue, task

SOONEST, LATEST = timedelta(minutes=5), timedelta(days=30)
WINDOWED = Channel.Kind.CLOUD  # which lets nothing but a template through later
MOST_WAITING = 3  # in one thread
WROTE = gettext_noop("the customer wrote")
PERSON, OUT = "a person has this conversation", "opted out"


class Impossible(ValueError):
    """This cannot be promised; the words are for the model."""


@transaction.atomic(durable=True)
def plan(conversation_id: int, *, text: str, due_at: datetime, key: str, now: datetime) -> FollowUp:
    """Promise these words for this moment, once a key; raises Impossible."""
    conversation = handoff.locked(conversation_id)
    if (same := FollowUp.objects.filter(key=key).first()) is not None:
        return same
    if reason := _impossible(conversation, due_at, now=now):
        raise Impossible(reason)
    made = FollowUp.objects.create(
        conversation=conversation, key=key, text=text, due_at=due_at, created_at=now
    )
    live.publish("conversation.changed", id=conversation.pk)
    return made


def _impossible(conversation: Conversation, due_at: datetime, *, now: datetime) -> str:
    if not now + SOONEST <= due_at <= now + LATEST:
        return "The moment must be between five minutes and thirty days from now."
    if consent.is_out(conversation) is not None:
        return "This customer asked to be sent nothing that they did not ask for."
    if conversation.follow_ups.filter(status=FollowUp.Status.WAITING).count() >= MOST_WAITING:
        return "There are as many follow-ups for this customer as may be."
    channel = conversation.channel
    until = (
        window.open_until(conversation) if channel.kind == WINDOWED and not channel.late_template else None
    )
    if until is not None and due_at >= until:
        return f"This channel lets messages through until {until:%Y-%m-%d %H:%M} UTC only."
    return ""


def due(*, now: datetime) -> list[int]:
    """What should have been said by now."""
    waiting = FollowUp.objects.filter(status=FollowUp.Status.WAITING, due_at__lt=now)
    return list(waiting.order_by("due_at").values_list("pk", flat=True)[:100])


@task()
def say(follow_up_id: int) -> None:
    """Say it, or drop it, if its moment has come."""
    said = carry_out(follow_up_id, now=timezone.now())
    if said is not None:
        outbox.deliver_here(said)


@transaction.atomic(durable=True)
def carry_out(follow_up_id: int, *, now: datetime) -> Message | None:
    """The message that is now to be sent; None when there is none, or not yet."""
    conversation_id = (
        FollowUp.objects.values_list("conversation_id", flat=True).filter(pk=follow_up_id).first()
    )
    conversation = handoff.locked_if_there(conversation_id) if conversation_id else None
    waiting = FollowUp.objects.select_for_update(of=("self",)).filter(pk=follow_up_id, due_at__lte=now)
    row = waiting.filter(status=FollowUp.Status.WAITING).first()
    if conversation is None or row is None:
        return None
    if row.author_id is None and (quiet := rules.quiet_until(now=now)) is not None:
        _wait_until(row, quiet)
        return None
    if reason := _overtaken(conversation, row):
        _end(row, FollowUp.Status.DROPPED, reason, now=now)
        return None
    _end(row, FollowUp.Status.SENT, "", now=now)
    author = Message.Author.PERSON if row.author_id else Message.Author.AGENT
    return outbox.post(conversation, row.text, now=now, author=author, user=row.author, ring=False)


def _wait_until(row: FollowUp, moment: datetime) -> None:
    row.due_at = moment
    row.save(update_fields=["due_at"])
    enqueue(say, countdown=max(0.0, (moment - timezone.now()).total_seconds()), follow_up_id=row.pk)


def _overtaken(conversation: Conversation, row: FollowUp) -> str:
    """What happened before that makes it needless or unwelcome."""
    if consent.is_out(conversation) is not None:
        return OUT
    of_assistant = row.author_id is None
    if of_assistant and conversation.handler != Conversation.Handler.AGENT:
        return PERSON
    if not of_assistant and not row.if_silent:
        return ""
    later = conversation.messages.filter(direction=Message.Direction.IN, created_at__gt=row.created_at)
    return WROTE if later.exists() else ""


def _end(row: FollowUp, status: str, reason: str, *, now: datetime) -> None:
    row.status, row.reason, row.ended_at = status, reason, now
    row.save(update_fields=["status", "reason", "ended_at"])
    live.publish("conversation.changed", id=row.conversation_id, conversation=row.conversation_id)
