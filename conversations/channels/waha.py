"""WhatsApp through a WAHA gateway."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from django.conf import settings

from conversations import waha_events
from conversations.channels import Limits, Pace
from conversations.events import Event, Skipped
from conversations.models import Channel, Conversation, Message
from providers import addresses, waha
from providers.errors import ProviderError, ProviderRejected

log = structlog.get_logger(__name__)
LEAST_TYPING, TYPED_A_SECOND = 0.6, 40.0  # seconds; characters: a quick writer, since a customer waits
PACE = Pace(
    a_second=settings.WAHA_MESSAGES_A_SECOND,
    burst=20,
    person_seconds=settings.WAHA_PERSON_SECONDS,
    bulk_seconds=(settings.WAHA_BULK_SECONDS, 2 * settings.WAHA_BULK_SECONDS),
)


class WahaTransport:
    """Seen, typing, the message, typing ends: as a person would."""

    limits = Limits(remote=True, markup="whatsapp", text=4096, file=16 * 2**20, pace=PACE)

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        delivery = waha_events.read(body)
        if channel.session and delivery.session != channel.session:
            return [Skipped(reason="another session")]
        return [delivery.content]

    def typing_seconds(self, message: Message) -> float:
        longest = float(settings.WAHA_TYPING_SECONDS)
        return min(longest, LEAST_TYPING + len(message.whole_text) / TYPED_A_SECOND) if longest else 0.0

    def begin(self, channel: Channel, message: Message) -> None:
        client, where = client_of(channel), _where(channel, message)
        _politely(lambda: client.send_seen(**where))
        _politely(lambda: client.start_typing(**where))

    def send(self, channel: Channel, message: Message) -> str:
        client, where = client_of(channel), _where(channel, message)
        if message.typing_at is None:
            self.begin(channel, message)
        try:
            return client.send_text(**where, text=message.whole_text, message_id=message.unique_id)
        finally:
            _politely(lambda: client.stop_typing(**where))

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        found = client_of(channel).get_message(
            session=channel.session, chat_id=message.conversation.address, message_id=message.unique_id
        )
        return found is not None

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        return client_of(channel).download_media(source, max_bytes=max_bytes)

    def find(self, channel: Channel, address: str) -> str:
        """The chat of a phone number, as the gateway knows it: old numbers lack a digit."""
        if re.fullmatch(r"[0-9]{5,20}@(?:c\.us|lid)", address):
            return address
        digits = re.sub(r"[\s().+-]", "", address)
        if not re.fullmatch(r"[0-9]{8,15}", digits):
            raise ProviderRejected("This is no phone number: write it as +55 11 98888-7777.")
        found = client_of(channel).check_exists(session=channel.session, phone=digits)
        if found is None:
            raise ProviderRejected("This number is not on WhatsApp.")
        return found

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        return ""

    def probe(self, channel: Channel) -> str:
        return client_of(channel).session_status(session=channel.session)


def client_of(channel: Channel) -> waha.Waha:
    """The gateway of this channel; in a private network only where the installation says so."""
    private = addresses.names_host(channel.base_url, settings.GATEWAY_PRIVATE_HOSTS)
    return waha.client(base_url=channel.base_url, api_key=channel.api_key, allow_private=private)


def _where(channel: Channel, message: Message) -> dict[str, str]:
    return {"session": channel.session, "chat_id": message.conversation.address}


def _politely(call: Callable[[], None]) -> None:
    """Ticks and typing are manners: without them the message still goes."""
    try:
        call()
    except ProviderError as error:
        log.info("waha.manners_failed", reason=type(error).__name__)
