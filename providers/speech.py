"""The capability of hearing: what is said in a recording, and how sure the model is of it."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from providers import registry

LARGEST = 25 * 2**20  # bytes; what the vendors of this shape take
BYTES_A_SECOND = 1000  # fewer than any voice note has: to reserve enough for it
SILENCE = 0.6  # from here on a stretch is taken for no speech
# By the first letters of the media type: vendors tell the format by the name's ending.
_ENDINGS = {
    "audio/ogg": "ogg",
    "audio/opus": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/mp4": "m4a",
    "audio/aac": "m4a",
    "audio/x-m4a": "m4a",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/webm": "webm",
    "audio/flac": "flac",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """A voice note as it came. `language` is a hint of two letters, or empty; timeout in seconds."""

    content: bytes
    mimetype: str
    model: str
    language: str = ""
    timeout: float = 30.0

    @property
    def filename(self) -> str:
        return f"voice.{_ENDINGS.get(self.mimetype.partition(';')[0].strip().lower(), 'ogg')}"

    @property
    def longest(self) -> float:
        """Seconds that it lasts at most, from its size."""
        return max(1.0, len(self.content) / BYTES_A_SECOND)


@dataclass(frozen=True, slots=True)
class Heard:
    """Text, confidence from 0 to 1, seconds of audio; `exact` when the vendor measured them."""

    text: str
    confidence: float
    seconds: float
    model: str
    exact: bool = True


class SpeechToText(Protocol):
    """Hears one recording; raises ProviderError (try again) or ProviderRejected (stop)."""

    def transcribe(self, recording: Recording) -> Heard: ...


def build(
    vendor: str, *, api_key: str, base_url: str | None, default_headers: Mapping[str, Any] | None = None,
    allow_private: bool | None = None,
) -> SpeechToText:  # fmt: skip
    """The adapter of a vendor with this key; `allow_private` as in providers.llm.build."""
    made: SpeechToText = registry.make(
        vendor, "speech", api_key=api_key, base_url=base_url, allow_private=allow_private,
        headers=tuple(sorted((default_headers or {}).items())),
    )  # fmt: skip
    return made


def certainty(segments: Iterable[tuple[float, float, float]]) -> float:
    """One confidence for stretches of (seconds, average log probability, probability of no speech).

    The mean of the probabilities of their words, weighted by time; a stretch without speech counts as zero.
    """
    total = weight = 0.0
    for seconds, log_probability, no_speech in segments:
        share = max(seconds, 0.1)
        weight += share
        total += share * (0.0 if no_speech > SILENCE else math.exp(min(0.0, log_probability)))
    return round(total / weight, 4) if weight else 0.0
