"""Times of the desk, as people say them."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conversations import activities

register = template.Library()
register.filter("mark_words", activities.in_words)


@register.filter
def span(minutes: int | None) -> str:
    """So many minutes in words: "15 minutes", "2 hours", "1 day"; "without an end" for none."""
    if not minutes:
        return _("without an end")
    if minutes % 1440 == 0:
        return ngettext("%(n)s day", "%(n)s days", minutes // 1440) % {"n": minutes // 1440}
    if minutes % 60 == 0:
        return ngettext("%(n)s hour", "%(n)s hours", minutes // 60) % {"n": minutes // 60}
    return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}


@register.filter
def distance(moment: datetime | None) -> str:
    """How far a moment is, before or behind us, roughly: "12 min", "3 h", "2 d"."""
    if moment is None:
        return ""
    seconds = abs(int((moment - timezone.now()).total_seconds()))
    for unit, length in ((_("%(n)s d"), 86400), (_("%(n)s h"), 3600), (_("%(n)s min"), 60)):
        if seconds >= length:
            return unit % {"n": seconds // length}
    return _("%(n)s min") % {"n": 1}


@register.filter
def is_over(moment: datetime | None) -> bool:
    """Whether this moment is behind us."""
    return moment is not None and moment <= timezone.now()


@register.filter
def held(pair: Any) -> str:
    """A member's chats beside what they take at once: "3 / 10"."""
    return f"{pair.load} / {pair.seat.capacity}"
