"""Tell the team of what nobody was waiting for: a message that did not go out, a channel that fails, a gap.

In the caller's transaction, and nothing for what is none of the team's business: a broadcast, a test chat.
"""

from datetime import datetime

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from conversations.models import Channel, Message
from knowledge.models import Gap
from tenants import notifying


def failed(message: Message, *, now: datetime) -> None:
    """A message to one customer did not go out: told to its author, or who has the chat, or all who answer.

    Once a chat and day: an address that takes nothing fails every time.
    """
    conversation = message.conversation
    is_test = conversation.channel.kind == Channel.Kind.TEST
    if message.priority >= Message.Priority.BULK or is_test:
        return
    person = message.author_id or conversation.assigned_to_id
    notifying.notify(
        "failed",
        key=f"{conversation.pk}:{timezone.localdate(now):%Y-%m-%d}",
        url=reverse("chat", args=[conversation.pk]),
        now=now,
        users=[person] if person else None,
        params={"conversation": conversation.pk},
        channel=conversation.channel_id,
    )


@transaction.atomic(durable=True)
def channel_down(channel: Channel, *, now: datetime) -> None:
    """A channel does not work: once a failure, beside the letter."""
    since = channel.health_since or now
    notifying.notify(
        "channel_down",
        key=f"{channel.pk}:{int(since.timestamp())}",
        url=reverse("account_channel", args=[channel.pk]),
        now=now,
        params={"channel": str(channel.pk)},
        channel=channel.pk,
    )


def works_again(channel: Channel, *, now: datetime) -> None:
    """Nobody need look at it any more."""
    notifying.over(url=reverse("account_channel", args=[channel.pk]), now=now, kinds=["channel_down"])


def gap(gap: Gap, *, now: datetime) -> None:
    """Something was asked that nobody has answered for good."""
    url = f"{reverse('teach_gaps')}#gap-{gap.pk}"
    notifying.notify("gap", key=gap.pk, url=url, now=now, params={"gap": gap.pk})
