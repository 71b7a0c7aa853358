"""Small pieces of every page: icons, faces, times as people say them."""

from datetime import datetime, timedelta

from django import template
from django.forms import BoundField
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from conversations import reasons
from tenants import undoing

register = template.Library()
register.filter("undo_address", undoing.address_of)
FACES = 6


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    """A drawing of the sprite, hidden from screen readers: the words beside it say the same."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static("icons.svg"),
        name,
    )


@register.filter
def initials(name: str) -> str:
    """One or two letters for a face: "Ana Souza" -> "AS"; "#" where the name has no letter."""
    words = [word for word in str(name).split() if word[:1].isalnum()]
    letters = [words[0][0], words[-1][0] if len(words) > 1 else ""] if words else ["#"]
    return "".join(letters).upper()


@register.filter
def face(number: int) -> str:
    """The colour class of a person, the same on every page."""
    return f"face-{(int(number or 0) % FACES) + 1}"


@register.filter
def when(moment: datetime | None) -> str:
    """The time today, "Yesterday", else the date; in the business's time zone."""
    if moment is None:
        return ""
    local, today = timezone.localtime(moment), timezone.localdate()
    if local.date() == today:
        return formats.time_format(local, "TIME_FORMAT")
    if local.date() == today - timedelta(days=1):
        return _("Yesterday")
    return formats.date_format(local, "SHORT_DATE_FORMAT")


@register.filter
def ago(moment: datetime | None) -> str:
    """A rough distance in the past: "just now", "4 min", "3 h", "2 d"."""
    if moment is None:
        return ""
    seconds = int((timezone.now() - moment).total_seconds())
    for unit, length in ((_("%(n)s d"), 86400), (_("%(n)s h"), 3600), (_("%(n)s min"), 60)):
        if seconds >= length:
            return unit % {"n": seconds // length}
    return _("just now")


@register.filter
def lasted(moment: datetime | None) -> str:
    """As `ago`, for a sentence that wants a length of time; empty under a minute."""
    return ago(moment) if moment and timezone.now() - moment >= timedelta(minutes=1) else ""


@register.filter
def seconds(milliseconds: int | None) -> str:
    """Milliseconds as people read them: 840 -> "840 ms", 2310 -> "2.3 s"."""
    if milliseconds is None:
        return ""
    return (
        f"{milliseconds} ms" if milliseconds < 1000 else f"{formats.number_format(milliseconds / 1000, 1)} s"
    )


@register.filter
def why_not(error: str) -> str:
    """Why a message did not go out, for a person."""
    return reasons.in_words(error)


@register.filter
def why_ended(reason: str) -> str:
    """Why a customer's message came to its end, for a person."""
    return reasons.why_ended(reason)


register.filter("at_door", reasons.at_door)
register.filter("what_came", reasons.what_came)


@register.filter
def unique_part(provider_key: str | None) -> str:
    """The vendor's own part of a message's key."""
    return (provider_key or "").rpartition(":")[2]


CONTROLS = {
    "textarea": "textarea w-full",
    "select": "select w-full",
    "checkbox": "checkbox",
    "radio": "radio",
    "file": "file-input w-full",
}


@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's widget with the class of its kind; Django has linked its help and its errors."""
    widget = field.field.widget
    kind = getattr(widget, "input_type", "") or type(widget).__name__.lower()
    return field.as_widget(
        attrs={"class": f"{widget.attrs.get('class', '')} {CONTROLS.get(kind, 'input w-full')}".strip()}
    )


@register.filter
def handoff_reason(reason: str) -> str:
    """Why a conversation went to a person, in words."""
    from conversations.handoff import REASONS

    words: dict[str, str] = {line.value: text for line, text in REASONS.items()}
    return _(words.get(reason, reason))
