"""Who may be remembered from one talk to the next: who said so, in words of their own or to a person here.

A profile's row is there exactly as long as this holds; without it nothing is kept. A child's is never made.
"""

from datetime import datetime, timedelta

from agents.lines import Line, say
from agents.safety import fold
from conversations import outbox
from conversations.models import Channel, Consent, Contact, ContactProfile, Conversation, Message
from tenants import audit, live
from tenants.current import tenant
from tenants.models import User

TEXT_VERSION = "2026-11"  # of the two confirmations in agents.lines
BEFORE = timedelta(hours=24)  # of the talk in which they allowed it
LONGEST = 40  # characters of a message that can be nothing but such words
_REMEMBER = {
    "pt": "lembre de mim|lembre se de mim|lembrar de mim|pode lembrar de mim|pode se lembrar de mim",
    "en": "remember me|please remember me|you may remember me",
    "es": "recuerdame|recuerdeme|acuerdate de mi|acuerdese de mi|puede recordarme",
    "fr": "souvenez vous de moi|souviens toi de moi|vous pouvez vous souvenir de moi",
}
_FORGET = {
    "pt": "esqueca me|me esqueca|esqueca de mim|esquecer de mim|apague meu perfil|apagar meu perfil",
    "en": "forget me|please forget me|delete my profile",
    "es": "olvidame|olvideme|olvidate de mi|olvidese de mi|borre mi perfil|borra mi perfil",
    "fr": "oubliez moi|oublie moi|supprimez mon profil|efface mon profil|effacez mon profil",
}
_WISHES = {
    words: (given, language)
    for given, table in ((True, _REMEMBER), (False, _FORGET))
    for language, joined in table.items()
    for words in joined.split("|")
}


class NotAllowed(Exception):
    """This customer may not be remembered: a child, or somebody who wants no messages."""


def wish_of(text: str) -> tuple[bool, str] | None:
    """Whether a whole message asks to be remembered or forgotten, and the language it gives away. Pure."""
    if not text or len(text) > LONGEST:
        return None
    plain = "".join(letter if letter.isalnum() else " " for letter in fold(text))
    return _WISHES.get(" ".join(plain.split()))


def hear(conversation: Conversation, message: Message, words: str, *, now: datetime) -> bool:
    """Do what a message asks for if it is such words; whether it was. In the caller's transaction."""
    heard = wish_of(words)
    if heard is None or conversation.channel.kind == Channel.Kind.TEST:
        return False
    given, language = heard
    contact = Contact.objects.select_for_update().get(pk=conversation.contact_id)
    try:
        change = allow if given else forget
        change(contact, words=words, message=message, now=now)
    except NotAllowed:
        return False  # the assistant answers it
    line = Line.REMEMBERED if given else Line.FORGOTTEN
    text = say(line, conversation.language or language or tenant().language)
    outbox.post(conversation, text, author=Message.Author.SYSTEM, now=now)
    message.outcome = Message.Outcome.IGNORED
    message.outcome_reason = "asked to be remembered" if given else "asked to be forgotten"
    message.terminal_at = now
    message.save(update_fields=["outcome", "outcome_reason", "terminal_at"])
    return True


def may(contact: Contact) -> bool:
    """Whether this customer may be remembered now, by their last word on it."""
    if contact.is_minor or contact.opted_out_at is not None:
        return False
    said = Consent.objects.filter(contact=contact, purpose=Consent.Purpose.PROFILE).order_by("-pk")
    return bool(said.values_list("given", flat=True).first())


def allow(
    contact: Contact,
    *,
    words: str,
    now: datetime,
    message: Message | None = None,
    user: User | None = None,
) -> None:
    """Keep that they may be remembered, and begin; raises NotAllowed. The caller has the contact locked."""
    if contact.is_minor or contact.opted_out_at is not None:
        raise NotAllowed
    if not may(contact):
        _note(contact, words, given=True, message=message, user=user, now=now)
    settle(contact, now=now)


def forget(
    contact: Contact,
    *,
    words: str,
    now: datetime,
    message: Message | None = None,
    user: User | None = None,
) -> None:
    """Keep that they are not to be remembered, and keep nothing else. The caller has the contact locked."""
    _note(contact, words, given=False, message=message, user=user, now=now)
    ContactProfile.objects.filter(contact=contact).delete()


def may_have(contact: Contact) -> bool:
    """Whether anything is remembered of them."""
    return ContactProfile.objects.filter(contact=contact).exists()


def settle(contact: Contact, *, now: datetime) -> None:
    """Let the row be there or not as consent has it; a new one reads what was said from a day before."""
    if not may(contact):
        ContactProfile.objects.filter(contact=contact).delete()
        return
    said = Message.objects.filter(conversation__contact=contact, created_at__lt=now - BEFORE)
    before = said.order_by("-pk").values_list("pk", flat=True).first() or 0
    ContactProfile.objects.get_or_create(contact=contact, defaults={"read_until": before})


def _note(
    contact: Contact, words: str, *, given: bool, message: Message | None, user: User | None, now: datetime
) -> None:
    Consent.objects.create(
        contact=contact,
        purpose=Consent.Purpose.PROFILE,
        given=given,
        channel_id=message.conversation.channel_id if message else None,
        message=message,
        words=words.strip()[:80],
        text_version=TEXT_VERSION,
        by=user,
        created_at=now,
    )
    if user is not None:
        audit.record("contact.remember" if given else "contact.forget", actor=user, target=contact.pk)
    live.publish("contact.changed", id=contact.pk)
