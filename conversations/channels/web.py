"""The chat on the business's own site: the visitor's page reads the thread, so the row is the medium."""

from collections.abc import Sequence
from datetime import datetime

from conversations.channels import Limits
from conversations.events import Event, SessionStatus, Unreadable
from conversations.models import Channel, Conversation, Message
from providers.errors import ProviderRejected


class Web:
    """A message is sent when its row says so: the event of that commit makes the visitor's socket fetch it.

    A visitor who is away finds it on return; "delivered" and "read" are what the visitor's page says of it.
    """

    limits = Limits(text=4000, media=frozenset({"image", "audio", "video", "document"}))

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        raise Unreadable("visitors write at the chat's own door")

    def send(self, channel: Channel, message: Message) -> str:
        return message.unique_id

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        return True

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        raise ProviderRejected("Visitors of the web chat send no files.")

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        return ""

    def probe(self, channel: Channel) -> SessionStatus:
        return SessionStatus("WORKING")
