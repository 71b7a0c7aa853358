"""No request puts more on the disk than it may: refused by what it says, cut off by what it sends."""

import json
from typing import Any

import pytest
from django.conf import settings

from config import asgi

PIECE = b"x" * 2**16
SESSION = (b"cookie", f"a=b; {settings.SESSION_COOKIE_NAME}=abc".encode())


class Caller:
    """Sends `size` bytes in pieces to the application's own way in; says what came back."""

    def __init__(self, size: int, *headers: tuple[bytes, bytes], path: str = "/chats/1/send") -> None:
        self.left, self.taken = size, 0
        self.scope = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": [(b"host", b"localhost"), *headers], "http_version": "1.1", "scheme": "http",
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        self.answer: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        piece = PIECE[: self.left]
        self.left -= len(piece)
        self.taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": self.left > 0}

    async def send(self, message: dict[str, Any]) -> None:
        self.answer.append(message)

    async def ask(self) -> tuple[int, bytes]:
        await asgi.application(self.scope, self.receive, self.send)
        return self.answer[0]["status"], self.answer[1]["body"]


@pytest.fixture(autouse=True)
def small(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.UPLOAD_MAX_BYTES = 4 * 2**20
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    monkeypatch.setattr("config.upload_cap.PATIENCE_BYTES", 8 * 2**20)


@pytest.mark.parametrize("is_said", [True, False], ids=["said", "unsaid"])
@pytest.mark.parametrize("headers", [(SESSION,), ()], ids=["session", "nobody"])
async def test_too_much_is_refused_and_the_rest_is_heard_out(is_said: bool, headers: Any) -> None:
    size = 5 * 2**20
    length = ((b"content-length", str(size).encode()),) if is_said else ()
    caller = Caller(size, *length, *headers)
    status, words = await caller.ask()
    assert status == 413 and words == f"At most {4 if headers else 1} MB are taken in one request.".encode()
    assert caller.left == 0


async def test_a_program_is_told_as_all_problems_are() -> None:
    caller = Caller(
        1, (b"content-length", b"99999999999"), (b"authorization", b"Bearer x"), path="/api/v1/documents"
    )
    status, body = await caller.ask()
    assert (status, json.loads(body)["status"]) == (413, 413)
    assert dict(caller.answer[0]["headers"])[b"content-type"] == b"application/problem+json"


async def test_nobody_is_listened_to_for_ever() -> None:
    caller = Caller(10**12, SESSION)
    status, _words = await caller.ask()
    assert status == 413 and caller.taken < 14 * 2**20


async def test_what_fits_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    got = 0

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal got
        more = True
        while more:
            message = await receive()
            got, more = got + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    monkeypatch.setattr(asgi, "_http", asgi.capped(app))
    assert (await Caller(3 * 2**20, SESSION).ask())[0] == 204
    assert got == 3 * 2**20
