"""Files that customers send: fetched at once from the channel's own gateway, kept in the tenant's storage."""

from datetime import datetime, timedelta

import structlog
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from conversations import channels, transcripts
from conversations.models import Message
from providers.errors import ProviderError, ProviderRejected
from tenants import live
from tenants.background import enqueue, task
from tenants.db import connection

log = structlog.get_logger(__name__)
MAX_BYTES = 25 * 2**20
AT_IT = timedelta(seconds=75)  # a fetch that takes longer than its time-outs is dead
MAX_ATTEMPTS = 5  # the gateway deletes a file after three minutes


@task()
def fetch(message_id: int) -> None:
    """Bring a message's file in before the gateway forgets it."""
    if not _claim(message_id, now=timezone.now()):
        return
    message = Message.objects.select_related("conversation__channel").get(pk=message_id)
    channel = message.conversation.channel
    try:
        content = channels.transport(channel).fetch(channel, message.media_source, max_bytes=MAX_BYTES)
    except ProviderRejected as error:
        return _give_up(message, reason=str(error))
    except ProviderError as error:
        return _try_later(message, reason=str(error))
    _keep(message, content)


def _claim(message_id: int, *, now: datetime) -> bool:
    """Whether the file is to be fetched, and nobody else is at it: a large one takes longer than a round."""
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - AT_IT)
    wanted = Message.objects.filter(free, pk=message_id).exclude(media_source="")
    return bool(wanted.update(claimed_at=now))


def _keep(message: Message, content: bytes) -> None:
    # The sender's file name decides nothing: the path is ours, and the page serves by the stored media type.
    name = default_storage.save(f"{connection.schema_name}/messages/{message.pk}", ContentFile(content))
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk).update(media=name, media_source="")
        transcripts.file_came(message, now=timezone.now())
        live.publish("message.changed", id=message.pk, conversation=message.conversation_id)


def _try_later(message: Message, *, reason: str) -> None:
    attempts = message.attempts + 1
    if attempts >= MAX_ATTEMPTS:
        return _give_up(message, reason=reason)
    Message.objects.filter(pk=message.pk).update(attempts=attempts, claimed_at=None)
    enqueue(fetch, countdown=2.0**attempts, message_id=message.pk)


def _give_up(message: Message, *, reason: str) -> None:
    """The message stays, with what could not be had said on it."""
    log.warning("media.not_fetched", message_id=message.pk)
    with transaction.atomic(durable=True):
        Message.objects.filter(pk=message.pk).update(media_source="", error=reason[:200])
        transcripts.file_never_came(message, reason=reason, now=timezone.now())
