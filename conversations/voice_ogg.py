"""What a browser records, as WhatsApp wants it: Opus moved from WebM into Ogg, packet by packet. Pure.

Chromium records Opus in WebM only; a phone shows a voice note only of Opus in Ogg. Both hold the same
packets, so nothing is decoded. WebM is EBML (RFC 8794) with Matroska's ids (RFC 9559), Ogg is RFC 3533, Opus
in it RFC 7845; how long a packet sounds stands in its first bytes (RFC 6716, 3.1).
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

EBML = b"\x1a\x45\xdf\xa3"
MIMETYPE = "audio/ogg"
SERIAL = 0x46726F6E
PACKETS_A_PAGE = 50  # of 20 ms: a page a second
MOST_SEGMENTS = 255
RATE = 48_000  # granules a second, whatever was recorded
_SEGMENT, _CLUSTER, _GROUP = 0x18538067, 0x1F43B675, 0xA0
_TRACKS, _TRACK = 0x1654AE6B, 0xAE
_NUMBER, _CODEC, _PRIVATE, _SIMPLE_BLOCK, _BLOCK = 0xD7, 0x86, 0x63A2, 0xA3, 0xA1
_PARENTS = {_SEGMENT, _CLUSTER, _GROUP, _TRACKS}
_UNKNOWN = -1  # a size that the writer did not know yet


class NoVoice(ValueError):
    """This is no WebM with one track of Opus that can be read."""


@dataclass(frozen=True, slots=True)
class Track:
    """The Opus track of a file: its number in blocks, and the head that a decoder needs."""

    number: int
    head: bytes


def to_ogg(content: bytes) -> bytes:
    """The recording as an Ogg file; raises NoVoice."""
    try:
        track, packets = _read(content)
    except (IndexError, struct.error) as error:
        raise NoVoice("The recording is cut off.") from error
    if track is None or not packets:
        raise NoVoice("There is no Opus in this recording.")
    return b"".join(_pages(track.head, packets))


# -- reading


def _read(content: bytes) -> tuple[Track | None, list[bytes]]:
    if not content.startswith(EBML):
        raise NoVoice("This is no WebM.")
    track: Track | None = None
    packets: list[bytes] = []
    for name, body in _elements(content, 0, len(content)):
        if name == _TRACK:
            track = track or _track(body)
        elif name in (_SIMPLE_BLOCK, _BLOCK) and track is not None:
            number, at = _vint(body, 0, keep_mark=False)
            # Two bytes of time and one of flags; laced blocks, several packets in one, browsers do not write.
            if number == track.number and not body[at + 2] & 0x06:
                packets.append(body[at + 3 :])
    return track, [packet for packet in packets if packet]


def _elements(content: bytes, at: int, end: int) -> Iterator[tuple[int, bytes]]:
    """The leaves and tracks in order; what may hold them is entered, also when its size is not known."""
    while at < end:
        name, at = _vint(content, at, keep_mark=True)
        size, at = _vint(content, at, keep_mark=False)
        if name in _PARENTS:
            continue  # its children follow
        if size == _UNKNOWN or at + size > end:
            return  # a recording that was cut off ends with what is whole
        yield name, content[at : at + size]
        at += size


def _vint(content: bytes, at: int, *, keep_mark: bool) -> tuple[int, int]:
    """A number of 1 to 8 bytes and where it ends; with its length mark when it is an id."""
    first = content[at]
    if not first:
        raise NoVoice("This WebM cannot be read.")
    length = 9 - first.bit_length()
    raw = content[at : at + length]
    if len(raw) < length:
        raise IndexError
    value = int.from_bytes(raw, "big")
    if keep_mark:
        return value, at + length
    value &= (1 << (7 * length)) - 1
    return (_UNKNOWN if value == (1 << (7 * length)) - 1 else value), at + length


def _track(body: bytes) -> Track | None:
    known = dict(_elements(body, 0, len(body)))
    if known.get(_CODEC, b"").rstrip(b"\0") != b"A_OPUS":
        return None
    head = known.get(_PRIVATE, b"")
    if not head.startswith(b"OpusHead") or len(head) < 19:
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, RATE, 0, 0)
    return Track(int.from_bytes(known.get(_NUMBER, b"\1"), "big"), head)


# -- writing


def _pages(head: bytes, packets: list[bytes]) -> Iterator[bytes]:
    tags = b"OpusTags" + struct.pack("<I", 9) + b"Frontdesk" + struct.pack("<I", 0)
    yield _page([head], granule=0, number=0, kind=2)  # the first of the stream
    yield _page([tags], granule=0, number=1, kind=0)
    granule = 0  # with what a decoder lets pass before it sounds
    groups = list(_grouped(packets))
    for number, group in enumerate(groups, start=2):
        granule += sum(samples(packet) for packet in group)
        last = number == len(groups) + 1
        yield _page(group, granule=granule, number=number, kind=4 if last else 0)


def _grouped(packets: list[bytes]) -> Iterator[list[bytes]]:
    """About a second a page, and no more segments than a page can have."""
    group: list[bytes] = []
    segments = 0
    for packet in packets:
        needed = len(packet) // 255 + 1
        if needed > MOST_SEGMENTS:
            raise NoVoice("A packet of this recording is too large.")
        if group and (len(group) == PACKETS_A_PAGE or segments + needed > MOST_SEGMENTS):
            yield group
            group, segments = [], 0
        group.append(packet)
        segments += needed
    yield group


def samples(packet: bytes) -> int:
    """How long an Opus packet sounds, in 1/48000 s."""
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = (480, 960, 1920, 2880)[config & 3]
    elif config < 16:
        frame = (480, 960)[config & 1]
    else:
        frame = (120, 240, 480, 960)[config & 3]
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[code]
    return int(frame * count)


def _page(packets: list[bytes], *, granule: int, number: int, kind: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, kind, granule, SERIAL, number, 0, len(lacing))
    page = head + lacing + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _checksum(page: bytes) -> int:
    """Ogg's CRC-32 counts its bits the other way round than zlib's, begins at zero, and is not inverted."""
    mirrored = zlib.crc32(page.translate(_MIRROR), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
