"""What the people of a team are told of: every kind, and how the ids in it are called."""

import uuid
from collections.abc import Collection, Mapping

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from conversations.models import Channel, Conversation
from knowledge.models import Gap
from tenants import notice_forms, notice_words, notifying
from tenants.access import MANAGERS
from tenants.notice_words import Id
from tenants.notifying import Kind

# `conversation` is shown as the customer's name, `by` as the colleague's.
KINDS = (
    Kind(
        name="waiting",
        title=_("A customer waits for a person"),
        words=gettext_noop("%(conversation)s waits for a person"),
        icon="hand",
        push=True,
        email=True,
        is_urgent=True,
    ),
    Kind(
        name="assigned",
        title=_("A chat was given to you"),
        words=gettext_noop("The chat with %(conversation)s is yours now"),
        icon="headset",
        push=True,
    ),
    Kind(
        name="mention",
        title=_("A colleague mentions you in a note"),
        words=gettext_noop("%(by)s mentions you in a note about %(conversation)s"),
        icon="notebook-pen",
        push=True,
        email=True,
    ),
    Kind(
        name="todo",
        title=_("Something promised to a customer is due"),
        words=gettext_noop("Due now: what was promised to %(conversation)s"),
        icon="clipboard-paste",
        push=True,
        email=True,
    ),
    Kind(
        name="sla_warning",
        title=_("An agreed time is almost over"),
        words=gettext_noop("The agreed time for %(conversation)s is almost over"),
        icon="timer",
        push=True,
    ),
    Kind(
        name="sla_breach",
        title=_("An agreed time was not kept"),
        words=gettext_noop("The agreed time for %(conversation)s is over"),
        icon="timer",
        push=True,
        email=True,
        is_urgent=True,
    ),
    Kind(
        name="channel_down",
        title=_("A channel does not work"),
        words=gettext_noop("%(channel)s does not work"),
        icon="unplug",
        push=True,  # owners and managers get a letter of its own
        roles=MANAGERS,
        is_urgent=True,
    ),
    Kind(
        name="failed",
        title=_("A message did not go out"),
        words=gettext_noop("A message to %(conversation)s did not go out"),
        icon="triangle-alert",
        push=True,
    ),
    Kind(
        name="gap",
        title=_("A question without an answer"),
        words=gettext_noop("Asked, and not known: %(gap)s"),
        icon="message-circle-question-mark",
        roles=MANAGERS,
    ),
)


def register() -> None:
    """Every kind, and who knows the names."""
    for kind in KINDS:
        notifying.register(kind)
    notice_words.register_names("conversation", _customers)
    notice_words.register_names("channel", _channels)
    notice_words.register_names("gap", _questions)
    notice_forms.register_channels(_own_channels)


def _own_channels() -> list[tuple[uuid.UUID, str]]:
    """What a person may mute; nobody else writes in a test chat."""
    own = Channel.objects.exclude(kind=Channel.Kind.TEST).order_by("name")
    return list(own.values_list("pk", "name"))


def _customers(ids: Collection[Id]) -> Mapping[str, str]:
    chats = Conversation.objects.filter(pk__in=ids).select_related("contact")
    return {str(chat.pk): chat.contact.display_name for chat in chats}


def _channels(ids: Collection[Id]) -> Mapping[str, str]:
    rows = Channel.objects.filter(pk__in=[uuid.UUID(str(one)) for one in ids])
    return {str(pk): name for pk, name in rows.values_list("pk", "name")}


def _questions(ids: Collection[Id]) -> Mapping[str, str]:
    rows = Gap.objects.filter(pk__in=ids).values_list("pk", "question")
    return {str(pk): question for pk, question in rows}
