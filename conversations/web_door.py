"""The web chat's door for HTTP: its script, its settings, and the thread by polling where a socket is barred.

A thin ASGI app beside Django: no session, no cookie in or out. Every request is one synchronous call, which
enters the schema of the channel's unguessable id and leaves it. Pages of other sites may read the answers
(CORS), also a refusal, so that their console can say why.
"""

import asyncio
import gzip
import hashlib
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO, Any
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

from conversations import web_chat, web_files
from conversations.events import clean
from conversations.web_chat import Place, Refused

log = structlog.get_logger(__name__)
PREFIX = "/chat/"
SCRIPT = "/widget.js"
FILES = "files"
MAX_BYTES = 16 * 1024
IN_MEMORY = 2**20  # of a visitor's file; the rest of it goes to the disk
FILE_SECONDS = 300  # 25 MB over a slow phone
REMEMBER_SECONDS = 5.0
SHOWN = ("image/jpeg", "image/png", "image/gif", "image/webp")
AWAY = (OperationalError, PoolTimeout)
STATUS = {
    "unknown": 404,
    "origin": 403,
    "no_files": 403,
    "token": 401,
    "slow_down": 429,
    "bad_request": 400,
    "too_long": 413,
}
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
    kind: str
    size: int
    body: bytes = b""
    file: IO[bytes] | None = None


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
        request = _request(scope, headers, origin)
        if (request.method, request.action) == ("POST", FILES):
            return await self._take_file(request, receive)
        body = await _read(receive)
        if body is None:
            return _TOO_LARGE
        return await self._served(replace(request, body=body))

    async def _served(self, request: Request) -> Answer:
        answer: Answer = await database_sync_to_async(self.serve, thread_sensitive=False)(request)
        return answer

    async def _take_file(self, request: Request, receive: Receive) -> Answer:
        """Ask who it is first: nobody's file is read before that."""
        allowed = await self._served(request)
        if allowed.status != HTTPStatus.OK:
            await _spool(receive)
            return allowed
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as file:
            if not await _spool(receive, file):
                return _TOO_LARGE
            file.seek(0)
            return await self._served(replace(request, file=file))

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
    return place.widget.look(title=place.title) | {"largest": web_files.LARGEST}


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


def _take(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    """A visitor's file; without one, whether it may come."""
    visitor, message_id = web_chat.visitor_of(place, request.token, now=now), _asked(request, "id")
    if request.file is None:
        web_files.check(place, visitor, size=request.size, address=request.address)
        return {}
    web_files.send(
        place,
        visitor,
        message_id=message_id,
        name=_asked(request, "name", most=300),
        declared=request.kind,
        content=request.file,
        now=now,
    )
    return {"said": message_id}


def _typing(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    web_chat.typing(place, web_chat.visitor_of(place, request.token, now=now), now=now)
    return {}


def _seen(place: Place, request: Request, now: datetime) -> dict[str, Any]:
    visitor, told = web_chat.visitor_of(place, request.token, now=now), json_of(request.body)
    web_chat.seen(place, visitor, upto=text_in(told, "upto"), read=told.get("read") is True, now=now)
    return {}


def _file(place: Place, request: Request, now: datetime) -> Answer:
    """A file of this thread. What a browser could run is never shown, only offered to save."""
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
    ("POST", FILES): _take,
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


def _asked(request: Request, name: str, *, most: int = 80) -> str:
    return clean(request.query.get(name, [""])[0])[:most]


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


def _request(scope: dict[str, Any], headers: dict[str, str], origin: str) -> Request:
    channel_id, _slash, action = scope["path"][len(PREFIX) :].partition("/")
    return Request(
        method=scope["method"],
        channel_id=channel_id,
        action=action,
        query=parse_qs(scope.get("query_string", b"").decode("latin-1")),
        origin=origin,
        token=headers.get("authorization", "").removeprefix("Bearer "),
        address=address_of(scope, headers),
        kind=headers.get("content-type", "").lower(),
        size=int(length) if (length := headers.get("content-length", "")).isdecimal() else 0,
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


async def _spool(receive: Receive, file: IO[bytes] | None = None) -> bool:
    """Read the body to its end, into the file; whether it was whole and not too large.

    What is refused is read as well, within bounds: a browser hears no answer while it sends.
    """
    size, most = 0, web_files.LARGEST
    with suppress(TimeoutError):
        async with asyncio.timeout(FILE_SECONDS):
            while size <= 3 * most:
                message = await receive()
                chunk = message.get("body", b"")
                size += len(chunk)
                if file is not None and size <= most:
                    file.write(chunk)
                if not message.get("more_body"):
                    return message["type"] == "http.request" and size <= most
    return False


# -- what goes back

_TOO_LARGE = Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": "too_long"})
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
