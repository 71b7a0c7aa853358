"""The list of chats and the labels on them, on a page."""

from typing import Any

from django import template

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
