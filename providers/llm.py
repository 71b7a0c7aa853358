"""The capability of answering: what every language model is asked and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

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
    if not api_key:
        raise ProviderRejected(f"There is no key for {vendor}.")
    headers = tuple(sorted((default_headers or {}).items()))
    if vendor == "anthropic":
        from providers.anthropic import Anthropic

        return Anthropic(api_key=api_key, base_url=base_url, headers=headers)
    if vendor == "openai":
        from providers.openai import OpenAI

        return OpenAI(api_key=api_key, base_url=base_url, headers=headers)
    raise ProviderRejected(f"There is no vendor named {vendor}.")
