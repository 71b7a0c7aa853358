"""OpenAI, and every server of its shape: Gemini's compatible one, Groq, Together, Ollama, vLLM."""

from typing import Any

from providers.embedding import Embedder
from providers.llm import IMAGES, LanguageModel
from providers.registry import Vendor
from providers.speaking import TextToSpeech
from providers.speech import SpeechToText

# Its SDK takes seconds to import: only the process that asks pays that.


def _llm(**account: Any) -> LanguageModel:
    from providers.openai import OpenAI

    return OpenAI(**account)


def _embedding(**account: Any) -> Embedder:
    from providers.embedding_openai import OpenAIEmbedder

    return OpenAIEmbedder(**account)


def _speech(**account: Any) -> SpeechToText:
    from providers.speech_openai import OpenAISpeech

    return OpenAISpeech(**account)


def _speaking(**account: Any) -> TextToSpeech:
    from providers.speaking_openai import OpenAIVoice

    return OpenAIVoice(**account)


VENDOR = Vendor(
    name="openai",
    label="OpenAI or compatible",
    llm=_llm,
    embedding=_embedding,
    speech=_speech,
    speaking=_speaking,
    usual={"llm": "gpt-5-mini", "speech": "whisper-1", "speaking": "gpt-4o-mini-tts"},
    reads=IMAGES,
    price_lists={
        "": "openai",
        "api.openai.com": "openai",
        "openai.azure.com": "azure",
        "generativelanguage.googleapis.com": "google",
        "api.groq.com": "groq",
        "api.together.xyz": "together",
        "api.mistral.ai": "mistral",
        "api.deepseek.com": "deepseek",
        "api.fireworks.ai": "fireworks",
        "api.x.ai": "x-ai",
        "openrouter.ai": "openrouter",
    },
)
