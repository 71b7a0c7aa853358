"""What must be known before a model is asked: files that are on their way, words that were heard badly.

The caller has the conversation locked.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from agents import confirming
from agents.models import AgentVersion
from agents.replies import readable
from conversations import consent, outbox
from conversations.models import Conversation, Message, Transcript
from tenants import written
from tenants.current import tenant
from tenants.written import slot

BOUND = timedelta(seconds=60)  # so long an answer waits for a file and its words
Kind, Outcome = Message.Kind, Message.Outcome
SHOWN = (Kind.IMAGE, Kind.DOCUMENT)
# From here on a yes or no alone is taken as one; anything longer needs Transcript.SURE.
SURE_OF_A_WORD = 0.6


def unanswered(conversation: Conversation) -> list[Message]:
    """What the contact has said and nothing has ended yet, with what was heard, oldest first."""
    said = _UNANSWERED(conversation=conversation.pk)
    for message in said:
        message.conversation = conversation  # with what is known of it already
    return said


_UNANSWERED = written.Rows(
    lambda: (
        Message.objects.filter(conversation=slot("conversation"), direction=Message.Direction.IN, outcome="")
        .select_related("transcript")
        .order_by("pk")
    )
)


def sure_words(message: Message) -> str:
    """What was said, without what was heard badly: languages and memories are made of this."""
    return message.body.strip() if message.heard and not message.heard.is_sure else message.words


# -- files


def types_read(version: AgentVersion | None, tier: str, messages: Sequence[Message]) -> frozenset[str]:
    """The media types that the model of this tier is shown; asked only when a file came."""
    if version is None or not any(message.kind in SHOWN for message in messages):
        return frozenset()
    return readable(version, tier)


def shown(message: Message, types: frozenset[str]) -> bool:
    """Whether this message's file goes to a model that reads these types."""
    return message.kind in SHOWN and media_type(message) in types


def media_type(message: Message) -> str:
    return message.media_type.partition(";")[0].strip().lower()


def waits_until(messages: Sequence[Message], types: frozenset[str], *, now: datetime) -> datetime | None:
    """Until when to wait for a file or its words; None when there is nothing to wait for."""
    ends = [message.created_at + BOUND for message in messages if _is_on_its_way(message, types)]
    return max(ends) if ends and max(ends) > now else None


def _is_on_its_way(message: Message, types: frozenset[str]) -> bool:
    if message.kind == Kind.AUDIO:
        return message.heard is not None and message.heard.is_open
    return shown(message, types) and bool(message.media_source)


def needs_eyes(messages: Sequence[Message], types: frozenset[str]) -> bool:
    """Whether a person must look or listen, since no model here can."""
    if any(_is_lost_on_us(message, types) for message in messages):
        return True
    return not any(message.words or shown(message, types) for message in messages)


def _is_lost_on_us(message: Message, types: frozenset[str]) -> bool:
    if message.kind == Kind.AUDIO:
        return message.heard is None or message.heard.status != Transcript.Status.DONE
    if message.kind in SHOWN and not message.content.get("sticker"):
        return not (shown(message, types) and message.media)
    return message.kind == Kind.VIDEO


# -- words that were heard badly


def badly_heard(messages: Sequence[Message]) -> list[Message]:
    """The voice notes on which nothing may be done before the customer has confirmed them."""
    return [message for message in messages if message.heard and not message.heard.is_sure]


def ask_back(conversation: Conversation, messages: Sequence[Message], *, now: datetime) -> None:
    """Read back what was heard; everything that was said waits for the yes."""
    heard = " ".join(message.heard.text for message in badly_heard(messages) if message.heard)
    _end(messages, Outcome.ASKED, "a voice note was heard badly", now=now)
    _say(conversation, confirming.question(heard, _language(conversation)), now=now)
    conversation.asked_back_at = now
    conversation.save(update_fields=["asked_back_at"])


def take_up(conversation: Conversation, messages: Sequence[Message], *, now: datetime) -> list[Message]:
    """What is to be answered now that the customer has answered our question; empty when we ask once more."""
    asked = list(
        conversation.messages.filter(outcome=Outcome.ASKED).select_related("transcript").order_by("pk")
    )
    meant = _meaning(messages)
    conversation.asked_back_at = None
    conversation.save(update_fields=["asked_back_at"])
    doubtful = badly_heard(asked)
    _settle([message.pk for message in doubtful], confirmed=meant is True)
    if meant is True and (obeyed := _obeyed(conversation, doubtful, now=now)):
        asked = [message for message in asked if message not in obeyed]
        if not asked and not any(confirming.says_more(message.words) for message in messages):
            _end(messages, Outcome.ANSWERED, "confirmed what was heard", now=now)
            return []
    if meant is not True:
        _end(doubtful, Outcome.ANSWERED, "not what the customer said", now=now)
        asked = [message for message in asked if message not in doubtful]
    if meant is False and not asked and not any(confirming.says_more(m.words) for m in messages):
        _say(conversation, confirming.again(_language(conversation)), now=now)
        _end(messages, Outcome.ANSWERED, "asked to say it again", now=now)
        return []
    _reopen(asked)
    fresh = {one.pk for one in (*asked, *messages)}
    return [message for message in unanswered(conversation) if message.pk in fresh]


def _obeyed(conversation: Conversation, heard: Sequence[Message], *, now: datetime) -> list[Message]:
    """The voice notes that ask for no more messages, or for them again: that is done, and not answered."""
    said = [(message, message.heard.text) for message in heard if message.heard]
    return [message for message, words in said if consent.hear(conversation, message, spoken=words, now=now)]


def _meaning(messages: Sequence[Message]) -> bool | None:
    """The first yes or no among the bubbles; one that was heard counts when it is nothing but that."""
    for message in messages:
        meant = confirming.reads(message.words)
        heard = message.heard
        if meant is None or (heard is not None and not heard.is_sure and not _is_plain(message)):
            continue
        if heard is not None and not heard.is_sure:
            _settle([message.pk], confirmed=True)
        return meant
    return None


def _is_plain(message: Message) -> bool:
    sure = message.heard is not None and (message.heard.confidence or 0.0) >= SURE_OF_A_WORD
    return sure and not confirming.says_more(message.words)


def _settle(messages: Sequence[int], *, confirmed: bool) -> None:
    Transcript.objects.filter(message__in=messages).update(confirmed=confirmed)


def _reopen(messages: Sequence[Message]) -> None:
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(
        outcome="", outcome_reason="", terminal_at=None
    )


def _end(messages: Sequence[Message], outcome: str, reason: str, *, now: datetime) -> None:
    Message.objects.filter(pk__in=[message.pk for message in messages]).update(
        outcome=outcome, outcome_reason=reason[:80], terminal_at=now
    )


def _say(conversation: Conversation, text: str, *, now: datetime) -> None:
    outbox.post(conversation, text, author=Message.Author.SYSTEM, now=now)


def _language(conversation: Conversation) -> str:
    return conversation.language or tenant().language
