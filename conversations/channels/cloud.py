"""WhatsApp through Meta's own Cloud API."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from conversations import cloud_events, late, window
from conversations.channels import Limits, Pace
from conversations.events import Event, SessionStatus
from conversations.models import Channel, Conversation, Message
from providers import whatsapp_cloud
from providers.errors import ProviderError, ProviderRejected

log = structlog.get_logger(__name__)
MEGABYTE = 2**20
WORKING = {"CONNECTED": "WORKING"}  # the one word that all channels share; the others stay WhatsApp's
CLOSED = "The customer last wrote more than 24 hours ago: WhatsApp lets only a template through now."
PACE = Pace(
    a_second=settings.WHATSAPP_CLOUD_MESSAGES_A_SECOND,
    burst=20,
    person_seconds=settings.WHATSAPP_CLOUD_PERSON_SECONDS,
)


class CloudTransport:
    """One call a message. Statuses tell by our own reference what became of a send whose answer was lost."""

    limits = Limits(
        remote=True,
        markup="whatsapp",
        text=4096,
        file=16 * MEGABYTE,
        files={"image": 5 * MEGABYTE, "document": 100 * MEGABYTE},
        media=frozenset({"image", "audio", "video", "document"}),
        lists=True,
        buttons=True,
        places=True,
        pace=PACE,
    )

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        return cloud_events.read(body, phone_number_id=channel.phone_number_id, waba_id=channel.waba_id)

    def send(self, channel: Channel, message: Message) -> str:
        if message.author_kind == Message.Author.PERSON and (seen := _last_in(message.conversation)):
            _politely(lambda: client_of(channel).mark_read(message_id=seen.unique_id))
        if not _is_free(message.conversation, message, now=timezone.now()):
            _carry(message)
        return _send(client_of(channel), message)

    def react(self, channel: Channel, message: Message, text: str) -> None:
        """Within the 24 hours, as any free message."""
        to = message.conversation.address
        client_of(channel).send_reaction(to=to, message_id=message.unique_id, text=text)

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        return None  # WhatsApp cannot be asked; it tells by itself, with our reference

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        return client_of(channel).download(source, max_bytes=max_bytes)

    def find(self, channel: Channel, address: str) -> str:
        """A number as WhatsApp writes it, or a user id; whether there is anybody, a send will tell."""
        if re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9.]{1,140}", address):
            return address
        digits = re.sub(r"[\s().+-]", "", address)
        if not re.fullmatch(r"[0-9]{8,15}", digits):
            raise ProviderRejected("This is no phone number: write it as +55 11 98888-7777.")
        return digits

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        """After 24 hours of silence only what WhatsApp approved beforehand."""
        goes = _is_free(conversation, message, now=now) or late.carried(message) is not None
        return "" if goes else CLOSED

    def attend(self, channel: Channel, message: Message) -> None:
        _politely(lambda: client_of(channel).mark_read(message_id=message.unique_id, typing=True))

    def probe(self, channel: Channel) -> SessionStatus:
        status = client_of(channel).number().status
        return SessionStatus(WORKING.get(status, status))


def client_of(channel: Channel) -> whatsapp_cloud.Cloud:
    """The Graph API as this channel calls it."""
    return whatsapp_cloud.client(
        url=settings.WHATSAPP_CLOUD_URL,
        version=settings.WHATSAPP_CLOUD_VERSION,
        phone_number_id=channel.phone_number_id,
        waba_id=channel.waba_id,
        token=channel.api_key,
    )


def _is_free(conversation: Conversation, message: Message, *, now: datetime) -> bool:
    """Whether it may go as it is."""
    return "template" in message.content or window.is_open(conversation, now=now)


def _carry(message: Message) -> None:
    """From here on it is the owner's template with the message in it, also when it is sent again."""
    if (template := late.carried(message)) is not None:
        message.content = {**message.content, "template": template}
        Message.objects.filter(pk=message.pk).update(content=message.content)


def _send(client: whatsapp_cloud.Cloud, message: Message) -> str:
    """By what the message is. The reference is the id that we chose: with it a status finds this row."""
    to = message.conversation.address
    if template := message.content.get("template"):
        return _send_template(client, message, template)
    if place := message.content.get("location"):
        return client.send_location(to=to, **place, reference=message.unique_id)
    if message.media:
        return _send_file(client, message)
    quoted = {"reply_to": _quoted(message), "reference": message.unique_id}
    if choices := message.content.get("choices"):
        return _send_choices(client, to, message.whole_text, choices, quoted)
    return client.send_text(to=to, text=message.whole_text, **quoted)


def _send_template(client: whatsapp_cloud.Cloud, message: Message, template: Mapping[str, Any]) -> str:
    return client.send_template(
        to=message.conversation.address,
        name=template["name"],
        language=template["language"],
        components=template["components"],
        reference=message.unique_id,
    )


def _send_file(client: whatsapp_cloud.Cloud, message: Message) -> str:
    """Upload, then send. Only the second can have an unknown outcome: a file that nobody sent is nothing."""
    with default_storage.open(str(message.media.name)) as file:
        content = file.read()
    media_id = client.upload(content, mimetype=message.media_type, filename=message.media_name)
    return client.send_media(
        to=message.conversation.address,
        kind="sticker" if message.content.get("sticker") else message.kind,
        media_id=media_id,
        caption=message.whole_text,
        filename=message.media_name,
        voice=message.kind == Message.Kind.AUDIO and message.media_type.startswith("audio/ogg"),
        reply_to=_quoted(message),
        reference=message.unique_id,
    )


def _send_choices(
    client: whatsapp_cloud.Cloud, to: str, text: str, choices: Mapping[str, Any], quoted: Mapping[str, str]
) -> str:
    """Up to three are buttons, more a list: {"button": the list's label, "options": [{id, title, ...}]}."""
    options = choices["options"]
    if len(options) <= 3 and len(text) <= 1024:
        return client.send_buttons(to=to, text=text, buttons=options, **quoted)
    return client.send_list(to=to, text=text, button=choices.get("button") or "…", rows=options, **quoted)


def _quoted(message: Message) -> str:
    return message.reply_to.unique_id if message.reply_to else ""


def _last_in(conversation: Conversation) -> Message | None:
    return conversation.messages.filter(direction=Message.Direction.IN).order_by("-pk").first()


def _politely(call: Callable[[], None]) -> None:
    """Ticks and typing are manners: without them the message still goes."""
    try:
        call()
    except ProviderError as error:
        log.info("cloud.manners_failed", reason=type(error).__name__)
