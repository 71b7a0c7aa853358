"""The open web, as a polite visitor sees it: one request at a time a host, bounded in time, size and reach.

Every address is looked at before it is connected to, a redirect's too; what an answer unpacks to is bounded
like the answer itself.
"""

import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import httpx

from providers import addresses
from providers.errors import ProviderError, ProviderRejected

CONNECT_SECONDS = 5.0
PAGE_SECONDS = 30.0  # with all its redirects
FILE_SECONDS = 120.0
PAGE_BYTES = 5 * 2**20  # unpacked
MOST_REDIRECTS = 5
LONGEST_WAIT = 24 * 3600.0  # seconds
PRODUCT = "Frontdesk"  # as robots.txt names us
_REDIRECTS = (301, 302, 303, 307, 308)
_PACKED = ("gzip", "x-gzip", "deflate")
_PATIENCE = 60.0  # seconds in which the other visitors of this process are through with a host


class Missing(ProviderRejected):
    """There is nothing at this address. `for_good` when the server says that it will not come back."""

    def __init__(self, *, for_good: bool) -> None:
        super().__init__("There is no page at this address.")
        self.for_good = for_good


class Unwanted(ProviderRejected):
    """A kind of content that the caller does not take."""


class TooLarge(ProviderRejected):
    """More than the caller takes."""


class Elsewhere(ProviderRejected):
    """A redirect leads where the caller does not go."""

    def __init__(self, url: str) -> None:
        super().__init__("It leads to another site.")
        self.url = url


@dataclass(frozen=True, slots=True)
class Page:
    """What was found. `url` is where the redirects ended; an `unchanged` one has no body."""

    url: str
    kind: str = ""  # of its content, as "text/html"
    charset: str = ""  # as the server says; empty: not said
    body: bytes = b""
    etag: str = ""
    modified: str = ""
    robots: str = ""  # the header X-Robots-Tag
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. `contact` is a URL at which people can read who we are; `pause` the seconds between requests.

    `private_hosts` may stand in a private network all the same, as addresses.names_host reads them.
    """

    contact: str
    private_hosts: tuple[str, ...] = ()
    pause: float = 1.0

    def fetch(
        self,
        url: str,
        *,
        most_bytes: Callable[[str], int] = lambda kind: PAGE_BYTES,
        may_go: Callable[[str], bool] = lambda url: True,
        etag: str = "",
        modified: str = "",
        seconds: float = PAGE_SECONDS,
        cut: bool = False,
    ) -> Page:
        """Get a page or a file; `etag` and `modified` are what an earlier answer said.

        `most_bytes` says how much of a kind of content is taken (0: none), `may_go` whether a redirect may be
        followed, `cut` that the beginning is enough. Raises Missing, Unwanted, TooLarge, Elsewhere or
        ProviderRejected for what stays so; ProviderError, with the seconds to wait, for what may pass.
        """
        left, conditions = seconds, {"if-none-match": etag, "if-modified-since": modified}
        for _hop in range(MOST_REDIRECTS + 1):
            allow_private = addresses.names_host(url, self.private_hosts)  # which refuses what is none
            with _turn(url, self.pause):
                began = time.monotonic()
                found = self._get(
                    url, conditions, began + left, most_bytes=most_bytes, cut=cut, allow_private=allow_private
                )
                left -= time.monotonic() - began
            if isinstance(found, Page):
                return found
            url = found
            if not may_go(url):
                raise Elsewhere(url)
        raise ProviderRejected("It redirects in circles.")

    def _get(
        self, url: str, conditions: Mapping[str, str], ends: float, *, most_bytes: Callable[[str], int],
        cut: bool, allow_private: bool,
    ) -> Page | str:  # fmt: skip
        """One request: what came, or where it sends us on to."""
        left = ends - time.monotonic()
        if left <= 0:
            raise ProviderError("The site did not answer in time.")
        try:
            with closing(self._asked(url, conditions, left, allow_private=allow_private)) as response:
                return _judged(response, url, ends, most_bytes=most_bytes, cut=cut)
        except httpx.TimeoutException as error:
            raise ProviderError("The site did not answer in time.") from error
        except httpx.InvalidURL as error:
            raise ProviderRejected("This is no web address.") from error
        except (httpx.HTTPError, OSError) as error:
            raise ProviderError("The site cannot be reached.") from error

    def _asked(
        self, url: str, conditions: Mapping[str, str], left: float, *, allow_private: bool
    ) -> httpx.Response:
        """The beginning of an answer. No client of httpx, which would keep cookies for the next who asks."""
        timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left)).as_dict()
        request = httpx.Request(
            "GET", url, headers=self._headers(conditions), extensions={"timeout": timeout}
        )
        return _transport(allow_private).handle_request(request)

    def _headers(self, conditions: Mapping[str, str]) -> dict[str, str]:
        own = {
            "user-agent": f"{PRODUCT}/1.0 (+{self.contact})",
            "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "accept-encoding": "gzip, deflate",
        }
        return {**own, **{name: value for name, value in conditions.items() if value}}


def _judged(
    response: httpx.Response, url: str, ends: float, *, most_bytes: Callable[[str], int], cut: bool
) -> Page | str:
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS:
        return _next(url, headers.get("location", ""))
    if status == 304:
        return Page(url, unchanged=True)
    _refuse(status, headers)
    kind, charset = _kind(headers.get("content-type", ""))
    most = most_bytes(kind)
    if most <= 0:
        raise Unwanted("There is no text in this kind of file.")
    return Page(
        url=url,
        kind=kind,
        charset=charset,
        body=_body(response, most, ends, cut=cut),
        etag=headers.get("etag", "")[:300],
        modified=headers.get("last-modified", "")[:100],
        robots=headers.get("x-robots-tag", "")[:300].lower(),
    )


def _next(url: str, location: str) -> str:
    """Where a redirect leads; looked at like every address when it is connected to."""
    try:
        found = urljoin(url, location)
        scheme = urlsplit(found).scheme
    except ValueError as error:
        raise ProviderRejected("It redirects to what is no web address.") from error
    if not location or scheme not in ("http", "https"):
        raise ProviderRejected("It redirects to what is no web address.")
    return found


def _refuse(status: int, headers: Mapping[str, str]) -> None:
    """Raise for every answer that is not the page."""
    if status in (404, 410):
        raise Missing(for_good=status == 410)
    if status == 429 or status >= 500:
        is_busy = status in (429, 503)
        words = "The site asks us to come back later." if is_busy else "The site is out of order."
        raise ProviderError(f"{words} ({status})", retry_after=_wait(headers.get("retry-after", "")))
    if status in (401, 403, 407, 451):
        raise ProviderRejected(f"The site does not let us in. ({status})")
    if not 200 <= status < 300:
        raise ProviderRejected(f"The site refuses. ({status})")


def _wait(said: str) -> float | None:
    """The seconds that a site asks us to stay away, as a number or a date; no customer waits for it."""
    try:
        seconds = float(said) if said.strip().isdigit() else _until(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT)


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()


def _kind(content_type: str) -> tuple[str, str]:
    """The kind of content and its charset."""
    kind, _semicolon, rest = content_type.lower().partition(";")
    _before, _equals, charset = rest.partition("charset=")
    return kind.strip(), charset.partition(";")[0].strip(" \"'")[:40]


def _body(response: httpx.Response, most: int, ends: float, *, cut: bool) -> bytes:
    """The body, unpacked, within its bounds: what unpacks to more is never unpacked further."""
    declared = response.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > most and not cut:
        raise TooLarge("It is too large to be read.")
    body = bytearray()
    for piece in _unpacked(response, most):
        body += piece
        if len(body) > most:
            if cut:
                break
            raise TooLarge("It is too large to be read.")
        if time.monotonic() > ends:
            raise ProviderError("The site did not answer in time.")
    return bytes(body[:most])


def _unpacked(response: httpx.Response, most: int) -> Iterator[bytes]:
    """Pieces of at most one byte more than `most`."""
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing in ("", "identity"):
        yield from response.iter_raw()
        return
    if packing not in _PACKED:
        raise ProviderRejected("Its content is packed in a way that is not known.")
    yield from unpacked(response.iter_raw(), most)


def unpacked(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    """Unpack gzip or zlib, no piece longer than `most` and one byte. Raises ProviderRejected."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        for piece in pieces:
            yield unpacker.decompress(piece, most + 1)
    except zlib.error as error:
        raise ProviderRejected("Its content cannot be unpacked.") from error


@lru_cache(maxsize=2)
def _transport(allow_private: bool) -> httpx.HTTPTransport:
    """Shared by all threads; the call's own time is the bound of a whole exchange."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=15)
    return addresses.guarded(allow_private=allow_private, limits=limits, seconds=None)


# -- manners


class _Manners:
    """Of one host: whose turn it is, and when the last one was over."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.free_at = 0.0


_hosts: dict[str, _Manners] = {}
_hosts_lock = threading.Lock()
_MOST_HOSTS = 2000


@contextmanager
def _turn(url: str, pause: float) -> Iterator[None]:
    """One request of this process at a time to a host, and a pause after each, whoever asks."""
    manners = _manners(urlsplit(url).netloc.lower())
    if not manners.turn.acquire(timeout=_PATIENCE):
        raise ProviderError("The site did not answer in time.")
    try:
        wait = manners.free_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        yield
    finally:
        manners.free_at = time.monotonic() + pause
        manners.turn.release()


def _manners(host: str) -> _Manners:
    with _hosts_lock:
        if len(_hosts) > _MOST_HOSTS:
            now = time.monotonic()
            for name in [name for name, one in _hosts.items() if one.free_at < now and not one.turn.locked()]:
                del _hosts[name]
        return _hosts.setdefault(host, _Manners())
