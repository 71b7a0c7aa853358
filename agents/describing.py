"""What a version says, field by field, in the words of whoever reads it."""

from collections.abc import Callable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from agents import comparing, publishing, tools
from agents.models import AgentVersion
from agents.routing import TIERS

LABELS = {
    "persona": gettext_lazy("Who it is"),
    "tone": gettext_lazy("How it speaks"),
    "language": gettext_lazy("Language"),
    "rules": gettext_lazy("Rules"),
    "topics": gettext_lazy("What it talks about"),
    "greeting": gettext_lazy("Greeting"),
    "handover": gettext_lazy("When a person takes over"),
    "hours": gettext_lazy("While you are closed"),
    "source_line": gettext_lazy("Source under an answer"),
    "memory_messages": gettext_lazy("Messages remembered"),
    "memory_minutes": gettext_lazy("Silence after which it starts anew"),
    "debounce_seconds": gettext_lazy("Waits for the customer to finish"),
    "debounce_ceiling_seconds": gettext_lazy("Answers at the latest after"),
    "tiers": gettext_lazy("Models"),
    "routing": gettext_lazy("Which model answers what"),
    "collects": gettext_lazy("What it asks customers for"),
    "tools": gettext_lazy("What it may do"),
}
LANGUAGES = {"pt": "Português", "en": "English", "es": "Español", "fr": "Français"}
OUT_OF_HOURS = {
    "": gettext_lazy("as for every chat (Conduct)"),
    "assistant": gettext_lazy("the assistant answers and says when people are back"),
    "text": gettext_lazy("only a text is sent, and the message waits for a person"),
}
Describe = Callable[[Any], Sequence[str]]


def said(version: AgentVersion) -> list[tuple[str, list[str]]]:
    """All fields that say something: label and lines."""
    content = publishing.content_of(version)
    lines = [(str(LABELS[field]), [*DESCRIBE[field](value)]) for field, value in content.items()]
    return [(label, found) for label, found in lines if found]


def changes(before: AgentVersion | None, after: AgentVersion) -> list[tuple[str, comparing.Change]]:
    """What `after` says otherwise, with the label of each field."""
    old = publishing.content_of(before or AgentVersion())
    found = comparing.compare(old, publishing.content_of(after), describe=DESCRIBE)
    return [(str(LABELS[change.field]), change) for change in found]


def _text(value: Any) -> list[str]:
    return [value.strip()] if value and value.strip() else []


def _language(value: Any) -> list[str]:
    return [LANGUAGES.get(value, value) if value else _("the customer's")]


def _rules(value: Any) -> list[str]:
    return [
        one["rule"]
        + (" " + _("For example: “%(words)s”") % {"words": one["example"]} if one.get("example") else "")
        for one in value or ()
    ]


def _topics(value: Any) -> list[str]:
    return [str(one) for one in value or ()]


def _handover(value: Any) -> list[str]:
    return [_one_handover(one) for one in value or ()]


def _one_handover(one: dict[str, str]) -> str:
    parts = [one.get("when", "")]
    if one.get("words"):
        parts.append(_("Words that are enough: %(words)s") % {"words": one["words"]})
    if one.get("say"):
        parts.append(_("It says: “%(words)s”") % {"words": one["say"]})
    return ". ".join(part.rstrip(".") for part in parts if part)


def _hours(value: Any) -> list[str]:
    value = value or {}
    return [str(OUT_OF_HOURS.get(value.get("out_of_hours", ""), "")), *_text(value.get("text"))]


def _yes_no(value: Any) -> list[str]:
    return [_("yes") if value else _("no")]


def _messages(value: Any) -> list[str]:
    return [ngettext("%(n)s message", "%(n)s messages", value or 0) % {"n": value or 0}]


def _minutes(value: Any) -> list[str]:
    return [ngettext("%(n)s minute", "%(n)s minutes", value or 0) % {"n": value or 0}]


def _seconds(value: Any) -> list[str]:
    return [_("the usual time") if value is None else _("%(n)s seconds") % {"n": f"{float(value):g}"}]


def _tiers(value: Any) -> list[str]:
    return [
        f"{tier}: " + ", ".join(value[tier][part] for part in ("provider", "model") if value[tier].get(part))
        for tier in TIERS
        if tier in (value or {})
    ]


def _tools(value: Any) -> list[str]:
    """The titles, also of a tool that is not there any more: then its name."""
    known = tools.offered() if value else {}
    return [str(known[name].title) if name in known else name for name in value or ()]


def _flat(value: Any, name: str = "") -> list[str]:
    """A structure as lines of `name: value`."""
    if isinstance(value, dict):
        return [
            line for key, part in value.items() for line in _flat(part, f"{name} › {key}" if name else key)
        ]
    if isinstance(value, list) and any(isinstance(part, dict) for part in value):
        return [line for part in value for line in _flat(part, name)]
    shown = ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)
    return [f"{name}: {shown}" if name else shown] if value not in (None, "", [], {}) else []


DESCRIBE: dict[str, Describe] = {
    "persona": _text,
    "tone": _text,
    "language": _language,
    "rules": _rules,
    "topics": _topics,
    "greeting": _text,
    "handover": _handover,
    "hours": _hours,
    "source_line": _yes_no,
    "memory_messages": _messages,
    "memory_minutes": _minutes,
    "debounce_seconds": _seconds,
    "debounce_ceiling_seconds": _seconds,
    "tiers": _tiers,
    "routing": _flat,
    "collects": _topics,
    "tools": _tools,
}
