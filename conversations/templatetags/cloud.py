"""WhatsApp's words for its templates, as people say them."""

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()
STATUSES = {
    "APPROVED": _("approved"),
    "PENDING": _("being judged"),
    "IN_APPEAL": _("being judged again"),
    "REJECTED": _("rejected"),
    "PAUSED": _("paused"),
    "FLAGGED": _("about to be paused"),
    "DISABLED": _("switched off"),
    "PENDING_DELETION": _("being deleted"),
    "DELETED": _("deleted"),
    "LIMIT_EXCEEDED": _("too many templates"),
}
CATEGORIES = {
    "UTILITY": _("utility"),
    "MARKETING": _("marketing"),
    "AUTHENTICATION": _("authentication"),
    "SERVICE": _("service"),
}
PILLS = {"APPROVED": "pill-good", "REJECTED": "pill-bad", "DISABLED": "pill-bad", "PAUSED": "pill-notice"}


@register.filter
def template_status(word: str) -> str:
    """A word that is new to us is shown as it is."""
    return str(STATUSES.get(word, word.replace("_", " ").lower()))


@register.filter
def template_category(word: str) -> str:
    return str(CATEGORIES.get(word, word.replace("_", " ").lower()))


@register.filter
def template_pill(word: str) -> str:
    return PILLS.get(word, "")
