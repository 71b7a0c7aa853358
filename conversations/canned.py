"""Words that people of the team say often: called by `/`, with the customer's name in them."""

import re

from django.db import transaction
from django.db.models import F, Q, QuerySet

from conversations.models import CannedReply, Conversation
from tenants import undoing
from tenants.current import tenant
from tenants.models import User

OFFERED = 8
MOST = 500
_BLANK = re.compile(r"\{\{\s*(\w+)\s*\}\}")
BLANKS = ("name", "first_name", "me", "business")


def found(words: str) -> QuerySet[CannedReply]:
    """Those that the words name or that hold them: whose name begins so first, then the often used."""
    begins = Q(shortcut__istartswith=words)
    rows = CannedReply.objects.filter(begins | Q(shortcut__icontains=words) | Q(text__icontains=words))
    return rows.annotate(begins=begins).order_by("-begins", "-used_count", "shortcut")


def filled(text: str, conversation: Conversation, *, user: User) -> str:
    """The words with their blanks filled; one that nobody knows stays to be seen. Pure."""
    name = conversation.contact.name.strip()
    values = {
        "name": name,
        "first_name": name.partition(" ")[0],
        "me": user.get_short_name() or str(user),
        "business": tenant().name,
    }
    said = _BLANK.sub(lambda blank: values.get(blank[1], blank[0]), text)
    # Without a name "Hello {{name}}, ..." must not read "Hello , ...".
    return re.sub(r" +([,.!?])", r"\1", said) if not name else said


def unknown_blanks(text: str) -> list[str]:
    """The blanks that nothing fills. Pure."""
    return [blank for blank in _BLANK.findall(text) if blank not in BLANKS]


def used(pk: int) -> None:
    """It was sent: the often used stand first. One statement."""
    CannedReply.objects.filter(pk=pk).update(used_count=F("used_count") + 1)


def remove(reply: CannedReply) -> str:
    """Take it away; returns the word that brings it back within the hour."""
    kept = {"shortcut": reply.shortcut, "text": reply.text, "author": reply.author_id}
    kept["used_count"] = reply.used_count
    reply.delete()
    return undoing.keep(kept)


@transaction.atomic(durable=True)
def bring_back(word: str) -> CannedReply | None:
    """As it was before it was removed; None when that is too long ago. One that has its name by now stays."""
    kept = undoing.kept(word)
    if kept is None:
        return None
    same = CannedReply.objects.filter(shortcut__iexact=kept["shortcut"]).first()
    if same is not None:
        return same
    author = User.objects.filter(pk=kept.pop("author")).first()
    return CannedReply.objects.create(**kept, author=author)
