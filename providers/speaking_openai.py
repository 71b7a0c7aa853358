"""Every endpoint of OpenAI's `/audio/speech`: OpenAI, Groq, a server of one's own."""

from typing import Any

import httpx2
import openai

from providers.errors import About, ProviderError, ProviderRejected
from providers.openai import account, translated
from providers.speaking import LONGEST, MEDIA_TYPES, Spoken, Utterance

USUAL_VOICE = "alloy"


class OpenAIVoice:
    """One tenant's endpoint, over the same connection pool as its language models."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = (),
        allow_private: bool | None = None,
    ) -> None:  # fmt: skip
        self._client = account(
            api_key=api_key, base_url=base_url, headers=headers, allow_private=allow_private
        )

    def speak(self, utterance: Utterance) -> Spoken:
        """Ask once; raises ProviderError or ProviderRejected."""
        if len(utterance.text) > LONGEST:
            raise ProviderRejected("The text is too long to be said at once.")
        try:
            raw = self._client.audio.speech.with_raw_response.create(**_body(utterance))
            audio = raw.content
        except openai.APIError as error:
            raise translated(error) from error
        except httpx2.HTTPError as error:
            raise ProviderError(
                f"The voice could not be read ({type(error).__name__}).", about=About.ANSWER
            ) from error
        if not audio or not raw.headers.get("content-type", "").startswith(("audio/", "application/octet")):
            # A proxy's page with status 200 is no voice.
            raise ProviderError("The voice could not be read (no audio).", about=About.ANSWER)
        kind = MEDIA_TYPES[utterance.format]
        return Spoken(audio, kind, characters=len(utterance.text), model=utterance.model)


def _body(utterance: Utterance) -> dict[str, Any]:
    return {
        "model": utterance.model,
        "input": utterance.text,
        "voice": utterance.voice or USUAL_VOICE,
        "response_format": utterance.format,
        "timeout": utterance.timeout,
    }
