"""Read what WhatsApp Cloud API delivers: every entry, change, message and status of a batch, in its order.

Pure; never strict. Whatever stands where something else was expected counts as not there, so a delivery is
Unreadable only when it is none at all. Contract: Graph API v26.0, with usernames: a person may have no phone
number here, only a business-scoped user id.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

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
    Skipped,
    TemplateChanged,
    Unreadable,
    parse,
)
from providers.whatsapp_errors import meaning

LEVELS = {"failed": -1, "sent": 1, "delivered": 2, "read": 3, "played": 4}
FILES = ("image", "video", "document", "audio", "sticker")
# What comes with a message's id and says nothing: a chat that was opened, a number that changed.
WORDLESS = ("system", "request_welcome", "ephemeral")


def read(body: bytes, *, phone_number_id: str, waba_id: str) -> list[Event]:
    """What a delivery says to this number of this account, in order; raises Unreadable."""
    found: list[Event] = []
    for entry in _entries(body):
        for change in _parts(entry.get("changes")):
            found += _change(change, phone_number_id, is_ours=_text(entry.get("id")) == waba_id)
    return found


def _entries(body: bytes) -> list[dict[str, Any]]:
    envelope = parse(body)
    entries = envelope.get("entry") if isinstance(envelope, dict) else None
    if not isinstance(entries, list):
        raise Unreadable("no entry")
    return _dicts(entries)


def _change(change: dict[str, Any], phone_number_id: str, *, is_ours: bool) -> Iterator[Event]:
    """One change. An app may serve many numbers: what is for another is not for us, however well signed."""
    name, value = _text(change.get("field"))[:40], _dict(change.get("value"))
    if name == "message_template_status_update":
        yield _template(value) if is_ours else Skipped(reason="another account")
        return
    if name not in _READERS:
        yield Skipped(reason=name or "a change without a name")
    elif _text(_dict(value.get("metadata")).get("phone_number_id")) != phone_number_id:
        yield Skipped(reason="another number")
    else:
        yield from _READERS[name](value)


def _messages(value: dict[str, Any]) -> Iterator[Event]:
    people = _dicts(value.get("contacts"))
    for message in _parts(value.get("messages")):
        yield _message(message, people)
    for status in _parts(value.get("statuses")):
        yield _status(status)
    for error in _parts(value.get("errors")):
        yield Skipped(reason=f"error {_text(error.get('code'))[:20]}")


def _echoes(value: dict[str, Any]) -> Iterator[Event]:
    """What the owner typed on the phone that shares this number."""
    for message in _parts(value.get("message_echoes")):
        chat = _text(message.get("to")) or _text(message.get("to_user_id"))
        yield _said(message, Person(chat=chat), from_me=True)


def _calls(value: dict[str, Any]) -> Iterator[Event]:
    people = _dicts(value.get("contacts"))
    for call in _parts(value.get("calls")):
        person, unique_id = _person(call, people), _text(call.get("id"))[:120]
        if _text(call.get("event")) == "connect" and person.chat and unique_id:
            at = _moment(call.get("timestamp"))
            yield Called(unique_id=unique_id, chat=person.chat, at=at, name=person.name)
        else:
            yield Skipped(reason="end of a call", unique_id=unique_id)


_READERS: dict[str, Callable[[dict[str, Any]], Iterator[Event]]] = {
    "messages": _messages,
    "smb_message_echoes": _echoes,
    "calls": _calls,
}


def _template(value: dict[str, Any]) -> Event:
    reason = _text(value.get("reason"))
    if not _text(value.get("message_template_name")) or not _text(value.get("event")):
        return Skipped(reason="a template without a name or a state")
    return TemplateChanged(
        name=_text(value.get("message_template_name"))[:512],
        language=_text(value.get("message_template_language"))[:20],
        status=_text(value.get("event"))[:30],
        reason="" if reason == "NONE" else reason[:200],
    )


def _status(status: dict[str, Any]) -> Event:
    unique_id = _text(status.get("id"))[:120]
    level = LEVELS.get(_text(status.get("status")))
    if level is None or not unique_id:
        return Skipped(reason="status without a meaning", unique_id=unique_id, from_me=True)
    errors = _dicts(status.get("errors"))
    return Receipt(
        unique_id=unique_id,
        level=level,
        error=meaning(errors[0]).words if level < 0 and errors else "",
        own_id=_text(status.get("biz_opaque_callback_data"))[:120],
    )


# -- people


@dataclass(frozen=True, slots=True)
class Person:
    """Who wrote: where replies go, the other names, and what to call them."""

    chat: str
    also: tuple[Identity, ...] = ()
    name: str = ""


def _person(message: dict[str, Any], people: Sequence[dict[str, Any]]) -> Person:
    """By number where there is one, else by user id. A user name is no identity: it passes to others."""
    phone, user = _text(message.get("from"))[:190], _text(message.get("from_user_id"))[:190]
    card = _card_of(phone, user, people)
    profile = _dict(card.get("profile"))
    phone, user = phone or _text(card.get("wa_id"))[:190], user or _text(card.get("user_id"))[:190]
    parent = (_text(message.get("from_parent_user_id")) or _text(card.get("parent_user_id")))[:190]
    names = [Identity("user_id", value) for value in dict.fromkeys((user, parent)) if value]
    chat = phone or user
    return Person(
        chat=chat,
        also=tuple(one for one in names if one.value != chat),
        name=(_text(profile.get("name")) or _text(profile.get("username")))[:120],
    )


def _card_of(phone: str, user: str, people: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The contact that came with the message: theirs by an id, or the only one when it names nobody else."""
    for card in people:
        if (phone and _text(card.get("wa_id")) == phone) or (user and _text(card.get("user_id")) == user):
            return card
    return people[0] if len(people) == 1 and not (phone or user) else {}


# -- messages


def _message(message: dict[str, Any], people: Sequence[dict[str, Any]]) -> Event:
    person, unique_id = _person(message, people), _text(message.get("id"))[:120]
    kind, at = _text(message.get("type")), _moment(message.get("timestamp"))
    if kind == "reaction":
        return _reaction(_dict(message.get("reaction")), at)
    if kind == "revoke":
        return _revoked(_dict(message.get("revoke")), at)
    if kind == "edit":
        return _edited(_dict(message.get("edit")), at)
    if kind in WORDLESS:
        what = _text(_dict(message.get("system")).get("type"))[:40]
        return Skipped(reason=f"{kind} {what}".strip(), unique_id=unique_id)
    return _said(message, person)


def _reaction(reaction: dict[str, Any], at: datetime) -> Event:
    if not (target := _text(reaction.get("message_id"))[:120]):
        return Skipped(reason="reaction to nothing")
    return Reacted(unique_id=target, from_me=False, text=_text(reaction.get("emoji"))[:20], at=at)


def _revoked(revoked: dict[str, Any], at: datetime) -> Event:
    if not (target := _text(revoked.get("original_message_id"))[:120]):
        return Skipped(reason="took back nothing")
    return Revoked(unique_id=target, from_me=False, at=at)


def _edited(edited: dict[str, Any], at: datetime) -> Event:
    target, words = _text(edited.get("original_message_id"))[:120], _words(_dict(edited.get("message")))
    if not target or not words.text:
        return Skipped(reason="edited nothing")
    return Edited(unique_id=target, from_me=False, text=words.text, at=at)


@dataclass(frozen=True, slots=True)
class Words:
    """What a message of one type says."""

    text: str = ""
    choice: str = ""
    other: str = ""
    content: dict[str, Any] | None = None


def _said(message: dict[str, Any], person: Person, *, from_me: bool = False) -> Event:
    unique_id = _text(message.get("id"))[:120]
    if not unique_id or not person.chat:
        return Skipped(reason="a message without an id or a sender", unique_id=unique_id, from_me=from_me)
    words, media = _words(message), _media(message)
    return Said(
        unique_id=unique_id,
        chat=person.chat[:190],
        from_me=from_me,
        source="app",
        text=words.text[:MAX_BODY],
        at=_moment(message.get("timestamp")),
        name=person.name,
        media=media,
        has_media=_text(message.get("type")) in FILES,
        other=words.other,
        also=person.also,
        reply_to=_text(_dict(message.get("context")).get("id"))[:120],
        choice=words.choice[:250],
        content=words.content or {},
    )


def _words(message: dict[str, Any]) -> Words:
    kind = _text(message.get("type"))
    said = _dict(message.get(kind))
    if kind == "text":
        return Words(text=_text(said.get("body")))
    if kind in FILES:
        sticker = {"sticker": True} if kind == "sticker" else None
        return Words(text=_text(said.get("caption")), content=sticker)
    if kind == "button":
        return Words(text=_text(said.get("text")), choice=_text(said.get("payload")))
    if kind == "interactive":
        return _choice(said)
    if kind == "location":
        return _location(said)
    if kind == "contacts":
        cards = [_vcard(one) for one in _dicts(message.get("contacts"))[:20]]
        spoken = "\n".join(filter(None, map(card_in_words, cards)))
        return Words(text=spoken, other="contact card", content={"cards": cards})
    if kind == "order":
        return Words(text=_text(said.get("text")), other="order")
    # It came from a customer, so a person must see that it did, though WhatsApp does not show what it was.
    return Words(other="unsupported")


def _choice(said: dict[str, Any]) -> Words:
    for kind in ("list_reply", "button_reply"):
        if reply := _dict(said.get(kind)):
            return Words(text=_text(reply.get("title")), choice=_text(reply.get("id")))
    form = _dict(said.get("nfm_reply"))
    return Words(text=_text(form.get("body")), choice=_text(form.get("name")), other="" if form else "choice")


def _location(said: dict[str, Any]) -> Words:
    latitude, longitude = _degrees(said.get("latitude"), 90), _degrees(said.get("longitude"), 180)
    if latitude is None or longitude is None:
        return Words(other="location")
    title = ", ".join(part for part in (_text(said.get("name")), _text(said.get("address"))) if part)
    place = {"latitude": latitude, "longitude": longitude, "title": title[:300]}
    return Words(text=place_in_words(place), other="location", content={"location": place})


def _vcard(card: dict[str, Any]) -> str:
    """A contact card as every channel here keeps it."""
    if given := _text(card.get("vcard")):
        return given[:4000]
    name = _line(_text(_dict(card.get("name")).get("formatted_name")))
    phones = [_line(_text(one.get("phone"))) for one in _dicts(card.get("phones"))[:10]]
    mails = [_line(_text(one.get("email"))) for one in _dicts(card.get("emails"))[:10]]
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"FN:{name}"]
    lines += [f"TEL:{phone}" for phone in phones if phone] + [f"EMAIL:{mail}" for mail in mails if mail]
    return "\n".join([*lines, "END:VCARD"])


def _line(text: str) -> str:
    """One line of a card cannot begin another."""
    return " ".join(text.split())[:200]


def _media(message: dict[str, Any]) -> Media | None:
    kind = _text(message.get("type"))
    file = _dict(message.get(kind)) if kind in FILES else {}
    if not (media_id := _text(file.get("id"))):
        return None
    mimetype = _text(file.get("mime_type"))[:80]
    return Media(
        url=media_id[:200],
        mimetype=mimetype
        or {"image": "image/jpeg", "sticker": "image/webp", "audio": "audio/ogg"}.get(kind, ""),
        filename=_text(file.get("filename"))[:120],
        voice=file.get("voice") is True,
    )


# -- what stands where something else was expected counts as not there


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _parts(value: Any) -> list[dict[str, Any]]:
    """Each of the things that are told; what is no object says nothing, and is skipped with a reason."""
    return [_dict(one) for one in value] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Text, or a number written as one."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def _moment(value: Any) -> datetime:
    """Seconds, mostly as text; what is no moment is the beginning of time."""
    try:
        seconds = float(_text(value) or 0)
    except ValueError:
        seconds = 0.0
    return datetime.fromtimestamp(seconds if 0 < seconds < 32_503_680_000 else 0, UTC)


def _degrees(value: Any, most: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value) if abs(value) <= most else None
