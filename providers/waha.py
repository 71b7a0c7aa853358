"""A WAHA gateway: the calls that we make, and what its errors mean. Contract: WAHA 2026.7.1.

tests/providers/test_waha_contract.py holds every body that is sent here against the vendor's own document.
"""

import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from providers.addresses import guarded
from providers.errors import ProviderError, ProviderRejected, retry_after

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 12.0
MANNERS_SECONDS = 4.0  # a gateway that hangs on the ticks must not keep the answer waiting
FILE_SECONDS = 60.0
LOOK_BACK = 30  # messages of a chat that are looked through for one of ours
# What a session tells us of. Not "message": "message.any" has it too, and the owner's own words besides.
EVENTS = (
    "session.status", "message.any", "message.ack", "message.reaction", "message.edited", "message.revoked",
    "poll.vote", "call.received", "presence.update",
)  # fmt: skip
# Node closes an idle connection after five seconds. One that closes while we send looks like a lost answer.
_POOL = httpx.Limits(max_connections=64, max_keepalive_connections=32, keepalive_expiry=4)


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a gateway says of a session: its state, and whose number it is once it is paired.

    `me` is the number's chat id, `lid` its hidden id; `timelock` and `capping` are what it tells of
    WhatsApp's restrictions, empty when nothing is.
    """

    status: str
    me: str = ""
    lid: str = ""
    name: str = ""
    engine: str = ""
    webhooks: tuple[str, ...] = ()
    timelock: Mapping[str, Any] = field(default_factory=dict)
    capping: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A file to send."""

    content: bytes
    mimetype: str
    filename: str

    @property
    def body(self) -> dict[str, str]:
        data = base64.b64encode(self.content).decode()
        return {"mimetype": self.mimetype, "filename": self.filename, "data": data}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list that the customer can choose."""

    id: str
    title: str
    description: str = ""

    @property
    def body(self) -> dict[str, str | None]:
        return {"rowId": self.id, "title": self.title, "description": self.description or None}


@lru_cache(maxsize=2)
def _http(allow_private: bool) -> httpx.Client:
    """One pool for all gateways. Redirects are not followed: a gateway has no reason to send us elsewhere."""
    timeout = httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
    transport = guarded(allow_private=allow_private, limits=_POOL)
    return httpx.Client(timeout=timeout, transport=transport, follow_redirects=False, trust_env=False)


def client(*, base_url: str, api_key: str, allow_private: bool = False) -> "Waha":
    """The gateway at this address with this key; one in a private network only when that is allowed."""
    return Waha(base_url=base_url.rstrip("/"), api_key=api_key, allow_private=allow_private)


class Waha:
    """Calls to one gateway. Each raises ProviderError (try again) or ProviderRejected (stop).

    A chat id is `digits@c.us` or `digits@lid`; a message's unique id is the third part of its full id.
    """

    def __init__(self, *, base_url: str, api_key: str, allow_private: bool = False) -> None:
        self._base = base_url
        self._headers = {"X-Api-Key": api_key}
        self._allow_private = allow_private

    # -- what is sent; each returns the unique id of the message

    def send_text(
        self, *, session: str, chat_id: str, text: str, message_id: str = "", reply_to: str = ""
    ) -> str:
        """With `message_id` the message has the id that we chose. `reply_to` is a full id."""
        body = {"text": text, "linkPreview": False, "id": message_id, "reply_to": reply_to}
        return self._send("sendText", session, chat_id, body) or message_id

    def send_image(
        self, *, session: str, chat_id: str, file: File, caption: str = "", reply_to: str = ""
    ) -> str:
        body = {"file": file.body, "caption": caption, "reply_to": reply_to}
        return self._send("sendImage", session, chat_id, body, timeout=FILE_SECONDS)

    def send_file(
        self, *, session: str, chat_id: str, file: File, caption: str = "", reply_to: str = ""
    ) -> str:
        body = {"file": file.body, "caption": caption, "reply_to": reply_to}
        return self._send("sendFile", session, chat_id, body, timeout=FILE_SECONDS)

    def send_video(
        self, *, session: str, chat_id: str, file: File, caption: str = "", reply_to: str = ""
    ) -> str:
        """The gateway converts what is no MP4."""
        convert = not file.mimetype.startswith("video/mp4")
        body = {"file": file.body, "caption": caption, "convert": convert, "reply_to": reply_to}
        return self._send("sendVideo", session, chat_id, body, timeout=FILE_SECONDS)

    def send_voice(self, *, session: str, chat_id: str, file: File, reply_to: str = "") -> str:
        """The gateway converts what is no OGG with Opus: else the phone shows a file and not a voice note."""
        is_opus = file.mimetype.startswith("audio/ogg")
        mimetype = "audio/ogg; codecs=opus" if is_opus else file.mimetype
        body = {"file": {**file.body, "mimetype": mimetype}, "convert": not is_opus, "reply_to": reply_to}
        return self._send("sendVoice", session, chat_id, body, timeout=FILE_SECONDS)

    def send_location(
        self, *, session: str, chat_id: str, latitude: float, longitude: float, title: str,
        message_id: str = "", reply_to: str = "",
    ) -> str:  # fmt: skip
        """Degrees."""
        place = {"latitude": latitude, "longitude": longitude, "title": title}
        return self._send("sendLocation", session, chat_id, {**place, "id": message_id, "reply_to": reply_to})

    def send_list(
        self, *, session: str, chat_id: str, title: str, text: str, button: str, rows: Sequence[Row],
        reply_to: str = "",
    ) -> str:  # fmt: skip
        """A list that opens at a button: the NOWEB and GOWS engines have it, and it may stop working."""
        section = {"title": title, "rows": [row.body for row in rows]}
        message = {"title": title, "description": text, "button": button, "sections": [section]}
        return self._send("sendList", session, chat_id, {"message": message, "reply_to": reply_to})

    def send_poll(
        self, *, session: str, chat_id: str, name: str, options: Sequence[str], several: bool = False,
        message_id: str = "", reply_to: str = "",
    ) -> str:  # fmt: skip
        poll = {"name": name, "options": list(options), "multipleAnswers": several}
        return self._send(
            "sendPoll", session, chat_id, {"poll": poll, "id": message_id, "reply_to": reply_to}
        )

    # -- what changes a message; `full_id` is `{fromMe}_{chat}_{unique}`

    def react(self, *, session: str, full_id: str, reaction: str) -> None:
        """An empty reaction takes it away."""
        body = {"session": session, "messageId": full_id, "reaction": reaction}
        self._call("PUT", "/api/reaction", json=body)

    def edit_message(self, *, session: str, chat_id: str, full_id: str, text: str) -> None:
        body = {"text": text, "linkPreview": False}
        self._call("PUT", f"{_chat_path(session, chat_id)}/messages/{_quoted(full_id)}", json=body)

    def delete_message(self, *, session: str, chat_id: str, full_id: str) -> None:
        """For everybody."""
        self._call("DELETE", f"{_chat_path(session, chat_id)}/messages/{_quoted(full_id)}")

    # -- manners

    def send_seen(self, *, session: str, chat_id: str) -> None:
        self._be_polite("sendSeen", session, chat_id)

    def start_typing(self, *, session: str, chat_id: str) -> None:
        self._be_polite("startTyping", session, chat_id)

    def stop_typing(self, *, session: str, chat_id: str) -> None:
        self._be_polite("stopTyping", session, chat_id)

    def watch_presence(self, *, session: str, chat_id: str) -> None:
        """Have it told (`presence.update`) when this person types, until the session connects anew."""
        path = f"/api/{_quoted(session)}/presence/{_quoted(chat_id)}/subscribe"
        self._call("POST", path, timeout=MANNERS_SECONDS)

    # -- what is asked

    def get_message(
        self, *, session: str, chat_id: str, message_id: str, from_me: bool = True, download: bool = False
    ) -> dict[str, Any] | None:
        """One message by its unique id, or None when the gateway has none such.

        With `download` the gateway fetches its file again, and names it in `media.url`.
        """
        full = full_id(chat_id, message_id, from_me=from_me)
        path = f"{_chat_path(session, chat_id)}/messages/{_quoted(full)}"
        wait = FILE_SECONDS if download else ANSWER_SECONDS
        try:
            found = self._call(
                "GET", path, params={"downloadMedia": "true" if download else "false"}, timeout=wait
            )
        except NotFound:
            return None
        return found if isinstance(found, dict) and found else None

    def sent_since(self, *, session: str, chat_id: str, since: float) -> list[dict[str, Any]]:
        """Our latest messages of a chat from this moment on (seconds since 1970), the newest first."""
        wanted = {
            "limit": LOOK_BACK, "downloadMedia": "false", "sortOrder": "desc", "filter.fromMe": "true",
            "filter.timestamp.gte": int(since),
        }  # fmt: skip
        found = self._call("GET", f"{_chat_path(session, chat_id)}/messages", params=wanted)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def check_exists(self, *, session: str, phone: str) -> str | None:
        """The chat id of a phone number, or None. Never build one from digits: old numbers lack a 9."""
        answer = self._call("GET", "/api/contacts/check-exists", params={"phone": phone, "session": session})
        if not isinstance(answer, dict) or not answer.get("numberExists"):
            return None
        return str(answer.get("chatId") or "") or None

    def number_of(self, *, session: str, lid: str) -> str:
        """The chat id with the number (`digits@c.us`) behind a hidden id; empty when it is not known."""
        return self._pair(f"/api/{_quoted(session)}/lids/{_quoted(lid)}").get("pn") or ""

    def download_media(self, url: str, *, max_bytes: int) -> bytes:
        """The file behind a media URL: its path at this gateway, whatever host the URL names."""
        target = _at(self._base, url)
        try:
            with _http(self._allow_private).stream("GET", target, headers=self._headers) as response:
                _check(response, sends=False)
                return _capped(response, max_bytes, until=time.monotonic() + FILE_SECONDS)
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address or the key of the gateway cannot be used.") from error
        except httpx.HTTPError as error:
            raise ProviderError(f"The file could not be fetched ({type(error).__name__}).") from error

    # -- the session

    def create_session(
        self,
        *,
        session: str,
        webhook_url: str,
        hmac_key: str,
        metadata: Mapping[str, str],
        start: bool = True,
    ) -> None:
        """Make it and begin to pair; raises AlreadyThere."""
        config = session_config(webhook_url=webhook_url, hmac_key=hmac_key, metadata=metadata)
        self._call("POST", "/api/sessions", json={"name": session, "start": start, "config": config})

    def update_session(
        self, *, session: str, webhook_url: str, hmac_key: str, metadata: Mapping[str, str]
    ) -> None:
        """Give it our settings; it starts again when it runs."""
        config = session_config(webhook_url=webhook_url, hmac_key=hmac_key, metadata=metadata)
        self._call("PUT", _session_path(session), json={"config": config})

    def get_session(self, *, session: str) -> SessionInfo:
        """What the gateway says of it; raises NotFound. A real round trip: the heartbeat."""
        return _session_info(self._call("GET", _session_path(session)))

    def start_session(self, *, session: str) -> None:
        self._call("POST", f"{_session_path(session)}/start")

    def stop_session(self, *, session: str) -> None:
        self._call("POST", f"{_session_path(session)}/stop")

    def restart_session(self, *, session: str) -> None:
        self._call("POST", f"{_session_path(session)}/restart")

    def logout_session(self, *, session: str) -> None:
        """Drop the pairing; the session stays."""
        self._call("POST", f"{_session_path(session)}/logout")

    def delete_session(self, *, session: str) -> None:
        """Drop the pairing and the session."""
        self._call("DELETE", _session_path(session))

    def timelock(self, *, session: str) -> dict[str, Any]:
        """Until when WhatsApp keeps this number from writing first; empty when it does not or cannot tell."""
        return self._restriction(session, "timelock")

    # -- pairing

    def qr_image(self, *, session: str) -> bytes:
        """The code to scan, as PNG; raises ProviderError when the session does not show one now."""
        return self._call("GET", f"{_auth_path(session)}/qr", params={"format": "image"}, raw=True)

    def request_code(self, *, session: str, phone: str) -> str:
        """A code to type on the phone with this number (digits) instead of scanning."""
        answer = self._call("POST", f"{_auth_path(session)}/request-code", json={"phoneNumber": phone})
        return str(answer.get("code") or "") if isinstance(answer, dict) else ""

    def passkey_code(self, *, session: str) -> str:
        """The code to compare with the phone's while the session is PASSKEY_CONFIRMATION_REQUIRED."""
        return str(self._found(f"{_auth_path(session)}/passkey/confirmation").get("code") or "")

    def passkey_confirm(self, *, session: str) -> None:
        """The owner saw the same code on the phone."""
        self._call("POST", f"{_auth_path(session)}/passkey/confirm")

    # -- the wire

    def _send(self, call: str, session: str, chat_id: str, body: Mapping[str, Any], **options: Any) -> str:
        """Fields that are empty are not sent: the gateway would take "" for a value."""
        said = {key: value for key, value in body.items() if value != ""}
        whole = {"session": session, "chatId": chat_id, **said}
        return unique_id_of(self._call("POST", f"/api/{call}", json=whole, sends=True, **options))

    def _be_polite(self, call: str, session: str, chat_id: str) -> None:
        body = {"session": session, "chatId": chat_id}
        self._call("POST", f"/api/{call}", json=body, timeout=MANNERS_SECONDS)

    def _found(self, path: str, **content: Any) -> dict[str, Any]:
        answer = self._call("GET", path, headers={"Accept": "application/json"}, **content)
        return answer if isinstance(answer, dict) else {}

    def _pair(self, path: str) -> dict[str, str]:
        """A hidden id and its number, as far as the gateway knows them."""
        try:
            found = self._found(path)
        except NotFound:
            return {}
        return {key: str(value) for key, value in found.items() if value}

    def _restriction(self, session: str, name: str) -> dict[str, Any]:
        try:
            return self._found(f"{_session_path(session)}/{name}")
        except NotFound:  # a gateway from before August 2026
            return {}

    def _call(
        self, method: str, path: str, *, sends: bool = False, raw: bool = False,
        headers: Mapping[str, str] | None = None, **content: Any,
    ) -> Any:  # fmt: skip
        try:
            response = _http(self._allow_private).request(
                method, f"{self._base}{path}", headers={**self._headers, **(headers or {})}, **content
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise ProviderError("The gateway cannot be reached.") from error
        except IMPOSSIBLE as error:
            raise ProviderRejected("The address or the key of the gateway cannot be used.") from error
        except httpx.HTTPError as error:
            # The request had left: what it asked for may have been done.
            reason = f"The gateway did not answer ({type(error).__name__})."
            raise ProviderError(reason, outcome_unknown=sends) from error
        _check(response, sends=sends)
        return response.content if raw else _decoded(response)


def session_config(*, webhook_url: str, hmac_key: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Our settings of a session: where it delivers, how it signs, what it leaves out.

    Deliveries are tried again for about an hour, ever more rarely: WAHA forgets what it gives up.
    """
    webhook = {
        "url": webhook_url,
        "events": list(EVENTS),
        "hmac": {"key": hmac_key},
        "retries": {"policy": "exponential", "delaySeconds": 2, "attempts": 11},
    }
    return {
        "metadata": dict(metadata),
        "webhooks": [webhook],
        "ignore": dict.fromkeys(("status", "groups", "channels", "broadcast"), True),
        # Marked as online, we would keep the owner's phone from ringing.
        "noweb": {"markOnline": False, "store": {"enabled": True, "fullSync": False}},
    }


def full_id(chat_id: str, unique_id: str, *, from_me: bool) -> str:
    """The id of a message as the gateway's calls want it."""
    return f"{'true' if from_me else 'false'}_{chat_id}_{unique_id}"


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _session_path(session: str) -> str:
    return f"/api/sessions/{_quoted(session)}"


def _auth_path(session: str) -> str:
    return f"/api/{_quoted(session)}/auth"


def _chat_path(session: str, chat_id: str) -> str:
    return f"/api/{_quoted(session)}/chats/{_quoted(chat_id)}"


def _session_info(answer: Any) -> SessionInfo:
    """Read leniently: `me` is null until it is paired, and fields come and go with the version."""
    told: dict[str, Any] = answer if isinstance(answer, dict) else {}
    me, engine = _part(told, "me"), told.get("engine")
    webhooks = _part(told, "config").get("webhooks")
    return SessionInfo(
        status=str(told.get("status") or ""),
        me=str(me.get("id") or ""),
        lid=str(me.get("lid") or ""),
        name=str(me.get("pushName") or ""),
        engine=str((engine.get("engine") if isinstance(engine, dict) else engine) or ""),
        webhooks=tuple(str(one.get("url")) for one in webhooks or () if isinstance(one, dict)),
        timelock=_part(me, "reachoutTimelock"),
        capping=_part(me, "messageCapping"),
    )


def _part(told: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name)
    return found if isinstance(found, dict) else {}


class AlreadyThere(ProviderRejected):
    """The gateway has a session of this name."""


class KeyRefused(ProviderRejected):
    """The key is not this gateway's, or may not do this."""


class NotByEngine(ProviderRejected):
    """The engine of this session cannot do this."""


class TimeLocked(ProviderRejected):
    """WhatsApp does not let this number write first to somebody at this moment."""


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
    if status in (401, 403):
        raise KeyRefused(f"The gateway refused the key ({status}).")
    if status == 404:
        raise NotFound("The gateway knows no such session or message.")
    if status == 422 and "already exist" in response.text:
        raise AlreadyThere("The gateway has a session of this name already.")
    if status == 501 or (status in (400, 422, 500) and "not implemented" in response.text.lower()):
        raise NotByEngine("The gateway's engine cannot do this.")
    if status == 422:
        raise ProviderError("The gateway's session is not working.", retry_after=5.0)
    if status == 429:
        raise ProviderError("The gateway asks to wait.", retry_after=retry_after(response.headers) or 5.0)
    if status >= 500:
        raise _engine_failure(response, sends=sends)
    raise ProviderRejected(f"The gateway refused ({status}).")


def _engine_failure(response: httpx.Response, *, sends: bool) -> ProviderError:
    if "error 463" in response.text:
        return TimeLocked("WhatsApp does not let this number write first to this person (time lock).")
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
