"""WhatsApp Cloud API, Meta's own: the calls that we make, and what its errors mean. Contract: v26.0.

A send has no idempotency key. What becomes of it is told by status webhooks, which carry the reference that
we gave it (`biz_opaque_callback_data`): so a send whose answer was lost is recognised, and never repeated.
"""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from providers.errors import ProviderError, ProviderRejected, retry_after
from providers.whatsapp_errors import meaning

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 12.0
MANNERS_SECONDS = 3.0  # ticks and typing must not keep the answer waiting
UPLOAD_SECONDS = 60.0
FILE_SECONDS = 60.0
PAGES = 20  # of 100 templates each
MEDIA_HOST = "lookaside.fbsbx.com"  # where Meta hands out files
_POOL = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=30)
TEMPLATE_FIELDS = "name,language,status,category,components,rejected_reason,parameter_format"
NUMBER_FIELDS = "display_phone_number,verified_name,quality_rating,status,code_verification_status"


@lru_cache(maxsize=1)
def _http() -> httpx.Client:
    """One pool for all businesses. Redirects are not followed: they could carry the token elsewhere."""
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    return httpx.Client(timeout=timeout, limits=_POOL, follow_redirects=False, trust_env=False)


def client(*, url: str, version: str, phone_number_id: str, waba_id: str = "", token: str) -> "Cloud":
    """One number at this address of the Graph API."""
    return Cloud(
        base=f"{url.rstrip('/')}/{version}", phone_number_id=phone_number_id, waba_id=waba_id, token=token
    )


@dataclass(frozen=True, slots=True)
class Number:
    """What WhatsApp says of a phone number. `status` is its word: CONNECTED, PENDING, FLAGGED and so on."""

    status: str
    display: str = ""
    name: str = ""
    quality: str = ""


class Cloud:
    """Calls for one number. Each raises ProviderError (try again) or ProviderRejected (stop)."""

    def __init__(self, *, base: str, phone_number_id: str, waba_id: str, token: str) -> None:
        self._base, self._number, self._waba = base, quote(phone_number_id, safe=""), quote(waba_id, safe="")
        self._headers = {"Authorization": f"Bearer {token}"}

    # -- messages; each returns the id that WhatsApp gave

    def send(
        self, *, to: str, kind: str, content: Mapping[str, Any], reply_to: str = "", reference: str = ""
    ) -> str:
        """Send a message of this kind; `to` is a phone number or a business-scoped user id."""
        body: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **_recipient(to),
            "type": kind,
            kind: dict(content),
        }
        if reply_to:
            body["context"] = {"message_id": reply_to}
        if reference:
            body["biz_opaque_callback_data"] = reference
        answer = self._call("POST", f"/{self._number}/messages", json=body, sends=True)
        return _message_id(answer)

    def send_text(self, *, to: str, text: str, reply_to: str = "", reference: str = "") -> str:
        content = {"body": text, "preview_url": False}
        return self.send(to=to, kind="text", content=content, reply_to=reply_to, reference=reference)

    def send_media(
        self,
        *,
        to: str,
        kind: str,
        media_id: str,
        caption: str = "",
        filename: str = "",
        voice: bool = False,
        reply_to: str = "",
        reference: str = "",
    ) -> str:
        """An uploaded file as image, audio, video, document or sticker; only three of them take a caption."""
        content: dict[str, Any] = {"id": media_id}
        if caption and kind in ("image", "video", "document"):
            content["caption"] = caption
        if filename and kind == "document":
            content["filename"] = filename
        if voice and kind == "audio":
            content["voice"] = True
        return self.send(to=to, kind=kind, content=content, reply_to=reply_to, reference=reference)

    def send_location(
        self, *, to: str, latitude: float, longitude: float, title: str = "", reference: str = ""
    ) -> str:
        content = {"latitude": latitude, "longitude": longitude} | ({"name": title} if title else {})
        return self.send(to=to, kind="location", content=content, reference=reference)

    def send_list(
        self,
        *,
        to: str,
        text: str,
        button: str,
        rows: Sequence[Mapping[str, str]],
        reply_to: str = "",
        reference: str = "",
    ) -> str:
        """Up to ten rows of {id, title, description?} behind a button."""
        content = {
            "type": "list",
            "body": {"text": text[:4096]},
            "action": {"button": button[:20], "sections": [{"rows": [_row(row) for row in rows[:10]]}]},
        }
        return self.send(to=to, kind="interactive", content=content, reply_to=reply_to, reference=reference)

    def send_buttons(
        self,
        *,
        to: str,
        text: str,
        buttons: Sequence[Mapping[str, str]],
        reply_to: str = "",
        reference: str = "",
    ) -> str:
        """Up to three buttons of {id, title}."""
        replies = [{"id": one["id"][:256], "title": one["title"][:20]} for one in buttons[:3]]
        content = {
            "type": "button",
            "body": {"text": text[:1024]},
            "action": {"buttons": [{"type": "reply", "reply": reply} for reply in replies]},
        }
        return self.send(to=to, kind="interactive", content=content, reply_to=reply_to, reference=reference)

    def send_template(
        self, *, to: str, name: str, language: str, components: Sequence[Any], reference: str = ""
    ) -> str:
        """An approved template with its blanks filled in."""
        content = {"name": name, "language": {"code": language}, "components": list(components)}
        return self.send(to=to, kind="template", content=content, reference=reference)

    def send_reaction(self, *, to: str, message_id: str, text: str) -> str:
        """React to a message; an empty text takes the reaction away."""
        return self.send(to=to, kind="reaction", content={"message_id": message_id, "emoji": text})

    # -- manners

    def mark_read(self, *, message_id: str, typing: bool = False) -> None:
        """Blue ticks, and with `typing` the three dots for 25 seconds or until we answer."""
        body: dict[str, Any] = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        if typing:
            body["typing_indicator"] = {"type": "text"}
        self._call("POST", f"/{self._number}/messages", json=body, timeout=MANNERS_SECONDS)

    # -- files

    def upload(self, content: bytes, *, mimetype: str, filename: str) -> str:
        """Give WhatsApp a file to send; returns its media id, good for 30 days."""
        form = {"messaging_product": "whatsapp", "type": mimetype}
        files = {"file": (filename or "file", content, mimetype)}
        answer = self._call("POST", f"/{self._number}/media", data=form, files=files, timeout=UPLOAD_SECONDS)
        if not (media_id := str(answer.get("id") or "")):
            raise ProviderError("WhatsApp took the file and did not say under which id.")
        return media_id

    def download(self, media_id: str, *, max_bytes: int) -> bytes:
        """The file behind a media id; from Meta's own hosts only, whatever the answer names."""
        found = self._call("GET", f"/{quote(media_id, safe='')}", params={"phone_number_id": self._number})
        if isinstance(size := found.get("file_size"), int) and size > max_bytes:
            raise ProviderRejected("The file is too large.")
        content = self._bytes(_pinned(self._base, str(found.get("url") or "")), max_bytes=max_bytes)
        _check_digest(content, str(found.get("sha256") or ""))
        return content

    def _bytes(self, url: str, *, max_bytes: int) -> bytes:
        until = time.monotonic() + FILE_SECONDS
        try:
            with _http().stream("GET", url, headers=self._headers) as response:
                _check(response, sends=False)
                return b"".join(_capped(response, max_bytes, until=until))
        except IMPOSSIBLE as error:
            raise ProviderRejected("The file has no address that can be used.") from error
        except httpx.HTTPError as error:
            raise ProviderError(f"The file could not be fetched ({type(error).__name__}).") from error

    # -- the account

    def templates(self) -> list[dict[str, Any]]:
        """Every message template of the business account, as Meta words it."""
        found: list[dict[str, Any]] = []
        params = {"fields": TEMPLATE_FIELDS, "limit": "100"}
        for _page in range(PAGES):
            answer = self._call("GET", f"/{self._waba}/message_templates", params=params)
            data = answer.get("data")
            found += [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
            if not (after := _next_cursor(answer)):
                break
            params = params | {"after": after}
        return found

    def number(self) -> Number:
        """A real round trip: what WhatsApp says of this number."""
        answer = self._call("GET", f"/{self._number}", params={"fields": NUMBER_FIELDS})
        return Number(
            status=str(answer.get("status") or ""),
            display=str(answer.get("display_phone_number") or "")[:40],
            name=str(answer.get("verified_name") or "")[:80],
            quality=str(answer.get("quality_rating") or "")[:20],
        )

    def deliver_to(self, *, url: str, verify_token: str) -> None:
        """Have this number's webhooks delivered to a URL; WhatsApp knocks there at once to verify it."""
        self._call("POST", f"/{self._waba}/subscribed_apps")
        override = {"override_callback_uri": url, "verify_token": verify_token}
        self._call("POST", f"/{self._number}", json={"webhook_configuration": override})

    # -- the wire

    def _call(self, method: str, path: str, *, sends: bool = False, **content: Any) -> dict[str, Any]:
        try:
            response = _http().request(method, f"{self._base}{path}", headers=self._headers, **content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderError("WhatsApp cannot be reached.") from error
        except IMPOSSIBLE as error:
            raise ProviderRejected(
                "The access token or the number of this channel cannot be used."
            ) from error
        except httpx.HTTPError as error:
            # The request had left: what it asked for may have been done.
            reason = f"WhatsApp did not answer ({type(error).__name__})."
            raise ProviderError(reason, outcome_unknown=sends) from error
        _check(response, sends=sends)
        return _decoded(response)


class AccessRefused(ProviderRejected):
    """The access token is not good (any more), or may not do this."""


# What no wire has seen: an address that is none, a token that is no header.
IMPOSSIBLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, UnicodeError)


def _recipient(to: str) -> dict[str, str]:
    """A phone number goes as `to`; who has none here is named by the business-scoped user id."""
    return {"to": to} if to.lstrip("+").isdigit() else {"recipient": to}


def _row(row: Mapping[str, str]) -> dict[str, str]:
    shown = {"id": row["id"][:200], "title": row["title"][:24]}
    return shown | ({"description": row["description"][:72]} if row.get("description") else {})


def _message_id(answer: Mapping[str, Any]) -> str:
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else {}
    return str(first.get("id") or "")[:200] if isinstance(first, dict) else ""


def _next_cursor(answer: Mapping[str, Any]) -> str:
    paging = answer.get("paging")
    if not isinstance(paging, dict) or not paging.get("next") or not isinstance(paging.get("cursors"), dict):
        return ""
    return str(paging["cursors"].get("after") or "")


def _check(response: httpx.Response, *, sends: bool) -> None:
    """Say what an error means for us: by Meta's own code first, then by the status."""
    if response.status_code < 300:
        return
    response.read()
    error = _decoded(response).get("error")
    meant, wait = meaning(error), retry_after(response.headers)
    if meant.again_in is not None:
        raise ProviderError(meant.words, retry_after=wait or meant.again_in)
    if meant.is_about_access:
        raise AccessRefused(meant.words)
    if meant.is_unsure or (response.status_code >= 500 and not isinstance(error, dict)):
        raise ProviderError("WhatsApp failed, and may have sent it.", retry_after=wait, outcome_unknown=sends)
    if response.status_code == 429 or response.status_code >= 500:
        raise ProviderError(
            meant.words, retry_after=wait or 5.0, outcome_unknown=sends and response.status_code >= 500
        )
    raise ProviderRejected(meant.words)


def _decoded(response: httpx.Response) -> dict[str, Any]:
    try:
        found = response.json() if response.content else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _pinned(base: str, url: str) -> str:
    """The URL of a file, when it leads to Meta: the token goes with it, so nobody else may be asked."""
    try:
        parts, ours = urlsplit(url), urlsplit(base)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ProviderRejected("The file has no address that can be used.") from error
    at_meta = parts.scheme == "https" and host == MEDIA_HOST and port in (None, 443)
    at_base = (parts.scheme, host, port) == (ours.scheme, ours.hostname, ours.port)
    if not (at_meta or at_base) or parts.username is not None:
        raise ProviderRejected("The file is not at WhatsApp, and is not fetched.")
    return url


def _capped(response: httpx.Response, max_bytes: int, *, until: float) -> Iterator[bytes]:
    """The body in pieces, unless it is too large or comes too slowly. `until` is on the monotonic clock."""
    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > max_bytes:
            raise ProviderRejected("The file is too large.")
        if time.monotonic() > until:
            raise ProviderError("The file came too slowly.")
        yield piece


def _check_digest(content: bytes, digest: str) -> None:
    """A file cut in the middle has another digest. Meta writes it in hex."""
    if len(digest) == 64 and hashlib.sha256(content).hexdigest() != digest.lower():
        raise ProviderError("The file did not come whole.")
