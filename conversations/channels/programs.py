"""The API channel: what is sent lies in the session until its program fetches it or hears of it."""

from collections.abc import Sequence
from datetime import datetime

from conversations.channels import Limits
from conversations.events import Event, SessionStatus, Unreadable
from conversations.models import Channel, Conversation, Message
from providers.errors import ProviderRejected


class Programs:
    """Nothing leaves the house: a message is sent when its row says so."""

    limits = Limits(text=20_000)

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        raise Unreadable("programs come by the API")

    def send(self, channel: Channel, message: Message) -> str:
        return message.unique_id

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        return True

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        raise ProviderRejected("The API channel carries no files.")

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        return ""

    def probe(self, channel: Channel) -> SessionStatus:
        return SessionStatus("WORKING")
