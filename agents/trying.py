"""Ask a business's model once, to see that key, address and model are right; and say in words what is not."""

import io
import time
import wave
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from agents import replies
from agents.models import ModelProvider
from providers import llm, registry, speaking, speech
from providers.errors import About, AccountRefused, ProviderError
from providers.registry import Capability

SECONDS = 20.0
MOST_TOKENS = 400  # models that think aloud need some before the first word
SAID = {
    "pt": "Olá! Posso ajudar?",
    "en": "Hello! Can I help?",
    "es": "¡Hola! ¿Puedo ayudar?",
    "fr": "Bonjour !",
}


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of asking once for one thing."""

    capability: Capability
    model: str
    ok: bool
    words: str
    ms: int = 0
    audio: bytes = b""  # what was said, where it speaks


def try_out(provider: ModelProvider, *, language: str) -> list[Tried]:
    """Everything that this provider is to do, each asked once; the row may be unsaved."""
    return [_tried(provider, capability, language=language) for capability in does(provider)]


def does(provider: ModelProvider) -> list[Capability]:
    """What it is there for: it answers where its vendor can, hears and speaks where a model is named."""
    vendor = registry.all_known().get(provider.vendor)
    wanted: dict[Capability, bool] = {
        "llm": True,
        "speech": bool(provider.speech_model),
        "speaking": bool(provider.speaking_model),
    }
    return [name for name, is_wanted in wanted.items() if is_wanted and vendor and vendor.can(name)]


def _tried(provider: ModelProvider, capability: Capability, *, language: str) -> Tried:
    model = _model(provider, capability)
    began = time.monotonic()
    try:
        audio = _ask(provider, capability, model, language=language[:2])
    except ProviderError as error:
        return Tried(capability, model, ok=False, words=words(error, provider=provider, model=model))
    ms = round((time.monotonic() - began) * 1000)
    return Tried(capability, model, ok=True, words=_well(capability, ms), ms=ms, audio=audio)


def _model(provider: ModelProvider, capability: Capability) -> str:
    if capability == "llm":
        return provider.model or replies.usual_model(provider.vendor)
    return provider.speech_model if capability == "speech" else provider.speaking_model


def _ask(provider: ModelProvider, capability: Capability, model: str, *, language: str) -> bytes:
    """Raises ProviderError; gives what was said, where it speaks."""
    if capability == "llm":
        replies.adapter_of(provider).complete(_greeting(model, language))
    elif capability == "speech":
        hears = speech.build(provider.vendor, **_account(provider))
        hears.transcribe(speech.Recording(_silence(), "audio/wav", model, timeout=SECONDS))
    else:
        speaks = speaking.build(provider.vendor, **_account(provider))
        text = SAID.get(language, SAID["en"])
        said = speaking.Utterance(text, model, provider.voice, language, timeout=SECONDS)
        return speaks.speak(said).audio
    return b""


def _account(provider: ModelProvider) -> dict[str, Any]:
    """Only what stands in the row: nothing of the installation's."""
    return {
        "api_key": provider.api_key,
        "base_url": provider.base_url or None,
        "default_headers": provider.request_headers() or None,
        "allow_private": provider.may_be_private,
    }


def _greeting(model: str, language: str) -> llm.Request:
    question = llm.ChatMessage(role="user", text="Are you there? Answer with one word.")
    return llm.Request(
        system="Somebody tries whether you can be reached.",
        history=(question,),
        passages=(),
        model=model,
        language=language,
        max_tokens=MOST_TOKENS,
        timeout=SECONDS,
    )


def _silence() -> bytes:
    """A second of it, as a WAV file: whoever can hear can hear nothing."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(8000)
        recording.writeframes(bytes(16_000))
    return file.getvalue()


def _well(capability: Capability, ms: int) -> str:
    said = {
        "llm": _("It answers, in %(ms)s ms."),
        "speech": _("It hears, in %(ms)s ms."),
        "speaking": _("It speaks, in %(ms)s ms."),
    }
    return said[capability] % {"ms": ms}


def words(error: ProviderError, *, provider: ModelProvider, model: str) -> str:
    """What is wrong, and what the owner can do about it."""
    host = urlsplit(provider.base_url).hostname or provider.get_vendor_display()
    said = {
        About.KEY: _(
            "The vendor refuses the key. Copy it once more; it may also lack the right to this model."
        ),
        About.MONEY: _(
            "The account has no money left, or its limit is reached: look at the vendor's own page."
        ),
        About.MODEL: _("The vendor knows no model named “%(model)s”."),
        About.ADDRESS: _("The address is not right: %(reason)s"),
        About.NETWORK: _("%(host)s cannot be reached at this moment: %(reason)s"),
        About.BUSY: _("The vendor is busy at this moment. Try again in a minute."),
        About.ANSWER: _("Something answers at %(host)s, but not as a model does. Look at the address."),
    }
    about = error.about
    if about == About.UNSAID and isinstance(error, AccountRefused):
        about = About.KEY
    return said.get(about, "%(reason)s") % {"host": host, "model": model, "reason": str(error)}
