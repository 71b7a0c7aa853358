"""Deliveries made at random: by WAHA's own OpenAPI document and in Meta's shapes, and then spoilt."""

import copy
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.counterparts import cloud as meta

# `make properties` asks for many more.
FACTOR = float(os.environ.get("PROPERTY_FACTOR", "1"))
DOCUMENT = json.loads((Path(__file__).parents[1] / "payloads" / "waha-openapi-2026.7.1.json").read_text())
Draw = Any


def many(examples: int) -> settings:
    """So many examples, the same ones every time; PROPERTY_FACTOR times as many, and others, when asked."""
    return settings(
        max_examples=max(1, int(examples * FACTOR)),
        deadline=None,
        database=None,
        derandomize=FACTOR <= 1,
        suppress_health_check=list(HealthCheck),
    )


# -- words, ids, moments: few of each, so that they meet again

NUMBERS = ("5511988887777", "551188887777", "5521999990000", "77", "0")
CHATS = (
    *(f"{number}@c.us" for number in NUMBERS), "123456789@lid", "5511988887777@s.whatsapp.net", "1203@g.us",
    "status@broadcast", "99@newsletter", "5511988887777:7@s.whatsapp.net", "?",
)  # fmt: skip
UNIQUE = tuple(f"3EB0{n:04X}" for n in range(6))
WORDS = st.one_of(
    st.sampled_from(
        ["Oi", "Que horas vocês abrem?", "SAIR", "quero falar com uma pessoa", "2", "👍🏽", "", " "]
    ),
    st.text(max_size=40),
)
MOMENTS = st.sampled_from([1_795_230_000, 1_795_230_000_485, 1_795_230_000.25, 0, 1])
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
ODD = st.one_of(
    JUNK,
    st.sampled_from(
        [
            "\x00", "a\x00b", "\ud800", "\udfff\ud800", "9" * 400, "-1", "nan", "Infinity", "²", "1e999",
            "true_", "false_x", "true__", "x" * 30_000, "\u202e", "'; --", "{{7*7}}",
            10**30, -(10**30), 10**400, 1e308, float("inf"), float("nan"), [], {}, [[]], [None], "@c.us",
        ]
    ),
    st.integers(1, 200).map(lambda depth: json.loads("[" * depth + "]" * depth)),
)  # fmt: skip


def full_ids(chats: tuple[str, ...] = CHATS) -> st.SearchStrategy[str]:
    """WAHA's own: whose, in which chat, which."""
    parts = st.tuples(st.sampled_from(["true", "false"]), st.sampled_from(chats), st.sampled_from(UNIQUE))
    return parts.map("_".join)


# -- WAHA, by its document

GOWS = {
    "Info": {"Chat": "123456789@lid", "SenderAlt": "5511988887777:7@s.whatsapp.net",
             "PushName": "Ana", "MediaType": "ptt"},
    "Message": {"listResponseMessage": {"singleSelectReply": {"selectedRowID": "r1"}}},
}  # fmt: skip
NOWEB = {
    "key": {"remoteJid": "123456789@lid", "remoteJidAlt": "5511988887777@s.whatsapp.net"},
    "pushName": "Ana",
    "message": {"pollCreationMessageV3": {"name": "Dia?", "options": [{"optionName": "sexta"}]}},
}
WEBJS = {
    "notifyName": "Ana",
    "id": {"remote": {"server": "c.us", "user": "5511988887777", "_serialized": "5511988887777@c.us"}},
    "type": "ptt",
    "mimetype": "audio/ogg; codecs=opus",
}
ENGINES = st.sampled_from([GOWS, NOWEB, WEBJS, {"type": "ciphertext"}, {}, None])
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Rui\nitem1.TEL;waid=5511:+55 11 9\nEND:VCARD"
ME = {"id": "5511900000000@c.us", "reachoutTimelock": {"is_active": True, "timeEnforcementEnds": "²"}}
BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "id": full_ids(),
    "messageId": full_ids(),
    "editedMessageId": st.sampled_from(UNIQUE),
    "revokedMessageId": st.sampled_from(UNIQUE),
    "from": st.sampled_from(CHATS),
    "to": st.none() | st.sampled_from(CHATS),
    "participant": st.none() | st.sampled_from(CHATS),
    "session": st.just("demo"),
    "timestamp": MOMENTS,
    "latitude": st.sampled_from(["-23.5", "x", -23.5]),
    "longitude": st.sampled_from(["-46.6", -46.6]),
    "_data": ENGINES,
    "mimetype": st.sampled_from(["image/jpeg", "audio/ogg; codecs=opus", "application/pdf", ""]),
    "url": st.sampled_from(["http://localhost:3000/api/files/demo/a.jpg", "http://elsewhere.example/x", ""]),
    "vCards": st.lists(st.sampled_from([CARD, "no card"]), max_size=2),
    "data": st.none() | st.just({"reason": "x", "reachoutTimelock": {"isActive": True}}),
    "me": st.sampled_from([None, ME]),
    "environment": st.just({"version": "2026.7.1", "engine": "GOWS", "tier": "CORE", "browser": None}),
    "metadata": st.none() | st.just({"user.id": "123"}),
    "engine": st.sampled_from(["GOWS", "NOWEB", "WEBJS"]),
}  # fmt: skip


def waha() -> st.SearchStrategy[dict[str, Any]]:
    """Any webhook that WAHA's document describes, as it describes it; messages as often as all the rest."""
    names = sorted(DOCUMENT["webhooks"])
    return st.sampled_from([*names, *["message.any"] * len(names)]).flatmap(waha_webhook)


@cache
def waha_webhook(event: str) -> st.SearchStrategy[dict[str, Any]]:
    """One of its webhooks; `event` is its name."""
    envelope = _by_schema(_resolved(DOCUMENT["webhooks"][event]))
    return envelope.map(lambda body: {**body, "event": event, "id": f"evt_{event}"})


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema or "allOf" in schema:
        ref = schema.get("$ref") or schema["allOf"][0]["$ref"]
        schema = DOCUMENT["components"]["schemas"][ref.rpartition("/")[2]]
    return schema


def _by_schema(schema: Mapping[str, Any], name: str = "") -> st.SearchStrategy[Any]:
    """A value as the document says; real payloads have null and gaps where it says "required"."""
    schema = _resolved(schema)
    if name in BY_NAME:
        return BY_NAME[name]
    if "properties" in schema:
        fields = {key: _by_schema(one, key) for key, one in schema["properties"].items()}
        needed = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {key: fields[key] for key in fields if key in needed},
            optional={key: st.none() | fields[key] for key in fields if key not in needed},
        )
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    kinds = {
        "string": WORDS,
        "number": st.integers(-1, 5) | st.floats(allow_nan=False, allow_infinity=False),
        "boolean": st.booleans(),
        "object": st.dictionaries(st.text(max_size=5), JUNK, max_size=3),
    }
    if schema.get("type") == "array":
        return st.lists(_by_schema(schema["items"]), max_size=3)
    return kinds[schema["type"]]


# -- Cloud API

SENDERS = st.sampled_from(["5511988887777", "5521999990000", ""])
WAMIDS = st.sampled_from([f"wamid.{n}" for n in range(6)])
FILE = {"id": "4321", "mime_type": "image/jpeg", "caption": "Veja", "filename": "a.pdf", "voice": True}
CONTENTS: dict[str, Any] = {
    "text": {"body": "Que horas vocês abrem?"},
    **dict.fromkeys(("image", "audio", "video", "document", "sticker"), FILE),
    "location": {"latitude": -23.5, "longitude": -46.6, "name": "Loja", "address": "Rua 1"},
    "contacts": [{"name": {"formatted_name": "Rui"}, "phones": [{"phone": "1"}]}],
    "interactive": {"type": "list_reply", "list_reply": {"id": "1", "title": "Corte"}},
    "button": {"text": "Sim", "payload": "yes"},
    "reaction": {"message_id": "wamid.0", "emoji": "👍"},
    "edit": {"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "Olá"}}},
    "revoke": {"original_message_id": "wamid.1"},
    "system": {"type": "user_changed_number", "wa_id": "55"},
    "order": {"catalog_id": "1", "text": "Dois"},
    "unsupported": None,
    "request_welcome": None,
}  # fmt: skip


@st.composite
def _cloud_message(draw: Draw) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(CONTENTS)))
    content = {"body": draw(WORDS)} if kind == "text" else copy.deepcopy(CONTENTS[kind])
    more = draw(st.fixed_dictionaries({}, optional={
        "context": st.just({"id": "wamid.0", "from": "1555"}), "from_user_id": st.just("BR.1"),
    }))  # fmt: skip
    return meta.message(kind, content, sender=draw(SENDERS), unique=draw(WAMIDS), at=1_795_230_000, **more)


def _statuses() -> st.SearchStrategy[dict[str, Any]]:
    words = st.sampled_from(["sent", "delivered", "read", "played", "failed", "warning"])
    return st.builds(
        meta.status, WAMIDS, words, reference=st.sampled_from(["", "3EB0"]), code=st.sampled_from([0, 131047])
    )


CALLS = {"id": "wacid.1", "from": "5511988887777", "event": "connect", "timestamp": "1795230000"}
TEMPLATE = {"event": "REJECTED", "message_template_name": "sale", "message_template_language": "en",
            "reason": "SCAM"}  # fmt: skip


@st.composite
def cloud_changes(draw: Draw) -> dict[str, Any]:
    """One change: messages with statuses, or one of the rarer kinds."""
    kind = draw(
        st.sampled_from(["messages"] * 4 + ["smb_message_echoes", "calls", "template", "account_update"])
    )
    if kind == "template":
        return {"field": "message_template_status_update", "value": dict(TEMPLATE)}
    if kind == "account_update":
        return {"field": kind, "value": {"event": "VERIFIED"}}
    if kind == "calls":
        return meta.change(
            name=kind, calls=[dict(CALLS), {**CALLS, "event": "terminate"}], contacts=[meta.card()]
        )
    if kind == "smb_message_echoes":
        echo = draw(_cloud_message()) | {"to": "5511988887777"}
        return meta.change(name=kind, message_echoes=[echo])
    return meta.change(
        messages=draw(st.lists(_cloud_message(), max_size=4)),
        contacts=draw(st.sampled_from([[], [meta.card()], [meta.card(wa_id="", user_id="BR.1")]])),
        statuses=draw(st.lists(_statuses(), max_size=3)),
        errors=draw(st.lists(st.just({"code": 130429}), max_size=1)),
    )  # fmt: skip


def cloud() -> st.SearchStrategy[dict[str, Any]]:
    """Up to three changes in one POST."""
    return st.lists(cloud_changes(), max_size=3).map(lambda changes: meta.delivery(*changes))


# -- spoilt


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value in a JSON value."""
    keys = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [path, *(place for key in keys for place in places(value[key], (*path, key)))]


def at(whole: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        whole = whole[key]
    return whole


@st.composite
def spoilt(draw: Draw, bodies: st.SearchStrategy[dict[str, Any]]) -> bytes:
    """A delivery to which up to five things were done, as the bytes that arrive."""
    whole = copy.deepcopy(draw(bodies))
    for _time in range(draw(st.integers(0, 5))):
        _spoil(draw, whole)
    raw = json.dumps(whole, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return raw[: draw(st.integers(0, len(raw)))] if draw(st.integers(0, 19)) == 19 else raw


def _spoil(draw: Draw, whole: Any) -> None:
    paths = places(whole)[1:]
    if not paths:
        return
    *way, last = path = draw(st.sampled_from(paths))
    parent, odd = at(whole, tuple(way)), draw(ODD)
    match draw(st.sampled_from(["odd", "odd", "drop", "extra", "repeat", "elsewhere", "empty"])):
        case "odd":
            parent[last] = odd
        case "drop":
            del parent[last]
        case "extra" if isinstance(parent, dict):
            parent[draw(st.text(max_size=6))] = odd
        case "repeat" if isinstance(parent, list):
            parent += [copy.deepcopy(parent[last])] * draw(st.integers(1, 3))
        case "elsewhere":
            parent[last] = copy.deepcopy(at(whole, draw(st.sampled_from(paths))))
        case _:
            parent[last] = [] if isinstance(at(whole, path), list) else {}
