"""Where a URL that a business typed may lead."""

import _socket
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from providers import addresses
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.gateway import Gateway

PRIVATE = [
    "http://127.0.0.1/", "http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://017700000001/",
    "http://localhost:3000/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://10.0.0.1/", "http://172.16.3.4/", "http://192.168.1.1/", "http://100.64.0.1/", "http://[fc00::1]/",
    "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://198.18.0.1/", "http://LOCALHOST/",
]  # fmt: skip
NEVER = [
    "http://169.254.169.254/latest/meta-data/", "http://[::ffff:169.254.169.254]/", "http://0.0.0.0/", "http://0/",
    "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://224.0.0.1/",
    "http://[ff02::1]/", "http://[::]/", "http://2852039166/",
]  # fmt: skip
MALFORMED = [
    "", "gopher://example.org/", "file:///etc/passwd", "//example.org", "http://", "http:///path", "http://[::1/",
    "http://a:99999/", "https://user:word@93.184.216.34/", "http://user@93.184.216.34/",
    "http://93.184.216.34\\@127.0.0.1/", "http://93.184.216.34/ x", "http://93.184.216.34/\r\nX: y",
    "http://no-such-host.invalid/", "http://" + "a" * 300 + "/", "http://93.184.216.34/" + "a" * 2100,
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_a_private_address_is_for_an_installation_that_allows_it(url: str) -> None:
    with pytest.raises(ProviderRejected, match="private network"):
        addresses.check_outbound(url, allow_private=False)
    addresses.check_outbound(url, allow_private=True)


@pytest.mark.parametrize("url", NEVER)
@pytest.mark.parametrize("allow_private", [True, False])
def test_a_clouds_credentials_are_out_of_reach_always(url: str, allow_private: bool) -> None:
    with pytest.raises(ProviderRejected):
        addresses.check_outbound(url, allow_private=allow_private)


@pytest.mark.parametrize("url", MALFORMED)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ProviderError):
        addresses.check_outbound(url, allow_private=True)


@pytest.mark.parametrize("url", ["http://93.184.216.34/", "https://[2606:4700::1111]:8443/hook"])
def test_a_public_address_is_allowed(url: str) -> None:
    addresses.check_outbound(url, allow_private=False)


def test_a_name_with_one_private_answer_is_refused(names: dict[str, list[str]]) -> None:
    names["both.example"] = ["93.184.216.34", "10.0.0.1"]
    with pytest.raises(ProviderRejected):
        addresses.check_outbound("http://both.example/", allow_private=False)


def test_a_name_that_changes_its_answer_reaches_nobody(
    names: dict[str, list[str]], loopback: Gateway
) -> None:
    """Public when it is checked, our own machine when it is called."""
    url = f"http://turns.example:{loopback.url.rpartition(':')[2]}/_control/sent"
    names["turns.example"] = ["93.184.216.34"]
    addresses.check_outbound(url, allow_private=False)
    names["turns.example"] = ["127.0.0.1"]
    with httpx.Client(transport=addresses.guarded(allow_private=False)) as client:
        with pytest.raises(ProviderRejected):
            client.get(url)
    with httpx.Client(transport=addresses.guarded(allow_private=True)) as client:
        assert client.get(url).json() == []


def test_hosts_are_named_with_or_without_a_port() -> None:
    assert addresses.names_host("http://waha:3000/x", ["waha"])
    assert addresses.names_host("http://WAHA:3000", ["waha:3000"])
    assert not addresses.names_host("http://waha:3001", ["waha:3000"])
    assert not addresses.names_host("http://waha.example", ["waha"])
    assert addresses.names_host("http://anything", ["*"])


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """A name service that knows what the test says; numbers, however written, the system itself reads."""
    known = {"localhost": ["127.0.0.1"]}

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        host.encode("idna")
        if (name := host.lower()) in known:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[name]]
        return _socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture(scope="module")
def loopback() -> Iterator[Gateway]:
    with Gateway() as gateway:
        yield gateway
