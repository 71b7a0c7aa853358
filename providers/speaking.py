"""The capability of speaking: words as audio."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from providers import registry

LONGEST = 4_000  # characters of one utterance: what all vendors take
Format = Literal["mp3", "opus", "wav"]
MEDIA_TYPES: Mapping[Format, str] = {"mp3": "audio/mpeg", "opus": "audio/ogg", "wav": "audio/wav"}


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is to be said. `voice` is the vendor's name of one; language a hint of two letters or empty.

    Timeout in seconds.
    """

    text: str
    model: str
    voice: str = ""
    language: str = ""
    format: Format = "mp3"
    timeout: float = 20.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """Audio, with its media type, and how many characters were said: what vendors charge by."""

    audio: bytes
    mimetype: str
    characters: int
    model: str


class TextToSpeech(Protocol):
    """Says one utterance; raises ProviderError (try again) or ProviderRejected (stop)."""

    def speak(self, utterance: Utterance) -> Spoken: ...


def build(
    vendor: str, *, api_key: str, base_url: str | None, default_headers: Mapping[str, Any] | None = None,
    allow_private: bool | None = None,
) -> TextToSpeech:  # fmt: skip
    """The adapter of a vendor with this key; `allow_private` as in providers.llm.build."""
    made: TextToSpeech = registry.make(
        vendor, "speaking", api_key=api_key, base_url=base_url, allow_private=allow_private,
        headers=tuple(sorted((default_headers or {}).items())),
    )  # fmt: skip
    return made
