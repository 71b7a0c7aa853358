"""What a channel must be able to do, and which transport does it for each kind.

A fourth kind is a module here with a class that fits `Transport`, registered in `conversations.apps`;
docs/channels.md says how.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from conversations.events import Event
from conversations.models import Channel, Conversation, Message


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message can carry here. `text` in characters, `file` in bytes."""

    text: int = 4096
    file: int = 16 * 2**20
    media: frozenset[str] = frozenset()  # of Message.Kind: image, audio, video, document
    lists: bool = False
    buttons: bool = False


class Transport(Protocol):
    """One vendor's way in and out. Each call raises ProviderError (try again) or ProviderRejected (stop)."""

    limits: Limits

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        """What a stored delivery says, in order; raises Unreadable. Reads nothing but its arguments."""
        ...

    def send(self, channel: Channel, message: Message) -> str:
        """Send one message with the manners of the medium; returns the vendor's unique id of it."""
        ...

    def look_up(self, channel: Channel, message: Message) -> bool | None:
        """Whether the vendor has this message of ours; None when this vendor cannot be asked."""
        ...

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        """The file behind `Media.url`, from the vendor itself only."""
        ...

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        """Why this message may not be sent now, in words for a person; empty when it may."""
        ...

    def probe(self, channel: Channel) -> str:
        """A real round trip to the vendor; returns the vendor's word for the channel's state."""
        ...


_transports: dict[str, Transport] = {}


def register(kind: str, transport: Transport) -> None:
    """Let this transport serve the channels of a kind; called once, in AppConfig.ready()."""
    _transports[kind] = transport


def transport(channel: Channel) -> Transport:
    """Who carries for this channel."""
    return _transports[channel.kind]
