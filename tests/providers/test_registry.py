"""Vendors are found by their files: what is there, what a wrong file says, and how light it is to look."""

import subprocess
import sys
from pathlib import Path

import pytest

import providers
from providers import llm, registry
from providers.errors import ProviderRejected


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One more folder of vendors' files."""
    monkeypatch.setattr(providers, "__path__", [*providers.__path__, str(tmp_path)])
    yield tmp_path
    for file in tmp_path.glob("vendor_*.py"):
        sys.modules.pop(f"providers.{file.stem}", None)


def test_every_vendor_has_a_capability_and_a_name_that_rows_have_room_for() -> None:
    found = registry.all_known()
    assert {"anthropic", "openai", "voyage", "cohere", "jina", "elevenlabs", "extractive"} <= set(found)
    for name, vendor in found.items():
        assert name == vendor.name and len(name) <= registry.LONGEST_NAME
        assert any(vendor.can(one) for one in registry.CAPABILITIES)
    names = {one: [vendor.name for vendor in registry.having(one)] for one in registry.CAPABILITIES}
    assert names["embedding"] == ["cohere", "openai", "voyage"]
    assert names["reranking"] == ["cohere", "jina", "voyage"]
    assert names["speaking"] == ["elevenlabs", "openai"] and names["speech"] == ["openai"]
    assert names["llm"] == ["anthropic", "openai", "extractive"]  # what takes no key comes last


def test_a_file_is_all_that_a_vendor_takes(folder: Path) -> None:
    (folder / "vendor_echo.py").write_text(
        "from providers.llm import Completion, Usage\n"
        "from providers.registry import Vendor\n"
        "class Echo:\n"
        "    def __init__(self, **account):\n"
        "        self.key = account['api_key']\n"
        "    def complete(self, request):\n"
        "        return Completion(f'{self.key}: {request.question}', Usage(), request.model)\n"
        "VENDOR = Vendor(name='echo', label='Echo', llm=Echo)\n"
    )
    with pytest.raises(ProviderRejected, match="no key"):
        llm.build("echo", api_key="", base_url=None)
    request = llm.Request("s", (llm.ChatMessage("user", "there?"),), (), "m", "en")
    assert llm.build("echo", api_key="k", base_url=None).complete(request).text == "k: there?"


def test_it_is_gone_with_its_file() -> None:
    assert "echo" not in registry.all_known()
    with pytest.raises(ProviderRejected, match="no vendor"):
        llm.build("echo", api_key="k", base_url=None)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("empty", ""),
        ("other", "from providers.registry import Vendor\nVENDOR = Vendor(name='another', label='A')"),
        ("muchtoolonganame", "from providers.registry import Vendor\n"
         "VENDOR = Vendor(name='muchtoolonganame', label='A')"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_in_order_is_named(folder: Path, name: str, code: str) -> None:
    (folder / f"vendor_{name}.py").write_text(code)
    with pytest.raises(TypeError, match=f"vendor_{name}.py"):
        registry.all_known()


def test_to_look_at_vendors_imports_none_of_their_sdks() -> None:
    code = (
        "import sys\nfrom providers import registry\nregistry.all_known()\n"
        "print([one for one in ('anthropic', 'openai', 'httpx2', 'httpx', 'django') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("vendor", "url", "prices"),
    [
        ("anthropic", "", "anthropic"),
        ("openai", None, "openai"),
        ("openai", "https://api.groq.com/openai/v1", "groq"),
        ("openai", "https://eu.api.openai.com/v1", "openai"),
        ("openai", "https://notapi.openai.com.evil.example/v1", "notapi.openai.com.evil.example"),
        ("openai", "http://127.0.0.1:8000/v1", "127.0.0.1"),
        ("extractive", "", ""),
    ],
)
def test_whose_prices_hold_follows_from_the_address(vendor: str, url: str | None, prices: str) -> None:
    assert registry.price_list(vendor, url) == prices
