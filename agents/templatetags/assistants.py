"""Which assistant a page is about, where a business has several."""

from typing import Any

from django import template

from agents import at_hand, hiring, tools
from agents.models import Agent

register = template.Library()


@register.inclusion_tag("agents/_switch.html")
def assistant_switch(current: Agent) -> dict[str, Any]:
    """Links to the same page for each of the others; they lead to the page with `?assistant=`."""
    return {"current": current, "at_work": hiring.at_work(), "parameter": at_hand.PARAMETER}


@register.filter
def tool_title(name: str) -> str:
    """What people call a tool."""
    return tools.title(name)


@register.filter
def item(mapping: Any, key: str) -> Any:
    """What a mapping holds under a name, or nothing."""
    return mapping.get(key) if hasattr(mapping, "get") else None
