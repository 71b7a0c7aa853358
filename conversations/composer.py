"""What the writing box of a chat knows: what the channel carries, and what stands ready for it."""

from datetime import datetime
from typing import Any

from conversations import attachments, channels, restrictions, template_views
from conversations.models import Conversation, Message
from tenants.current import tenant
from tenants.models import LANGUAGES

NAMES = {code[:2]: name for code, name in LANGUAGES}


def context(conversation: Conversation, *, now: datetime) -> dict[str, Any]:
    """For the box beneath the thread."""
    limits = channels.transport(conversation.channel).limits
    return {
        "largest": attachments.largest(conversation.channel),
        "speaks": Message.Kind.AUDIO in limits.media,
        "sends_more": limits.places or limits.lists,
        "restricted": restrictions.refuses(conversation, now=now),
        "spoken": NAMES.get(language_of(conversation), language_of(conversation)),
        **template_views.context(conversation, now=now),
    }


def language_of(conversation: Conversation) -> str:
    """The two letters of the language that the customer writes, as far as it is known."""
    known = conversation.language or conversation.contact.language or tenant().language
    return str(known)[:2]
