"""The web chat's door for HTTP: its script, its settings, and the thread by polling where a socket is barred.

A thin ASGI app beside Django: no session, no cookie in or out. Every request is one synchronous call, which
enters the schema of the channel's unguessable id and leaves it. Pages of other sites may read the answers
(CORS), also a refusal, so that their console can say why.
"""

import gzip
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone
from django.utils.http import content_disposition_header
from psycopg_pool import PoolTimeout

from conversations import web_chat
from conversations.web_chat import Place, Refused

log = structlog.get_logger(__name__)
PREFIX = "/chat/"
SCRIPT = "/widget.js"
MAX_BYTES = 16 * 1024
REMEMBER_SECONDS = 5.0
SHOWN = ("image/jpeg", "image/png", "image/gif", "image/webp")
AWAY = (OperationalError, PoolTimeout)
STATUS = {"unknown": 404, "origin": 403, "token": 401, "slow_down": 429, "bad_request": 400, "too_long": 413}
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Request:
    """What came, with nothing of the connection left."""

    method: str
    channel_id: str
    action: str
    query: dict[str, list[str]]
    origin: str
    token: str
    address: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    content: dict[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[bytes, bytes], ...] = ()
    file: bytes | None = None


class WebDoor:
    """One instance a process."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, Place | None]] = {}
        self._script = Script()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
        if scope["path"] == SCRIPT:
            return await self._script(scope, headers, send)
        origin = origin_of(headers)
        answer = await self._answer(scope, headers, origin, receive)
        body = answer.file if answer.file is not None else json.dumps(answer.content).encode()
        kind = [] if answer.file is not None else [_JSON]
        cors = [(b"access-control-allow-origin", origin.encode("latin-1"))] if origin else []
        await _respond(send, answer.status, [*_FIXED, *kind, *cors, *answer.headers], body)

    async def _answer(
        self, scope: dict[str, Any], headers: dict[str, str], origin: str, receive: Receive
    ) -> Answer:
        if scope["method"] == "OPTIONS":
            return Answer(HTTPStatus.OK, headers=_PREFLIGHT)
        body = await _read(receive)
        if body is None:
            return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "too_long"})
        request = _request(scope, headers, origin, body)
        answer: Answer = await database_sync_to_async(self.serve, thread_sensitive=False)(request)
        return answer

    def serve(self, request: Request) -> Answer:
        """The whole request in one synchronous call."""
        try:
            found = self._act(request, now=timezone.now())
        except Refused as refused:
            told = {"error": refused.word} | ({"wait": refused.wait} if refused.wait else {})
            return Answer(STATUS[refused.word], told)
        except AWAY as error:
            log.error("web_door.database_away", error=type(error).__name__)
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "away", "wait": 5})
        return found if isinstance(found, Answer) else Answer(HTTPStatus.OK, found)

    def _act(self, request: Request, *, now: datetime) -> dict[str, Any] | Answer:
        place = self._place(request.channel_id)
        if place is None:
            raise Refused("unknown")
        if request.method == "GET" and request.action.startswith("file/"):
            return _file(place, request, now)  # a link: it names no origin, and its signature is its right
        web_chat.check_origin(place, request.origin, now=now)
        web_chat.count_request(place, address=request.address)
        verb = _VERBS.get((request.method, request.action))
        if verb is None:
            raise Refused("unknown")
        return verb(place, request, now)

    def _place(self, channel_id: str) -> Place | None:
        known = self._known.get(channel_id)
        if known and known[0] > time.monotonic():
            return known[1]
        place = web_chat.find(channel_id)
        if len(self._known) > 20_000:
            self._known.clear()  # guessed ids must not fill the memory
        self._known[channel_id] = (time.monotonic() + REMEMBER_SECONDS, place)
        return place


# -- what may be asked


def _look(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    return place.widget.look(title=place.title)


def _visitor(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    return {"token": web_chat.new_visitor(place, address=request.address, now=now)}


def _messages(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    """The thread; nothing but its version when the page has that one already."""
    visitor = web_chat.visitor_of(place, request.token, now=now)
    told = web_chat.state(place, visitor, before=_asked(request, "before"), now=now)
    told.pop("conversation")
    if told["version"] == _asked(request, "known"):
        told = {"version": told["version"]}
    return told | ({"token": visitor.fresh} if visitor.fresh else {})


def _say(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    visitor, said = web_chat.visitor_of(place, request.token, now=now), json_of(request.body)
    words, message_id = text_in(said, "text"), text_in(said, "id")
    web_chat.say(place, visitor, message_id=message_id, text=words, address=request.address, now=now)
    return {"said": message_id}


def _typing(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    web_chat.typing(place, web_chat.visitor_of(place, request.token, now=now), now=now)
    return {}


def _seen(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    visitor, told = web_chat.visitor_of(place, request.token, now=now), json_of(request.body)
    web_chat.seen(place, visitor, upto=text_in(told, "upto"), read=told.get("read") is True, now=now)
    return {}


def _file(place: Place, request: Request, now: datetime) -> Answer:
    """A file that staff sent. What a browser could run is never shown, only offered to save."""
    message = web_chat.file_behind(place, request.action.removeprefix("file/"), now=now)
    inline = message.media_type in SHOWN
    name = message.media_name or "file"
    with default_storage.open(str(message.media.name)) as stored:
        content = stored.read()
    shown = content_disposition_header(not inline, name) or "attachment"
    headers = (
        (b"content-type", (message.media_type if inline else "application/octet-stream").encode()),
        (b"content-disposition", shown.encode("latin-1", "replace")),
        (b"content-security-policy", b"sandbox; default-src 'none'"),
    )
    return Answer(HTTPStatus.OK, headers=headers, file=content)


_VERBS: dict[tuple[str, str], Callable[[Place, Request, datetime], dict[str, Any]]] = {
    ("GET", ""): _look,
    ("POST", "visitor"): _visitor,
    ("GET", "messages"): _messages,
    ("POST", "messages"): _say,
    ("POST", "typing"): _typing,
    ("POST", "seen"): _seen,
}


def json_of(body: bytes | str) -> dict[str, Any]:
    """The JSON object that somebody sent; raises Refused when it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused("bad_request") from None
    if not isinstance(value, dict):
        raise Refused("bad_request")
    return value


def text_in(value: dict[str, Any], name: str) -> str:
    """A text of the object; raises Refused when something else stands there."""
    found = value.get(name, "")
    if not isinstance(found, str):
        raise Refused("bad_request")
    return found


def _asked(request: Request, name: str) -> str:
    return request.query.get(name, [""])[0][:80]


# -- what came


def headers_of(scope: dict[str, Any]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def origin_of(headers: dict[str, str]) -> str:
    """The page's origin. A browser names none when it fetches from its own site, and says so."""
    origin = headers.get("origin", "")
    if not origin and headers.get("sec-fetch-site") == "same-origin":
        return f"{settings.PUBLIC_SCHEME}://{headers.get('host', '')}"
    return origin


def address_of(scope: dict[str, Any], headers: dict[str, str]) -> str:
    """The visitor's address: the connection's, or what our own proxies say, and nobody else."""
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    said = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if proxies and len(said) >= proxies:
        return said[-proxies]
    return str((scope.get("client") or ("?",))[0])


def _request(scope: dict[str, Any], headers: dict[str, str], origin: str, body: bytes) -> Request:
    channel_id, _slash, action = scope["path"][len(PREFIX) :].partition("/")
    return Request(
        method=scope["method"],
        channel_id=channel_id,
        action=action,
        query=parse_qs(scope.get("query_string", b"").decode("latin-1")),
        origin=origin,
        token=headers.get("authorization", "").removeprefix("Bearer "),
        address=address_of(scope, headers),
        body=body,
    )


async def _read(receive: Receive) -> bytes | None:
    """The body, or None when it grows past the limit."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


# -- what goes back

_JSON = (b"content-type", b"application/json")
_FIXED = [
    (b"cache-control", b"no-store"),
    (b"vary", b"origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"cross-origin"),
]
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type"),
    (b"access-control-max-age", b"7200"),
)


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


class Script:
    """The widget itself, for any site: small, compressed once, asked for again after ten minutes."""

    HEADERS = (
        (b"content-type", b"text/javascript; charset=utf-8"),
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
        (b"x-content-type-options", b"nosniff"),
        (b"vary", b"accept-encoding"),
    )

    def __init__(self) -> None:
        self._made_at, self._plain, self._packed, self._tag = 0, b"", b"", b""

    async def __call__(self, scope: dict[str, Any], headers: dict[str, str], send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            return await _respond(send, HTTPStatus.METHOD_NOT_ALLOWED, [], b"")
        if not self._load():
            return await _respond(send, HTTPStatus.NOT_FOUND, [], b"")
        age = b"no-cache" if settings.WHITENOISE_MAX_AGE == 0 else b"public, max-age=600"
        kept = [*self.HEADERS, (b"cache-control", age), (b"etag", self._tag)]
        if headers.get("if-none-match", "").encode() == self._tag:
            return await _respond(send, HTTPStatus.NOT_MODIFIED, kept, b"")
        packed = "gzip" in headers.get("accept-encoding", "")
        kept += [(b"content-encoding", b"gzip")] if packed else []
        body = self._packed if packed else self._plain
        await _respond(send, HTTPStatus.OK, kept, body if scope["method"] == "GET" else b"")

    def _load(self) -> bool:
        """Read the built file, again when it was built again."""
        found = finders.find("widget.js")
        if not found:
            return False
        path = Path(str(found))
        made_at = path.stat().st_mtime_ns
        if made_at != self._made_at:
            self._plain = path.read_bytes()
            self._packed = gzip.compress(self._plain, 9)
            self._tag = f'"{hashlib.sha256(self._plain).hexdigest()[:20]}"'.encode()
            self._made_at = made_at
        return True


web_door = WebDoor()
