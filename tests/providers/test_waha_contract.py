"""Every call that we make exists in the vendor's own document, with the fields that it must and may have."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from providers import waha
from providers.errors import ProviderError
from tests.counterparts.gateway import Gateway
from tests.counterparts.serving import Request

DOCUMENT = json.loads((Path(__file__).parents[1] / "payloads/waha-openapi-2026.7.1.json").read_text())
S, CHAT, FULL = "demo", "5511988887777@c.us", "false_5511988887777@c.us_3AB0C7A9D1E2"
WHERE: dict[str, Any] = {"session": S, "chat_id": CHAT}
FILE = waha.File(b"%PDF", "application/pdf", "a.pdf")
NEWER = ("/timelock", "/capping")  # of August 2026: not in this version of the document yet
HOOK = "http://127.0.0.1:9/hooks"
OURS: dict[str, Any] = {"webhook_url": HOOK, "hmac_key": "k", "metadata": {"channel": "c"}}
CALLS: dict[str, Callable[[waha.Waha], Any]] = {
    "send_text": lambda c: c.send_text(**WHERE, text="Oi", message_id="3EB0", reply_to=FULL),
    "send_image": lambda c: c.send_image(**WHERE, file=FILE, caption="Oi", reply_to=FULL),
    "send_file": lambda c: c.send_file(**WHERE, file=FILE, caption="Oi", reply_to=FULL),
    "send_video": lambda c: c.send_video(**WHERE, file=FILE, caption="Oi", reply_to=FULL),
    "send_voice": lambda c: c.send_voice(**WHERE, file=FILE, reply_to=FULL),
    "send_location": lambda c: c.send_location(
        **WHERE, latitude=-23.5, longitude=-46.6, title="Sol", message_id="3EB1", reply_to=FULL
    ),
    "send_list": lambda c: c.send_list(
        **WHERE,
        title="T",
        text="?",
        button="B",
        rows=[waha.Row("a", "A", "?"), waha.Row("b", "B")],
        reply_to=FULL,
    ),
    "send_poll": lambda c: c.send_poll(
        **WHERE, name="?", options=["a", "b"], message_id="3EB2", reply_to=FULL
    ),
    "react": lambda c: c.react(session=S, full_id=FULL, reaction="👍"),
    "edit_message": lambda c: c.edit_message(**WHERE, full_id=FULL, text="Oi"),
    "delete_message": lambda c: c.delete_message(**WHERE, full_id=FULL),
    "send_seen": lambda c: c.send_seen(**WHERE),
    "start_typing": lambda c: c.start_typing(**WHERE),
    "stop_typing": lambda c: c.stop_typing(**WHERE),
    "watch_presence": lambda c: c.watch_presence(**WHERE),
    "get_message": lambda c: c.get_message(**WHERE, message_id="3AB0", from_me=False, download=True),
    "sent_since": lambda c: c.sent_since(**WHERE, since=1795230000.5),
    "check_exists": lambda c: c.check_exists(session=S, phone="5511988887777"),
    "number_of": lambda c: c.number_of(session=S, lid="123456789@lid"),
    "create_session": lambda c: c.create_session(session="another", **OURS),
    "update_session": lambda c: c.update_session(session=S, **OURS),
    "get_session": lambda c: c.get_session(session=S),
    "start_session": lambda c: c.start_session(session=S),
    "stop_session": lambda c: c.stop_session(session=S),
    "restart_session": lambda c: c.restart_session(session=S),
    "logout_session": lambda c: c.logout_session(session=S),
    "delete_session": lambda c: c.delete_session(session=S),
    "timelock": lambda c: c.timelock(session=S),
    "qr_image": lambda c: c.qr_image(session=S),
    "request_code": lambda c: c.request_code(session=S, phone="5511988887777"),
    "passkey_code": lambda c: c.passkey_code(session=S),
    "passkey_confirm": lambda c: c.passkey_confirm(session=S),
}


def test_no_call_is_left_out() -> None:
    ours = {name for name in vars(waha.Waha) if not name.startswith("_")}
    assert ours - {"download_media"} == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_as_the_document_says(name: str) -> None:
    with Gateway() as gateway:  # its own: some of these drop the session
        client = waha.client(base_url=gateway.url, api_key=gateway.api_key, allow_private=True)
        try:
            CALLS[name](client)
        except ProviderError:
            pass  # the counterpart may have nothing to answer with; what counts is what it heard
        heard = gateway.app.heard[-1]
    if heard.path.endswith(NEWER):
        return
    operation, path = _operation(heard)
    assert set(heard.query) <= {p["name"] for p in operation["parameters"] if p["in"] == "query"}
    required = {p["name"] for p in operation["parameters"] if p["in"] == "query" and p["required"]}
    assert required - {"session"} <= set(heard.query), path
    if operation["body"]:
        assert list(_faults(heard.json(), operation["body"], "")) == []
    else:
        assert not heard.body


def _operation(heard: Request) -> tuple[dict[str, Any], str]:
    """The operation of the document that this call is, the one with the fewest blanks."""
    found = [
        path
        for path, verbs in DOCUMENT["paths"].items()
        if heard.method.lower() in verbs and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), heard.raw_path)
    ]
    assert found, f"{heard.method} {unquote(heard.raw_path)} is not in the document"
    path = min(found, key=lambda one: one.count("{"))
    return DOCUMENT["paths"][path][heard.method.lower()], path


def _faults(value: Any, schema: dict[str, Any], where: str) -> Iterator[str]:
    """What of this body the document does not know: fields that are unknown are silently dropped by WAHA."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if choices := schema.get("oneOf") or schema.get("allOf"):
        faults = [list(_faults(value, choice, where)) for choice in choices]
        yield from min(faults, key=len)
        return
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        yield from (f"{where}{name} is missing" for name in schema.get("required", []) if name not in value)
        yield from (f"{where}{name} is unknown" for name in value if name not in known)
        for name in value.keys() & known.keys():
            yield from _faults(value[name], known[name], f"{where}{name}.")
    if isinstance(value, list):
        for one in value:
            yield from _faults(one, schema.get("items", {}), where)
    if isinstance(value, str) and schema.get("type") in ("number", "boolean"):
        yield f"{where} is text"
