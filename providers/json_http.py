"""One JSON call to a vendor that has no SDK here, with a business's own key: bounded, and no redirects."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx2

from providers import sdk_http
from providers.errors import About, AccountRefused, ProviderError, ProviderRejected, missing, retry_after

CONNECT_SECONDS = 3.0
UNKNOWN = "The vendor knows no such model, or the address is not its own (404)."
ACCOUNT = {401, 402, 403, 498}
TEMPORARY = {408, 409, 425, 429, 499, 500, 502, 503, 504, 529}
SPENT = (b"insufficient_quota", b"quota_exceeded", b"billing")  # in a refusal's body: the purse, not the key


def post(
    url: str, body: dict[str, Any], *, api_key: str, seconds: float, allow_private: bool | None
) -> dict[str, Any]:
    """The answer's object. `seconds` bound it as a whole where the address is a business's own.

    Raises ProviderError (try again, with Retry-After when it was said), ProviderRejected or AccountRefused.
    """
    bearer = {"Authorization": f"Bearer {api_key}"}
    return _object(_post(url, body, headers=bearer, seconds=seconds, allow_private=allow_private))


def post_for_bytes(
    url: str, body: dict[str, Any], *, headers: Mapping[str, str], seconds: float, allow_private: bool | None
) -> tuple[str, bytes]:
    """The answer's media type and its bytes; raises as `post`. The key is one of the headers."""
    answer = _post(url, body, headers=headers, seconds=seconds, allow_private=allow_private)
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower(), answer.content


def _post(
    url: str, body: dict[str, Any], *, headers: Mapping[str, str], seconds: float, allow_private: bool | None
) -> httpx2.Response:
    timeout = httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
    try:
        with sdk_http.readable_address():
            answer = _client(allow_private).post(url, json=body, headers=dict(headers), timeout=timeout)
    except httpx2.TimeoutException as error:
        raise ProviderError("The vendor took too long.", about=About.NETWORK) from error
    except httpx2.HTTPError as error:
        reason = sdk_http.reason(error)
        raise reason or ProviderError("The vendor could not be reached.", about=About.NETWORK) from error
    if answer.status_code != 200:
        raise _refusal(answer)
    return answer


def by_index(answer: Any, several: str, one: str) -> list[Any]:
    """`[{index, <one>}]` under the key `several`, in the order of the indexes; each must be there once."""
    rows = answer.get(several) if isinstance(answer, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) and one in row for row in rows):
        raise ProviderError(f"The answer could not be read (no {several}).", about=About.ANSWER)
    places = [row.get("index", place) for place, row in enumerate(rows)]
    if not all(type(place) is int for place in places) or sorted(places) != list(range(len(rows))):
        raise ProviderError(
            f"The answer could not be read (the indexes of its {several}).", about=About.ANSWER
        )
    return [row[one] for _place, row in sorted(zip(places, rows, strict=True), key=lambda pair: pair[0])]


@cache
def _client(allow_private: bool | None) -> httpx2.Client:
    """One pool for all tenants; it carries no key of its own."""
    return sdk_http.client(httpx2.Client, allow_private=allow_private)


def _refusal(answer: httpx2.Response) -> ProviderError:
    status = answer.status_code
    if status in ACCOUNT:
        about = About.MONEY if status == 402 or _is_spent(answer) else About.KEY
        return AccountRefused(f"The vendor refused the key ({status}).", about=about)
    if status in TEMPORARY:
        wait = retry_after(answer.headers)
        return ProviderError(f"The vendor is busy ({status}).", retry_after=wait, about=About.BUSY)
    if status == 404:
        return ProviderRejected(UNKNOWN, about=About.MODEL)
    words = answer.content[:2000].decode("utf-8", "replace")
    refused = f"The vendor refused the request ({status})."
    return ProviderRejected(refused, about=missing(status, words))


def _is_spent(answer: httpx2.Response) -> bool:
    return any(word in answer.content for word in SPENT)


def _object(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found = json.loads(answer.content)
    except ValueError as error:
        raise ProviderError("The vendor's answer could not be read (no JSON).", about=About.ANSWER) from error
    if not isinstance(found, dict):
        raise ProviderError("The vendor's answer could not be read (no object).", about=About.ANSWER)
    return found
