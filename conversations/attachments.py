"""Files that staff send: what they are by their first bytes, and whether a channel carries them."""

import mimetypes
import uuid
from dataclasses import dataclass
from pathlib import PurePath

from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.utils.translation import gettext as _

from conversations import channels, voice_ogg
from conversations.channels import Limits
from conversations.models import Channel, Message
from conversations.outbox import Attached
from tenants.db import connection

Kind = Message.Kind
HEAD = 32
ANY = "application/octet-stream"
MEGABYTE = 2**20
LONGEST_CAPTION = 1024
MOST_SPOKEN = 16 * MEGABYTE  # an hour of Opus as our page records it
VOICE_NAME = "voice.ogg"
# What a file is by its first bytes; its name may say anything.
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"OggS", "audio/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
    (b"#!AMR", "audio/amr"),
    (b"%PDF-", "application/pdf"),
)
_BRANDS = {
    b"M4A": "audio/mp4",
    b"3gp": "video/3gpp",
    b"iso": "video/mp4",
    b"mp4": "video/mp4",
    b"avc": "video/mp4",
}
# What a phone shows or plays by itself; the rest goes as a document.
_KINDS = {
    "image/jpeg": Kind.IMAGE,
    "image/png": Kind.IMAGE,
    "audio/ogg": Kind.AUDIO,
    "audio/mpeg": Kind.AUDIO,
    "audio/aac": Kind.AUDIO,
    "audio/amr": Kind.AUDIO,
    "audio/mp4": Kind.AUDIO,
    "video/mp4": Kind.VIDEO,
    "video/3gpp": Kind.VIDEO,
}


class Unsuitable(ValueError):
    """This file cannot be sent here; the message says why, to the person who tried."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a file is: its media type and how it goes out."""

    mimetype: str
    kind: str


def look(head: bytes, name: str) -> Look:
    """By the first HEAD bytes; a name decides only the type of a document. Pure."""
    found = next((mimetype for start, mimetype in _STARTS if head.startswith(start)), "")
    if not found and head[4:8] == b"ftyp":
        found = _BRANDS.get(head[8:11], "")
    if kind := _KINDS.get(found):
        return Look(found, kind)
    guessed = mimetypes.guess_type(name)[0] or ANY
    # What only calls itself an image is not shown as one.
    return Look(
        found or (ANY if guessed.startswith(("image/", "audio/", "video/")) else guessed), Kind.DOCUMENT
    )


def accept(file: UploadedFile, *, channel: Channel, spoken: bool = False) -> Attached:
    """Check a file against what the channel carries and put it into the store; raises Unsuitable.

    `spoken` was recorded in the browser just now: it goes as a voice note.
    """
    if spoken:
        file = _voice(file)
    limits, name = channels.transport(channel).limits, clean_name(file.name or "")
    found = look(_head(file), name)
    kind = _carried(found.kind, file.size or 0, limits, channel=channel)
    path = default_storage.save(f"{connection.schema_name}/messages/{uuid.uuid4().hex}", file)
    return Attached(path=path, kind=kind, mimetype=found.mimetype, filename=name)


def _voice(file: UploadedFile) -> UploadedFile:
    """A recording in the form that phones show as a voice note; what it cannot be made of stays as it is."""
    if (file.size or 0) > MOST_SPOKEN:
        raise Unsuitable(_("This recording is too long."))
    content = file.read()
    file.seek(0)
    try:
        made = voice_ogg.to_ogg(content)
    except voice_ogg.NoVoice:
        return file
    return SimpleUploadedFile(VOICE_NAME, made, content_type=voice_ogg.MIMETYPE)


def forget(attached: Attached) -> None:
    """What was stored for a message that did not come to be."""
    default_storage.delete(attached.path)


def _carried(kind: str, size: int, limits: Limits, *, channel: Channel) -> str:
    """How this channel takes the file: as its kind, or as a document where that may be larger or is all."""
    if not limits.media:
        raise Unsuitable(_("%(channel)s carries no files.") % {"channel": channel.name})
    if not size:
        raise Unsuitable(_("This file is empty."))
    fitting = [one for one in (kind, Kind.DOCUMENT) if size <= limits.file_of(one)]
    if fitting:
        return fitting[0]
    most = max(limits.file_of(kind), limits.file_of(Kind.DOCUMENT))
    if not most:
        raise Unsuitable(_("%(channel)s does not carry files of this kind.") % {"channel": channel.name})
    raise Unsuitable(
        _("This file is too large: %(channel)s carries at most %(most)s MB.")
        % {"channel": channel.name, "most": most // MEGABYTE}
    )


def _head(file: UploadedFile) -> bytes:
    head = file.read(HEAD)
    file.seek(0)
    return bytes(head)


def clean_name(name: str) -> str:
    """The name as people will see it: without a path, nothing unprintable, of bounded length."""
    plain = PurePath(name.replace("\\", "/")).name
    cleaned = "".join(c for c in plain if c.isprintable() and c not in '/:*?"<>|').strip(". ") or "file"
    path = PurePath(cleaned)
    return f"{path.stem[:80]}{path.suffix[:12]}"


def largest(channel: Channel) -> int:
    """The largest file in bytes that this channel takes in any form; 0 when it takes none."""
    limits = channels.transport(channel).limits
    return max((limits.file_of(kind) for kind in limits.media), default=0)
