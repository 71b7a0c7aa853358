"""Knock at the gateway's door as a gateway does: signed bytes to the ASGI app."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

from conversations.webhooks import Door

_numbers = itertools.count(1)


def delivery(
    text: str | None = "Oi",
    *,
    chat: str = "5511988887777@c.us",
    unique: str = "",
    from_me: bool = False,
    source: str = "app",
    session: str = "demo",
    name: str = "Ana",
    **payload: Any,
) -> dict[str, Any]:
    """A `message.any` envelope as the GOWS engine sends it."""
    unique = unique or f"3A{next(_numbers):018d}"
    return {
        "id": f"evt_{unique}",
        "timestamp": int(time.time() * 1000),
        "event": "message.any",
        "session": session,
        "engine": "GOWS",
        "payload": {
            "id": f"{'true' if from_me else 'false'}_{chat}_{unique}",
            "timestamp": int(time.time()),
            "from": chat,
            "fromMe": from_me,
            "source": source,
            "body": text,
            "hasMedia": False,
            "_data": {"Info": {"PushName": name}},
            **payload,
        },
    }


def event(name: str, payload: dict[str, Any], *, session: str = "demo") -> dict[str, Any]:
    """Any other envelope: a receipt, a status."""
    return {
        "id": f"evt_{next(_numbers)}",
        "timestamp": 1,
        "event": name,
        "session": session,
        "payload": payload,
    }


def knock(
    channel_id: Any, body: dict[str, Any] | bytes, *, secret: str, method: str = "POST", **headers: str
) -> int:
    """Send one delivery; the status code that the door answers. The doorbell is the caller's to ring."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha512).hexdigest()
    headers = {"x-webhook-hmac": signature, **headers}
    return request(f"/hooks/waha/{channel_id}", raw, method=method, headers=headers)[0]


def request(
    path: str, raw: bytes = b"", *, method: str = "POST", headers: dict[str, str], query: str = ""
) -> tuple[int, bytes]:
    """One request at the door: the status code and the body of its answer."""
    return asyncio.run(_request(path, raw, method, headers, query))


async def _request(
    path: str, raw: bytes, method: str, headers: dict[str, str], query: str
) -> tuple[int, bytes]:
    door = Door()
    try:
        return await through(door, path, raw, method=method, headers=headers, query=query)
    finally:
        await door.close()


async def through(
    door: Door, path: str, raw: bytes, *, method: str = "POST", headers: dict[str, str], query: str = ""
) -> tuple[int, bytes]:
    """One request through this door, which stays open."""
    sent: list[dict[str, Any]] = []
    parts = iter(
        [
            {"type": "http.request", "body": raw[:1000], "more_body": True},
            {"type": "http.request", "body": raw[1000:]},
        ]
    )

    async def receive() -> dict[str, Any]:
        return next(parts)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": pairs, "query_string": query.encode()}
    await door(scope, receive, send)
    return int(sent[0]["status"]), sent[1]["body"]
