"""Every endpoint of OpenAI's `/audio/transcriptions`: OpenAI, Groq, a faster-whisper server of one's own."""

import json
import math
from typing import Any

import httpx2
import openai

from providers.errors import ProviderError, ProviderRejected
from providers.openai import account, translated
from providers.speech import LARGEST, Heard, Recording, certainty


class OpenAISpeech:
    """One tenant's endpoint, over the same connection pool as its language models."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = (),
        allow_private: bool | None = None,
    ) -> None:  # fmt: skip
        self._client = account(
            api_key=api_key, base_url=base_url, headers=headers, allow_private=allow_private
        )

    def transcribe(self, recording: Recording) -> Heard:
        """Ask once; raises ProviderError or ProviderRejected."""
        if len(recording.content) > LARGEST:
            raise ProviderRejected("The voice note is too large.")
        try:
            raw = self._client.audio.transcriptions.with_raw_response.create(**_body(recording))
            answer = json.loads(raw.content)
        except openai.APIError as error:
            raise translated(error) from error
        except (ValueError, httpx2.HTTPError) as error:
            # A proxy's page with status 200, or a connection cut in the middle.
            raise ProviderError(f"The transcript could not be read ({type(error).__name__}).") from error
        if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
            raise ProviderError("The transcript could not be read (not a transcript).")
        return _heard(answer, recording)


def _body(recording: Recording) -> dict[str, Any]:
    body: dict[str, Any] = {
        "file": (recording.filename, recording.content, recording.mimetype.partition(";")[0] or "audio/ogg"),
        "model": recording.model,
        "timeout": recording.timeout,
    }
    if recording.language:
        body["language"] = recording.language
    if recording.model.startswith("gpt-"):
        # The vendor's newer models have no stretches, but tell how sure they are of each word.
        return {**body, "response_format": "json", "include": ["logprobs"]}
    return {**body, "response_format": "verbose_json"}


def _heard(answer: dict[str, Any], recording: Recording) -> Heard:
    seconds = _number(answer.get("duration"))
    if seconds is None and isinstance(usage := answer.get("usage"), dict):
        seconds = _number(usage.get("seconds"))
    return Heard(
        text=answer["text"].replace("\x00", "").encode("utf-8", "replace").decode().strip(),
        confidence=_confidence(answer),
        seconds=seconds if seconds is not None else recording.longest / 2,
        model=recording.model,
        exact=seconds is not None,
    )


def _confidence(answer: dict[str, Any]) -> float:
    """From the stretches, else from the words; without either nothing is known, and that is 0."""
    if isinstance(segments := answer.get("segments"), list) and segments:
        return certainty(_stretch(segment) for segment in segments if isinstance(segment, dict))
    if isinstance(words := answer.get("logprobs"), list) and words:
        known = [_number(word.get("logprob")) for word in words if isinstance(word, dict)]
        sure = [math.exp(min(0.0, value)) for value in known if value is not None]
        return round(sum(sure) / len(sure), 4) if sure else 0.0
    return 0.0


def _stretch(segment: dict[str, Any]) -> tuple[float, float, float]:
    start, end = _number(segment.get("start")) or 0.0, _number(segment.get("end")) or 0.0
    sure, silent = _number(segment.get("avg_logprob")), _number(segment.get("no_speech_prob"))
    return end - start, -10.0 if sure is None else sure, silent or 0.0


def _number(value: Any) -> float | None:
    """A finite number, also one that came as text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
