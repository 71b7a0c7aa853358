"""What can happen on a channel, in words that no vendor owns. Pure.

A transport (`conversations.channels`) reads a vendor's bytes into these; the inbox acts on them.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

MAX_BODY = 20_000
_KINDS = (("image/", "image"), ("audio/", "audio"), ("video/", "video"))


class Unreadable(ValueError):
    """The body is not a delivery of this channel's vendor."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file that came with a message. `url` is what the transport needs to fetch it: a URL or a media id.

    `stored` is its name in the tenant's storage, where it came with the message itself: nothing to fetch.
    """

    url: str
    mimetype: str
    filename: str
    voice: bool = False
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """One more name of the same person on this channel, such as a hidden user id beside a number."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Said:
    """A message: from the contact, from the owner's phone, or our own coming back.

    `chat` is where replies go. `also` are the person's other names. `choice` is the id of the row or button
    that was chosen. `content` is what words cannot hold: {"location": {"latitude", "longitude", "title"}},
    {"cards": [vCard]}, {"poll": {"name", "options"}}, {"sticker": true}.
    """

    unique_id: str
    chat: str
    from_me: bool
    source: str
    text: str
    at: datetime
    name: str = ""
    media: Media | None = None
    has_media: bool = False
    other: str = ""  # a location, a contact card: kept as words
    also: tuple[Identity, ...] = ()
    reply_to: str = ""
    choice: str = ""
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far our message came: -1 error, 0 pending, 1 server, 2 device, 3 read, 4 played.

    `own_id` is the id that we chose before the send, where a vendor gives its own and tells ours back.
    """

    unique_id: str
    level: int
    error: str = ""
    own_id: str = ""


@dataclass(frozen=True, slots=True)
class Edited:
    """Somebody changed the text of a message."""

    unique_id: str
    from_me: bool
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Revoked:
    """Somebody took a message back."""

    unique_id: str
    from_me: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Reacted:
    """A reaction to a message; an empty text takes it away. `from_me` tells who reacted."""

    unique_id: str
    from_me: bool
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Voted:
    """The options of our poll that the contact chose."""

    unique_id: str
    chat: str
    options: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Called:
    """A call came; nobody can take it here."""

    unique_id: str
    chat: str
    at: datetime
    name: str = ""


@dataclass(frozen=True, slots=True)
class Typing:
    """The contact writes or records right now: the answer waits."""

    chat: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """What the gateway says of its session, in its own word, with what it tells beside it."""

    status: str
    detail: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TemplateChanged:
    """The vendor judged a message template anew: APPROVED, REJECTED, PAUSED and so on, and why."""

    name: str
    language: str
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A delivery that asks for nothing, and why; with the message's id when it has one, for the ledger."""

    reason: str
    unique_id: str = ""
    from_me: bool = False


Event = (
    Said
    | Receipt
    | Edited
    | Revoked
    | Reacted
    | Voted
    | Called
    | Typing
    | SessionStatus
    | TemplateChanged
    | Skipped
)


def kind_of(said: Said) -> str:
    """The message's kind by its media type."""
    if said.media is None:
        return "other" if said.has_media or (said.other and not said.text) else "text"
    for start, kind in _KINDS:
        if said.media.mimetype.startswith(start):
            return kind
    return "document"


def clean(text: str) -> str:
    """Text that PostgreSQL and every model can take: no NUL, no lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def parse(body: bytes) -> Any:
    """The JSON of a delivery, every text in it as `clean` leaves it; raises Unreadable."""
    try:
        found = json.loads(body.decode("utf-8-sig"))
        # Only what is written as an escape can be a NUL or a lone surrogate: mostly there is none.
        return _cleaned(found) if b"\\u" in body else found
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return {clean(key): _cleaned(one) for key, one in value.items()} if isinstance(value, dict) else value
