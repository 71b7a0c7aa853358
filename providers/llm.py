"""The capability of answering: what every language model is asked and what it gives back."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from providers.errors import ProviderRejected


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of the business's documents. `ref` counts from 0."""

    ref: int
    title: str
    text: str
    page: int | None = None
    heading: str = ""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One earlier utterance, or the question itself when it is the last."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """All that a model is told. The last message of the history is the question; timeout in seconds."""

    system: str
    history: tuple[ChatMessage, ...]
    passages: tuple[Passage, ...]
    model: str
    language: str
    max_tokens: int = 700
    timeout: float = 15.0

    @property
    def question(self) -> str:
        return self.history[-1].text if self.history else ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of all kinds; `exact` is false when the vendor did not count and we did."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Citation:
    """Which passage a part of the answer rests on (its index in the request), and the words there."""

    passage: int
    quote: str


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `supported` is false when it says that it does not know and offers a person."""

    text: str
    usage: Usage
    model: str
    citations: tuple[Citation, ...] = ()
    stop_reason: str = "end_turn"
    supported: bool = True


class LanguageModel(Protocol):
    """Answers one request; raises ProviderError (try again) or ProviderRejected (stop)."""

    def complete(self, request: Request) -> Completion: ...


def build(
    vendor: str, *, api_key: str, base_url: str | None, default_headers: Mapping[str, Any] | None = None
) -> LanguageModel:
    """The adapter of a vendor with this key. Never looks for a key elsewhere: a missing one is refused."""
    # The SDKs cost seconds and tens of megabytes to import: only the process that answers pays that.
    if vendor == "extractive":
        from providers.extractive import Extractive

        return Extractive()
    _check(vendor, api_key=api_key, base_url=base_url)
    headers = tuple(sorted((default_headers or {}).items()))
    if vendor == "anthropic":
        from providers.anthropic import Anthropic

        return Anthropic(api_key=api_key, base_url=base_url, headers=headers)
    if vendor == "openai":
        from providers.openai import OpenAI

        return OpenAI(api_key=api_key, base_url=base_url, headers=headers)
    raise ProviderRejected(f"There is no vendor named {vendor}.")


def _check(vendor: str, *, api_key: str, base_url: str | None) -> None:
    """Say what is wrong with what a person typed, before an SDK says it in other words."""
    if not api_key:
        raise ProviderRejected(f"There is no key for {vendor}.")
    if not (api_key.isascii() and api_key.isprintable()):
        raise ProviderRejected(f"The key for {vendor} has characters that no key has.")
    try:
        where = urlsplit(base_url or "https://vendor")
        usable = where.scheme in ("http", "https") and bool(where.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ProviderRejected(f"The address for {vendor} is not one of http or https.")


def overriding(variable: str, *, api_key: str, omit: Any) -> dict[str, Any]:
    """Headers against those that an SDK adds to every call by itself, from this environment variable.

    They are the installation's, perhaps with its key in them: a tenant's call carries none of them. `omit` is
    the SDK's word for a header that is not to be sent.
    """
    lines = os.environ.get(variable, "").split("\n")
    names = [name.strip() for name, colon, _value in (line.partition(":") for line in lines) if colon]
    # To leave out "Authorization" would leave out the tenant's own as well.
    return {name: f"Bearer {api_key}" if name.lower() == "authorization" else omit for name in names}


def estimated(request: Request, answer: str) -> Usage:
    """Tokens by the length of the texts, for a vendor that does not count."""
    texts: Iterable[str] = (
        request.system,
        *(message.text for message in request.history),
        *(passage.text for passage in request.passages),
    )
    said = sum(len(text) for text in texts)
    return Usage(input_tokens=said // 4 + 1, output_tokens=len(answer) // 4 + 1, exact=False)
