"""Voices through OpenAI's SDK and over ElevenLabs' HTTP, against a counterpart: sent, taken, refused."""

from typing import Any

import pytest

from providers import speaking
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected
from tests.counterparts.models import Models

KEY = "tenant key"
EACH = pytest.mark.parametrize("vendor", ["openai", "elevenlabs"])


def speak(models: Models, vendor: str, **more: Any) -> speaking.Spoken:
    adapter = speaking.build(vendor, api_key=KEY, base_url=f"{models.url}/v1", allow_private=True)
    wanted = {"text": "Olá!", "model": "v1", "voice": "ana/1", "timeout": 5.0} | more
    return adapter.speak(speaking.Utterance(**wanted))


@EACH
class TestVoice:
    def test_says_the_words_on_the_tenants_key(self, models: Models, vendor: str) -> None:
        spoken = speak(models, vendor, format="opus", language="pt")
        assert (spoken.audio, spoken.characters, spoken.model) == ("sound: Olá!".encode(), 4, "v1")
        assert spoken.mimetype == "audio/ogg"
        [sent] = models.requests
        keys = {"openai": ("authorization", f"Bearer {KEY}"), "elevenlabs": ("xi-api-key", KEY)}
        header, value = keys[vendor]
        assert sent["headers"][header] == value
        if vendor == "openai":
            wanted = {"model": "v1", "input": "Olá!", "voice": "ana/1", "response_format": "opus"}
            assert sent["body"] == wanted
        else:  # a voice's name cannot lead to another address
            assert sent["body"] == {"model_id": "v1", "text": "Olá!", "language_code": "pt"}
            assert sent["path"].startswith("/v1/text-to-speech/ana") and sent["path"].count("/") <= 4

    @pytest.mark.parametrize(
        ("fault", "kind", "about"),
        [
            ("401", AccountRefused, About.KEY),
            ("402", AccountRefused, About.MONEY),
            ("404", ProviderRejected, None),
            ("429", ProviderError, About.BUSY),
            ("html", ProviderError, About.ANSWER),
            ("empty", ProviderError, About.ANSWER),
        ],
    )
    def test_that_is_none_is_told_by_kind(
        self, models: Models, vendor: str, fault: str, kind: type[ProviderError], about: About | None
    ) -> None:
        models.fail_next(fault)
        with pytest.raises(ProviderError) as caught:
            speak(models, vendor)
        assert type(caught.value) is kind and about in (None, caught.value.about)
        assert len(models.requests) == 1

    def test_too_long_a_text_is_not_sent(self, models: Models, vendor: str) -> None:
        with pytest.raises(ProviderRejected, match="too long"):
            speak(models, vendor, text="a" * (speaking.LONGEST + 1))
        assert models.requests == []

    def test_never_speaks_with_another_key(
        self, models: Models, vendor: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("OPENAI_API_KEY", "ELEVENLABS_API_KEY", "ELEVEN_API_KEY"):
            monkeypatch.setenv(name, "ours")
        monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Proxy-Key: ours\nAuthorization: Bearer ours")
        with pytest.raises(ProviderRejected, match="no key"):
            speaking.build(vendor, api_key="", base_url=models.url)
        speak(models, vendor)
        assert "ours" not in str(models.requests[0]["headers"])


@pytest.mark.parametrize("vendor", ["anthropic", "extractive", "nobody"])
def test_who_has_no_voice_is_refused(vendor: str) -> None:
    with pytest.raises(ProviderRejected):
        speaking.build(vendor, api_key="k", base_url=None)
