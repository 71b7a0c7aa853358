"""HTTP for the vendors' SDKs, to addresses that the installation chose and to those that a business typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import httpcore2
import httpx2

from providers import addresses
from providers.errors import About, ProviderError, ProviderRejected
from providers.network import Network

MOST_BYTES = 8 * 2**20  # of one answer: thousands of times what one says


def client(kind: type[httpx2.Client], *, allow_private: bool | None) -> httpx2.Client:
    """The SDK's own kind of client. `allow_private` None: the installation's address, its proxies included.

    Otherwise the address is looked at before each connection, and the call's time-out is the bound of the
    whole answer. A redirect is never followed: it would carry the question, perhaps the key, to a host that
    nobody chose.
    """
    if allow_private is None:
        return kind(follow_redirects=False)
    return kind(follow_redirects=False, trust_env=False, transport=_Guarded(allow_private=allow_private))


@contextmanager
def readable_address() -> Iterator[None]:
    """The SDK cannot read every address that a person can type: say so in our words."""
    try:
        yield
    except httpx2.InvalidURL as error:
        raise ProviderRejected("The address of the model is no web address.", about=About.ADDRESS) from error


def reason(error: Exception) -> ProviderError | None:
    """What was wrong with the address, when the SDK says only that it could not connect."""
    cause = error.__cause__
    return cause if isinstance(cause, ProviderError) else None


class _Guarded(httpx2.HTTPTransport):
    """The SDK's transport over a network that looks before it connects."""

    def __init__(self, *, allow_private: bool) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        look = partial(addresses.checked, allow_private=allow_private)
        network: Any = Network(httpcore2, look=look, seconds=None, most_bytes=MOST_BYTES)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=256,
            max_keepalive_connections=64,
            keepalive_expiry=30,
            network_backend=network,
        )
