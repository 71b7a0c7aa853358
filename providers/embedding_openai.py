"""Every endpoint of OpenAI's `/embeddings`: OpenAI, Together, Ollama, vLLM, a server of one's own."""

import json
from typing import Any

import httpx2
import openai

from providers.embedding_vendor import Kind, VendorEmbedder
from providers.errors import ProviderError, ProviderRejected
from providers.json_http import UNKNOWN, by_index
from providers.openai import account, translated


class OpenAIEmbedder(VendorEmbedder):
    """Through the vendor's SDK, over the same connection pool as the language models."""

    vendor = "openai"
    batch = 64  # servers of one's own take no more; OpenAI itself takes 2,048

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._client = account(
            api_key=self.api_key, base_url=self.base_url, headers=(), allow_private=self.reach
        )

    def ask(self, kind: Kind, texts: list[str], *, seconds: float) -> list[Any]:
        """Questions and passages alike: this shape does not tell them apart."""
        # Plain numbers, which every server of this shape can give.
        body: dict[str, Any] = {"model": self.model, "input": texts, "encoding_format": "float"}
        if self.shortened and self.dimensions:
            body["dimensions"] = self.dimensions
        try:
            raw = self._client.embeddings.with_raw_response.create(**body, timeout=seconds)
            answer = json.loads(raw.content)
        except openai.NotFoundError as error:
            raise ProviderRejected(UNKNOWN) from error
        except openai.APIError as error:
            raise translated(error) from error
        except (ValueError, httpx2.HTTPError) as error:
            raise ProviderError(f"The vectors could not be read ({type(error).__name__}).") from error
        return by_index(answer, "data", "embedding")
