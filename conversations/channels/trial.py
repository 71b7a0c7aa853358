"""The test chat: the thread on the page is the whole medium."""

from collections.abc import Sequence
from datetime import datetime

from conversations.channels import Limits
from conversations.events import Event, SessionStatus, Unreadable
from conversations.models import Channel, Conversation, Message
from providers.errors import ProviderRejected


class Trial:
    """Nothing leaves the house: a message is sent when its row says so."""

    limits = Limits()

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        raise Unreadable("the test chat has no door")

    def send(self, channel: Channel, message: Message) -> str:
        return (message.provider_key or "").rpartition(":")[2]

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        return True

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        raise ProviderRejected("The test chat carries no files.")

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        return ""

    def probe(self, channel: Channel) -> SessionStatus:
        return SessionStatus("WORKING")
