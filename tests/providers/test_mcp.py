"""A business's MCP server, met through the official client; the server is made with the official package."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from providers import mcp
from providers.errors import AccountRefused, ProviderError, ProviderRejected
from tests.counterparts.mcp_server import KEY, Heard, Server


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def heard(_server: Server) -> Heard:
    _server.heard.calls.clear()
    _server.heard.status, _server.heard.wait = 0, 0.0
    return _server.heard


@pytest.fixture
def here(_server: Server, heard: Heard) -> mcp.Server:
    return mcp.Server(url=_server.url, headers=[("Authorization", f"Bearer {KEY}")], allow_private=True)


def test_its_tools_are_listed_with_their_arguments(here: mcp.Server) -> None:
    found = {offer.name: offer for offer in mcp.offers(here)}
    assert list(found) == ["places_left", "enrol"]
    assert found["enrol"].schema["required"] == ["course", "name"]


def test_a_call_carries_its_key_and_gives_data_or_words(here: mcp.Server, heard: Heard) -> None:
    called = mcp.call(here, "places_left", {"course": "English"}, key="wish-1", acts=False)
    assert called.result == {"course": "English", "places": 3} and not called.failed
    assert heard.calls == [("places_left", {"course": "English"}, "wish-1")]


def test_what_the_server_could_not_do_is_a_failure_and_not_a_result(here: mcp.Server) -> None:
    assert mcp.call(here, "enrol", {"course": "full", "name": "Ana"}, acts=True).failed


def test_a_wrong_key_another_page_and_nobody(here: mcp.Server, heard: Heard) -> None:
    with pytest.raises(AccountRefused):
        mcp.offers(replace(here, headers=[]))
    with pytest.raises(ProviderRejected, match="no MCP server"):
        mcp.offers(replace(here, url=here.url.replace("/mcp", "/other")))
    with pytest.raises(ProviderError, match="cannot be reached"):
        mcp.offers(replace(here, url="http://127.0.0.1:9/mcp"))
    heard.status = 503
    with pytest.raises(ProviderError) as busy:
        mcp.offers(here)
    assert not isinstance(busy.value, ProviderRejected)


def test_silence_ends_and_an_act_may_have_been_done(here: mcp.Server, heard: Heard) -> None:
    heard.wait = 4.0
    for name, acts in (("enrol", True), ("places_left", False)):
        given = {"course": "a", "name": "b"} if acts else {"course": "a"}
        with pytest.raises(ProviderError, match="too long") as failed:
            mcp.call(replace(here, seconds=1.5), name, given, acts=acts)
        assert failed.value.outcome_unknown is acts
