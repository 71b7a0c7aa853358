"""Above every page of Account."""

from typing import Any

from django import template

from tenants import account_menu
from tenants.access import MANAGERS, MONEY

register = template.Library()


@register.simple_tag(takes_context=True)
def account_pages(context: dict[str, Any]) -> account_menu.Menu:
    """The groups and pages that the reader may open, the open one marked."""
    request = context["request"]
    role = request.membership.role if request.membership else ""
    page = request.resolver_match.url_name if request.resolver_match else ""
    return account_menu.menu(role=role, page=page or "", sees_credits=role in MANAGERS | MONEY)
