"""Ask the customer before something is done: what, with which words, yes or no. Pure."""

from collections.abc import Mapping
from typing import Any

_ASK = {
    "pt": "Posso fazer isto por você?\n\n*{title}*{details}\n\nResponda *sim* ou *não*.",
    "en": "Shall I do this for you?\n\n*{title}*{details}\n\nAnswer *yes* or *no*.",
    "es": "¿Hago esto por usted?\n\n*{title}*{details}\n\nResponda *sí* o *no*.",
    "fr": "Je fais ceci pour vous ?\n\n*{title}*{details}\n\nRépondez *oui* ou *non*.",
}
LONGEST = 300  # characters of one value


def question(title: str, arguments: Mapping[str, Any], language: str) -> str:
    """What would be done, so that a yes is a yes to just this."""
    lines = "".join(
        f"\n{_label(name)}: {text}" for name, value in arguments.items() if (text := _said(value))
    )
    return _ASK.get(language[:2], _ASK["en"]).format(title=title, details=lines)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _said(value: Any) -> str:
    """A value as a person reads it; empty for what says nothing."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{_label(str(name))} {text}" for name, one in value.items() if (text := _said(one)))
    if isinstance(value, list | tuple):
        return ", ".join(text for one in value if (text := _said(one)))
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return " ".join(str(value).split())[:LONGEST]
