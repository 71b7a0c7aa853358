"""One HTTP call of a tool that a business made: bounded in time, size and reach.

Redirects are followed for look-ups only, by hand, to hosts that the business has listed; each address is
looked at when it is connected to, and no header goes on to another host.
"""

import json
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from providers import addresses
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from providers.web import unpacked

CONNECT_SECONDS = 4.0
TOTAL_SECONDS = 10.0  # with all redirects
MOST_BYTES = 256 * 1024  # of an answer, unpacked
MOST_REDIRECTS = 3
LOOKS = frozenset({"GET", "HEAD"})
_REDIRECTS = (301, 302, 303, 307, 308)
_NOT_DONE = (429, 503)
IMPOSSIBLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Missing(ProviderRejected):
    """There is nothing at this address: the thing that was asked for is not known there."""


@dataclass(frozen=True, slots=True)
class Call:
    """What is sent. `body` is bytes with its type among the headers; `query` is joined to the URL's own."""

    method: str
    url: str
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @property
    def acts(self) -> bool:
        return self.method not in LOOKS

    def address(self) -> str:
        """The URL with its query."""
        asked = httpx.URL(self.url)
        return str(asked.copy_merge_params(list(self.query)) if self.query else asked)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    content: bytes
    milliseconds: int

    @property
    def json(self) -> Any:
        """The content as JSON; raises ProviderRejected when it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise ProviderRejected("The answer is no JSON.") from error


def ask(
    call: Call,
    *,
    private_hosts: Sequence[str] = (),
    also_hosts: Collection[str] = (),
    seconds: float = TOTAL_SECONDS,
    most_bytes: int = MOST_BYTES,
) -> Answer:
    """Send once. `also_hosts` may be redirected to, `private_hosts` may stand in a private network.

    Raises ProviderRejected for an address that may not be called, ProviderError when nobody answered in time;
    its `outcome_unknown` tells that what acts may have acted.
    """
    started = time.monotonic()
    url, headers = _impossible_is_refused(call.address), list(call.headers)
    for _hop in range(MOST_REDIRECTS + 1):
        private = addresses.names_host(url, private_hosts)
        left = started + seconds - time.monotonic()
        found = _once(call, url, headers, private=private, left=left, most_bytes=most_bytes)
        if isinstance(found, tuple):
            return Answer(*found, milliseconds=int((time.monotonic() - started) * 1000))
        if not _same_host(url, found):
            if _host(found) not in {host.lower() for host in also_hosts}:
                raise ProviderRejected("It leads on to another host, which is not among those allowed.")
            headers = []
        url = found
    raise ProviderRejected("It redirects in circles.")


def refusal(answer: Answer, *, acts: bool) -> ProviderError | None:
    """What a status other than 2xx means; None for 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in (401, 403, 407):
        return AccountRefused(f"It refused the key or the sign-in ({status}).")
    if status in (404, 410):
        return Missing("There is nothing of that kind there.")
    if status in _NOT_DONE:
        return ProviderError(f"It asks to come back later ({status}).")
    if status >= 500 or status == 408:
        return ProviderError(f"It failed ({status}).", outcome_unknown=acts)
    return ProviderRejected(f"It refused ({status}).")


def _once(
    call: Call, url: str, headers: list[tuple[str, str]], *, private: bool, left: float, most_bytes: int
) -> tuple[int, bytes] | str:
    """One request: status and content, or where it leads on to."""
    if left <= 0:
        raise ProviderError("It did not answer in time.", outcome_unknown=call.acts)
    try:
        with closing(_sent(call, url, headers, private=private, left=left)) as response:
            if response.status_code in _REDIRECTS:
                return _next(call, url, response.headers)
            ends = time.monotonic() + left
            return response.status_code, _whole(response, most_bytes, ends, acts=call.acts)
    except IMPOSSIBLE as error:
        raise ProviderRejected("This is no web address, or a header that cannot be sent.") from error
    except _NOT_SENT as error:
        raise ProviderError("Nobody could be reached there.") from error
    except httpx.TimeoutException as error:
        raise ProviderError("It did not answer in time.", outcome_unknown=call.acts) from error
    except (httpx.HTTPError, OSError) as error:
        raise ProviderError("The connection failed.", outcome_unknown=call.acts) from error


def _sent(
    call: Call, url: str, headers: list[tuple[str, str]], *, private: bool, left: float
) -> httpx.Response:
    """The beginning of an answer. No client of httpx, which would keep cookies for the next business."""
    timeout = httpx.Timeout(left, connect=min(CONNECT_SECONDS, left)).as_dict()
    own = [("user-agent", "Frontdesk/1.0"), ("accept-encoding", "identity"), ("accept", "application/json")]
    request = httpx.Request(
        call.method,
        url,
        headers=_merged(own, headers),
        content=call.body or None,
        extensions={"timeout": timeout},
    )
    return _transport(private).handle_request(request)


def _merged(own: list[tuple[str, str]], given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    named = {name.lower() for name, _value in given}
    return [*(pair for pair in own if pair[0] not in named), *given]


def _next(call: Call, url: str, headers: Mapping[str, str]) -> str:
    """Where a look-up is sent on to. What acts is never sent twice."""
    if call.acts:
        raise ProviderRejected("It leads on to another address. Enter that one.")
    try:
        found = urljoin(url, headers.get("location", ""))
        fine = httpx.URL(found).scheme in ("http", "https")
    except (ValueError, *IMPOSSIBLE) as error:
        raise ProviderRejected("It redirects to what is no web address.") from error
    if not fine or not headers.get("location"):
        raise ProviderRejected("It redirects to what is no web address.")
    if url.startswith("https:") and not found.startswith("https:"):
        raise ProviderRejected("It redirects from https to http.")
    return found


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").lower()


def _same_host(url: str, other: str) -> bool:
    """Whether both are of one server: a key is not for another port of it either."""
    one, two = httpx.URL(url), httpx.URL(other)
    return (one.host, one.port) == (two.host, two.port)


def _whole(response: httpx.Response, most: int, ends: float, *, acts: bool) -> bytes:
    """The body unpacked, within its bounds."""
    body = bytearray()
    packing = response.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "deflate"):
        raise ProviderRejected("Its content is packed in a way that is not known.")
    pieces = response.iter_raw()
    for piece in unpacked(pieces, most) if packing in ("gzip", "deflate") else pieces:
        body += piece
        if len(body) > most:
            words = "The answer is too large."
            raise ProviderError(words, outcome_unknown=True) if acts else ProviderRejected(words)
        if time.monotonic() > ends:
            raise httpx.ReadTimeout("as a whole")
    return bytes(body)


def _impossible_is_refused(make: Any) -> str:
    try:
        return str(make())
    except IMPOSSIBLE as error:
        raise ProviderRejected("This is no web address.") from error


@lru_cache(maxsize=2)
def _transport(allow_private: bool) -> httpx.HTTPTransport:
    """Shared by all threads; the call's own time is the bound of a whole exchange."""
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=16, keepalive_expiry=15)
    return addresses.guarded(allow_private=allow_private, limits=limits, seconds=None)
