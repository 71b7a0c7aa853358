"""Every endpoint of OpenAI's shape: OpenAI, Gemini's compatible one, Together, Ollama, vLLM.

Citations are not a feature of that shape: the model is asked to mark them as [1], [2]; the marks are read and
taken out of what the customer sees.
"""

import json
import re
from functools import cache
from typing import Any

import httpx2
import openai

from providers import sentences
from providers.errors import ProviderError, ProviderRejected
from providers.llm import Citation, Completion, Passage, Request, Usage

VENDOR_URL = "https://api.openai.com/v1"
TEMPORARY = {408, 409, 429, 500, 502, 503, 504, 529}
MARKS = re.compile(r"\s*\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
ASK_FOR_MARKS = "After each statement taken from a passage put its number in square brackets, like [1]."


class OpenAI:
    """One tenant's endpoint: the shared connection pool with this tenant's own key."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._client = _shared().copy(
            api_key=api_key, base_url=base_url or VENDOR_URL, default_headers=dict(headers) or None
        )

    def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError or ProviderRejected."""
        try:
            answer = self._client.chat.completions.create(**_body(request))
        except openai.APIError as error:
            raise _translated(error) from error
        except (json.JSONDecodeError, httpx2.HTTPError) as error:
            raise ProviderError(f"The model's answer could not be read ({type(error).__name__}).") from error
        return _completion(answer, request)


@cache
def _shared() -> openai.OpenAI:
    """One pool for all tenants. Its own key is never used: every call is a copy with a tenant's key."""
    return openai.OpenAI(api_key="unset", base_url=VENDOR_URL, max_retries=0)


def _body(request: Request) -> dict[str, Any]:
    earlier = [{"role": m.role, "content": m.text} for m in request.history[:-1]]
    return {
        "model": request.model,
        "max_completion_tokens": request.max_tokens,
        "timeout": request.timeout,
        "messages": [
            {"role": "system", "content": f"{request.system}\n\n{ASK_FOR_MARKS}"},
            *earlier,
            {"role": "user", "content": _question(request)},
        ],
    }


def _question(request: Request) -> str:
    passages = "\n\n".join(_shown(passage) for passage in request.passages)
    return f"<passages>\n{passages or 'none'}\n</passages>\n\n{request.question}"


def _shown(passage: Passage) -> str:
    title = " › ".join(part for part in (passage.title, passage.heading) if part)
    return f"[{passage.ref + 1}] {title}\n{passage.text}"


def _completion(answer: Any, request: Request) -> Completion:
    choice = answer.choices[0] if getattr(answer, "choices", None) else None
    text = ((choice.message.content if choice else None) or "").strip()
    if choice is not None and (choice.finish_reason == "content_filter" or choice.message.refusal):
        raise ProviderRejected("The model declined to answer this.")
    if not text:
        raise ProviderError("The model gave no answer.")
    citations = _citations(text, request.passages)
    plain = MARKS.sub("", text).strip()
    cut = choice is not None and choice.finish_reason == "length"
    return Completion(
        text=sentences.whole(plain) if cut else plain,
        usage=_usage(answer.usage, request, text),
        model=answer.model or request.model,
        citations=citations,
        stop_reason=str(choice.finish_reason if choice else ""),
        supported=bool(citations),
    )


def _citations(text: str, passages: tuple[Passage, ...]) -> tuple[Citation, ...]:
    numbers = [int(n) - 1 for group in MARKS.findall(text) for n in group.split(",")]
    known = [n for n in dict.fromkeys(numbers) if 0 <= n < len(passages)]
    return tuple(Citation(passage=n, quote=passages[n].text[:300]) for n in known)


def _usage(usage: Any, request: Request, text: str) -> Usage:
    if usage is None:  # some compatible servers do not count
        said = (
            len(request.system)
            + sum(len(m.text) for m in request.history)
            + sum(len(p.text) for p in request.passages)
        )
        return Usage(input_tokens=said // 4 + 1, output_tokens=len(text) // 4 + 1, exact=False)
    cached = getattr(usage.prompt_tokens_details, "cached_tokens", None) or 0
    return Usage(
        input_tokens=max(0, (usage.prompt_tokens or 0) - cached),
        output_tokens=usage.completion_tokens or 0,
        cache_read_tokens=cached,
    )


def _translated(error: openai.APIError) -> ProviderError:
    if isinstance(error, openai.APITimeoutError):
        return ProviderError("The model took too long.")
    if not isinstance(error, openai.APIStatusError):
        return ProviderError("The model could not be reached.")
    if error.status_code == 429 and getattr(error, "code", "") == "insufficient_quota":
        return ProviderRejected("The model's quota for this key is used up.")
    if error.status_code in TEMPORARY:
        return ProviderError(f"The model is busy ({error.status_code}).")
    return ProviderRejected(f"The model refused the request ({error.status_code}).")
