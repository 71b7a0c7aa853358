"""What came to a door, to look at without what it says: the shape stays, words and numbers go. Pure."""

import json
import re
from typing import Any

LONGEST = 20_000
# What an event is, and where it belongs; the words of no person.
KEPT = frozenset(
    """event object field type status ack ackname session engine tier version environment timestamp source
    hasmedia fromme mimetype messaging_product pricing_model category errors code kind action
    participant_count state presence lastknownpresence updatetype""".split()  # noqa: SIM905 - a list of words
)
_SHORT = re.compile(r"^[\w .:/+-]{0,60}$")
_ID = re.compile(r"^[\w@.:=+/-]{9,}$")


def masked(body: bytes) -> str:
    """A delivery as JSON with its words and numbers masked; what is no JSON is only counted."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return f"({len(body)} bytes that are no JSON)"
    try:
        return json.dumps(_mask(parsed, key=""), indent=2, ensure_ascii=False)[:LONGEST]
    except RecursionError:
        return f"({len(body)} bytes of JSON, nested too deeply to be shown)"


def _mask(value: Any, *, key: str) -> Any:
    if isinstance(value, dict):
        return {_key(name): _mask(inner, key=str(name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mask(inner, key=key) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    return _leaf(value, key=key.lower().rstrip("_"))


def _key(name: object) -> str:
    """A name in an object is the vendor's word, unless a customer's text or number became one."""
    text = str(name)
    return text if re.fullmatch(r"[A-Za-z_$][\w$.-]{0,40}", text) else "•••"


def _leaf(value: Any, *, key: str) -> Any:
    if key in KEPT and (not isinstance(value, str) or _SHORT.match(value)):
        return value
    text = str(value)
    if isinstance(value, int | float):
        return value if len(text) < 6 else "•••"
    if key in ("id", "_id", "messageid") and _ID.match(text):
        return f"•••{text[-4:]}"  # enough to find it in the message ledger
    return f"••• ({len(text)})" if text else ""
