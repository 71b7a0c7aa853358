"""A file that a visitor sends: what it is by its first bytes, kept in the business's storage, said once."""

import uuid
from datetime import datetime
from typing import IO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import IntegrityError

from conversations import attachments, inbox, media, web_chat
from conversations.events import Media, Said
from conversations.models import Message
from conversations.web_chat import Place, Refused, Visitor
from tenants.db import connection

LARGEST = media.MAX_BYTES
# What visitors' browsers send beside what a phone sends.
_STARTS = ((b"GIF87a", "image/gif"), (b"GIF89a", "image/gif"))
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
_WEBM = b"\x1a\x45\xdf\xa3"


def look(head: bytes, name: str, *, declared: str) -> str:
    """The media type by the first bytes. What the page says only tells a sound from a film. Pure."""
    sound = declared.startswith("audio/")
    if head.startswith(_WEBM):
        return "audio/webm" if sound else "video/webm"
    if head.startswith(b"RIFF") and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    for start, mimetype in _STARTS:
        if head.startswith(start):
            return mimetype
    found = attachments.look(head, name).mimetype
    return "audio/mp4" if sound and found == "video/mp4" else found


@web_chat.inside
def check(place: Place, visitor: Visitor, *, size: int, address: str) -> None:
    """Raise Refused unless this visitor may send a file of so many bytes; asked before it is read."""
    if not place.widget.accepts_files:
        raise Refused("no_files")
    if size > LARGEST:
        raise Refused("too_long")
    web_chat.count_message(place, visitor, address=address)
    web_chat.limited("files", f"{place.key}:{address}", limit=settings.WEB_CHAT_FILES_AN_HOUR, seconds=3600)


@web_chat.inside
def send(
    place: Place,
    visitor: Visitor,
    *,
    message_id: str,
    name: str,
    declared: str,
    content: IO[bytes],
    now: datetime,
) -> None:
    """Put a file into the visitor's thread; the same id again changes nothing."""
    if not web_chat.MESSAGE_ID.fullmatch(message_id):
        raise Refused("bad_request")
    if Message.objects.filter(provider_key=f"{place.key}:false:{visitor.id}.{message_id}").exists():
        return
    head = content.read(attachments.HEAD)
    content.seek(0)
    if not head:
        raise Refused("bad_request")
    name = attachments.clean_name(name)
    path = default_storage.save(f"{connection.schema_name}/messages/{uuid.uuid4().hex}", File(content))
    said = Said(
        unique_id=f"{visitor.id}.{message_id}",
        chat=visitor.address,
        from_me=False,
        source="app",
        text="",
        at=now,
        media=Media(url="", mimetype=look(head, name, declared=declared), filename=name, stored=path),
        has_media=True,
    )
    if not _received(place, said, now=now):
        default_storage.delete(path)  # another connection was first with this id


def _received(place: Place, said: Said, *, now: datetime) -> bool:
    try:
        return web_chat.receive(place, said, now=now) == inbox.RECEIVED
    except IntegrityError:
        return web_chat.receive(place, said, now=now) == inbox.RECEIVED
