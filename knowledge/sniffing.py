"""What a file is, by its content; and what no honest file is. Runs in the conversion child, without docling.

The name tells texts apart and nothing else: names from outside lie.
"""

import re
import zipfile
from pathlib import Path

MAX_XML_BYTES = 16 * 2**20
MAX_UNPACKED_BYTES = 400 * 2**20
MAX_MEMBERS = 10_000
PASSAGES = ".passages"
OTHER_KINDS = (b"{\\rtf", b"GIF8", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!", b"\x7fELF", b"MZ")
PICTURES = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpg",
    b"II*\x00": "tiff",
    b"MM\x00*": "tiff",
}
PICTURE_KINDS = ("png", "jpg", "tiff", "bmp", "webp")
OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
MACROS = ("vbaproject.bin", "vbadata.xml", "/macrosheets/")
TEXTS = {".md": "md", ".markdown": "md", ".csv": "csv", ".tsv": "csv", ".htm": "html", ".html": "html"}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PDF_INSIDE = re.compile(rb"^%PDF-\d\.\d", re.MULTILINE)
_MARKUP = re.compile(rb"<(html|!doctype html|script|body)\b", re.IGNORECASE)
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*:[ \t]?\S")
_OF_MAIL = (b"\nmime-version:", b"\nmessage-id:", b"\nreceived:", b"\nreturn-path:")


class Unreadable(Exception):
    """The document cannot be read; its argument is a problem code of knowledge.models.Document.Problem."""


def sniff(path: Path) -> str:
    """The kind of a file: pdf, docx, pptx, xlsx, csv, txt, md, html, eml, passages, or one of PICTURE_KINDS.

    Raises Unreadable.
    """
    raw = path.read_bytes()
    if not raw.strip():
        raise Unreadable("empty")
    head = raw[:4096]
    _refuse_second_pdf(raw)
    kind = _of_container(path, raw) or _of_picture(head) or _of_text(path, head)
    if kind not in OFFICE.values() and zipfile.is_zipfile(path):
        raise Unreadable("polyglot")
    if kind in ("pdf", *PICTURE_KINDS) and _MARKUP.search(raw[:1024]):
        raise Unreadable("polyglot")
    return kind


def is_picture(kind: str) -> bool:
    return kind in PICTURE_KINDS


def _refuse_second_pdf(raw: bytes) -> None:
    """A PDF that does not begin where the file begins: something else comes first."""
    if not _starts_as_pdf(raw) and b"startxref" in raw[-2048:] and _PDF_INSIDE.search(raw):
        raise Unreadable("polyglot")


def _starts_as_pdf(raw: bytes) -> bool:
    return raw[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()[:5] == b"%PDF-"


def _of_container(path: Path, raw: bytes) -> str:
    if _starts_as_pdf(raw):
        return "pdf"
    if raw[:8] == OLE:
        _refuse_old_office(raw)
    return _of_zip(path) if raw[:4] == b"PK\x03\x04" else ""


def _refuse_old_office(raw: bytes) -> None:
    """What is in this container is locked, carries macros, or is an office file of the last century."""
    if "EncryptedPackage".encode("utf-16-le") in raw:
        raise Unreadable("encrypted")
    raise Unreadable("macro" if "_VBA_PROJECT".encode("utf-16-le") in raw else "unknown")


def _of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            kinds = _content_types(archive, members)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise Unreadable("corrupt") from error
    names = [member.filename for member in members]
    if any(mark in f"/{name.lower()}" for name in names for mark in MACROS) or b"macroEnabled" in kinds:
        raise Unreadable("macro")
    _refuse_bomb(members)
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable("encrypted")
    for start, kind in OFFICE.items():
        if any(name.startswith(start) for name in names):
            return kind
    raise Unreadable("unknown")


def _content_types(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> bytes:
    """The list of what is inside, when it is there and of a size that a list has."""
    for member in members:
        if member.filename == "[Content_Types].xml" and member.file_size < 2**20 and not member.flag_bits & 1:
            return archive.read(member)
    return b""


def _refuse_bomb(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_UNPACKED_BYTES:
        raise Unreadable("too_much")
    if any(m.file_size > MAX_XML_BYTES for m in members if m.filename.endswith((".xml", ".rels"))):
        raise Unreadable("too_much")


def _of_picture(head: bytes) -> str:
    for start, kind in PICTURES.items():
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    return "bmp" if head[:2] == b"BM" and head[6:10] == b"\x00\x00\x00\x00" else ""


def _of_text(path: Path, head: bytes) -> str:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    strange = sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
    if head.startswith(OTHER_KINDS) or (not wide and (b"\x00" in head or strange * 20 > len(head))):
        raise Unreadable("unknown")
    suffix, start = path.suffix.lower(), head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start[:15].lower().startswith((b"<!doctype html", b"<html")):
        return "html"
    if suffix == PASSAGES:
        return "passages"
    if _is_mail(start):
        return "eml"
    if suffix in TEXTS:
        return TEXTS[suffix]
    return "csv" if suffix != ".txt" and _is_table(head) else "txt"


def _is_mail(head: bytes) -> bool:
    """Headers at the start, those of a mail among them."""
    top = b"\n" + head.replace(b"\r\n", b"\n").partition(b"\n\n")[0].lower()
    return bool(_HEADER.match(head)) and b"\nfrom:" in top and any(name in top for name in _OF_MAIL)


def _is_table(head: bytes) -> bool:
    """Lines with the same number of one separator each, under a name that says nothing of it."""
    lines = [line for line in head.splitlines()[:12] if line.strip()][:10]
    counts = ({line.count(mark) for line in lines} for mark in (b";", b"\t", b","))
    return len(lines) >= 2 and any(len(found) == 1 and found != {0} for found in counts)
