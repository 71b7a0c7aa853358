"""How much one request may bring, before anything of it is stored.

Django puts a request's whole body on disk before any view can look at it. So who says too much is refused,
and who says nothing and sends too much is cut off. With no sign of a session or a key there are no files to
send: a form's size is enough.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.conf import settings

from tenants import problems

App = Callable[[Any, Any, Any], Awaitable[None]]
STATUS = 413
# So much more is read and thrown away, for the browser that would not hear the answer while it sends.
PATIENCE_BYTES = 64 * 2**20
GONE = {"type": "http.disconnect"}


def capped(app: App) -> App:
    """The same application, which no request brings more than it may."""

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.lower(): value for name, value in scope["headers"]}
        most = largest(headers)
        if _said(headers) > most:
            await _discard(receive, left=PATIENCE_BYTES)
            return await _refuse(scope, send, most)
        counter = _Counter(receive, most)
        await app(scope, counter.receive, send)
        if counter.is_over:
            await _discard(receive, left=PATIENCE_BYTES)
            await _refuse(scope, send, most)

    return handle


def largest(headers: Mapping[bytes, bytes]) -> int:
    """How many bytes this request may have."""
    named = f"{settings.SESSION_COOKIE_NAME}=".encode() in headers.get(b"cookie", b"")
    known = named or b"authorization" in headers
    return int(settings.UPLOAD_MAX_BYTES if known else settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


class _Counter:
    """A `receive` that tells the application that the other side has gone, once too much has come."""

    def __init__(self, receive: Any, most: int) -> None:
        self._receive, self._left = receive, most
        self.is_over = False

    async def receive(self) -> Any:
        if self.is_over:
            return GONE
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        self.is_over = self._left < 0
        return GONE if self.is_over else message


def _said(headers: Mapping[bytes, bytes]) -> int:
    length = headers.get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


async def _discard(receive: Any, *, left: int) -> None:
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _refuse(scope: Mapping[str, Any], send: Any, most: int) -> None:
    words = f"At most {most // 2**20} MB are taken in one request."
    is_api = scope["path"].startswith("/api/")
    told = json.dumps(problems.body(STATUS, words)) if is_api else words
    kind = problems.MEDIA_TYPE if is_api else "text/plain; charset=utf-8"
    body = told.encode()
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": STATUS, "headers": headers})
    await send({"type": "http.response.body", "body": body})
