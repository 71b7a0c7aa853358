"""A WAHA gateway: the dozen calls that we make, and what its errors mean. Contract: WAHA 2026.7.1."""

import time
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from providers.errors import ProviderError, ProviderRejected, retry_after

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 12.0
MANNERS_SECONDS = 4.0  # a gateway that hangs on the ticks must not keep the answer waiting
FILE_SECONDS = 60.0
# Node closes an idle connection after five seconds. One that closes while we send looks like a lost answer.
_POOL = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=4)


@lru_cache(maxsize=1)
def _http() -> httpx.Client:
    """One pool for all gateways. Redirects are not followed: a gateway has no reason to send us elsewhere."""
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, limits=_POOL, follow_redirects=False, trust_env=False)


def client(*, base_url: str, api_key: str) -> "Waha":
    """The gateway at this address with this key."""
    return Waha(base_url=base_url.rstrip("/"), api_key=api_key)


class Waha:
    """Calls to one gateway. Each raises ProviderError (try again) or ProviderRejected (stop)."""

    def __init__(self, *, base_url: str, api_key: str) -> None:
        self._base = base_url
        self._headers = {"X-Api-Key": api_key}

    def send_text(self, *, session: str, chat_id: str, text: str, message_id: str = "") -> str:
        """Send; returns the unique id of the message. With `message_id` it is the one that we chose."""
        body: dict[str, Any] = {"session": session, "chatId": chat_id, "text": text, "linkPreview": False}
        if message_id:
            body["id"] = message_id
        return unique_id_of(self._call("POST", "/api/sendText", json=body, sends=True)) or message_id

    def send_seen(self, *, session: str, chat_id: str) -> None:
        self._be_polite("sendSeen", session, chat_id)

    def start_typing(self, *, session: str, chat_id: str) -> None:
        self._be_polite("startTyping", session, chat_id)

    def stop_typing(self, *, session: str, chat_id: str) -> None:
        self._be_polite("stopTyping", session, chat_id)

    def get_message(self, *, session: str, chat_id: str, message_id: str) -> dict[str, Any] | None:
        """One of our messages by its unique id, or None when the gateway has none such."""
        full = quote(f"true_{chat_id}_{message_id}", safe="")
        path = f"/api/{quote(session, safe='')}/chats/{quote(chat_id, safe='')}/messages/{full}"
        try:
            found = self._call("GET", path)
        except NotFound:
            return None
        return found if isinstance(found, dict) and found else None

    def check_exists(self, *, session: str, phone: str) -> str | None:
        """The chat id of a phone number, or None. Never build one from digits: old numbers lack a 9."""
        answer = self._call("GET", "/api/contacts/check-exists", params={"phone": phone, "session": session})
        if not isinstance(answer, dict) or not answer.get("numberExists"):
            return None
        return str(answer.get("chatId") or "") or None

    def session_status(self, *, session: str) -> str:
        """WORKING, SCAN_QR_CODE, STOPPED and so on, in the gateway's words."""
        answer = self._call("GET", f"/api/sessions/{quote(session, safe='')}")
        return str(answer.get("status") or "") if isinstance(answer, dict) else ""

    def download_media(self, url: str, *, max_bytes: int) -> bytes:
        """The file behind a media URL: its path at this gateway, whatever host the URL names."""
        target = _at(self._base, url)
        try:
            with _http().stream("GET", target, headers=self._headers) as response:
                _check(response, sends=False)
                return _capped(response, max_bytes, until=time.monotonic() + FILE_SECONDS)
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address or the key of the gateway cannot be used.") from error
        except httpx.HTTPError as error:
            raise ProviderError(f"The file could not be fetched ({type(error).__name__}).") from error

    def _be_polite(self, call: str, session: str, chat_id: str) -> None:
        body = {"session": session, "chatId": chat_id}
        self._call("POST", f"/api/{call}", json=body, timeout=MANNERS_SECONDS)

    def _call(self, method: str, path: str, *, sends: bool = False, **content: Any) -> Any:
        try:
            response = _http().request(method, f"{self._base}{path}", headers=self._headers, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderError("The gateway cannot be reached.") from error
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address or the key of the gateway cannot be used.") from error
        except httpx.HTTPError as error:
            # The request had left: what it asked for may have been done.
            reason = f"The gateway did not answer ({type(error).__name__})."
            raise ProviderError(reason, outcome_unknown=sends) from error
        _check(response, sends=sends)
        return _decoded(response)


class NotFound(ProviderRejected):
    """The gateway has no such session, chat or message."""


# What no wire has seen: an address that is none, a key that is no header.
IMPOSSIBLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)


def _at(base: str, url: str) -> str:
    """The same path and query at our gateway. Only a path may follow the base: "@host" would name another."""
    try:
        parts, ours = urlsplit(url), urlsplit(base)
    except ValueError as error:
        raise ProviderRejected("The file has no address that can be used.") from error
    if not parts.path.startswith("/"):
        raise ProviderRejected("The file has no address that can be used.")
    # A gateway behind a path of a proxy names that path in its own URLs too.
    path = parts.path.removeprefix(ours.path) if parts.path.startswith(f"{ours.path}/") else parts.path
    return f"{base}{path}" + (f"?{parts.query}" if parts.query else "")


def _check(response: httpx.Response, *, sends: bool) -> None:
    """Say what an error status means for us."""
    status = response.status_code
    if status < 300:
        return
    response.read()
    if status == 404:
        raise NotFound("The gateway knows no such session or message.")
    if status == 422:
        raise ProviderError("The gateway's session is not working.", retry_after=5.0)
    if status == 429:
        raise ProviderError("The gateway asks to wait.", retry_after=retry_after(response.headers) or 5.0)
    if status >= 500:
        raise _engine_failure(response, sends=sends)
    raise ProviderRejected(f"The gateway refused ({status}).")


def _engine_failure(response: httpx.Response, *, sends: bool) -> ProviderError:
    if "error 463" in response.text:
        return ProviderRejected("WhatsApp does not let this number write first to this person (time lock).")
    # The engine failed somewhere after it took the message: it may have left.
    return ProviderError(f"The gateway failed ({response.status_code}).", outcome_unknown=sends)


def _decoded(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else {}
    except ValueError:
        return {}


def _capped(response: httpx.Response, max_bytes: int, *, until: float) -> bytes:
    """The body, unless it is too large or comes too slowly. `until` is on the monotonic clock."""
    content = bytearray()
    for piece in response.iter_bytes():
        content += piece
        if len(content) > max_bytes:
            raise ProviderRejected("The file is too large.")
        if time.monotonic() > until:
            raise ProviderError("The file came too slowly.")
    return bytes(content)


def unique_id_of(answer: Any) -> str:
    """The message's unique id in the answer of any engine: GOWS, NOWEB, WEBJS."""
    if not isinstance(answer, dict):
        return ""
    if isinstance(key := answer.get("key"), dict):
        return str(key.get("id") or "")
    found = answer.get("id")
    if isinstance(found, dict):
        found = found.get("_serialized") or found.get("id") or ""
    parts = str(found or "").split("_")
    return parts[2] if len(parts) >= 3 else str(found or "")
