"""What WhatsApp's error codes mean for us, and what a person can do about each.

Source: the error codes of the Cloud API (v26.0), which come both as answers to a call and in the status of a
message that failed later. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = "WhatsApp no longer accepts this channel's access token: make a new one and enter it at the channel."
_RIGHTS = (
    "The access token may not do this: give it whatsapp_business_messaging and _management in Meta's app."
)
_BLOCKED = "WhatsApp has restricted this business account: look at its account quality at Meta."
_BUSY = "WhatsApp asks to wait: too much was sent at once."
_DOWN = "WhatsApp does not work at this moment."
_BLANKS = "The template's blanks do not fit: read the templates again and fill them in anew."
# Codes after which the same call may succeed later, with the seconds to wait when the answer names none.
_LATER: dict[int, tuple[float, str]] = {
    1: (5.0, _DOWN),
    2: (5.0, _DOWN),
    4: (60.0, _BUSY),
    80007: (60.0, _BUSY),
    130429: (2.0, _BUSY),
    131056: (6.0, "WhatsApp asks to wait: too many messages to this person within seconds."),
    131016: (10.0, _DOWN),
    131057: (60.0, "The business account is in maintenance at Meta for some minutes."),
    133004: (10.0, _DOWN),
}
_NEVER: dict[int, str] = {
    0: _TOKEN,
    190: _TOKEN,
    3: _RIGHTS,
    10: _RIGHTS,
    131005: _RIGHTS,
    33: "This phone number ID is not known to WhatsApp, or the access token may not use it.",
    100: "WhatsApp did not accept the message as it was written.",
    368: _BLOCKED,
    131031: _BLOCKED,
    130472: "WhatsApp did not deliver this: the person is in one of its own marketing experiments.",
    130497: "WhatsApp does not let this business write to people of that country.",
    131008: "WhatsApp did not accept the message as it was written.",
    131009: "WhatsApp did not accept the message as it was written.",
    131021: "A number cannot write to itself.",
    131026: "This person cannot be reached here: no WhatsApp on this number, or too old a version.",
    131030: "A test number writes only to the numbers that are listed for it in Meta's app.",
    131037: "The number's display name waits for WhatsApp's approval.",
    131042: "WhatsApp could not charge the business account: set up its payment method at Meta.",
    131045: "The number is not registered with WhatsApp: register it again at Meta.",
    131047: "More than 24 hours have passed since the customer wrote: send a template instead.",
    131048: "WhatsApp has limited this number, since people reported it: look at its quality at Meta.",
    131049: "WhatsApp held this back: the person has had enough marketing lately. Try again in a few days.",
    131050: "The person has stopped marketing messages of this business.",
    131051: "WhatsApp does not carry this kind of message.",
    131052: "WhatsApp could not hand out the customer's file: ask them to send it again.",
    131053: "WhatsApp did not take the file: send it in another format, or smaller.",
    131062: "This person has no phone number here, and this kind of template needs one.",
    132000: _BLANKS,
    132001: "WhatsApp has no such approved template in this language: read the templates again.",
    132005: "The template with its blanks filled in is too long.",
    132007: "The template breaks a rule of WhatsApp's: choose another.",
    132008: _BLANKS,
    132012: _BLANKS,
    132015: "WhatsApp has paused this template, since people did not like it: choose another.",
    132016: "WhatsApp has switched this template off: choose another.",
    133010: "The number is not registered with WhatsApp: register it again at Meta.",
    134011: "The business must first accept WhatsApp's payment terms at Meta.",
}
# The message may have left before these: only its status can tell.
_UNSURE = {131000: _DOWN, 135000: _DOWN}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an error asks of us: `words` for a person, and whether and when to try again."""

    words: str
    again_in: float | None = None  # seconds; None: not by itself
    is_unsure: bool = False
    is_about_access: bool = False


def meaning(error: Any) -> Meaning:
    """The meaning of an error object of Meta's, however little of it is there."""
    error = error if isinstance(error, Mapping) else {}
    code = code_of(error)
    if code in _LATER:
        seconds, words = _LATER[code]
        return Meaning(words, again_in=seconds)
    if code in _UNSURE:
        return Meaning(_UNSURE[code], is_unsure=True)
    words = _RIGHTS if 200 <= code < 300 else _NEVER.get(code, "")
    if words:
        return Meaning(words, is_about_access=words in (_TOKEN, _RIGHTS))
    return Meaning(f"WhatsApp refused: {_said(error)}" if _said(error) else "WhatsApp refused.")


def code_of(error: Mapping[str, Any]) -> int:
    """The error's code; -1 when it has none."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else -1


def _said(error: Mapping[str, Any]) -> str:
    """Meta's own words, which name no customer."""
    data = error.get("error_data")
    details = data.get("details") if isinstance(data, Mapping) else ""
    words = str(details or error.get("title") or error.get("message") or "")
    words = words.replace("\x00", "").encode("utf-8", "replace").decode()[:150]
    return f"{words} ({error.get('code')})" if words and code_of(error) >= 0 else words
