"""Nobody at all: sentences from the business's own documents, without a model."""

from typing import Any

from providers.llm import LanguageModel
from providers.registry import Vendor


def _llm(**_account: Any) -> LanguageModel:
    from providers.extractive import Extractive

    return Extractive()


VENDOR = Vendor(
    name="extractive",
    label="quotes from documents, no model",
    llm=_llm,
    needs_key=False,
    usual={"llm": "extractive"},
    price_lists={"": ""},
)
