"""What happens to a message after it was said: edited, taken back, reacted to, voted on; and calls.

Deliveries have no order: what changes a message that has not come yet is NOT_YET, and is read again a little
later (`conversations.inbox`). Each function runs in the transaction that reads the delivery.
"""

from datetime import datetime, timedelta

from billing import credits
from conversations import debounce, handoff, identities, outbox, search_index, talks, turns
from conversations.events import Called, Edited, Reacted, Revoked, Said, Voted
from conversations.models import Channel, Conversation, Message, Turn
from tenants import live

NOT_YET = "not yet: its message has not come"
TAKEN_BACK = "the customer took it back"
CALLED = "a call; nobody can take it here"
ANSWERED_CALL = "a call, answered with the text for calls"
CALL_IS_OLD = timedelta(hours=1)  # after that an answer would only puzzle
CALLS_ANSWERED_EVERY = timedelta(minutes=10)
MOST_EARLIER = 20


def edited(channel: Channel, event: Edited, *, now: datetime) -> str:
    """Keep the new words and the old; when no answer has gone yet, it is the new ones that are answered."""
    message = _locked(channel, event.unique_id, from_me=event.from_me)
    if message is None:
        return NOT_YET
    if message.revoked_at or event.text in (message.body, message.whole_text) or _is_older(message, event.at):
        return "ignored: edit changes nothing"
    earlier = [*message.earlier, {"text": message.body, "until": event.at.isoformat()}][-MOST_EARLIER:]
    _retell(message, event.text)
    message.body, message.earlier, message.edited_at = event.text, earlier, now
    message.save(update_fields=["body", "earlier", "edited_at"])
    search_index.renew(message.pk)
    if _is_open(message):
        _answer_anew(message, now=now)
    _tell(message)
    return "message is edited"


def revoked(channel: Channel, event: Revoked, *, now: datetime) -> str:
    """Mark it; when no answer has gone yet, none goes."""
    message = _locked(channel, event.unique_id, from_me=event.from_me)
    if message is None:
        return NOT_YET
    if message.revoked_at:
        return "ignored: taken back before"
    was_open = _is_open(message)
    message.revoked_at = event.at
    if was_open:
        message.outcome, message.outcome_reason, message.terminal_at = (
            Message.Outcome.IGNORED,
            TAKEN_BACK,
            now,
        )
    message.save(update_fields=["revoked_at", "outcome", "outcome_reason", "terminal_at"])
    if was_open:
        _forget(message, now=now)
    _retell(message, "")
    _tell(message)
    return "message is taken back"


def reacted(channel: Channel, event: Reacted, *, now: datetime) -> str:
    """Show it on the message; the last word of each side counts."""
    message = _locked(channel, event.unique_id)
    if message is None:
        return NOT_YET
    who, at = ("us" if event.from_me else "contact"), event.at.timestamp()
    if message.reactions.get(f"{who}_at", 0) > at:
        return "ignored: an older reaction"
    message.reactions = {**message.reactions, who: event.text, f"{who}_at": at}
    message.save(update_fields=["reactions"])
    if who == "contact":
        talks.remake([message.conversation_id], moment=message.created_at)
    _tell(message)
    return "reaction is kept"


def voted(channel: Channel, event: Voted, *, now: datetime) -> Said | str:
    """Show it on the poll; what was chosen is also something that the customer says, and is answered."""
    message = _locked(channel, event.unique_id)
    if message is None:
        return NOT_YET
    at = event.at.timestamp()
    if message.content.get("votes_at", 0) > at:
        return "ignored: an older vote"
    message.content = {**message.content, "votes": list(event.options), "votes_at": at}
    message.save(update_fields=["content"])
    _tell(message)
    if not event.options:
        return "vote is taken back"
    return Said(
        unique_id=f"{event.unique_id}-vote-{round(at * 1000)}"[:120],
        chat=message.conversation.address if message.direction == Message.Direction.OUT else event.chat,
        from_me=False,
        source="app",
        text=", ".join(event.options),
        at=event.at,
        reply_to=event.unique_id,
    )


def called(channel: Channel, event: Called, *, now: datetime) -> str:
    """Note the call in the thread, and say what the owner wants to be said."""
    key = f"{channel.pk.hex}:call:{event.unique_id}"
    if Message.objects.filter(provider_key=key).exists():
        return "ignored: repeated"
    said = Said(event.unique_id, event.chat, False, "app", "", event.at, name=event.name)
    thread = identities.thread_of(channel, said, now=now)
    answers = bool(channel.call_reply.strip()) and _may_answer_call(thread, event, now=now)
    message = Message.objects.create(
        conversation=thread,
        direction=Message.Direction.IN,
        author_kind=Message.Author.CONTACT,
        kind=Message.Kind.OTHER,
        content={"call": True},
        provider_key=key,
        status=Message.Status.RECEIVED,
        outcome=Message.Outcome.ANSWERED if answers else Message.Outcome.IGNORED,
        outcome_reason=ANSWERED_CALL if answers else CALLED,
        provider_at=event.at,
        terminal_at=now,
        created_at=now,
    )
    thread.unread_count += 1
    thread.status, thread.last_message_at, thread.last_message_text = Conversation.Status.OPEN, now, "☎"
    thread.save(update_fields=["unread_count", "status", "last_message_at", "last_message_text"])
    live.publish("message.received", id=message.pk, conversation=thread.pk)
    if answers:
        text, content = channel.call_reply.strip(), {"call_reply": True}
        outbox.post(thread, text, author=Message.Author.SYSTEM, content=content, now=now)
    return "call is answered by a text" if answers else "call is noted"


def _may_answer_call(thread: Conversation, event: Called, *, now: datetime) -> bool:
    """Once for who dials again and again."""
    if now - event.at > CALL_IS_OLD:
        return False
    since = now - CALLS_ANSWERED_EVERY
    ours = thread.messages.filter(direction=Message.Direction.OUT, created_at__gt=since)
    return not ours.filter(content__call_reply=True).exists()


def _locked(channel: Channel, unique_id: str, *, from_me: bool | None = None) -> Message | None:
    """The message, its thread locked. Whose it is may be told wrongly, so that only decides between two."""
    keys = [f"{channel.pk.hex}:{ours}:{unique_id}" for ours in ("false", "true")]
    found = list(Message.objects.filter(provider_key__in=keys).order_by("pk"))
    if not found:
        return None
    wanted = Message.Direction.OUT if from_me else Message.Direction.IN
    message = next((one for one in found if one.direction == wanted), found[0])
    conversation = handoff.locked(message.conversation_id)
    message.refresh_from_db(from_queryset=Message.objects.select_related("turn__hold"))
    message.conversation, conversation.channel = conversation, channel
    return message


def _is_open(message: Message) -> bool:
    return message.direction == Message.Direction.IN and not message.outcome


def _is_older(message: Message, at: datetime) -> bool:
    """Whether a later edit came before this one; by the gateway's clock, both."""
    return bool(message.earlier) and at <= datetime.fromisoformat(message.earlier[-1]["until"])


def _answer_anew(message: Message, *, now: datetime) -> None:
    """A draft that read the old words is not sent: turns.finish sees that there is something unread."""
    conversation = message.conversation
    if conversation.handler != Conversation.Handler.AGENT:
        return
    due = debounce.after_bubble(conversation, message.body, now=now)
    Conversation.objects.filter(pk=conversation.pk).update(reply_due_at=due)
    turns.ring_at(conversation, due, now=now)


def _forget(message: Message, *, now: datetime) -> None:
    """The draft that answers it is given up; what else was said is answered without it."""
    conversation, turn = message.conversation, message.turn
    left = conversation.messages.filter(direction=Message.Direction.IN, outcome="")
    if turn is not None and turn.status == Turn.Status.RUNNING:
        _give_up(turn, now=now)
    if not left.exists():
        Conversation.objects.filter(pk=conversation.pk).update(reply_due_at=None)
    elif turn is not None and conversation.handler == Conversation.Handler.AGENT:
        left.filter(turn=turn).update(turn=None)
        due = conversation.reply_due_at or now
        Conversation.objects.filter(pk=conversation.pk).update(reply_due_at=due)
        turns.ring_at(conversation, due, now=now)


def _give_up(turn: Turn, *, now: datetime) -> None:
    """Its answer will not be sent, and costs nothing."""
    running = Turn.objects.filter(pk=turn.pk, status=Turn.Status.RUNNING)
    if running.update(status=Turn.Status.SILENT, error=TAKEN_BACK, finished_at=now) and turn.hold:
        credits.release(turn.hold, now=now)
    live.publish("turn.finished", id=turn.pk, conversation=turn.conversation_id)


def _retell(message: Message, words: str) -> None:
    """In the list of chats, when it is the last that was said."""
    shown = Conversation.objects.filter(pk=message.conversation_id, last_message_text=message.body[:160])
    newer = Message.objects.filter(conversation=message.conversation_id, pk__gt=message.pk)
    if message.body and not newer.exists():
        shown.update(last_message_text=words[:160])


def _tell(message: Message) -> None:
    live.publish("message.changed", id=message.pk, conversation=message.conversation_id)
