"""The capability of answering: what every language model is asked and what it gives back."""

import os
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from providers import registry


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


IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"
MOST_ATTACHMENTS = 4
LARGEST_IMAGE = 3_700_000  # bytes; vendors take 5 MB as base64
LARGEST_PDF = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with the question: one of IMAGES or a PDF, within LARGEST_IMAGE or LARGEST_PDF."""

    mimetype: str
    content: bytes
    name: str = ""

    @property
    def base64(self) -> str:
        return b64encode(self.content).decode()


def readable(vendor: str, *, images: bool) -> frozenset[str]:
    """The media types that a vendor's model takes as attachments."""
    known = registry.all_known().get(vendor)
    return known.reads if known and images else frozenset()


CHARACTERS_A_FILE = 6_000  # what an image costs, counted as text; a PDF costs about that much a page


def largest(mimetype: str) -> int:
    """Bytes of an attachment of this type that every vendor takes."""
    return LARGEST_PDF if mimetype == PDF else LARGEST_IMAGE


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it; `schema` is a strict JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]
    strict: bool = True  # whether the schema is in the subset that vendors hold a model to


@dataclass(frozen=True, slots=True)
class ToolCall:
    """What a model wants run; `arguments` is None when they were no JSON object."""

    id: str
    name: str
    arguments: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of a call, as the model reads it: information, never instructions."""

    call_id: str
    content: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """One exchange that is done: what the model said beside its calls, the calls, and a result for each."""

    text: str
    calls: tuple[ToolCall, ...]
    results: tuple[ToolResult, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """All that a model is told. The last message of the history is the question; timeout in seconds.

    `tools` may be called; `rounds` are the calls of this very question that were answered already. Without
    `may_call` the tools only explain the rounds, and the model is to answer now. `greeting` is said to a mere
    greeting by who has no words of its own; a model finds it in `system`.
    `system` is what many questions have in common, so that a vendor's cache keeps it; what holds for this one
    alone is the `aside`.
    """

    system: str
    history: tuple[ChatMessage, ...]
    passages: tuple[Passage, ...]
    model: str
    language: str
    attachments: tuple[Attachment, ...] = ()
    max_tokens: int = 700
    timeout: float = 15.0
    tools: tuple[ToolSpec, ...] = ()
    rounds: tuple[Round, ...] = ()
    greeting: str = ""
    may_call: bool = True
    aside: str = ""

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
class Span:
    """A stretch of an answer, text[start:end], and the passages that it rests on (indexes in the request)."""

    start: int
    end: int
    passages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer, or `calls` of tools that come before one.

    `supported` is false when it says that it does not know and offers a person.
    """

    text: str
    usage: Usage
    model: str
    citations: tuple[Citation, ...] = ()
    spans: tuple[Span, ...] = ()  # in the order of the text, none over another
    stop_reason: str = "end_turn"
    supported: bool = True
    calls: tuple[ToolCall, ...] = ()


class LanguageModel(Protocol):
    """Answers one request; raises ProviderError (try again) or ProviderRejected (stop)."""

    def complete(self, request: Request) -> Completion: ...


def build(
    vendor: str, *, api_key: str, base_url: str | None, default_headers: Mapping[str, Any] | None = None,
    allow_private: bool | None = None,
) -> LanguageModel:  # fmt: skip
    """The adapter of a vendor with this key. Never looks for a key elsewhere: a missing one is refused.

    `allow_private` says whether a base URL that a business typed may lead into a private network; None is for
    an address that the installation itself chose.
    """
    made: LanguageModel = registry.make(
        vendor, "llm", api_key=api_key, base_url=base_url, allow_private=allow_private,
        headers=tuple(sorted((default_headers or {}).items())),
    )  # fmt: skip
    return made


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
        request.aside,
        *(message.text for message in request.history),
        *(passage.text for passage in request.passages),
        *(result.content for one in request.rounds for result in one.results),
    )
    said = sum(len(text) for text in texts) + len(request.attachments) * CHARACTERS_A_FILE
    return Usage(input_tokens=said // 4 + 1, output_tokens=len(answer) // 4 + 1, exact=False)
