"""ElevenLabs' `/v1/text-to-speech`, by its public API reference."""

from typing import Any
from urllib.parse import quote

from providers.errors import About, ProviderError, ProviderRejected
from providers.registry import Vendor
from providers.speaking import LONGEST, MEDIA_TYPES, Format, Spoken, Utterance

VENDOR_URL = "https://api.elevenlabs.io/v1"
USUAL_VOICE = "21m00Tcm4TlvDq8ikWAM"  # of the vendor's own, there for everybody
FORMATS: dict[Format, str] = {"mp3": "mp3_44100_128", "opus": "opus_48000_64", "wav": "wav_24000"}


class ElevenLabsVoice:
    """One tenant's account. The vendor wants the key in a header of its own."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = (),
        allow_private: bool | None = None,
    ) -> None:  # fmt: skip
        self._url = (base_url or VENDOR_URL).rstrip("/")
        self._headers = {**dict(headers), "xi-api-key": api_key}
        self._reach = allow_private if base_url else None

    def speak(self, utterance: Utterance) -> Spoken:
        """Ask once; raises ProviderError or ProviderRejected."""
        from providers import json_http  # an HTTP stack that a page does not need

        if len(utterance.text) > LONGEST:
            raise ProviderRejected("The text is too long to be said at once.")
        voice = quote(utterance.voice or USUAL_VOICE, safe="")
        kind, audio = json_http.post_for_bytes(
            f"{self._url}/text-to-speech/{voice}?output_format={FORMATS[utterance.format]}",
            _body(utterance),
            headers=self._headers,
            seconds=utterance.timeout,
            allow_private=self._reach,
        )
        if not audio or not kind.startswith(("audio/", "application/octet")):
            raise ProviderError("The voice could not be read (no audio).", about=About.ANSWER)
        media_type = MEDIA_TYPES[utterance.format]
        return Spoken(audio, media_type, characters=len(utterance.text), model=utterance.model)


def _body(utterance: Utterance) -> dict[str, Any]:
    body = {"text": utterance.text, "model_id": utterance.model}
    return body | ({"language_code": utterance.language} if utterance.language else {})


VENDOR = Vendor(
    name="elevenlabs",
    label="ElevenLabs",
    speaking=ElevenLabsVoice,
    usual={"speaking": "eleven_flash_v2_5"},
)
