"""What a WhatsApp template consists of: its blanks, how it reads when they are filled in, how it is sent.

Pure. The components are Meta's own: a header (text or a file), the body, a footer, buttons. Blanks are {{1}},
{{2}} or named, {{order}}; a button's address may end in one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BLANK = re.compile(r"\{\{\s*([A-Za-z0-9_]{1,60})\s*\}\}")
_FILES = {"IMAGE": "image", "VIDEO": "video", "DOCUMENT": "document"}
LONGEST = 1024
# The others need what nobody is asked for here: a shop's catalogue, a form, a coupon.
_SENT_AS_THEY_ARE = ("QUICK_REPLY", "PHONE_NUMBER", "URL", "VOICE_CALL", "REQUEST_CONTACT_INFO")


@dataclass(frozen=True, slots=True)
class Blank:
    """One thing to fill in. `field` names it in a form; `kind` is text, or a file named by its address."""

    field: str
    where: str  # header, body, button
    key: str  # "1" or a name
    kind: str = "text"
    index: int = 0  # which button
    example: str = ""

    @property
    def is_file(self) -> bool:
        return self.kind != "text"


class Unfilled(ValueError):
    """A blank was left empty, or holds what WhatsApp would not take; `field` says which."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field, self.reason = field, reason


def blanks(components: Sequence[Any]) -> list[Blank]:
    """Everything that must be filled in, in the order in which it is read."""
    return [blank for part in _parts(components) for blank in _blanks_of(part)]


def is_usable(components: Sequence[Any]) -> bool:
    """Whether a person can send it from here: nothing in it asks for more than text and addresses."""
    return all(_is_plain(part) for part in _parts(components)) and bool(body_of(components))


def body_of(components: Sequence[Any]) -> str:
    """The text of the body with its blanks as they stand."""
    return next((_text(part) for part in _parts(components) if _type(part) == "BODY"), "")


def filled(components: Sequence[Any], values: Mapping[str, str]) -> str:
    """What the customer reads: header, body and footer, filled in; an empty blank stays one."""
    parts = [
        part for part in _parts(components) if _type(part) in ("HEADER", "BODY", "FOOTER") and _text(part)
    ]
    return "\n\n".join(_filled_part(part, values) for part in parts)


def _filled_part(part: Mapping[str, Any], values: Mapping[str, str]) -> str:
    given = {blank.key: values.get(blank.field, "").strip() for blank in _blanks_of(part)}

    def fill(found: re.Match[str]) -> str:
        return given.get(found[1]) or found[0]

    return _BLANK.sub(fill, _text(part))


def to_send(components: Sequence[Any], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """The components of the send call; raises Unfilled."""
    sent = []
    for part in _parts(components):
        given = [(blank, _value(blank, values)) for blank in _blanks_of(part)]
        if _type(part) == "BUTTONS":
            sent += [_button(blank, value) for blank, value in given]
        elif given:
            parameters = [_parameter(blank, value) for blank, value in given]
            sent.append({"type": _type(part).lower(), "parameters": parameters})
    return sent


def _value(blank: Blank, values: Mapping[str, str]) -> str:
    # WhatsApp refuses line breaks, tabs and more than four spaces in a row inside a blank.
    value = " ".join(values.get(blank.field, "").replace("\x00", "").split())
    if not value:
        raise Unfilled(blank.field, "empty")
    if len(value) > LONGEST:
        raise Unfilled(blank.field, "long")
    if blank.is_file and not value.startswith("https://"):
        raise Unfilled(blank.field, "address")
    return value


def _parameter(blank: Blank, value: str) -> dict[str, Any]:
    if blank.is_file:
        return {"type": blank.kind, blank.kind: {"link": value}}
    named = {} if blank.key.isdigit() else {"parameter_name": blank.key}
    return {"type": "text", "text": value, **named}


def _button(blank: Blank, value: str) -> dict[str, Any]:
    parameters = [{"type": "text", "text": value}]
    return {"type": "button", "sub_type": "url", "index": str(blank.index), "parameters": parameters}


def _blanks_of(part: Mapping[str, Any]) -> Iterator[Blank]:
    kind = _type(part)
    if kind == "HEADER" and (file := _FILES.get(_format(part))):
        yield Blank(field="header_file", where="header", key="1", kind=file)
    elif kind in ("HEADER", "BODY"):
        where = kind.lower()
        examples = _examples(part)
        for number, key in enumerate(dict.fromkeys(_BLANK.findall(_text(part)))):
            example = examples.get(key) or examples.get(str(number + 1), "")
            yield Blank(field=f"{where}_{key}", where=where, key=key, example=example)
    elif kind == "BUTTONS":
        for index, button in enumerate(_dicts(part.get("buttons"))):
            if _type(button) == "URL" and (found := _BLANK.search(str(button.get("url") or ""))):
                yield Blank(field=f"button_{index}", where="button", key=found[1], index=index)


def _is_plain(part: Mapping[str, Any]) -> bool:
    kind = _type(part)
    if kind == "HEADER":
        return _format(part) in ("", "TEXT", *_FILES)
    if kind == "BUTTONS":
        return all(_type(button) in _SENT_AS_THEY_ARE for button in _dicts(part.get("buttons")))
    return kind in ("BODY", "FOOTER")


def _examples(part: Mapping[str, Any]) -> dict[str, str]:
    """What Meta was shown when the template was judged: by place, or by name."""
    example = part.get("example")
    if not isinstance(example, Mapping):
        return {}
    found: dict[str, str] = {}
    for name in ("header_text", "body_text"):
        rows = example.get(name)
        row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], list) else rows
        if isinstance(row, list):
            found |= {str(place): str(one)[:80] for place, one in enumerate(row, start=1)}
    for name in ("header_text_named_params", "body_text_named_params"):
        found |= {
            str(one.get("param_name")): str(one.get("example") or "")[:80]
            for one in _dicts(example.get(name))
        }
    return found


def _parts(components: Sequence[Any]) -> list[Mapping[str, Any]]:
    return _dicts(components)


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _type(part: Mapping[str, Any]) -> str:
    return str(part.get("type") or "").upper()


def _format(part: Mapping[str, Any]) -> str:
    return str(part.get("format") or "").upper()


def _text(part: Mapping[str, Any]) -> str:
    text = part.get("text")
    return text if isinstance(text, str) else ""
