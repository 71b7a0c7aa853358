"""How it was: asked once when a chat is closed, where the owner wants it and the customer may be written to.

The question is open until it is answered, asked again at another closing, or three days old. Its answer is
the next thing that the customer says, if it is a number: it ends there and is no question for the assistant.
"""

from datetime import datetime, timedelta

from agents import safety
from conversations import consent, desk_rating_words, desk_rules, outbox, window
from conversations.desk_rating_words import DISPLEASED
from conversations.models import Channel, Conversation, Message, Rating, Turn
from tenants import live
from tenants.current import tenant
from tenants.models import User

OPEN_FOR = timedelta(days=3)
NOT_AGAIN_WITHIN = timedelta(days=1)  # whoever closes a chat twice a day asks once
ANSWERED_WITHIN = timedelta(days=7)  # of who was served longer ago nobody asks
WORDS_WITHIN = timedelta(minutes=30)
RATED = "rated"  # the outcome's reason
ASKED_ON = (Channel.Kind.WAHA, Channel.Kind.CLOUD, Channel.Kind.WEB)


def ask(conversation: Conversation, *, person: User | None, now: datetime) -> Rating | None:
    """Ask, if it is to be asked and may be; in the transaction that closes the chat."""
    if not desk_rules.current().asks_rating or not _may_ask(conversation, now=now):
        return None
    conversation.ratings.filter(ended_at=None).update(ended_at=now)
    rating = Rating.objects.create(
        conversation=conversation, turn=_last_answer(conversation), person=person, asked_at=now
    )
    text, content = desk_rating_words.question(conversation.language or tenant().language)
    outbox.post(conversation, text, author=Message.Author.SYSTEM, content=content, now=now)
    return rating


def _may_ask(conversation: Conversation, *, now: datetime) -> bool:
    """Whether they were served lately, want our messages, can be reached, and were not asked a moment ago."""
    if conversation.channel.kind not in ASKED_ON or consent.is_out(conversation) is not None:
        return False
    if conversation.ratings.filter(asked_at__gt=now - NOT_AGAIN_WITHIN).exists():
        return False
    if conversation.channel.kind == Channel.Kind.CLOUD and not window.is_open(conversation, now=now):
        return False
    said = conversation.messages.filter(created_at__gt=now - ANSWERED_WITHIN)
    theirs = said.filter(direction=Message.Direction.IN)
    ours = said.filter(author_kind__in=[Message.Author.AGENT, Message.Author.PERSON])
    return theirs.exists() and ours.exists()


def _last_answer(conversation: Conversation) -> Turn | None:
    return conversation.turns.filter(status=Turn.Status.DONE).order_by("-pk").first()


def hear(conversation: Conversation, message: Message, *, now: datetime) -> bool:
    """Take the customer's message as their answer, if it is one; whether it was. The caller has the lock.

    Only who was asked at a closing has a chat that is closed: nobody else pays a statement for it.
    """
    if conversation.status != Conversation.Status.CLOSED or message.kind != Message.Kind.TEXT:
        return False
    choice = str((message.content.get("choice") or {}).get("id") or "")
    given = desk_rating_words.score_of(message.body, choice=choice)
    if given is None or safety.check(message.words):
        _note_words(conversation, message, now=now)
        return False
    score, words = given
    unanswered = conversation.ratings.filter(ended_at=None, asked_at__gt=now - OPEN_FOR)
    if not unanswered.update(score=score, words=words, answered_at=now, ended_at=now):
        return False
    message.outcome, message.outcome_reason, message.terminal_at = Message.Outcome.IGNORED, RATED, now
    message.save(update_fields=["outcome", "outcome_reason", "terminal_at"])
    language = conversation.language or tenant().language
    thanks = desk_rating_words.thanks(score, language)
    outbox.post(conversation, thanks, author=Message.Author.SYSTEM, now=now)
    live.publish("rating.given", conversation=conversation.pk)
    return True


def _note_words(conversation: Conversation, message: Message, *, now: datetime) -> None:
    """What was missing, from who has just said that it was not good; it is answered like any message."""
    low = conversation.ratings.filter(score__lte=DISPLEASED, words="", answered_at__gt=now - WORDS_WITHIN)
    low.update(words=message.body[: desk_rating_words.LONGEST_WORDS])


def latest(conversation: Conversation) -> Rating | None:
    """What they answered last, for the head of a closed chat."""
    return conversation.ratings.exclude(score=None).order_by("-pk").first()
