"""S2: no address in a business's own tool leads into the house: typed in a form, or called.

Names that change their answer, and redirects: test_addresses.py, with the other callers.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from agents.mcp_form import McpToolForm
from agents.records_form import STORES
from agents.tool_forms import HttpToolForm
from providers import baserow, google_account, google_sheets, http_tools, mcp
from providers.errors import ProviderError
from tests.counterparts.endpoint import Endpoint
from tests.counterparts.google_drive import Google
from tests.risks.test_addresses import Canary, _canary, canary, names, urls  # noqa: F401  fixtures

WORDS = {"title": "x", "when": "x", "most": "5"}


@dataclass(frozen=True)
class Typed:
    """A form with an address in it, and the field that shows what is wrong."""

    make: Any
    data: dict[str, str]


def typed(who: str, url: str) -> Typed:
    if who == "http":
        return Typed(HttpToolForm, {**WORDS, "url": url, "method": "GET", "reveals": "business"})
    if who == "mcp":
        return Typed(McpToolForm, {**WORDS, "url": url})
    if who == "list":
        return Typed(STORES["http"], {**WORDS, "address": url})
    if who == "baserow":
        return Typed(STORES["baserow"], {**WORDS, "address": "7", "base_url": url, "new_secret": "token"})
    key = Google().key(token_uri=url)
    return Typed(STORES["sheets"], {**WORDS, "address": "sheet-00001", "new_secret": key})


WHO = ["http", "mcp", "list", "baserow", "sheets"]


@pytest.mark.parametrize("who", WHO)
def test_is_refused_when_it_is_typed(
    canary: Canary, in_alpha: Any, settings: Any, who: str  # noqa: F811
) -> None:  # fmt: skip
    settings.TOOL_PRIVATE_HOSTS = [""]
    for url in urls(canary)[:: 4 if who == "sheets" else 1]:
        form = typed(who, url)
        assert not form.make(form.data).is_valid(), url


def test_is_refused_by_every_call(canary: Canary) -> None:  # noqa: F811
    for number, url in enumerate(urls(canary)):
        with pytest.raises(ProviderError):
            http_tools.ask(http_tools.Call("GET", url))
        with pytest.raises(ProviderError):
            http_tools.ask(http_tools.Call("POST", url))
        with pytest.raises(ProviderError):
            mcp.offers(mcp.Server(url=url))
        with pytest.raises(ProviderError):
            baserow.client(base_url=url, token="t").count("7")
        if number % 4:
            continue  # Drive asks at the same door, all of them in test_source_addresses.py; keys are slow
        with pytest.raises(ProviderError):
            key = google_account.account(Google().key(token_uri=url))
            google_sheets.client(key=key, url="http://127.0.0.1:9").names("sheet-00001")


def test_a_redirect_is_looked_at_like_an_address(canary: Canary) -> None:  # noqa: F811
    with Endpoint() as shop:
        listed = [shop.url.removeprefix("http://")]
        for url in (one for one in urls(canary) if one.isprintable() and one.strip(":/htp")):
            shop.says("GET /old", status=302, headers={"location": url})
            with pytest.raises(ProviderError):
                http_tools.ask(
                    http_tools.Call("GET", f"{shop.url}/old"),
                    private_hosts=listed,
                    also_hosts=["127.0.0.1", "localhost", "private.example", "both.example"],
                )
