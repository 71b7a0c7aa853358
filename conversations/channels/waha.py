"""WhatsApp through a WAHA gateway."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from conversations import waha_events
from conversations.channels import Limits
from conversations.events import Event, Skipped
from conversations.models import Channel, Conversation, Message
from providers import waha
from providers.errors import ProviderError

log = structlog.get_logger(__name__)


class WahaTransport:
    """Seen, typing, the message, typing ends: as a person would."""

    limits = Limits(text=4096, file=16 * 2**20)

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        delivery = waha_events.read(body)
        if channel.session and delivery.session != channel.session:
            return [Skipped(reason="another session")]
        return [delivery.content]

    def send(self, channel: Channel, message: Message) -> str:
        client, where = _client(channel), _where(channel, message)
        _politely(lambda: client.send_seen(**where))
        _politely(lambda: client.start_typing(**where))
        try:
            return client.send_text(**where, text=message.whole_text, message_id=message.unique_id)
        finally:
            _politely(lambda: client.stop_typing(**where))

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        found = _client(channel).get_message(**_where(channel, message), message_id=message.unique_id)
        return found is not None

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        return _client(channel).download_media(source, max_bytes=max_bytes)

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        return ""

    def probe(self, channel: Channel) -> str:
        return _client(channel).session_status(session=channel.session)


def _client(channel: Channel) -> waha.Waha:
    return waha.client(base_url=channel.base_url, api_key=channel.api_key)


def _where(channel: Channel, message: Message) -> dict[str, str]:
    return {"session": channel.session, "chat_id": message.conversation.address}


def _politely(call: Callable[[], None]) -> None:
    """Ticks and typing are manners: without them the message still goes."""
    try:
        call()
    except ProviderError as error:
        log.info("waha.manners_failed", reason=type(error).__name__)
