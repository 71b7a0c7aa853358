"""Who hears voice notes: the tenant's own provider, else the installation's, else a model on this machine."""

from dataclasses import dataclass

from django.conf import settings

from agents.models import ModelProvider
from providers import speech, speech_local


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears: an adapter, its vendor, the model's name, and the language when it knows only one."""

    adapter: speech.SpeechToText
    vendor: str
    model: str
    language: str = ""


def listener(*, language: str) -> Listener | None:
    """Who hears a customer of this language (two letters); None when nobody does. Raises ProviderRejected."""
    provider = ModelProvider.objects.exclude(speech_model="").order_by("-is_default", "pk").first()
    if provider is not None:
        return _of_tenant(provider)
    if settings.OPENAI_API_KEY and settings.OPENAI_SPEECH_MODEL:
        return _of_installation()
    return _local(language)


def _of_tenant(provider: ModelProvider) -> Listener:
    """The tenant's key, passed explicitly: ours never pays for a tenant that brought its own."""
    adapter = speech.build(
        provider.vendor,
        api_key=provider.api_key,
        base_url=provider.base_url or None,
        default_headers=provider.request_headers() or None,
        allow_private=provider.may_be_private,
    )
    return Listener(adapter, provider.vendor, provider.speech_model)


def _of_installation() -> Listener:
    key, base_url = settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL
    adapter = speech.build("openai", api_key=key, base_url=base_url or None)
    return Listener(adapter, "openai", settings.OPENAI_SPEECH_MODEL)


def _local(language: str) -> Listener | None:
    path = settings.SPEECH_MODEL_PATH
    known = speech_local.languages(path)
    if known is not None and language not in known:
        return None
    adapter = speech.build("local", api_key="", base_url=None)
    only = "" if known is None else language
    return Listener(adapter, "local", path or speech_local.ENGLISH, language=only)
