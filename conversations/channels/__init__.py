"""What a channel must be able to do, and which transport does it for each kind.

A fourth kind is a module here with a class that fits `Transport`, registered in `conversations.apps`;
docs/channels.md says how.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from conversations.events import Event, Identity, SessionStatus
from conversations.models import Channel, Conversation, Message
from conversations.wording import Markup


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a channel may talk; zero is no bound. `conversations.pacing` keeps to it.

    `a_second`: messages of one number, of which `burst` may go at once; `person_seconds`: between two
    messages to one person; `bulk_seconds`: a random pause between two messages of a bulk send, from, to.
    """

    a_second: float = 0.0
    burst: int = 1
    person_seconds: float = 0.0
    bulk_seconds: tuple[float, float] = (0.05, 0.05)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one message can carry: `text` in characters; `file` in bytes, `files` where a kind differs.

    `markup` are the marks that it shows (`conversations.wording`).
    """

    text: int = 4096
    file: int = 16 * 2**20
    media: frozenset[str] = frozenset()  # of Message.Kind: image, audio, video, document
    lists: bool = False
    buttons: bool = False
    places: bool = False
    polls: bool = False
    remote: bool = False
    pace: Pace = Pace()
    markup: Markup = "plain"
    files: Mapping[str, int] = field(default_factory=dict)

    def file_of(self, kind: str) -> int:
        """The most bytes that a file of this kind may have; 0 when the channel does not carry it."""
        return self.files.get(kind, self.file) if kind in self.media else 0


class Transport(Protocol):
    """One vendor's way in and out. Each call raises ProviderError (try again) or ProviderRejected (stop)."""

    limits: Limits

    def read(self, channel: Channel, body: bytes) -> Sequence[Event]:
        """What a stored delivery says, in order; raises Unreadable. Reads nothing but its arguments."""
        ...

    def send(self, channel: Channel, message: Message) -> str:
        """Send one message with the manners of the medium; returns the vendor's unique id of it."""
        ...

    def look_up(self, channel: Channel, message: Message) -> str | bool | None:
        """Whether the vendor has this message of ours; None when this vendor cannot be asked.

        Its id instead of True, where the vendor did not let us choose it.
        """
        ...

    def fetch(self, channel: Channel, source: str, *, max_bytes: int) -> bytes:
        """The file behind `Media.url`, from the vendor itself only."""
        ...

    def refuses(self, conversation: Conversation, message: Message, *, now: datetime) -> str:
        """Why this message may not be sent now, in words for a person; empty when it may."""
        ...

    def probe(self, channel: Channel) -> SessionStatus:
        """A real round trip to the vendor: its word for the channel's state, and what it tells beside.

        Runs in a thread that may ask no database: `channel` is all that it knows.
        """
        ...


@runtime_checkable
class Finder(Protocol):
    """A transport on which a business may write first."""

    def find(self, channel: Channel, address: str) -> str:
        """The chat behind what a person typed; raises ProviderRejected when there is none."""
        ...


@runtime_checkable
class Namer(Protocol):
    """A transport whose vendor knows one person under several names."""

    def other_names(self, channel: Channel, value: str) -> Sequence[Identity]:
        """The other names of who has this one, as far as the vendor knows them now."""
        ...


@runtime_checkable
class Typist(Protocol):
    """A transport that can show the customer that somebody writes, before the message comes."""

    def typing_seconds(self, message: Message) -> float:
        """How long a person would write this; 0 sends at once."""
        ...

    def begin(self, channel: Channel, message: Message) -> None:
        """Show it. Manners only: never raises for the vendor's failures."""
        ...


@runtime_checkable
class Attentive(Protocol):
    """A transport that can show the customer at once that they were read and that somebody writes."""

    def attend(self, channel: Channel, message: Message) -> None:
        """Show it for this inbound message. Manners only: never raises for the vendor's failures."""
        ...


@runtime_checkable
class Reactor(Protocol):
    """A transport on which we may react to a message."""

    def react(self, channel: Channel, message: Message, text: str) -> None:
        """An empty text takes our reaction away."""
        ...


@runtime_checkable
class Editor(Protocol):
    """A transport that can change what we said."""

    def edit(self, channel: Channel, message: Message, text: str) -> None:
        """Let the customer read these words instead."""
        ...

    def take_back(self, channel: Channel, message: Message) -> None:
        """For everybody."""
        ...


_transports: dict[str, Transport] = {}


def register(kind: str, transport: Transport) -> None:
    """Let this transport serve the channels of a kind; called once, in AppConfig.ready()."""
    _transports[kind] = transport


def transport(channel: Channel) -> Transport:
    """Who carries for this channel."""
    return _transports[channel.kind]


def remote_kinds() -> list[str]:
    """The kinds that a vendor carries."""
    return [kind for kind, transport in _transports.items() if transport.limits.remote]
