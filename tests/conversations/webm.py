"""A recording as Chromium writes it, and what stands in an Ogg file; made by the formats' own words."""

import struct

CRC = 0x04C11DB7


def recording(packets: list[bytes]) -> bytes:
    """WebM with one track of Opus; the sizes of segment and clusters are not known, as when it is live."""
    head = struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, 48_000, 0, 0)
    entry = _element(0xD7, b"\x01") + _element(0x86, b"A_OPUS") + _element(0x63A2, head)
    tracks = _element(0x1654AE6B, _element(0xAE, entry))
    out = _element(0x1A45DFA3, b"webm") + _open(0x18538067) + _element(0x1549A966, b"info") + tracks
    for start in range(0, len(packets), 50):
        out += _open(0x1F43B675) + _element(0xE7, struct.pack(">H", start * 20))
        for number, packet in enumerate(packets[start : start + 50]):
            block = b"\x81" + struct.pack(">hB", number * 20, 0x80) + packet
            out += _element(0xA3, block) if number % 7 else _element(0xA0, _element(0xA1, block))
    return out


def _element(name: int, body: bytes) -> bytes:
    size = len(body)
    written = bytes([0x80 | size]) if size < 127 else struct.pack(">I", 0x10000000 | size)
    return _id(name) + written + body


def _open(name: int) -> bytes:
    return _id(name) + b"\x01" + b"\xff" * 7


def _id(name: int) -> bytes:
    return name.to_bytes((name.bit_length() + 7) // 8, "big")


def packets_of_ogg(content: bytes) -> list[bytes]:
    """The packets of every page, whose checksum, number and marks are looked at on the way."""
    found: list[bytes] = []
    at = number = granule = 0
    while at < len(content):
        mark, version, kind, position, _serial, page, checksum, count = struct.unpack_from(
            "<4sBBqIIIB", content, at
        )
        lacing = content[at + 27 : at + 27 + count]
        end = at + 27 + count + sum(lacing)
        whole = content[at : at + 22] + bytes(4) + content[at + 26 : end]
        assert (mark, version, page, checksum) == (b"OggS", 0, number, _crc(whole))
        assert kind == (2 if number == 0 else 4 if end == len(content) else 0) and position >= granule
        body, place = content[at + 27 + count : end], 0
        packet = b""
        for size in lacing:
            packet += body[place : place + size]
            place += size
            if size < 255:
                found.append(packet)
                packet = b""
        at, number, granule = end, number + 1, position
    return found


def _crc(content: bytes) -> int:
    value = 0
    for byte in content:
        value ^= byte << 24
        for _bit in range(8):
            value = ((value << 1) ^ (CRC if value & 0x80000000 else 0)) & 0xFFFFFFFF
    return value
