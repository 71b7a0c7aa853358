"""Google as a service account sees it: the key file, the door for tokens, and what its refusals mean.

What is to be read is shared with the account's address, as with a colleague. Redirects are not followed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import httpx

from providers.addresses import guarded
from providers.errors import AccountRefused, ProviderError, ProviderRejected, retry_after

TOKEN_URI = "https://oauth2.googleapis.com/token"
CONNECT_SECONDS = 4.0
ANSWER_SECONDS = 30.0
BUSY = {"rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded", "backendError"}
SWITCHED_OFF = {"accessNotConfigured", "SERVICE_DISABLED"}
# What no wire has seen: an address that is none.
IMPOSSIBLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)


class KeyRefused(AccountRefused):
    """Google does not take the key: it was deleted, or the account is switched off."""


@dataclass(frozen=True, slots=True)
class Account:
    """A service account: its address, and what Google's key file says that signing in needs."""

    email: str
    key: Mapping[str, str]

    @property
    def token_uri(self) -> str:
        return self.key["token_uri"]


def account(text: str) -> Account:
    """The account of a key file's text; raises ProviderRejected in words for who pasted it."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ProviderRejected("This is not the key file that Google made: it is no JSON.") from error
    if not isinstance(data, dict) or data.get("type") != "service_account":
        raise ProviderRejected("This is not the key file of a service account.")
    key = {name: str(data.get(name) or "") for name in ("client_email", "private_key", "private_key_id")}
    if "@" not in key["client_email"] or not key["private_key"]:
        raise ProviderRejected("This is not the key file of a service account.")
    key["token_uri"] = str(data.get("token_uri") or TOKEN_URI)
    made = Account(email=key["client_email"], key=key)
    _credentials(made, scope="")
    return made


def token(key: Account, *, scope: str, allow_private: bool) -> str:
    """A token for an hour, from the address that the key names. Raises KeyRefused, ProviderError."""
    from google.auth.exceptions import GoogleAuthError

    credentials = _credentials(key, scope=scope)
    try:
        credentials.refresh(_Asker(allow_private))
    except GoogleAuthError as error:
        raise KeyRefused("Google refused the key. It may have been deleted: make a new one.") from error
    except (ValueError, TypeError, AttributeError) as error:
        # What answered there is not Google's door for tokens.
        raise ProviderRejected("The address for tokens in the key file is not Google's.") from error
    return str(credentials.token)


def refusal(answer: httpx.Response, content: bytes) -> ProviderError | None:
    """What a refusal means that every service of Google knows; None for one of the service's own."""
    status, found = answer.status_code, reasons(content)
    if status == 429 or found & BUSY:
        return ProviderError("Google asks to wait.", retry_after=retry_after(answer.headers) or 60.0)
    if status >= 500:
        return ProviderError(f"Google failed ({status}).")
    if status == 401:
        return KeyRefused("Google refused the key. It may have been deleted: make a new one.")
    return None


def reasons(content: bytes) -> set[str]:
    """The words by which Google tells one refusal from another."""
    try:
        error = json.loads(content)["error"]
        listed = [*error.get("errors", []), *error.get("details", [])]
        return {str(one.get("reason")) for one in listed if isinstance(one, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()


@lru_cache(maxsize=3)
def http(allow_private: bool | None) -> httpx.Client:
    """`allow_private` None: the installation's own address of Google, which may be anywhere."""
    return httpx.Client(
        transport=guarded(allow_private=allow_private is None or allow_private),
        timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def capped(answer: httpx.Response, max_bytes: int) -> bytes:
    """The body, or one byte more than may be."""
    content = bytearray()
    for piece in answer.iter_bytes():
        content += piece
        if len(content) > max_bytes:
            break
    return bytes(content[: max_bytes + 1])


class _Asker:
    """How google-auth asks for a token: over the network that looks before it connects."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, **_: Any
    ) -> "_Told":
        try:
            with http(self._allow_private).stream(method, url, content=body, headers=headers) as answer:
                content = capped(answer, 64 * 1024)
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address for tokens in the key file is not Google's.") from error
        except httpx.HTTPError as error:
            raise ProviderError("Google cannot be reached.") from error
        if answer.status_code == 429 or answer.status_code >= 500:
            # Else google-auth would sleep and ask again, while a person waits for the page.
            raise ProviderError("Google asks to wait.", retry_after=retry_after(answer.headers) or 60.0)
        return _Told(answer.status_code, dict(answer.headers), content)


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer as google-auth reads it."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _credentials(key: Account, *, scope: str) -> Any:
    from google.auth.exceptions import GoogleAuthError
    from google.oauth2.service_account import Credentials

    try:
        return Credentials.from_service_account_info(dict(key.key), scopes=[scope])
    except (GoogleAuthError, ValueError, TypeError) as error:
        raise ProviderRejected("The private key in this file cannot be read. Copy it whole.") from error
