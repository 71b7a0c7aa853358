"""Sitemaps: the pages that a site itself names, as XML, packed or not, or as text. No network, no Django."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from providers.errors import ProviderRejected
from providers.web import unpacked

MOST_BYTES = 20 * 2**20  # unpacked
MOST_ADDRESSES = 50_000  # of one file, as the protocol says
GZIP = b"\x1f\x8b"


@dataclass(slots=True)
class Sitemap:
    """The addresses of pages, and of further sitemaps. `whole` is false when there may be more."""

    pages: list[str] = field(default_factory=list)
    more: list[str] = field(default_factory=list)
    whole: bool = True


def parsed(body: bytes) -> Sitemap:
    """What a sitemap's file says. Raises ProviderRejected for what is none, a bomb among it."""
    if body.startswith(GZIP):
        body = _unpacked(body)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _of_xml(body)
    return _of_text(body)


def _unpacked(body: bytes) -> bytes:
    whole = bytearray()
    for piece in unpacked(iter((body,)), MOST_BYTES):
        whole += piece
    if len(whole) > MOST_BYTES:
        raise ProviderRejected("The sitemap is too large.")
    return bytes(whole)


def _of_xml(body: bytes) -> Sitemap:
    found = Sitemap()
    try:
        for parent, address in _addresses(body):
            (found.more if parent == "sitemap" else found.pages).append(address)
            if len(found.pages) + len(found.more) >= MOST_ADDRESSES:
                found.whole = False
                break
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ProviderRejected("The sitemap cannot be read.") from error
    return found


def _addresses(body: bytes) -> Iterator[tuple[str, str]]:
    """Each address with the name of what holds it; entities are refused, so nothing multiplies."""
    held: list[str] = []
    for event, element in iterparse(BytesIO(body), events=("start", "end"), forbid_dtd=False):
        name = str(element.tag).rpartition("}")[2].lower()
        if event == "start":
            held.append(name)
            continue
        held.pop()
        if name == "loc" and held and held[-1] in ("url", "sitemap") and element.text:
            yield held[-1], element.text.strip()
        if name in ("url", "sitemap"):
            element.clear()


def _of_text(body: bytes) -> Sitemap:
    lines = [line.strip() for line in body.decode("utf-8-sig", "replace").splitlines()]
    pages = [line for line in lines if line.startswith(("http://", "https://"))]
    if not pages:
        raise ProviderRejected("The sitemap cannot be read.")
    return Sitemap(pages=pages[:MOST_ADDRESSES], whole=len(pages) <= MOST_ADDRESSES)
