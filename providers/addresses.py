"""Where a URL that a business typed may lead: never to the installation's own network, unless it says so.

`check_outbound` says at once what is wrong with a URL. `guarded` makes the HTTP transport that every such
call must use: it looks at the address that it really connects to, so a name that changes its answer between
the check and the call, or a proxy's trick, gains nothing. Redirects are the caller's to refuse.
"""

import ipaddress
import socket
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from providers.errors import About, ProviderError, ProviderRejected
from providers.network import LONGEST as LONGEST_EXCHANGE
from providers.network import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST = 2000
# Where clouds keep their machines' credentials: refused even where private addresses are allowed.
_NEVER = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "::/128",
        "fe80::/10",
        "fd00:ec2::/32",
    )
]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_outbound(url: str, *, allow_private: bool) -> None:
    """Raise ProviderRejected, in words for who typed it, when this URL must not be called.

    A name that cannot be looked up at this moment raises ProviderError.
    """
    host, port = _target(url)
    checked(host, port, allow_private=allow_private)


def names_host(url: str, hosts: Iterable[str]) -> bool:
    """Whether the URL's host, or host and port, is one of these; "*" is every host."""
    host, port = _target(url)
    return any(known in ("*", host, f"{host}:{port}") for known in hosts)


def guarded(
    *, allow_private: bool, limits: httpx.Limits | None = None, seconds: float | None = LONGEST_EXCHANGE
) -> httpx.HTTPTransport:
    """An HTTP transport that connects to allowed addresses only; for `httpx.Client(transport=...)`.

    `seconds` bound a whole exchange; None: the call's own read time-out does.
    """
    limits = limits or httpx.Limits(max_connections=32)
    return _Guarded(allow_private=allow_private, limits=limits, seconds=seconds)


def _target(url: str) -> tuple[str, int]:
    """The host and the port of a URL that has nothing odd about it."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused("This is no web address.") from error
    if parts.scheme not in ("http", "https") or not host or len(url) > LONGEST:
        raise _refused("The address must begin with http:// or https:// and name a host.")
    if parts.username is not None or parts.password is not None:
        raise _refused("The address must not carry a user name or a password.")
    if any(ord(letter) <= 32 or letter == "\\" for letter in url):
        raise _refused("The address has a character that cannot stand in one.")
    return host, port or (443 if parts.scheme == "https" else 80)


def checked(host: str, port: int, *, allow_private: bool) -> Sequence[Address]:
    """What the name stands for; all of it must be allowed, so that no second answer slips by."""
    if not 0 < port < 2**16:
        raise _refused("This is no web address.")
    found = _resolved(host, port)
    if any(not _is_allowed(address, allow_private=allow_private) for address in found):
        raise _refused("This address is inside a private network, and may not be called.")
    return found


def _refused(words: str) -> ProviderRejected:
    return ProviderRejected(words, about=About.ADDRESS)


def _resolved(host: str, port: int) -> Sequence[Address]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            message = "The address cannot be looked up at this moment."
            raise ProviderError(message, about=About.NETWORK) from error
        raise _refused("There is no such host.") from error
    except (UnicodeError, OSError) as error:
        raise _refused("There is no such host.") from error
    return [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]


def _is_allowed(address: Address, *, allow_private: bool) -> bool:
    for one in (address, *_inside(address)):
        if one.is_multicast or any(one in network for network in _NEVER):
            return False
        if not one.is_global and not allow_private:
            return False
    return True


def _inside(address: Address) -> Sequence[Address]:
    """The IPv4 address that an IPv6 one carries."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [one for one in carried if one is not None]


class _Guarded(httpx.HTTPTransport):
    """httpx's own transport over a network that looks before it connects."""

    def __init__(self, *, allow_private: bool, limits: httpx.Limits, seconds: float | None) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        look = partial(checked, allow_private=allow_private)
        network: Any = Network(httpcore, look=look, seconds=seconds)
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(trust_env=False),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=network,
        )
