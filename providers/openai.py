"""Every endpoint of OpenAI's shape: OpenAI, Gemini's compatible one, Together, Ollama, vLLM.

Citations are not a feature of that shape: the model is asked to mark them as [1], [2]; the marks are read and
taken out of what the customer sees.
"""

import hashlib
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletion

from providers import sdk_http, sentences
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected, missing, retry_after
from providers.llm import (
    IMAGES,
    Citation,
    Completion,
    Passage,
    Request,
    Round,
    Span,
    ToolCall,
    ToolSpec,
    Usage,
    estimated,
    overriding,
)

log = structlog.get_logger(__name__)
VENDOR_URL = "https://api.openai.com/v1"
ACCOUNT = {401, 402, 403}
SPENT = ("insufficient_quota", "billing_hard_limit_reached")  # a limit on spending does not pass by waiting
TEMPORARY = {408, 409, 429, 500, 502, 503, 504, 529}
MARKS = re.compile(r"\s*\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
ASK_FOR_MARKS = "After each statement taken from a passage put its number in square brackets, like [1]."
LONGEST_QUOTE = 300


class OpenAI:
    """One tenant's endpoint: the shared connection pool with this tenant's own key."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = (),
        allow_private: bool | None = None,
    ) -> None:  # fmt: skip
        self._client = account(
            api_key=api_key, base_url=base_url, headers=headers, allow_private=allow_private
        )
        # The vendor itself has given up the old name of the limit; the servers of its shape know no other.
        self._is_vendors_own = not base_url or base_url == VENDOR_URL
        self._limit = "max_completion_tokens" if self._is_vendors_own else "max_tokens"

    def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError or ProviderRejected."""
        try:
            body = {**_body(request), self._limit: request.max_tokens}
            if self._is_vendors_own:
                body["prompt_cache_key"] = _cache_key(request)
            answer = self._client.chat.completions.create(**body)
        except openai.APIError as error:
            raise translated(error) from error
        except (json.JSONDecodeError, httpx2.HTTPError) as error:
            unread = f"The model's answer could not be read ({type(error).__name__})."
            raise ProviderError(unread, about=About.ANSWER) from error
        if not isinstance(answer, ChatCompletion) or not isinstance(answer.choices, list):
            unread = "The model's answer could not be read (not a completion)."
            raise ProviderError(unread, about=About.ANSWER)
        return _completion(answer, request)


def account(
    *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...], allow_private: bool | None
) -> openai.OpenAI:
    """The SDK's client for one tenant: its key, its address, nothing of the installation's."""
    ours = overriding("OPENAI_CUSTOM_HEADERS", api_key=api_key, omit=openai.Omit())
    with sdk_http.readable_address():
        client = _shared(allow_private if base_url else None).copy(
            api_key=api_key, base_url=base_url or VENDOR_URL, set_default_headers={**ours, **dict(headers)}
        )
    # The SDK takes both from the environment, where they are the installation's and not the tenant's.
    client.organization = client.project = None
    return client


@cache
def _shared(allow_private: bool | None) -> openai.OpenAI:
    """One pool for all tenants. Its own key is never used: every call is a copy with a tenant's key."""
    http = sdk_http.client(openai.DefaultHttpxClient, allow_private=allow_private)
    return openai.OpenAI(api_key="unset", base_url=VENDOR_URL, max_retries=0, http_client=http)


def _body(request: Request) -> dict[str, Any]:
    earlier = [{"role": m.role, "content": m.text} for m in request.history[:-1] if m.text.strip()]
    body = {
        "model": request.model,
        "timeout": request.timeout,
        "messages": [
            {"role": "system", "content": _system(request)},
            *earlier,
            {"role": "user", "content": _question(request)},
            *(message for one in request.rounds for message in _round(one)),
        ],
    }
    if request.tools:
        body["tools"] = [_tool(spec) for spec in request.tools]
        body["tool_choice"] = "auto" if request.may_call else "none"
    return body


def _cache_key(request: Request) -> str:
    """Sends what begins alike to where the vendor has it: a digest, which tells nobody what it says."""
    return hashlib.sha256(request.system.encode("utf-8", "replace")).hexdigest()[:32]


def _system(request: Request) -> str:
    """What all questions have in common first: servers of this shape keep the beginning that they know."""
    return "\n\n".join(part for part in (request.system, ASK_FOR_MARKS, request.aside) if part)


def _tool(spec: ToolSpec) -> dict[str, Any]:
    told = {"name": spec.name, "description": spec.description, "parameters": dict(spec.schema)}
    return {"type": "function", "function": {**told, "strict": True} if spec.strict else told}


def _round(one: Round) -> list[dict[str, Any]]:
    """What it said and called, then a message for each result, in the order of the calls."""
    calls = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments or {}))},
        }
        for call in one.calls
    ]
    results = [{"role": "tool", "tool_call_id": r.call_id, "content": r.content} for r in one.results]
    return [{"role": "assistant", "content": one.text or None, "tool_calls": calls}, *results]


def _question(request: Request) -> str | list[dict[str, Any]]:
    """Words alone as a plain text, which every server of this shape takes; images as data URLs beside it."""
    files = [
        {"type": "image_url", "image_url": {"url": f"data:{one.mimetype};base64,{one.base64}"}}
        for one in request.attachments
        if one.mimetype in IMAGES
    ]
    words = _words(request)
    return [{"type": "text", "text": words}, *files] if files else words


def _words(request: Request) -> str:
    shown = [_shown(number, passage) for number, passage in enumerate(request.passages, start=1)]
    passages = "\n\n".join(shown) or "none"
    return f"<passages>\n{passages}\n</passages>\n\n{request.question}"


def _shown(number: int, passage: Passage) -> str:
    title = " › ".join(part for part in (passage.title, passage.heading) if part)
    # A document that closes the block itself would speak as the customer does.
    text = passage.text.replace("</passages>", "‹/passages›")
    return f"[{number}] {title}\n{text}"


def _completion(answer: ChatCompletion, request: Request) -> Completion:
    choice = answer.choices[0] if answer.choices else None
    said = choice.message if choice else None
    if choice and (choice.finish_reason == "content_filter" or getattr(said, "refusal", None)):
        raise ProviderRejected("The model declined to answer this.")
    text = (getattr(said, "content", None) or "").strip()
    if calls := _calls(said, request):
        usage = _usage(answer.usage) if answer.usage else estimated(request, text)
        return Completion(text, usage, answer.model or request.model, stop_reason="tool_calls", calls=calls)
    plain = MARKS.sub("", text).strip()
    if not choice or not plain:
        raise ProviderError("The model gave no answer.")
    citations = _citations(text, request.passages)
    whole = sentences.whole(plain) if choice.finish_reason == "length" else plain
    return Completion(
        text=whole,
        usage=_usage(answer.usage) if answer.usage else estimated(request, text),
        model=answer.model or request.model,
        citations=citations,
        spans=_spans(text, request.passages, whole),
        stop_reason=str(choice.finish_reason or ""),
        supported=bool(citations),
    )


def _calls(said: Any, request: Request) -> tuple[ToolCall, ...]:
    """What it wants run of what it was offered. Servers of this shape differ in the reason that they give."""
    if not (request.tools and request.may_call):
        return ()
    wanted = [one for one in getattr(said, "tool_calls", None) or [] if getattr(one, "function", None)]
    return tuple(
        ToolCall(one.id or f"call_{n}", one.function.name or "", _arguments(one.function.arguments))
        for n, one in enumerate(wanted)
    )


def _arguments(written: str | None) -> dict[str, Any] | None:
    """The JSON object that it wrote; None when it is none."""
    try:
        found = json.loads(written or "{}")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _citations(text: str, passages: tuple[Passage, ...]) -> tuple[Citation, ...]:
    named = [n for mark in MARKS.finditer(text) for n in _numbers(mark)]
    known = [n for n in dict.fromkeys(named) if 0 <= n < len(passages)]
    if len(known) < len(set(named)):
        log.warning("citation.invented", vendor="openai", given=len(passages))
    return tuple(Citation(passage=n, quote=passages[n].text[:LONGEST_QUOTE]) for n in known)


def _numbers(mark: re.Match[str]) -> list[int]:
    return [int(n) - 1 for n in mark[1].split(",")]


def _spans(text: str, passages: tuple[Passage, ...], shown: str) -> tuple[Span, ...]:
    """The statement before each mark, where it stands in the text as it is shown, without marks."""
    before = MARKS.sub("", text)
    place, last, spans = len(before.lstrip()) - len(before), 0, list[Span]()
    for mark in MARKS.finditer(text):
        said = text[last : mark.start()]
        place, last = place + len(said), mark.end()
        known = tuple(n for n in _numbers(mark) if 0 <= n < len(passages))
        if not known or place > len(shown):
            continue
        if said.strip():
            statement = sentences.split(said)[-1]
            end = place - len(said) + len(said.rstrip())
            spans.append(Span(end - len(statement), end, known))
        elif spans:  # [1][2]
            spans[-1] = replace(spans[-1], passages=tuple(dict.fromkeys(spans[-1].passages + known)))
    return tuple(spans)


def _usage(usage: Any) -> Usage:
    """The vendor's count; what came from its cache is in its prompt tokens, and is taken out here."""
    cached = getattr(usage.prompt_tokens_details, "cached_tokens", None) or 0
    return Usage(
        input_tokens=max(0, (usage.prompt_tokens or 0) - cached),
        output_tokens=usage.completion_tokens or 0,
        cache_read_tokens=cached,
    )


def translated(error: openai.APIError) -> ProviderError:
    """An error of the SDK in our words: try again, or stop."""
    if isinstance(error, openai.APITimeoutError):
        return ProviderError("The model took too long.", about=About.NETWORK)
    if not isinstance(error, openai.APIStatusError):
        away = ProviderError("The model could not be reached.", about=About.NETWORK)
        return sdk_http.reason(error) or away
    if error.status_code in (400, 429) and error.code in SPENT:
        return AccountRefused("The model's quota for this key is used up.", about=About.MONEY)
    if error.status_code in TEMPORARY:
        wait = retry_after(error.response.headers)
        return ProviderError(f"The model is busy ({error.status_code}).", retry_after=wait, about=About.BUSY)
    if error.status_code in ACCOUNT:
        about = About.MONEY if error.status_code == 402 else About.KEY
        return AccountRefused(f"The model refused the key ({error.status_code}).", about=about)
    about = missing(error.status_code, f"{error.code} {error}")
    return ProviderRejected(f"The model refused the request ({error.status_code}).", about=about)
