"""Who hears voice notes: the tenant's own providers, else the installation's, else a model that runs here."""

from dataclasses import dataclass

from django.conf import settings

from agents.models import ModelProvider
from providers import registry, speech, speech_local


@dataclass(frozen=True, slots=True)
class Listener:
    """Who hears: an adapter, its vendor, the model's name, and the language when it knows only one.

    `account` is whose key it is: what fails with one fails with all of its models.
    """

    adapter: speech.SpeechToText
    vendor: str
    model: str
    language: str = ""
    account: str = ""
    price_list: str = ""  # whose prices the vendor takes (tenants.VendorPrice); empty for what runs here


def listeners(*, language: str) -> list[Listener]:
    """Who may hear a customer of this language (two letters), best first; raises ProviderRejected.

    A tenant that brought its own never comes to the installation's key; what runs here costs nobody.
    """
    able = [vendor.name for vendor in registry.having("speech")]
    own = ModelProvider.objects.exclude(speech_model="").filter(vendor__in=able)
    found = [_of_tenant(provider) for provider in own.order_by("-is_default", "pk")]
    if not found and settings.OPENAI_API_KEY and settings.OPENAI_SPEECH_MODEL:
        found = [_of_installation()]
    here = _local(language)
    return [*found, here] if here is not None else found


def _of_tenant(provider: ModelProvider) -> Listener:
    """The tenant's key, passed explicitly: ours never pays for a tenant that brought its own."""
    adapter = speech.build(
        provider.vendor,
        api_key=provider.api_key,
        base_url=provider.base_url or None,
        default_headers=provider.request_headers() or None,
        allow_private=provider.may_be_private,
    )
    prices = registry.price_list(provider.vendor, provider.base_url)
    return Listener(adapter, provider.vendor, provider.speech_model, account=provider.name, price_list=prices)


def _of_installation() -> Listener:
    key, base_url = settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL
    adapter = speech.build("openai", api_key=key, base_url=base_url or None)
    prices = registry.price_list("openai", base_url)
    model = settings.OPENAI_SPEECH_MODEL
    return Listener(adapter, "openai", model, account="installation:openai", price_list=prices)


def _local(language: str) -> Listener | None:
    path = settings.SPEECH_MODEL_PATH
    known = speech_local.languages(path)
    if known is not None and language not in known:
        return None
    only = "" if known is None else language
    return Listener(speech_local.Local(), "local", path or speech_local.ENGLISH, language=only)
