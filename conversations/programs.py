"""What a program of the business may do in its conversations: open one by an address, and send."""

import uuid
from datetime import datetime

from django.db import transaction

from conversations import channels, outbox
from conversations.events import clean
from conversations.models import Channel, Contact, ContactIdentity, Conversation, Message
from providers.errors import ProviderRejected
from tenants import idempotency
from tenants.models import IdempotentRequest, User


def address_on(channel: Channel, typed: str) -> str:
    """The chat behind an address that somebody wrote; asks the vendor where it must.

    Raises ProviderRejected when there is none, ProviderError when the vendor cannot be asked now.
    """
    if ContactIdentity.objects.filter(channel=channel, value=typed).exists():
        return typed
    transport = channels.transport(channel)
    if not isinstance(transport, channels.Finder):
        raise ProviderRejected("On this channel the customer must write first.")
    return transport.find(channel, typed)


@transaction.atomic(durable=True)
def send_to_address(
    channel: Channel,
    address: str,
    text: str,
    *,
    user: User | None,
    request: IdempotentRequest | None,
    now: datetime,
) -> Message:
    """Queue a message for a chat of this channel; a stranger's becomes a conversation."""
    known = Conversation.objects.filter(channel=channel, contact__identities__channel=channel)
    thread = known.filter(contact__identities__value=address).order_by("pk").first()
    return _post(thread or _opened(channel, address, now=now), text, user=user, request=request, now=now)


@transaction.atomic(durable=True)
def send_to_conversation(
    conversation_id: int, text: str, *, user: User | None, request: IdempotentRequest | None, now: datetime
) -> Message:
    """Queue a message in a conversation; who answers there stays who answers. Raises DoesNotExist."""
    conversation = Conversation.objects.select_for_update(of=("self",)).get(pk=conversation_id)
    return _post(conversation, text, user=user, request=request, now=now)


def earlier(request: IdempotentRequest | None) -> Message | None:
    """What an earlier try of this request has queued already."""
    effect = request.effect if request else ""
    return Message.objects.filter(pk=int(effect)).first() if effect else None


def _post(
    conversation: Conversation,
    text: str,
    *,
    user: User | None,
    request: IdempotentRequest | None,
    now: datetime,
) -> Message:
    author = Message.Author.PERSON if user else Message.Author.PROGRAM
    message = outbox.post(conversation, clean(text), now=now, author=author, user=user)
    idempotency.note(request, message.pk)
    return message


def _opened(channel: Channel, address: str, *, now: datetime) -> Conversation:
    contact = Contact.objects.create(created_at=now)
    kind = address.partition("@")[2] or channel.kind
    # Two programs that open the same chat at once: the second ends in IntegrityError, and tries again.
    ContactIdentity.objects.create(contact=contact, channel=channel, kind=kind[:12], value=address)
    return Conversation.objects.create(channel=channel, contact=contact, address=address, created_at=now)


def is_for_programs(channel_id: uuid.UUID) -> Channel | None:
    """A channel on which a program may send: active, and no test chat."""
    usable = Channel.objects.filter(is_active=True).exclude(kind__in=[Channel.Kind.TEST, Channel.Kind.API])
    return usable.filter(pk=channel_id).first()
