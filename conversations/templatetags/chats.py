"""The list of chats and the labels on them, on a page."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext as _

from conversations.models import Label
from tenants.access import ANSWERERS

register = template.Library()


@register.simple_tag
def business_labels() -> list[Label]:
    """All labels of the business, by name."""
    return list(Label.objects.all())


@register.filter
def answers(membership: Any) -> bool:
    """Whether somebody with this seat works with chats."""
    return getattr(membership, "role", "") in ANSWERERS


@register.filter
def due(moment: datetime | None) -> str:
    """A time that was agreed, from here: "in 20 min", "3 h late"."""
    if moment is None:
        return ""
    seconds = int((moment - timezone.now()).total_seconds())
    for length, soon, late in (
        (86400, _("in %(n)s d"), _("%(n)s d late")),
        (3600, _("in %(n)s h"), _("%(n)s h late")),
        (60, _("in %(n)s min"), _("%(n)s min late")),
    ):
        if abs(seconds) >= length:
            return (soon if seconds > 0 else late) % {"n": abs(seconds) // length}
    return _("due now")
