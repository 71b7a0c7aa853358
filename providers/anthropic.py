"""Claude through the official SDK, 2.x. Passages go as search results, so citations come back as facts."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import anthropic
import httpx2

from providers import sentences
from providers.errors import ProviderError, ProviderRejected
from providers.llm import Citation, Completion, Passage, Request, Usage

VENDOR_URL = "https://api.anthropic.com"
TEMPORARY = {408, 409, 429, 500, 502, 503, 504, 529}
# A limit on spending does not pass by waiting.
SPENT = (anthropic.ContractSpendLimitReachedError, anthropic.EnforcedSpendLimitReachedError)


class Anthropic:
    """One tenant's Claude: the shared connection pool with this tenant's own key."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._client = _shared().copy(
            api_key=api_key, base_url=base_url or VENDOR_URL, default_headers=dict(headers) or None
        )

    def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError or ProviderRejected. What to try next is the caller's decision."""
        try:
            answer = self._client.messages.create(**_body(request))
        except anthropic.APIError as error:
            raise _translated(error) from error
        except (json.JSONDecodeError, httpx2.HTTPError) as error:
            # A malformed 200 and a connection cut in the middle are no errors of the SDK's.
            raise ProviderError(f"Claude's answer could not be read ({type(error).__name__}).") from error
        return _completion(answer, request)


@cache
def _shared() -> anthropic.Anthropic:
    """One pool for all tenants. Its own key is never used: every call is a copy with a tenant's key."""
    return anthropic.Anthropic(api_key="unset", base_url=VENDOR_URL, max_retries=0)


def _body(request: Request) -> dict[str, Any]:
    earlier = [{"role": m.role, "content": m.text} for m in request.history[:-1]]
    return {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "timeout": request.timeout,
        "system": [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
        "messages": [*_alternating(earlier), {"role": "user", "content": _question(request)}],
    }


def _alternating(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The talk so far, beginning with the customer."""
    while messages and messages[0]["role"] != "user":
        messages = messages[1:]
    return messages


def _question(request: Request) -> list[dict[str, Any]]:
    passages = [_search_result(passage) for passage in request.passages]
    return [*passages, {"type": "text", "text": request.question or "…"}]


def _search_result(passage: Passage) -> dict[str, Any]:
    """One block a sentence: a citation then names whole sentences, and nothing has to be parsed."""
    title = " › ".join(part for part in (passage.title, passage.heading) if part)
    return {
        "type": "search_result",
        "source": f"passage:{passage.ref}",
        "title": title,
        "content": [{"type": "text", "text": text} for text in sentences.split(passage.text)],
        "citations": {"enabled": True},
    }


def _completion(answer: Any, request: Request) -> Completion:
    blocks = [block for block in answer.content or [] if block.type == "text"]
    text = "".join(block.text for block in blocks).strip()
    if answer.stop_reason == "refusal":
        raise ProviderRejected("Claude declined to answer this.")
    if not text or answer.stop_reason not in ("end_turn", "stop_sequence", "max_tokens"):
        raise ProviderError(f"Claude gave no answer ({answer.stop_reason}).")
    if answer.stop_reason == "max_tokens":
        text = sentences.whole(text)
    citations = tuple(_citations(blocks, len(request.passages)))
    return Completion(
        text=text,
        usage=_usage(answer.usage),
        model=answer.model or request.model,
        citations=citations,
        stop_reason=answer.stop_reason,
        supported=bool(citations),
    )


def _citations(blocks: list[Any], passages: int) -> list[Citation]:
    found: dict[int, Citation] = {}
    for citation in (c for block in blocks for c in block.citations or []):
        index = getattr(citation, "search_result_index", None)
        if index is not None and 0 <= index < passages:
            found.setdefault(index, Citation(passage=index, quote=citation.cited_text or ""))
    return list(found.values())


def _usage(usage: Any) -> Usage:
    return Usage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
    )


def _translated(error: anthropic.APIError) -> ProviderError:
    if isinstance(error, anthropic.APITimeoutError):
        return ProviderError("Claude took too long.")
    if isinstance(error, SPENT):
        return ProviderRejected("Claude's spending limit for this key is reached.")
    if not isinstance(error, anthropic.APIStatusError):
        return ProviderError("Claude could not be reached.")
    # An error inside a stream comes with status 200; it is one that passes.
    if error.status_code in TEMPORARY or error.status_code == 200:
        return ProviderError(
            f"Claude is busy ({error.status_code}).", retry_after=_retry_after(error.response.headers)
        )
    return ProviderRejected(f"Claude refused the request ({error.status_code}).")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        return min(float(headers.get("retry-after", "")), 300.0)
    except ValueError:
        return None
