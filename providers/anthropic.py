"""Claude through the official SDK, 2.x. Passages go as search results, so citations come back as facts."""

import json
from functools import cache
from typing import Any

import anthropic
import httpx2
import structlog

from providers import sdk_http, sentences
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected, missing, retry_after
from providers.llm import (
    PDF,
    Attachment,
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
VENDOR_URL = "https://api.anthropic.com"
TEMPORARY = {408, 409, 429, 500, 502, 503, 504, 529}
WHOLE = ("end_turn", "stop_sequence", "max_tokens")
DECLINED = {
    "refusal": "Claude declined to answer this.",
    "model_context_window_exceeded": "The question and its passages are too long for this model.",
}
# A limit on spending does not pass by waiting.
ACCOUNT = {401, 402, 403}
NO_MONEY = "credit balance is too low"  # a 400 like any other, but for its words
SPENT = (anthropic.ContractSpendLimitReachedError, anthropic.EnforcedSpendLimitReachedError)


class Anthropic:
    """One tenant's Claude: the shared connection pool with this tenant's own key."""

    def __init__(
        self, *, api_key: str, base_url: str | None, headers: tuple[tuple[str, str], ...] = (),
        allow_private: bool | None = None,
    ) -> None:  # fmt: skip
        ours = overriding("ANTHROPIC_CUSTOM_HEADERS", api_key=api_key, omit=anthropic.Omit())
        with sdk_http.readable_address():
            self._client = _shared(allow_private if base_url else None).copy(
                api_key=api_key,
                base_url=base_url or VENDOR_URL,
                set_default_headers={**ours, **dict(headers)},
            )

    def complete(self, request: Request) -> Completion:
        """Ask once; raises ProviderError or ProviderRejected. What to try next is the caller's decision."""
        try:
            answer = self._client.messages.create(**_body(request))
        except anthropic.APIError as error:
            raise _translated(error) from error
        except (json.JSONDecodeError, httpx2.HTTPError) as error:
            # A malformed 200 and a connection cut in the middle are no errors of the SDK's.
            unread = f"Claude's answer could not be read ({type(error).__name__})."
            raise ProviderError(unread, about=About.ANSWER) from error
        if not isinstance(answer, anthropic.types.Message) or not isinstance(answer.content, list):
            # A proxy's page with status 200 comes back as text, other JSON as a message without content.
            raise ProviderError("Claude's answer could not be read (not a message).", about=About.ANSWER)
        return _completion(answer, request)


@cache
def _shared(allow_private: bool | None) -> anthropic.Anthropic:
    """One pool for all tenants. Its own key is never used: every call is a copy with a tenant's key."""
    http = sdk_http.client(anthropic.DefaultHttpxClient, allow_private=allow_private)
    return anthropic.Anthropic(
        api_key="unset", base_url=VENDOR_URL, max_retries=0, http_client=http, open_telemetry=False
    )


def _body(request: Request) -> dict[str, Any]:
    asked = {"role": "user", "content": _question(request)}
    rounds = [message for one in request.rounds for message in _round(one)]
    body = {
        "model": request.model,
        "max_tokens": request.max_tokens,
        "timeout": request.timeout,
        "system": _system(request),
        "messages": [*_earlier(request), asked, *rounds],
    }
    if request.tools:  # first in what the vendor reads, so the mark on the rules keeps them, too
        body["tools"] = [_tool(spec) for spec in request.tools]
        body["tool_choice"] = {"type": "auto" if request.may_call else "none"}
    return body


def _system(request: Request) -> list[dict[str, Any]]:
    """The rules, marked for the vendor's cache, and behind the mark what holds for this question alone."""
    rules = {"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}
    return [rules, {"type": "text", "text": request.aside}] if request.aside else [rules]


def _tool(spec: ToolSpec) -> dict[str, Any]:
    told = {"name": spec.name, "description": spec.description, "input_schema": dict(spec.schema)}
    return {**told, "strict": True} if spec.strict else told


def _round(one: Round) -> list[dict[str, Any]]:
    """What it said and called, and then all results in one message, as the vendor wants them."""
    said = [{"type": "text", "text": one.text}] if one.text.strip() else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments or {})}
        for call in one.calls
    ]
    results = [
        {"type": "tool_result", "tool_use_id": r.call_id, "content": r.content or "…", "is_error": r.failed}
        for r in one.results
    ]
    return [{"role": "assistant", "content": [*said, *calls]}, {"role": "user", "content": results}]


def _earlier(request: Request) -> list[dict[str, Any]]:
    """The talk so far, beginning with the customer; a blank text is refused by the vendor."""
    said = [{"role": m.role, "content": m.text} for m in request.history[:-1] if m.text.strip()]
    while said and said[0]["role"] != "user":
        said = said[1:]
    return said


def _question(request: Request) -> list[dict[str, Any]]:
    passages = [_search_result(passage) for passage in request.passages]
    files = [_file(attachment) for attachment in request.attachments]
    return [*passages, *files, {"type": "text", "text": request.question.strip() or "…"}]


def _file(attachment: Attachment) -> dict[str, Any]:
    """An image or a document block. The vendor wants citations on all documents of a request, or on none."""
    data = {"type": "base64", "media_type": attachment.mimetype, "data": attachment.base64}
    if attachment.mimetype == PDF:
        return {"type": "document", "source": data, "citations": {"enabled": True}}
    return {"type": "image", "source": data}


def _search_result(passage: Passage) -> dict[str, Any]:
    """One block a sentence: a citation then names whole sentences, and nothing has to be parsed."""
    title = " › ".join(part for part in (passage.title, passage.heading) if part)
    return {
        "type": "search_result",
        "source": f"passage:{passage.ref}",
        "title": title or "…",
        "content": [{"type": "text", "text": text} for text in sentences.split(passage.text)],
        "citations": {"enabled": True},
    }


def _completion(answer: anthropic.types.Message, request: Request) -> Completion:
    if answer.stop_reason in DECLINED:
        raise ProviderRejected(DECLINED[answer.stop_reason])
    blocks = [block for block in answer.content if block.type == "text"]
    text = "".join(block.text for block in blocks).strip()
    if calls := _calls(answer, request):
        usage = _usage(answer.usage) if answer.usage else estimated(request, text)
        return Completion(text, usage, answer.model or request.model, stop_reason="tool_use", calls=calls)
    if not text or answer.stop_reason not in WHOLE:
        raise ProviderError(f"Claude gave no answer ({answer.stop_reason}).")
    said = [(block.text, _cited(block, request.passages)) for block in blocks]
    citations = _citations(said)
    whole = sentences.whole(text) if answer.stop_reason == "max_tokens" else text
    return Completion(
        text=whole,
        usage=_usage(answer.usage) if answer.usage else estimated(request, text),
        model=answer.model or request.model,
        citations=citations,
        spans=_spans(said, whole),
        stop_reason=answer.stop_reason,
        supported=bool(citations),
    )


def _calls(answer: anthropic.types.Message, request: Request) -> tuple[ToolCall, ...]:
    """What it wants run of what it was offered; one that was cut off is none."""
    if answer.stop_reason != "tool_use" or not (request.tools and request.may_call):
        return ()
    wanted = [block for block in answer.content if block.type == "tool_use"]
    return tuple(
        ToolCall(one.id, one.name, one.input if isinstance(one.input, dict) else None) for one in wanted
    )


def _cited(block: Any, passages: tuple[Passage, ...]) -> list[Citation]:
    """What a block names of the passages that were given; what was not given, or is not in it, is dropped."""
    found: list[Citation] = []
    for citation in block.citations or []:
        index = getattr(citation, "search_result_index", None)
        if index is None:
            continue  # of a customer's file, not of a passage
        quote = citation.cited_text or ""
        if 0 <= index < len(passages) and _stands_in(quote, passages[index].text):
            found.append(Citation(passage=index, quote=quote))
        else:
            log.warning("citation.invented", vendor="anthropic", passage=index, given=len(passages))
    return found


def _stands_in(quote: str, text: str) -> bool:
    """Whether these words stand there; the vendor joins the sentences of a quote without a space."""
    return "".join(quote.split()) in "".join(text.split())


def _citations(said: list[tuple[str, list[Citation]]]) -> tuple[Citation, ...]:
    """One a passage: the first place that the answer names there."""
    found: dict[int, Citation] = {}
    for citation in (one for _text, cited in said for one in cited):
        found.setdefault(citation.passage, citation)
    return tuple(found.values())


def _spans(said: list[tuple[str, list[Citation]]], text: str) -> tuple[Span, ...]:
    """Where in the text each block with citations stands; not those that were cut off with its end."""
    full = "".join(part for part, _cited in said)
    place = len(full.lstrip()) - len(full)  # the text begins after the blanks at its front
    spans: list[Span] = []
    for part, cited in said:
        start = place + len(part) - len(part.lstrip())
        end = start + len(part.strip())
        place += len(part)
        if cited and start < end <= len(text):
            spans.append(Span(start, end, tuple(dict.fromkeys(one.passage for one in cited))))
    return tuple(spans)


def _usage(usage: Any) -> Usage:
    return Usage(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=usage.cache_read_input_tokens or 0,
        cache_write_tokens=usage.cache_creation_input_tokens or 0,
    )


def _translated(error: anthropic.APIError) -> ProviderError:
    if isinstance(error, anthropic.APITimeoutError):
        return ProviderError("Claude took too long.", about=About.NETWORK)
    if isinstance(error, SPENT):
        return AccountRefused("Claude's spending limit for this key is reached.", about=About.MONEY)
    if not isinstance(error, anthropic.APIStatusError):
        away = ProviderError("Claude could not be reached.", about=About.NETWORK)
        return sdk_http.reason(error) or away
    # An error inside a stream comes with status 200; it is one that passes.
    if error.status_code in TEMPORARY or error.status_code == 200:
        wait = retry_after(error.response.headers)
        return ProviderError(f"Claude is busy ({error.status_code}).", retry_after=wait, about=About.BUSY)
    if error.status_code in ACCOUNT:
        about = About.MONEY if error.status_code == 402 else About.KEY
        return AccountRefused(f"Claude refused the key ({error.status_code}).", about=about)
    if error.status_code == 400 and NO_MONEY in str(error).lower():
        return AccountRefused("Claude's account has no credit left.", about=About.MONEY)
    about = missing(error.status_code, str(error))
    return ProviderRejected(f"Claude refused the request ({error.status_code}).", about=about)
