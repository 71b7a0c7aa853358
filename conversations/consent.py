"""Words that say "send me nothing more", heard at once, kept for good, and obeyed by the outbox."""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from agents.lines import Line, say
from agents.safety import fold
from conversations import outbox, remembering
from conversations.models import Consent, Contact, Conversation, Message
from tenants import live
from tenants.current import tenant

TEXT_VERSION = "2026-11"  # of the two confirmations in agents.lines
LONGEST = 40  # characters of a message that can be nothing but such a word
OFFERED_WITHIN = timedelta(hours=24)


class Wish(StrEnum):
    """What such a word asks for."""

    OUT = "out"
    IN = "in"


# Each word with the language that it gives away; "" says nothing about it.
_OUT = {
    "pt": "sair|parar|pare|descadastrar|me descadastre|remover|cancelar|cancelar inscricao"
    "|nao quero mais receber|parar promocoes",
    "en": "unsubscribe|opt out|optout|stop all|stopall|end|quit|cancel|stop promotions|remove me",
    "es": "baja|dar de baja|darme de baja|salir|detener|no quiero recibir mas",
    "fr": "arret|arreter|arretez|desabonner|se desabonner|me desabonner|desinscription|desinscrire|annuler",
    "": "stop|stopp|stop stop",
}
_IN = {
    "pt": "voltar|quero voltar|voltar a receber",
    "en": "subscribe|unstop|opt in|optin",
    "es": "alta|dar de alta|darme de alta|volver",
    "fr": "reprendre|reabonner|me reabonner",
    "": "start",
}
# Also what people say to a question of ours, "confirm or cancel?": then it is an answer.
_AMBIGUOUS = ("cancel", "annul")
_WISHES = {
    word: (wish, language)
    for wish, words in ((Wish.OUT, _OUT), (Wish.IN, _IN))
    for language, joined in words.items()
    for word in joined.split("|")
}
_NOT_WORDS = re.compile(r"[\W_]+")


def wish_of(text: str) -> tuple[Wish, str] | None:
    """What a whole message asks for, and the language it gives away; None for every other message. Pure."""
    if not text or len(text) > LONGEST:
        return None
    return _WISHES.get(_plain(text))


def answers_offer(text: str, offer: str) -> bool:
    """Whether the word was offered as an answer by what we said last. Pure."""
    word = _plain(text)
    stem = next((one for one in _AMBIGUOUS if word.startswith(one)), None)
    return stem is not None and re.search(rf"\b{stem}", _plain(offer)) is not None


def _plain(text: str) -> str:
    return _NOT_WORDS.sub(" ", fold(text)).strip()


def hear(conversation: Conversation, message: Message, *, now: datetime, spoken: str = "") -> bool:
    """Do what an inbound message asks for if it is such a word; whether it was. The caller has the lock.

    `spoken` is what a voice note says, as it was heard for sure or confirmed.
    """
    words = message.body or spoken
    if remembering.hear(conversation, message, words, now=now):
        return True
    heard = wish_of(words)
    if heard is None:
        return False
    wish, language = heard
    contact = conversation.contact = Contact.objects.select_for_update().get(pk=conversation.contact_id)
    if wish is Wish.IN and contact.opted_out_at is None:
        return False  # "start" is how many begin to talk
    if wish is Wish.OUT and _was_offered(conversation, message, words, now=now):
        return False
    repeated = (wish is Wish.OUT) == (contact.opted_out_at is not None)
    if not repeated:
        _record(conversation, contact, message, words, given=wish is Wish.IN, now=now)
        _confirm(conversation, wish, language, now=now)
    _end(message, "opted out already" if repeated else f"opted {wish}", now=now)
    return True


def _was_offered(conversation: Conversation, message: Message, words: str, *, now: datetime) -> bool:
    """Whether the word answers what we asked a short while ago; a broadcast asks nothing."""
    ours = conversation.messages.filter(
        direction=Message.Direction.OUT, pk__lt=message.pk, created_at__gt=now - OFFERED_WITHIN
    ).exclude(priority=Message.Priority.BULK)
    last = ours.order_by("-pk").first()
    if last is None or last.author_kind == Message.Author.SYSTEM:
        return False
    return answers_offer(words, last.body)


def _record(
    conversation: Conversation, contact: Contact, message: Message, words: str, *, given: bool, now: datetime
) -> None:
    Consent.objects.create(
        contact=contact,
        given=given,
        channel_id=conversation.channel_id,
        message=message,
        words=words.strip()[:80],
        text_version=TEXT_VERSION,
        created_at=now,
    )
    contact.opted_out_at = None if given else now
    contact.save(update_fields=["opted_out_at"])
    if not given and remembering.may_have(contact):
        remembering.forget(contact, words=words, message=message, now=now)
    live.publish("conversation.changed", id=conversation.pk)
    live.publish("contact.changed", id=contact.pk)


def _confirm(conversation: Conversation, wish: Wish, language: str, *, now: datetime) -> None:
    spoken = conversation.language or language or tenant().language
    line = Line.OPTED_OUT if wish is Wish.OUT else Line.OPTED_IN
    outbox.post(conversation, say(line, spoken), author=Message.Author.SYSTEM, now=now)


def _end(message: Message, reason: str, *, now: datetime) -> None:
    message.outcome, message.outcome_reason = Message.Outcome.IGNORED, reason
    message.terminal_at = now
    message.save(update_fields=["outcome", "outcome_reason", "terminal_at"])


def is_out(conversation: Conversation) -> datetime | None:
    """Since when this customer wants nothing unasked; None when they did not."""
    return conversation.contact.opted_out_at
