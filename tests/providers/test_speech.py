"""Hearing through the real SDK, against a counterpart; and what happens without a vendor."""

import math
from typing import Any

import pytest

from providers import speech, speech_local, speech_openai
from providers.errors import ProviderError, ProviderRejected
from tests.counterparts.models import Models


def recording(
    content: bytes = b"ogg", mimetype: str = "audio/ogg; codecs=opus", **more: Any
) -> speech.Recording:
    return speech.Recording(
        content=content, mimetype=mimetype, **{"model": "whisper-1", "timeout": 5.0} | more
    )


def hear(models: Models, **more: Any) -> speech.Heard:
    adapter = speech.build("openai", api_key="tenant key", base_url=f"{models.url}/v1")
    return adapter.transcribe(recording(**more))


@pytest.fixture(autouse=True)
def _silent(models: Models) -> None:
    models.app.recordings.clear()


class TestOpenAIShape:
    def test_sends_the_file_with_a_name_that_tells_its_format(self, models: Models) -> None:
        models.hear("Quero um corte.", confidence=0.9)
        heard = hear(models)
        assert (heard.text, heard.seconds, heard.exact, heard.model) == (
            "Quero um corte.",
            5.0,
            True,
            "whisper-1",
        )
        assert heard.confidence == pytest.approx(0.9)
        [sent] = models.requests
        assert sent["headers"]["authorization"] == "Bearer tenant key"
        assert sent["body"]["file"] == {"name": "voice.ogg", "type": "audio/ogg", "content": b"ogg"}
        assert sent["body"]["response_format"] == "verbose_json" and "language" not in sent["body"]

    @pytest.mark.parametrize(
        ("mimetype", "name"),
        [("audio/mp4", "m4a"), ("audio/mpeg", "mp3"), ("audio/x-new", "ogg"), ("", "ogg")],
    )
    def test_names_every_format(self, models: Models, mimetype: str, name: str) -> None:
        hear(models, mimetype=mimetype)
        assert models.requests[0]["body"]["file"]["name"] == f"voice.{name}"

    def test_asks_newer_models_for_each_words_probability(self, models: Models) -> None:
        hear(models, model="gpt-4o-mini-transcribe")
        body = models.requests[0]["body"]
        assert (body["response_format"], body["include[]"]) == ("json", "logprobs")

    @pytest.mark.parametrize("fault", ["429", "500", "503", "malformed"])
    def test_what_passes_may_be_tried_again(self, models: Models, fault: str) -> None:
        models.fail_next(fault)
        with pytest.raises(ProviderError) as caught:
            hear(models)
        assert not isinstance(caught.value, ProviderRejected)

    @pytest.mark.parametrize("fault", ["400", "401", "404", "413"])
    def test_what_is_refused_is_not(self, models: Models, fault: str) -> None:
        models.fail_next(fault)
        with pytest.raises(ProviderRejected):
            hear(models)

    def test_is_refused_here_when_it_is_too_large(self, models: Models, monkeypatch: Any) -> None:
        monkeypatch.setattr(speech_openai, "LARGEST", 2)
        with pytest.raises(ProviderRejected):
            hear(models)
        assert models.requests == []

    @pytest.mark.parametrize(("vendor", "key"), [("openai", ""), ("anthropic", "key"), ("extractive", "")])
    def test_nobody_hears_without_a_key_or_an_ear(self, vendor: str, key: str) -> None:
        with pytest.raises(ProviderRejected):
            speech.build(vendor, api_key=key, base_url=None)


class TestConfidence:
    @pytest.mark.parametrize(
        ("stretches", "confidence"),
        [
            ([(5.0, math.log(0.9), 0.0)], 0.9),
            ([(3.0, math.log(0.9), 0.0), (1.0, math.log(0.5), 0.0)], 0.8),
            ([(2.0, math.log(0.9), 0.0), (2.0, math.log(0.9), 0.95)], 0.45),  # half of it was no speech
            ([(0.0, math.log(0.7), 0.1)], 0.7),
            ([], 0.0),
            ([(1.0, 0.3, 0.0)], 1.0),  # more than certain is certain
        ],
    )
    def test_is_the_mean_by_time(
        self, stretches: list[tuple[float, float, float]], confidence: float
    ) -> None:
        assert speech.certainty(stretches) == pytest.approx(confidence)

    @pytest.mark.parametrize(
        ("answer", "confidence"),
        [
            ({"text": "Oi", "logprobs": [{"logprob": math.log(0.8)}, {"logprob": math.log(0.6)}]}, 0.7),
            ({"text": "Oi"}, 0.0),
            ({"text": "Oi", "segments": [], "logprobs": []}, 0.0),
            ({"text": "Oi", "segments": [{"start": 0, "end": "x", "avg_logprob": None}]}, math.exp(-10)),
            ({"text": "Oi", "segments": ["odd", 3]}, 0.0),
        ],
    )
    def test_unknown_is_unsure(self, answer: dict[str, Any], confidence: float) -> None:
        assert speech_openai._confidence(answer) == pytest.approx(confidence, abs=1e-4)

    def test_seconds_that_nobody_measured_are_guessed_and_marked(self) -> None:
        heard = speech_openai._heard({"text": "Oi"}, recording(b"x" * 8000))
        assert (heard.seconds, heard.exact) == (4.0, False)


class TestLocal:
    def test_hears_nothing_without_its_packages(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(speech_local.importlib.util, "find_spec", lambda name: None)
        assert speech_local.languages("") == speech_local.languages("/models/whisper") == frozenset()

    def test_hears_english_with_the_small_model_and_all_with_a_folder(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(speech_local.importlib.util, "find_spec", lambda name: object())
        assert speech_local.languages("") == {"en"}
        assert speech_local.languages("/models/whisper") is None

    def test_what_it_cannot_decode_is_refused(self) -> None:
        with pytest.raises(ProviderRejected):
            speech_local.Local().transcribe(recording(b"no audio", model=speech_local.ENGLISH, timeout=60.0))

    def test_too_slow_may_be_tried_again(self) -> None:
        with pytest.raises(ProviderError) as caught:
            speech_local.Local().transcribe(recording(b"no audio", model=speech_local.ENGLISH, timeout=0.01))
        assert not isinstance(caught.value, ProviderRejected)
