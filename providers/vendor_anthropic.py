"""Anthropic: Claude."""

from typing import Any

from providers.llm import IMAGES, PDF, LanguageModel
from providers.registry import Vendor


def _llm(**account: Any) -> LanguageModel:
    from providers.anthropic import Anthropic  # its SDK takes seconds to import

    return Anthropic(**account)


VENDOR = Vendor(
    name="anthropic",
    label="Anthropic",
    llm=_llm,
    usual={"llm": "claude-haiku-5-5"},
    reads=IMAGES | {PDF},
    sees=True,
    price_lists={"": "anthropic", "anthropic.com": "anthropic"},
)
