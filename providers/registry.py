"""The vendors that are there, and what each can do.

A vendor is one file, `providers/vendor_<name>.py`, with a `VENDOR`. It is found by its name: nothing else
lists vendors. docs/adding-a-vendor.md says how to write one.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import providers
from providers.errors import About, ProviderRejected

Capability = Literal["llm", "embedding", "reranking", "speech", "speaking"]
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
PREFIX = "vendor_"
LONGEST_NAME = 12  # what the rows that name a vendor have room for
Builder = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Vendor:
    """Who sells models. Each capability is what makes an adapter of its Protocol, or None.

    A builder takes by name what the `build` of its capability gives (providers.llm, .embedding, .reranking,
    .speech, .speaking) and imports what is heavy only when it is called: all vendors are looked at whenever
    a page shows which there are.
    """

    name: str  # at most 12 letters: rows keep it
    label: str
    llm: Builder | None = None
    embedding: Builder | None = None
    reranking: Builder | None = None
    speech: Builder | None = None
    speaking: Builder | None = None
    needs_key: bool = True
    # The model that is asked when nobody has chosen one, by capability.
    usual: Mapping[str, str] = field(default_factory=dict)
    # What its language models may be shown, and whether they read images unless the business says otherwise.
    reads: frozenset[str] = frozenset()
    sees: bool = False
    # Whose price list holds, by the end of the host that is asked; others have a list by the host's name.
    price_lists: Mapping[str, str] = field(default_factory=dict)

    def can(self, capability: Capability) -> bool:
        return getattr(self, capability) is not None


def all_known() -> Mapping[str, Vendor]:
    """Every vendor by its name: those that take a key first, each kind in the order of their labels."""
    return _found(tuple(providers.__path__))


def having(capability: Capability) -> list[Vendor]:
    """The vendors that can do this."""
    return [vendor for vendor in all_known().values() if vendor.can(capability)]


def make(name: str, capability: Capability, *, api_key: str, base_url: str | None, **more: Any) -> Any:
    """A vendor's adapter on this account; raises ProviderRejected for what cannot be one.

    Never looks for a key elsewhere: a missing one is refused.
    """
    check_account(name, api_key=api_key, base_url=base_url)
    vendor = all_known().get(name)
    builder: Builder | None = getattr(vendor, capability) if vendor else None
    if builder is None:
        raise ProviderRejected(f"There is no vendor named {name} for this.")
    return builder(api_key=api_key, base_url=base_url, **more)


def usual(name: str, capability: Capability) -> str:
    """The model of this vendor when nobody has chosen one; may be empty."""
    vendor = all_known().get(name)
    return vendor.usual.get(capability, "") if vendor else ""


def price_list(name: str, base_url: str | None) -> str:
    """Whose prices hold at this address: a vendor's price list, or the host of a server that has its own."""
    vendor = all_known().get(name)
    host = (_host(base_url) if base_url else "") or ""
    lists = vendor.price_lists if vendor else {}
    for end, known in lists.items():
        if end and (host == end or host.endswith(f".{end}")):
            return known
    return host or lists.get("", name)


def check_account(name: str, *, api_key: str, base_url: str | None) -> None:
    """Say what is wrong with what a person typed, before an SDK says it in other words."""
    vendor = all_known().get(name)
    if vendor is None or not vendor.needs_key:
        return
    if not api_key:
        raise ProviderRejected(f"There is no key for {name}.", about=About.KEY)
    if not (api_key.isascii() and api_key.isprintable()):
        raise ProviderRejected(f"The key for {name} has characters that no key has.", about=About.KEY)
    if base_url and not _host(base_url):
        raise ProviderRejected(f"The address for {name} is not one of http or https.", about=About.ADDRESS)


def _host(url: str) -> str | None:
    try:
        where = urlsplit(url)
        return where.hostname if where.scheme in ("http", "https") else None
    except ValueError:
        return None


@cache
def _found(folders: tuple[str, ...]) -> Mapping[str, Vendor]:
    names = sorted({one.name for one in pkgutil.iter_modules(folders) if one.name.startswith(PREFIX)})
    vendors = [_read(name) for name in names]
    vendors.sort(key=lambda vendor: (not vendor.needs_key, vendor.label.casefold()))
    return {vendor.name: vendor for vendor in vendors}


def _read(module: str) -> Vendor:
    """The vendor of one file; a file that is not in order stops the start, with its name."""
    vendor = getattr(importlib.import_module(f"{providers.__name__}.{module}"), "VENDOR", None)
    if not isinstance(vendor, Vendor) or module != f"{PREFIX}{vendor.name}":
        raise TypeError(f"providers/{module}.py must have a VENDOR named {module.removeprefix(PREFIX)!r}.")
    if len(vendor.name) > LONGEST_NAME:
        raise TypeError(f"providers/{module}.py: a vendor's name has at most {LONGEST_NAME} letters.")
    return vendor
