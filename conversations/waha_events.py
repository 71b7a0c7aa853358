"""Read what a WAHA gateway delivers, whatever its engine. Pure; never strict, since real payloads are not.

Source: WAHA 2026.7.1, and what changed until September 2026. The chat is taken from the message id's second
part, because `from` and `to` differ by engine. What the engines tell in their own words (`_data`) is read in
`conversations.waha_engines`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from conversations import waha_engines
from conversations.beyond_words import card_in_words, place_in_words
from conversations.events import (
    MAX_BODY,
    Called,
    Edited,
    Event,
    Identity,
    Media,
    Reacted,
    Receipt,
    Revoked,
    Said,
    SessionStatus,
    Skipped,
    Typing,
    Unreadable,
    Voted,
    parse,
)  # fmt: skip
from conversations.waha_engines import chat_of

CARDS = 10
OPTIONS = 12
MAX_ADDRESS = 190
WRITES = ("typing", "recording")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call."""

    session: str
    event: str
    content: Event


def read(body: bytes) -> Delivery:
    """The delivery in a webhook's raw body; raises Unreadable."""
    envelope = _load(body)
    event, payload = str(envelope.get("event") or ""), _dict(envelope.get("payload"))
    sent_at = _moment(envelope.get("timestamp"), datetime.fromtimestamp(0, UTC))
    content = _content(event, payload, _dict(envelope.get("me")), sent_at)
    return Delivery(session=str(envelope.get("session") or ""), event=event, content=content)


def split_id(message_id: str) -> tuple[bool, str, str]:
    """`{fromMe}_{chat}_{unique}[_{participant}]` as (from me, chat, unique id)."""
    parts = message_id.split("_", 3)
    if len(parts) < 3 or parts[0] not in ("true", "false") or not parts[2].strip():
        raise Unreadable("message id")
    return parts[0] == "true", chat_of(parts[1]) or parts[1], parts[2]


def unique_part(message_id: Any) -> str:
    """The unique id in a full id, or in one that is nothing else."""
    said = str(message_id or "")
    parts = said.split("_", 3)
    return (parts[2] if len(parts) > 2 and parts[0] in ("true", "false") else said)[:120]


def _load(body: bytes) -> dict[str, Any]:
    envelope = parse(body)
    if not isinstance(envelope, dict) or not envelope.get("event"):
        raise Unreadable("no event")
    return envelope


def _content(event: str, payload: dict[str, Any], me: dict[str, Any], sent_at: datetime) -> Event:
    match event:
        case "message" | "message.any":
            return _said(payload, me, sent_at)
        case "message.ack":
            return _receipt(payload)
        case "message.reaction":
            return _reacted(payload, sent_at)
        case "message.edited":
            return _edited(payload, sent_at)
        case "message.revoked":
            return _revoked(payload, sent_at)
        case "poll.vote":
            return _voted(payload, sent_at)
        case "call.received":
            return _called(payload, sent_at)
        case "presence.update":
            return _typing(payload, sent_at)
        case "session.status":
            return _status(payload, me)
    return Skipped(reason=event[:40])


# -- a message


def _said(payload: dict[str, Any], me: dict[str, Any], sent_at: datetime) -> Said | Skipped:
    from_me, chat, unique_id = split_id(str(payload.get("id") or ""))
    data = _dict(payload.get("_data"))
    reason = _not_a_person(chat) or waha_engines.no_utterance(data)
    if reason:
        return Skipped(reason=reason, unique_id=unique_part(unique_id), from_me=from_me)
    content = _beyond_words(payload, data)
    return Said(
        unique_id=unique_id[:120],
        chat=chat,
        from_me=from_me,
        source=str(payload.get("source") or ""),
        text=_text(payload, content)[:MAX_BODY],
        at=_moment(payload.get("timestamp"), sent_at),
        name=waha_engines.name(data)[:120],
        media=_media(payload, data),
        has_media=bool(payload.get("hasMedia")),
        other=_other(content, payload),
        also=_also(chat, payload, data, me, from_me=from_me),
        reply_to=unique_part(_dict(payload.get("replyTo")).get("id")),
        choice=waha_engines.choice(data)[:200],
        content=content,
    )


def _not_a_person(chat: str) -> str:
    for ending, reason in (
        ("@g.us", "group"),
        ("@newsletter", "newsletter"),
        ("@broadcast", "status or broadcast"),
    ):
        if chat.endswith(ending):
            return reason
    return "" if chat.endswith(("@c.us", "@lid")) and len(chat) <= MAX_ADDRESS else "unknown kind of chat"


def _beyond_words(payload: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if place := _place(payload.get("location")):
        content["location"] = place
    if cards := _strings(payload.get("vCards"))[:CARDS]:
        content["cards"] = [card[:4000] for card in cards]
    if poll := waha_engines.poll(data):
        content["poll"] = {"name": poll[0][:300], "options": [one[:100] for one in poll[1]]}
    if waha_engines.is_sticker(data):
        content["sticker"] = True
    return content


def _text(payload: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """The words. For a place or a card an engine may put a thumbnail, or all of the card, in their stead."""
    if place := content.get("location"):
        return place_in_words(place)
    if cards := content.get("cards"):
        return "\n".join(filter(None, map(card_in_words, cards)))
    if poll := content.get("poll"):
        return "\n".join([poll["name"], *(f"- {option}" for option in poll["options"])])
    return str(payload.get("body") or "")


def _place(location: Any) -> dict[str, Any]:
    found = _dict(location)
    try:
        where = {name: float(found[name]) for name in ("latitude", "longitude")}
    except (KeyError, TypeError, ValueError, OverflowError):
        return {}
    if not (abs(where["latitude"]) <= 90 and abs(where["longitude"]) <= 180):
        return {}
    title = [str(found.get(key) or "") for key in ("name", "address", "description")]
    return {**where, "title": ", ".join(dict.fromkeys(part for part in title if part))[:200]}


def _other(content: Mapping[str, Any], payload: Mapping[str, Any]) -> str:
    """What it is when it has neither words nor a file: never silently nothing."""
    for name, words in (("location", "location"), ("cards", "contact card"), ("poll", "poll")):
        if name in content:
            return words
    return "" if payload.get("body") or payload.get("hasMedia") else "something that cannot be shown here"


def _media(payload: Mapping[str, Any], data: Mapping[str, Any]) -> Media | None:
    """The file. Its address carries the message's id behind a #, by which an expired one is found again."""
    media = _dict(payload.get("media"))
    if not payload.get("hasMedia") and not media:
        return None
    url = "" if media.get("error") else str(media.get("url") or "")
    mimetype = str(media.get("mimetype") or waha_engines.mimetype(data))[:80]
    if not url and not mimetype:
        return None
    source = f"{url.partition('#')[0]}#{payload.get('id')}"
    return Media(
        url=source if len(source) <= 500 else url,
        mimetype=mimetype,
        filename=str(media.get("filename") or waha_engines.filename(data))[:120],
        voice=mimetype.startswith("audio/ogg") or waha_engines.is_voice(data),
    )


def _also(
    chat: str, payload: Mapping[str, Any], data: Mapping[str, Any], me: Mapping[str, Any], *, from_me: bool
) -> tuple[Identity, ...]:
    """The person's other ids, as far as the delivery tells them; ours are not theirs."""
    told = [payload.get("to" if from_me else "from"), *waha_engines.names_of_chat(data, from_me=from_me)]
    ours = {chat_of(me.get(key)) for key in ("id", "lid", "jid")}
    found = dict.fromkeys(chat_of(one) for one in told)
    return tuple(
        Identity(kind=value.rpartition("@")[2], value=value)
        for value in found
        if value and value != chat and value not in ours
    )


# -- what happens to a message


def _receipt(payload: dict[str, Any]) -> Receipt | Skipped:
    from_me, _chat, unique_id = split_id(str(payload.get("id") or ""))
    level = payload.get("ack")
    if not from_me or not isinstance(level, int) or isinstance(level, bool):
        return Skipped(reason="receipt of another's message")
    return Receipt(unique_id=unique_id[:120], level=level)


def _reacted(payload: dict[str, Any], sent_at: datetime) -> Reacted | Skipped:
    reaction = _dict(payload.get("reaction"))
    _from_me, chat, unique_id = split_id(str(reaction.get("messageId") or ""))
    if reason := _not_a_person(chat):
        return Skipped(reason=reason)
    return Reacted(
        unique_id=unique_id[:120],
        from_me=bool(payload.get("fromMe")),
        text=str(reaction.get("text") or "")[:16],
        at=_moment(payload.get("timestamp"), sent_at),
    )


def _edited(payload: dict[str, Any], sent_at: datetime) -> Edited | Skipped:
    from_me, chat, unique_id = split_id(str(payload.get("id") or ""))
    if reason := _not_a_person(chat):
        return Skipped(reason=reason)
    return Edited(
        unique_id=unique_part(payload.get("editedMessageId")) or unique_part(unique_id),
        from_me=from_me,
        text=str(payload.get("body") or "")[:MAX_BODY],
        at=sent_at,
    )


def _revoked(payload: dict[str, Any], sent_at: datetime) -> Revoked | Skipped:
    before, after = _dict(payload.get("before")), _dict(payload.get("after"))
    full = str(before.get("id") or after.get("id") or "")
    chat = full.split("_")[1] if full.count("_") >= 2 else ""
    if chat and (reason := _not_a_person(chat_of(chat) or chat)):
        return Skipped(reason=reason)
    unique_id = unique_part(payload.get("revokedMessageId")) or unique_part(before.get("id"))
    if not unique_id:
        return Skipped(reason="taken back, without saying what")
    from_me = bool((before or after).get("fromMe"))
    return Revoked(unique_id=unique_id, from_me=from_me, at=sent_at)


def _voted(payload: dict[str, Any], sent_at: datetime) -> Voted | Skipped:
    vote, poll = _dict(payload.get("vote")), _dict(payload.get("poll"))
    _from_me, chat, unique_id = split_id(str(poll.get("id") or ""))
    if vote.get("fromMe") or _not_a_person(chat):
        return Skipped(reason="our own vote" if vote.get("fromMe") else _not_a_person(chat))
    options = tuple(one[:100] for one in _strings(vote.get("selectedOptions"))[:OPTIONS])
    at = _moment(vote.get("timestamp"), sent_at)
    return Voted(unique_id=unique_id[:120], chat=chat, options=options, at=at)


# -- the rest


def _called(payload: dict[str, Any], sent_at: datetime) -> Called | Skipped:
    chat, call_id = chat_of(payload.get("from")), str(payload.get("id") or "")[:120]
    if payload.get("isGroup") or not chat or not call_id:
        return Skipped(reason="group" if payload.get("isGroup") else "a call from nobody")
    at = _moment(payload.get("timestamp"), sent_at)
    name = waha_engines.name(_dict(payload.get("_data")))[:120]
    return Called(unique_id=call_id, chat=chat, at=at, name=name)


def _typing(payload: dict[str, Any], sent_at: datetime) -> Typing | Skipped:
    chat, presences = chat_of(payload.get("id")), payload.get("presences")
    states = (
        [_dict(one).get("lastKnownPresence") for one in presences if one]
        if isinstance(presences, list)
        else []
    )
    if not chat or not any(state in WRITES for state in states):
        return Skipped(reason="presence")
    return Typing(chat=chat, at=sent_at)


def _status(payload: dict[str, Any], me: dict[str, Any]) -> SessionStatus | Skipped:
    """The state, and beside it what the gateway tells of the number and of WhatsApp's restrictions."""
    data = payload.get("data")
    detail = {
        "me": chat_of(me.get("id")),
        "reason": str(_dict(data).get("reason") or _dict(data).get("message") or "")[:200],
        "timelock": _dict(me.get("reachoutTimelock") or _dict(data).get("reachoutTimelock")),
        "capping": _dict(me.get("messageCapping") or _dict(data).get("messageCapping")),
    }
    told = {key: value for key, value in detail.items() if value}
    status = payload.get("status")
    if not status or not isinstance(status, str):
        return Skipped(reason="a session without a state")
    return SessionStatus(status=status[:30], detail=told)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _strings(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _moment(value: Any, otherwise: datetime) -> datetime:
    """Seconds since 1970, or milliseconds: the engines do not agree."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 32_503_680_000_000:
        return otherwise
    return datetime.fromtimestamp(value / 1000 if value > 32_503_680_000 else value, UTC)
