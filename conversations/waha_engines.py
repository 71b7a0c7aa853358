"""What WAHA's engines tell in words of their own, under `_data`: GOWS, NOWEB and WEBJS (WPP speaks as WEBJS).

Pure, and never strict: "may be changed anytime", says their documentation. What is not found is empty.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CHAT = re.compile(r"(\d{5,20})(?::\d+)?(?:\.\d+)?(?::\d+)?@(c\.us|s\.whatsapp\.net|lid)")
_FILES = (
    "imageMessage", "videoMessage", "audioMessage", "documentMessage", "stickerMessage", "ptvMessage",
)  # fmt: skip
_POLLS = ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3")
_WRAPPERS = (
    "ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "documentWithCaptionMessage",
)  # fmt: skip


def chat_of(jid: Any) -> str:
    """A person's id as the gateway's calls take it (`digits@c.us`, `digits@lid`); empty for anything else.

    Inside `_data` the same number is `digits:device@s.whatsapp.net`; engines also give an object for it.
    """
    if isinstance(jid, Mapping):
        jid = (
            jid.get("_serialized")
            or f"{jid.get('user') or jid.get('User')}@{jid.get('server') or jid.get('Server')}"
        )
    found = _CHAT.fullmatch(jid) if isinstance(jid, str) else None
    if found is None:
        return ""
    digits, server = found.groups()
    return f"{digits}@{'lid' if server == 'lid' else 'c.us'}"


def name(data: Mapping[str, Any]) -> str:
    """The sender's own name."""
    return _text(_info(data).get("PushName")) or _text(data.get("pushName")) or _text(data.get("notifyName"))


def is_voice(data: Mapping[str, Any]) -> bool:
    """Whether it was recorded here and now, and not a file of music."""
    audio = _inner(data).get("audioMessage")
    ptt = isinstance(audio, Mapping) and (audio.get("ptt") or audio.get("PTT"))
    return bool(ptt or _info(data).get("MediaType") == "ptt" or data.get("type") == "ptt")


def is_sticker(data: Mapping[str, Any]) -> bool:
    kind = _info(data).get("MediaType") or data.get("type")
    return kind == "sticker" or "stickerMessage" in _inner(data)


def mimetype(data: Mapping[str, Any]) -> str:
    """Of the file that came with it."""
    return _text(data.get("mimetype")) or _of_file(data, "mimetype")


def filename(data: Mapping[str, Any]) -> str:
    return _text(data.get("filename")) or _of_file(data, "fileName") or _of_file(data, "filename")


def choice(data: Mapping[str, Any]) -> str:
    """The id of the row or button that was chosen."""
    inner = _inner(data)
    row = _part(_part(inner, "listResponseMessage"), "singleSelectReply") or _part(
        _part(data, "listResponse"), "singleSelectReply"
    )
    button = _part(inner, "buttonsResponseMessage") or _part(inner, "templateButtonReplyMessage") or data
    named = (
        (row, ("selectedRowID", "selectedRowId")),
        (
            button,
            ("selectedButtonID", "selectedButtonId", "selectedID", "selectedId"),
        ),
    )
    return next((_text(part.get(key)) for part, keys in named for key in keys if part.get(key)), "")


def poll(data: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """The question and the options of a poll that somebody made."""
    inner = _inner(data)
    made = next((_part(inner, kind) for kind in _POLLS if kind in inner), {})
    question = _text(made.get("name")) or _text(data.get("pollName"))
    options = made.get("options") or data.get("pollOptions")
    if not question or not isinstance(options, list):
        return None
    said = [
        _text(one.get("optionName")) or _text(one.get("name")) for one in options if isinstance(one, Mapping)
    ]
    return question, [one for one in said if one][:12]


def no_utterance(data: Mapping[str, Any]) -> str:
    """Why this is nothing that somebody said, since another event tells of it; empty when it may be."""
    inner = _inner(data)
    for part, reason in (
        ("protocolMessage", "tells of another message"),
        ("editedMessage", "tells of another message"),
        ("reactionMessage", "tells of another message"),
        ("pollUpdateMessage", "tells of another message"),
        ("albumMessage", "its pictures come by themselves"),
    ):
        if inner.get(part):
            return reason
    return "not decrypted yet" if data.get("type") == "ciphertext" else ""


def names_of_chat(data: Mapping[str, Any], *, from_me: bool) -> Iterator[Any]:
    """Under which ids the engine knows the other side of the chat."""
    info, key = _info(data), _part(data, "key")
    yield info.get("Chat")
    yield key.get("remoteJid")
    yield key.get("remoteJidAlt")
    yield _part(data, "id").get("remote")
    if from_me:
        yield info.get("RecipientAlt")
        yield data.get("to")
        return
    yield from (info.get("Sender"), info.get("SenderAlt"))
    yield from (key.get("senderPn"), key.get("senderLid"))
    yield data.get("from")


def _info(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return _part(data, "Info")


def _inner(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The message itself, out of the envelopes that engines leave around it."""
    inner = _part(data, "Message") or _part(data, "message")
    for _ in range(3):
        wrapped = next((_part(_part(inner, kind), "message") for kind in _WRAPPERS if kind in inner), None)
        if not wrapped:
            break
        inner = wrapped
    return inner


def _of_file(data: Mapping[str, Any], field: str) -> str:
    inner = _inner(data)
    return next((_text(_part(inner, kind).get(field)) for kind in _FILES if kind in inner), "")


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
