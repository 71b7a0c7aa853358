"""Read what a WAHA gateway delivers, whatever its engine. Pure; never strict, since real payloads are not.

Source: shared contract of WAHA 2026.7.1. The chat is taken from the message id's second part, because `from`
and `to` differ by engine.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from conversations.events import (
    MAX_BODY,
    Event,
    Media,
    Receipt,
    Said,
    SessionStatus,
    Skipped,
    Unreadable,
    clean,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call."""

    session: str
    event: str
    content: Event


def read(body: bytes) -> Delivery:
    """The delivery in a webhook's raw body; raises Unreadable."""
    envelope = _load(body)
    event = str(envelope.get("event") or "")
    payload = envelope.get("payload")
    content = _content(
        event, payload if isinstance(payload, dict) else {}, _milliseconds(envelope.get("timestamp"))
    )
    return Delivery(session=str(envelope.get("session") or ""), event=event, content=content)


def split_id(message_id: str) -> tuple[bool, str, str]:
    """`{fromMe}_{chat}_{unique}[_{participant}]` as (from me, chat, unique id)."""
    parts = message_id.split("_", 3)
    if len(parts) < 3 or parts[0] not in ("true", "false"):
        raise Unreadable("message id")
    return parts[0] == "true", parts[1], parts[2]


def _load(body: bytes) -> dict[str, Any]:
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("not JSON") from error
    if not isinstance(envelope, dict) or not envelope.get("event"):
        raise Unreadable("no event")
    return envelope


def _content(event: str, payload: dict[str, Any], sent_at: datetime) -> Event:
    if event in ("message", "message.any"):
        return _said(payload, sent_at)
    if event == "message.ack":
        return _receipt(payload)
    if event == "session.status":
        return SessionStatus(status=str(payload.get("status") or "")[:30])
    return Skipped(reason=event[:40])


def _said(payload: dict[str, Any], sent_at: datetime) -> Said | Skipped:
    from_me, chat, unique_id = split_id(str(payload.get("id") or ""))
    if reason := _not_a_person(chat):
        return Skipped(reason=reason)
    return Said(
        unique_id=clean(unique_id)[:120],
        chat=clean(chat)[:190],
        from_me=from_me,
        source=str(payload.get("source") or ""),
        text=clean(str(payload.get("body") or ""))[:MAX_BODY],
        at=_seconds(payload.get("timestamp"), sent_at),
        name=_name(payload.get("_data")),
        media=_media(payload.get("media")),
        has_media=bool(payload.get("hasMedia")),
        other=_other(payload),
    )


def _receipt(payload: dict[str, Any]) -> Receipt | Skipped:
    from_me, _chat, unique_id = split_id(str(payload.get("id") or ""))
    level = payload.get("ack")
    if not from_me or not isinstance(level, int):
        return Skipped(reason="receipt of another's message")
    return Receipt(unique_id=clean(unique_id)[:120], level=level)


def _not_a_person(chat: str) -> str:
    for ending, reason in (
        ("@g.us", "group"),
        ("@newsletter", "newsletter"),
        ("@broadcast", "status or broadcast"),
    ):
        if chat.endswith(ending):
            return reason
    return "" if chat.endswith(("@c.us", "@lid", "@s.whatsapp.net")) else "unknown kind of chat"


def _name(data: Any) -> str:
    """The sender's own name: each engine keeps it elsewhere."""
    if not isinstance(data, dict):
        return ""
    info = data.get("Info")
    inner = info.get("PushName") if isinstance(info, dict) else ""
    return clean(str(inner or data.get("pushName") or data.get("notifyName") or ""))[:120]


def _media(media: Any) -> Media | None:
    if not isinstance(media, dict) or not media.get("url") or media.get("error"):
        return None
    return Media(
        url=str(media["url"]),
        mimetype=str(media.get("mimetype") or "")[:80],
        filename=clean(str(media.get("filename") or ""))[:120],
    )


def _other(payload: dict[str, Any]) -> str:
    if isinstance(payload.get("location"), dict):
        return "location"
    return "contact card" if payload.get("vCards") else ""


def _seconds(value: Any, otherwise: datetime) -> datetime:
    if isinstance(value, int | float) and 0 < value < 32_503_680_000:
        return datetime.fromtimestamp(value, UTC)
    return otherwise


def _milliseconds(value: Any) -> datetime:
    good = isinstance(value, int | float) and 0 < value < 32_503_680_000_000
    return datetime.fromtimestamp(value / 1000, UTC) if good else datetime.fromtimestamp(0, UTC)
